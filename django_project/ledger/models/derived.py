"""What is worked out from events and told of them: totals, reorganisations, suspect ranges, the outbox."""

from django.db import models

from django_project.core.fields import AddressField, BaseUnitsField, HashField
from django_project.ledger.models.chains import Chain
from django_project.ledger.models.events import CampaignLaunched


class CampaignTotals(models.Model):
    """The running totals carried by a campaign's newest events, kept in the transaction that writes them.

    A rollback needs no undo log: the touched campaigns' rows are computed again from the events left.
    """

    campaign = models.OneToOneField(
        CampaignLaunched, on_delete=models.CASCADE, primary_key=True, related_name="totals"
    )
    last_seq = models.BigIntegerField(default=0)
    raised = BaseUnitsField(default=0)
    refunded = BaseUnitsField(default=0)
    withdrawn = BaseUnitsField(default=0)
    fees = BaseUnitsField(default=0)
    fees_claimed = BaseUnitsField(default=0)
    contributions = models.BigIntegerField(default=0)
    backers = models.BigIntegerField(default=0)
    last_contribution_at = models.DateTimeField(null=True, blank=True)
    cancelled_at = models.DateTimeField(null=True, blank=True)
    paused = models.BooleanField(default=False)
    wound_down_at = models.DateTimeField(null=True, blank=True)
    creator = AddressField(
        null=True, blank=True, help_text="Empty while it is whoever launched the campaign."
    )
    milestones = models.PositiveSmallIntegerField(default=0)
    milestones_released = models.PositiveSmallIntegerField(default=0)
    milestone_due = models.DateTimeField(
        null=True,
        blank=True,
        help_text="When evidence for the milestone under way is due; empty when there is none.",
    )
    window_end = models.DateTimeField(
        null=True, blank=True, help_text="Of its evidence; empty while there is none."
    )
    objections = BaseUnitsField(default=0)
    objection_limit = BaseUnitsField(default=0)

    class Meta:
        verbose_name_plural = "campaign totals"

    def __str__(self) -> str:
        return f"totals of campaign {self.campaign_id}"


class ReorgEvent(models.Model):
    chain = models.ForeignKey(Chain, on_delete=models.CASCADE, related_name="reorgs")
    detected_at = models.DateTimeField(auto_now_add=True)
    ancestor_block = models.BigIntegerField(help_text="The highest block both histories share.")
    depth = models.PositiveIntegerField(help_text="Indexed blocks taken back.")
    old_head_hash = HashField()
    logs_removed = models.PositiveIntegerField()

    class Meta:
        ordering = ["-detected_at"]

    def __str__(self) -> str:
        return f"reorg of depth {self.depth} to block {self.ancestor_block}"


class SuspectRange(models.Model):
    """Blocks whose logs do not add up; the next tick reads them again."""

    chain = models.ForeignKey(Chain, on_delete=models.CASCADE, related_name="suspect_ranges")
    from_block = models.BigIntegerField()
    to_block = models.BigIntegerField()
    reason = models.TextField()
    detected_at = models.DateTimeField(auto_now_add=True)
    resolved_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"blocks {self.from_block} to {self.to_block}: {self.reason}"


class Outbox(models.Model):
    """What other parts are told, written in the commit that made it true and taken by each reader in turn."""

    chain = models.ForeignKey(Chain, on_delete=models.CASCADE, related_name="+")
    topic = models.CharField(max_length=50)
    payload = models.JSONField(default=dict)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name_plural = "outbox"
        indexes = [models.Index(fields=["chain", "id"], name="outbox_of_chain")]

    def __str__(self) -> str:
        return self.topic


class OutboxReader(models.Model):
    """How far one reader has come in the messages of one chain."""

    name = models.CharField(max_length=50)
    chain = models.ForeignKey(Chain, on_delete=models.CASCADE, related_name="+")
    position = models.BigIntegerField(default=0, help_text="Id of the last message that it took.")
    read_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["name", "chain"], name="reader_once_per_chain")]

    def __str__(self) -> str:
        return f"{self.name} of chain {self.chain_id}"
