"""Events of the contracts, raw and as typed rows."""

from typing import Any

from django.db import models

from django_project.core.addresses import format_address
from django_project.core.fields import AddressField, BaseUnitsField, HashField
from django_project.ledger.models.chains import Chain, Token


def chain_of_event() -> Any:
    """The chain of a row that is one of millions.

    The database does not check it: rows are written in a transaction that holds the lock on the chain's
    cursor, which it does check, and a check for each row is a third of what writing it costs.
    """
    return models.ForeignKey(
        Chain, on_delete=models.CASCADE, related_name="+", db_index=False, db_constraint=False
    )


class RawLog(models.Model):
    """A log exactly as the chain has it."""

    chain = chain_of_event()
    block_number = models.BigIntegerField()
    log_index = models.IntegerField()
    block_hash = HashField()
    tx_hash = HashField()
    address = AddressField()
    topics = models.BinaryField(help_text="The topics, 32 bytes each, one after the other.")
    data = models.BinaryField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["chain", "block_number", "log_index"], name="raw_log_once")
        ]

    def __str__(self) -> str:
        return f"log {self.block_number}/{self.log_index}"


class EventRow(models.Model):
    """What every typed row carries: where on the chain it stands and its contract's running number."""

    chain = chain_of_event()
    block_number = models.BigIntegerField()
    log_index = models.IntegerField()
    block_time = models.DateTimeField()
    tx_hash = HashField()
    seq = models.BigIntegerField(help_text="The contract's own count of its events, from 1, without a gap.")

    class Meta:
        abstract = True
        constraints = [
            models.UniqueConstraint(
                fields=["chain", "block_number", "log_index"], name="%(app_label)s_%(class)s_once"
            )
        ]

    def __str__(self) -> str:
        return f"{type(self).__name__} {self.block_number}/{self.log_index}"


class CampaignLaunched(EventRow):
    """A campaign and its terms, frozen at creation."""

    class Mode(models.IntegerChoices):
        ALL_OR_NOTHING = 0
        KEEP_WHAT_YOU_RAISE = 1

    factory = AddressField()
    address = AddressField()
    creator = AddressField()
    token = AddressField(help_text="The zero address is the chain's own currency.")
    # A join and no column; None when the campaign takes the chain's own currency.
    currency = models.ForeignObject(
        Token,
        on_delete=models.DO_NOTHING,
        from_fields=["chain", "token"],
        to_fields=["chain", "address"],
        related_name="+",
        null=True,
    )
    mode = models.PositiveSmallIntegerField(choices=Mode)
    goal = BaseUnitsField()
    start = models.DateTimeField()
    deadline = models.DateTimeField()
    fee_bps = models.PositiveSmallIntegerField()
    min_contribution = BaseUnitsField()
    cap = BaseUnitsField(help_text="0: none.")
    metadata_uri = models.TextField()
    metadata_hash = HashField(db_index=True)

    class Meta(EventRow.Meta):
        verbose_name = "campaign launched"
        verbose_name_plural = "campaigns launched"
        constraints = [
            *EventRow.Meta.constraints,
            models.UniqueConstraint(fields=["chain", "address"], name="campaign_once"),
        ]
        indexes = [
            models.Index(fields=["creator"]),
            models.Index(fields=["deadline"]),
        ]

    def __str__(self) -> str:
        return format_address(self.address)


class CampaignEvent(EventRow):
    """A typed row of one campaign; (campaign, seq) is unique, so nothing can be counted twice."""

    # The unique (campaign, seq) serves as its index; what is said of `chain_of_event` holds here too.
    campaign = models.ForeignKey(
        CampaignLaunched,
        on_delete=models.CASCADE,
        related_name="%(class)ss",
        db_index=False,
        db_constraint=False,
    )

    class Meta(EventRow.Meta):
        abstract = True
        constraints = [
            *EventRow.Meta.constraints,
            models.UniqueConstraint(fields=["campaign", "seq"], name="%(app_label)s_%(class)s_seq_once"),
        ]


class Tier(CampaignEvent):
    """A reward tier as the chain enforces it."""

    tier_id = models.BigIntegerField()
    price = BaseUnitsField()
    supply = models.BigIntegerField(help_text="0: unlimited.")


class Contribution(CampaignEvent):
    backer = AddressField()
    payer = AddressField()
    token = AddressField()
    tier_id = models.BigIntegerField(help_text="0: no reward.")
    ref = HashField(
        help_text="The pledge intent it names; strangers can copy it, so it proves nothing alone."
    )
    amount = BaseUnitsField()
    backer_total = BaseUnitsField(help_text="The backer's total in this campaign after this contribution.")
    total_raised = BaseUnitsField(help_text="The campaign's total after this contribution.")

    class Meta(CampaignEvent.Meta):
        indexes = [
            models.Index(fields=["backer", "-block_time"]),
            models.Index(fields=["ref"], condition=~models.Q(ref=bytes(32)), name="contribution_ref"),
            models.Index(fields=["block_time", "seq"]),
        ]


