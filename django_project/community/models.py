"""What people write about campaigns: updates, comments and reports; and which campaigns they follow.

The tables keep the names that they had while these models were of `campaigns`.
"""

import uuid

from django.conf import settings
from django.db import models

from django_project.campaigns.models import Listing
from django_project.core.fields import AddressField, HashField


class CampaignUpdate(models.Model):
    """The text of an update; it counts as the creator's once the chain carries its hash."""

    content_hash = HashField(primary_key=True)
    chain_id = models.BigIntegerField()
    address = AddressField()
    title = models.CharField(max_length=120)
    body = models.TextField(help_text="Markdown.")
    document = models.BinaryField(help_text="Canonical JSON; its keccak-256 is the hash.")
    stored_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "campaigns_campaignupdate"
        indexes = [models.Index(fields=["chain_id", "address"])]

    def __str__(self) -> str:
        return self.title


class Follow(models.Model):
    """A campaign somebody saved."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="follows")
    listing = models.ForeignKey(Listing, on_delete=models.CASCADE, related_name="followers")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "campaigns_follow"
        constraints = [models.UniqueConstraint(fields=["user", "listing"], name="follow_once")]

    def __str__(self) -> str:
        return f"{self.user_id} saved {self.listing_id}"


class Report(models.Model):
    """What somebody told the moderators about a campaign. No address of the sender is kept."""

    class Reason(models.TextChoices):
        FRAUD = "fraud", "not what it says it is"
        STOLEN = "stolen", "somebody else's work or name"
        FORBIDDEN = "forbidden", "against the law"
        HARMFUL = "harmful", "hateful or dangerous"
        OTHER = "other", "something else"

    class State(models.TextChoices):
        OPEN = "open"
        UPHELD = "upheld"
        DISMISSED = "dismissed"

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    listing = models.ForeignKey(Listing, on_delete=models.CASCADE, related_name="reports")
    reporter = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="reports",
        help_text="Empty when it was anonymous, or the account is gone.",
    )
    reason = models.CharField(max_length=10, choices=Reason)
    text = models.TextField(max_length=2000)
    state = models.CharField(max_length=10, choices=State, default=State.OPEN)
    created_at = models.DateTimeField(auto_now_add=True)
    decided_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "campaigns_report"
        ordering = ["-created_at", "-pk"]
        indexes = [models.Index(fields=["state", "-created_at"], name="report_state")]

    def __str__(self) -> str:
        return f"{self.reason}: {self.listing_id}"


class SupporterMessage(models.Model):
    """What a backer says on a campaign's wall: one message each, which its author may change or take away."""

    TEXT_MAX_LENGTH = 500

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    listing = models.ForeignKey(Listing, on_delete=models.CASCADE, related_name="messages")
    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="messages")
    text = models.TextField(max_length=TEXT_MAX_LENGTH)
    is_hidden = models.BooleanField(default=False, help_text="By moderators; its author cannot undo it.")
    written_at = models.DateTimeField()

    class Meta:
        db_table = "campaigns_supportermessage"
        ordering = ["-written_at", "-pk"]
        constraints = [models.UniqueConstraint(fields=["listing", "author"], name="message_once")]
        indexes = [models.Index(fields=["listing", "-written_at"], name="message_newest")]

    def __str__(self) -> str:
        return f"{self.author_id} on {self.listing_id}"
