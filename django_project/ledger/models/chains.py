"""What is indexed and how far: chains and their nodes, blocks, contracts, tokens."""

from django.core.validators import MinValueValidator
from django.db import models

from django_project.core.addresses import format_address
from django_project.core.fields import AddressField, HashField

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