class TakeBack(CampaignEvent):
    """A backer withdrew the whole of its pledge before the end, which lowers what the campaign has raised."""

    backer = AddressField()
    recipient = AddressField()
    token = AddressField()
    amount = BaseUnitsField()
    total_raised = BaseUnitsField(help_text="The campaign's total after this.")

    class Meta(CampaignEvent.Meta):
        indexes = [models.Index(fields=["backer"])]


class Refund(CampaignEvent):
    backer = AddressField()
    recipient = AddressField()
    token = AddressField()
    amount = BaseUnitsField()
    total_refunded = BaseUnitsField()

    class Meta(CampaignEvent.Meta):
        indexes = [models.Index(fields=["backer"])]


class Withdrawal(CampaignEvent):
    creator = AddressField()
    recipient = AddressField()
    token = AddressField()
    amount = BaseUnitsField()
    total_withdrawn = BaseUnitsField()


class FeeAccrual(CampaignEvent):
    token = AddressField()
    amount = BaseUnitsField()
    total_fees = BaseUnitsField()


class FeeClaim(CampaignEvent):
    treasury = AddressField()
    token = AddressField()
    amount = BaseUnitsField()
    total_fees_claimed = BaseUnitsField()


class Cancellation(CampaignEvent):
    by = AddressField()
    reason = models.TextField()


class UpdatePost(CampaignEvent):
    creator = AddressField()
    uri = models.TextField()
    content_hash = HashField()


class Milestone(CampaignEvent):
    """A part of the money and what it takes to get it, as the chain enforces it."""

    milestone_id = models.PositiveSmallIntegerField()
    share_bps = models.PositiveSmallIntegerField()
    due = models.DateTimeField(help_text="When it is too late to submit evidence, as the terms have it.")
    not_before = models.DateTimeField(
        null=True, blank=True, help_text="Evidence is taken from then on; empty for any time."
    )
    objection_window = models.PositiveIntegerField(help_text="Seconds in which backers may object.")
    objection_threshold_bps = models.PositiveSmallIntegerField()


class MilestoneSubmission(CampaignEvent):
    creator = AddressField()
    milestone_id = models.PositiveSmallIntegerField()
    uri = models.TextField()
    content_hash = HashField()
    window_end = models.DateTimeField()
    objection_limit = BaseUnitsField(help_text="Objections above it stop the payouts.")


class Objection(CampaignEvent):
    backer = AddressField()
    milestone_id = models.PositiveSmallIntegerField()
    weight = BaseUnitsField()
    total_objections = BaseUnitsField()

    class Meta(CampaignEvent.Meta):
        indexes = [models.Index(fields=["backer"])]


class ObjectionWithdrawal(CampaignEvent):
    backer = AddressField()
    milestone_id = models.PositiveSmallIntegerField()
    weight = BaseUnitsField()
    total_objections = BaseUnitsField()

    class Meta(CampaignEvent.Meta):
        indexes = [models.Index(fields=["backer"])]


class MilestoneRelease(CampaignEvent):
    milestone_id = models.PositiveSmallIntegerField()
    token = AddressField()
    amount = BaseUnitsField(help_text="Fee included.")
    total_released = BaseUnitsField()
    next_due = models.DateTimeField(
        null=True,
        blank=True,
        help_text="When the next one's evidence is due after this payment; empty after the last, and in the "
        "contracts' first version, where it stays as the terms have it.",
    )


class WindDown(CampaignEvent):
    """Payouts are over; backers share what is left. It counts from `since`, not from this event."""

    by = AddressField()
    since = models.DateTimeField()
    token = AddressField()
    remaining = BaseUnitsField()


class CreatorTransferStart(CampaignEvent):
    creator = AddressField()
    new_creator = AddressField(help_text="The zero address takes the offer back.")


class CreatorTransfer(CampaignEvent):
    old_creator = AddressField()
    new_creator = AddressField()


class SurplusSweep(CampaignEvent):
    treasury = AddressField()
    token = AddressField(help_text="Any token: what was never contributed need not be in the campaign's.")
    amount = BaseUnitsField()


class ContributionPause(CampaignEvent):
    by = AddressField()
    paused = models.BooleanField()


class FactoryEvent(EventRow):
    """A factory's administrative act: fee, treasury, token list or creation pause."""

    class Kind(models.TextChoices):
        FEE_UPDATED = "fee_updated"
        TREASURY_UPDATED = "treasury_updated"
        TOKEN_ALLOWED = "token_allowed"
        CREATION_PAUSED = "creation_paused"

    factory = AddressField()
    kind = models.CharField(max_length=20, choices=Kind)
    arguments = models.JSONField(help_text="The event's arguments by name; addresses as hex.")
