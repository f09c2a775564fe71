"""What a backer means to do, before and while the chain decides."""

import uuid

from django.conf import settings
from django.db import models

from django_project.core.fields import AddressField, BaseUnitsField, HashField


class PledgeIntent(models.Model):
    """Made before the wallet opens; its reference travels in the transaction.

    Only the indexer's rows fulfil it: same chain, campaign, backer and reference, once. What the browser
    reports (the wallet was asked, a transaction hash, a rejection) is a hint that changes what the page says,
    never what is owed.
    """

    class State(models.TextChoices):
        CREATED = "created", "written down"
        ASKED = "asked", "the wallet was asked, its answer is not known"
        REJECTED = "rejected", "rejected in the wallet"
        SUBMITTED = "submitted", "sent to the network"
        CONFIRMED = "confirmed", "seen by the indexer"
        FINAL = "final", "final"
        REORGED = "reorged", "taken back by the chain, rechecking"
        FAILED = "failed", "came to nothing"

    class Failure(models.TextChoices):
        REVERTED = "reverted", "the transaction reverted"
        WITHOUT = "without", "the transaction is final and holds no contribution"
        REPLACED = "replaced", "a final transaction of the account took its place"
        DROPPED = "dropped", "no node knows the transaction any more"
        CLOSED = "closed", "the campaign closed for good before it came"
        EXPIRED = "expired", "no payment was heard of for long"

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="pledge_intents"
    )
    chain_id = models.BigIntegerField()
    campaign_address = AddressField()
    backer = AddressField()
    ref = HashField(unique=True)
    token = AddressField()
    amount = BaseUnitsField(help_text="What was asked for; the chain says what was given.")
    tier_id = models.BigIntegerField(default=0)
    state = models.CharField(max_length=10, choices=State, default=State.CREATED, db_index=True)
    failure = models.CharField(max_length=10, choices=Failure, blank=True, help_text="Why it failed.")
    is_by_contract = models.BooleanField(
        default=False, help_text="Others may sign or send for the backer: its address has code."
    )
    reported_tx_hash = HashField(null=True, blank=True, help_text="What the browser said it sent: a hint.")
    reported_nonce = models.BigIntegerField(
        null=True, blank=True, help_text="The reported transaction's, once a node knew it."
    )
    missing_since = models.DateTimeField(
        null=True,
        blank=True,
        help_text="The chain's time when no node knew the transaction for the first time.",
    )
    outrun_since = models.DateTimeField(
        null=True, blank=True, help_text="The chain's time when the account had used its nonce otherwise."
    )
    looked_at = models.DateTimeField(null=True, blank=True, help_text="When nodes were last asked about it.")
    tx_hash = HashField(null=True, blank=True, help_text="The transaction the indexer found.")
    block_number = models.BigIntegerField(null=True, blank=True)
    log_index = models.IntegerField(null=True, blank=True)
    confirmed_amount = BaseUnitsField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["-created_at"]
        indexes = [models.Index(fields=["chain_id", "campaign_address"])]
        constraints = [
            models.UniqueConstraint(
                fields=["chain_id", "block_number", "log_index"],
                condition=models.Q(log_index__isnull=False),
                name="contribution_fulfils_one_intent",
            )
        ]

    def __str__(self) -> str:
        return f"pledge {self.public_id} {self.state}"
