"""The chain in tables.

Everything here is a view of the chain and can be rebuilt from it. Rows at or below a chain's finalized
block never change; rows above it may be deleted when the chain reorganises, together with every other
row of the same blocks. Other apps therefore keep keys (chain id, address, transaction) to these rows and
never foreign keys.
"""

from typing import Any

from django.core.validators import MinValueValidator
from django.db import models

from django_project.core.addresses import format_address
from django_project.core.fields import AddressField, BaseUnitsField, HashField

# Versions of the contracts whose campaigns follow other rules (docs/contracts.md says which).
FIRST_VERSION, SECOND_VERSION = 1, 2


class Chain(models.Model):
    """A chain that is indexed, with the identity it is held to."""

    class State(models.TextChoices):
        OK = "ok"
        HALTED = "halted"
        RETIRED = "retired", "retired: readable, not followed any more"

    class Halt(models.TextChoices):
        """Why a chain stands still; docs/indexer.md has a cure for each."""

        IDENTITY = "identity", "no node is on the pinned chain"
        DEEP_REORG = "deep_reorg", "the chain changed below finality"
        CONTRADICTION = "contradiction", "the node contradicts rows that were stored"
        UNSTORABLE = "unstorable", "an event does not fit into the tables"

        @property
        def documentation(self) -> str:
            """Where its cure is."""
            return f"docs/indexer.md#{self.value}"

    chain_id = models.BigIntegerField(primary_key=True)
    name = models.CharField(max_length=50)
    genesis_hash = HashField(null=True, blank=True, help_text="Pinned at first contact; another one halts.")
    finality_depth = models.PositiveIntegerField(
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text="Blocks after which a block is final; empty: the node's own `finalized` tag decides.",
    )
    currency_symbol = models.CharField(
        max_length=16, blank=True, help_text="Empty while nobody has told what the chain is paid in."
    )
    currency_decimals = models.PositiveSmallIntegerField(null=True, blank=True)
    explorer_url = models.URLField(blank=True)
    is_test_network = models.BooleanField(default=False)
    state = models.CharField(max_length=10, choices=State, default=State.OK)
    halt_code = models.CharField(max_length=20, choices=Halt, blank=True)
    halt_reason = models.TextField(blank=True)

    def __str__(self) -> str:
        return f"{self.name} ({self.chain_id})"


class RpcEndpoint(models.Model):
    """A node to ask. The URL may carry a provider's key: it stays out of logs and pages."""

    chain = models.ForeignKey(Chain, on_delete=models.CASCADE, related_name="endpoints")
    name = models.CharField(max_length=50, help_text="What logs and pages call it.")
    url = models.CharField(max_length=500)
    weight = models.PositiveSmallIntegerField(default=1)
    quarantined_until = models.DateTimeField(null=True, blank=True)
    quarantine_reason = models.TextField(blank=True)
    latency_seconds = models.FloatField(default=0.0, help_text="A running average of its replies.")
    requests = models.BigIntegerField(default=0, help_text="HTTP requests that indexers made, in all.")
    errors = models.BigIntegerField(default=0, help_text="Of them, those without a usable reply.")
    learnt = models.JSONField(
        default=dict,
        blank=True,
        help_text="What its answers have taught of it, with dates: see docs/indexer.md.",
    )

    class Meta:
        constraints = [models.UniqueConstraint(fields=["chain", "url"], name="endpoint_once_per_chain")]

    def __str__(self) -> str:
        return self.name


class Cursor(models.Model):
    """How far a chain is indexed and who may write: every commit names the fence it was given."""

    chain = models.OneToOneField(Chain, on_delete=models.CASCADE, primary_key=True, related_name="cursor")
    next_block = models.BigIntegerField(help_text="The first block not yet indexed.")
    head_hash = HashField(null=True, blank=True, help_text="Hash of block next_block - 1.")
    node_head = models.BigIntegerField(default=0, help_text="The node's latest block when last asked.")
    finalized_block = models.BigIntegerField(default=-1, help_text="Highest indexed block that is final.")
    clock_offset = models.DurationField(
        null=True,
        blank=True,
        help_text="The head's time less the database's, when the index last drew level with its node.",
    )
    lease_owner = models.CharField(max_length=100, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    fence = models.BigIntegerField(default=0)
    updated_at = models.DateTimeField(
        auto_now=True, help_text="When the node last confirmed how far the index is."
    )

    moved_at = models.DateTimeField(null=True, blank=True, help_text="When blocks were last committed.")
    problem = models.TextField(blank=True, help_text="Why the index does not move, as its worker tells it.")
    problem_since = models.DateTimeField(null=True, blank=True)
    audited_at = models.DateTimeField(
        null=True, blank=True, help_text="When all contracts were last asked how many events they have."
    )
    checked_registry = models.CharField(
        max_length=64, blank=True, help_text="Digest of the registry whose code was last found on the chain."
    )
    checked_at = models.DateTimeField(null=True, blank=True)
    commit_blocks = models.BigIntegerField(default=0, help_text="Blocks of the last commit: the span.")
    commit_seconds = models.FloatField(default=0.0, help_text="What the last commit took to write its rows.")

    def __str__(self) -> str:
        return f"chain {self.chain_id}: next block {self.next_block}"


class Block(models.Model):
    """A block header: all inside the unfinalized window, below it only those with events."""

    chain = models.ForeignKey(Chain, on_delete=models.CASCADE, related_name="+")
    number = models.BigIntegerField()
    hash = HashField()
    parent_hash = HashField()
    timestamp = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["chain", "number"], name="block_once")]

    def __str__(self) -> str:
        return f"block {self.number} of chain {self.chain_id}"


class FetchedRange(models.Model):
    """Blocks of a long backfill that workers are asked for, and what one has fetched, until it is applied."""

    chain = models.ForeignKey(Chain, on_delete=models.CASCADE, related_name="+")
    from_block = models.BigIntegerField()
    to_block = models.BigIntegerField()
    fetched_at = models.DateTimeField(null=True, blank=True)
    endpoint = models.CharField(max_length=255, blank=True)
    is_refused = models.BooleanField(default=False, help_text="The provider wants a smaller range.")
    refusal_hint = models.BigIntegerField(null=True, blank=True, help_text="Blocks that it would answer.")
    parent_hash = HashField(null=True, blank=True)
    headers = models.JSONField(default=list, help_text="Number, hash, parent's hash, time, of each header.")
    logs = models.BinaryField(default=bytes, help_text="As the indexer's codec packs them.")
    seconds = models.FloatField(default=0.0, help_text="How long the nodes took.")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["chain", "from_block", "to_block"], name="range_once")]

    def __str__(self) -> str:
        return f"blocks {self.from_block} to {self.to_block} of chain {self.chain_id}"


class Contract(models.Model):
    """An address whose events are indexed: factories from the registry, campaigns from factories' events."""

    class Kind(models.TextChoices):
        FACTORY = "factory"
        CAMPAIGN = "campaign"

    chain = models.ForeignKey(Chain, on_delete=models.CASCADE, related_name="contracts")
    address = AddressField()
    kind = models.CharField(max_length=10, choices=Kind)
    start_block = models.BigIntegerField()
    created_block = models.BigIntegerField(
        null=True, blank=True, help_text="Block of the event that created it; empty for the registry's own."
    )
    version = models.PositiveSmallIntegerField(
        default=FIRST_VERSION,
        db_default=FIRST_VERSION,
        help_text="Of a factory: which version of the contracts it and its campaigns run.",
    )

    class Meta:
        constraints = [models.UniqueConstraint(fields=["chain", "address"], name="contract_once")]

    def __str__(self) -> str:
        return f"{self.kind} 0x{bytes(self.address).hex()}"


class Token(models.Model):
    """An ERC-20 that a factory allows or a campaign takes, as its contract describes itself.

    It is known when it has decimals. Of one that is not known no amount is shown, and nothing is guessed.
    """

    class Source(models.TextChoices):
        CHAIN = "chain", "its contract"
        OPERATOR = "operator", "an operator"

    chain = models.ForeignKey(Chain, on_delete=models.CASCADE, related_name="tokens")
    address = AddressField()
    symbol = models.CharField(
        max_length=32, blank=True, help_text="What people read: marked where another could be meant."
    )
    plain_symbol = models.CharField(max_length=16, blank=True, help_text="The symbol without its mark.")
    needs_mark = models.BooleanField(
        default=False, help_text="Whether its symbol is marked even if no other token has it."
    )
    decimals = models.PositiveSmallIntegerField(
        null=True, blank=True, help_text="Empty while the token is not known."
    )
    source = models.CharField(
        max_length=10, choices=Source, blank=True, help_text="Who told symbol and decimals."
    )
    read_block = models.BigIntegerField(
        null=True, blank=True, help_text="The block at which its contract told them."
    )
    asked_at = models.DateTimeField(null=True, blank=True, help_text="When its contract was last asked.")
    problem = models.TextField(blank=True, help_text="Why its contract's answers could not be used.")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["chain", "address"], name="token_once")]

    def __str__(self) -> str:
        return self.symbol or format_address(self.address)


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
