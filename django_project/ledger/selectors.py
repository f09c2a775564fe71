"""Reads of the ledger, each with a bounded number of queries."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, TypedDict

from django.conf import settings
from django.db.models import (
    Case,
    CharField,
    Count,
    Exists,
    F,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Sum,
    Value,
    When,
)
from django.db.models.expressions import Combinable
from django.db.models.functions import Coalesce, Now
from django.utils import timezone

from django_project.core.addresses import ZERO_ADDRESS
from django_project.core.fields import AddressField
from django_project.core.money import format_units
from django_project.ledger.clocks import chain_time, is_off
from django_project.ledger.models import (
    FIRST_VERSION,
    Block,
    CampaignLaunched,
    CampaignTotals,
    Chain,
    Contract,
    Contribution,
    Cursor,
    FactoryEvent,
    Refund,
    ReorgEvent,
    SuspectRange,
    TakeBack,
    Token,
)
from django_project.ledger.networks import network_name

if TYPE_CHECKING:
    # Only the type checker has the package.
    from django_stubs_ext import WithAnnotations

    class _Annotations(TypedDict):
        status: str

    CampaignsWithStatus = QuerySet[WithAnnotations[CampaignLaunched, _Annotations]]

# A worker says that it is alive every few seconds; a lag below this is its rhythm and no delay.
HEARTBEAT = timedelta(seconds=10)
# The contract's CLAIM_PERIOD: money that a creator leaves alone for so long is the backers' again.
CLAIM_PERIOD = timedelta(days=180)


# The states of a chain that is configured and not indexed yet, and of one that is followed in vain.
UNSTARTED = "unstarted"
STALLED = "stalled"
# A problem that lasts for less passes by itself most of the time.
STALLED_AFTER = timedelta(seconds=60)
# For how long a worker may write a chain without saying that it lives.
LEASE = timedelta(seconds=6)


def lease_is_held() -> Q:
    """Whether a worker that lives holds a cursor's lease; one of the far future is a wrong clock's."""
    return Q(lease_until__gt=Now(), lease_until__lte=Now() + 2 * LEASE)


class Status:
    """Where a campaign stands, in the words of the site."""

    OPEN = "open"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    COMPLETED = "completed"
    RELEASING = "releasing"
    WIND_DOWN = "wind-down"
    EXPIRED = "expired"


# In the order of the contract's own `State`, so that its number is the position here.
CONTRACT_STATES = (
    Status.OPEN,
    Status.SUCCEEDED,
    Status.FAILED,
    Status.CANCELLED,
    Status.COMPLETED,
    Status.RELEASING,
    Status.WIND_DOWN,
    Status.EXPIRED,
)


# In these a campaign owes its backers what it holds.
OWING_STATUSES = (Status.FAILED, Status.CANCELLED, Status.WIND_DOWN, Status.EXPIRED)


@dataclass(frozen=True, slots=True)
class TokenInfo:
    """A currency that is known; where one is not there is None instead, and nothing is shown in it."""

    symbol: str
    decimals: int

    @classmethod
    def of(cls, symbol: str | None, decimals: int | None) -> "TokenInfo | None":
        return cls(symbol, decimals) if symbol and decimals is not None else None

    def text(self, amount: int) -> str:
        """The exact number of whole tokens, without the symbol."""
        return format_units(amount, self.decimals, grouping=True)


@dataclass(frozen=True, slots=True)
class ChainHealth:
    """How the index of one chain is doing.

    `lag_seconds` counts from when the index was last complete; it stays 0 of a chain that is retired.
    `clock_offset_seconds` is how far the chain's clock is ahead of the database's, as far as that is known.
    """

    chain_id: int
    name: str
    state: str
    halt_code: str
    halt_reason: str
    node_head: int
    indexed: int
    finalized: int
    lag_blocks: int
    lag_seconds: int
    clock_offset_seconds: int
    reorgs: int
    open_suspects: int
    unknown_tokens: int
    """The chain's own currency counts as one."""
    problem: str
    """Why the index does not move, since when is `problem_seconds`; empty while it does."""
    problem_seconds: int

    @property
    def is_retired(self) -> bool:
        return self.state == Chain.State.RETIRED

    @property
    def is_started(self) -> bool:
        return self.state != UNSTARTED

    @property
    def is_stalled(self) -> bool:
        """Whether somebody follows it in vain."""
        return self.state == STALLED

    @property
    def is_clock_off(self) -> bool:
        """Whether the two clocks differ by more than a block's way explains."""
        return is_off(timedelta(seconds=self.clock_offset_seconds))


def status_at(now: datetime | Combinable, campaign: str = "") -> Case:
    """The contract's own `state()` at `now` as an expression; `campaign` is the path to the launch row.

    What pages say goes by `chain_time`: a contract knows no other clock than its chain's.
    """
    path = f"{campaign}__" if campaign else ""

    def q(**conditions: object) -> Q:
        return Q(**{f"{path}{column}": value for column, value in conditions.items()})

    all_released = q(totals__milestones_released__gte=F(f"{path}totals__milestones"))
    awaits_evidence = q(totals__window_end=None, totals__milestone_due__gt=now)
    in_review = q(totals__window_end__gt=now)
    accepted = q(
        totals__objections__lte=F(f"{path}totals__objection_limit"), totals__window_end__gt=now - CLAIM_PERIOD
    )
    return Case(
        When(q(totals__cancelled_at__isnull=False), then=Value(Status.CANCELLED)),
        When(q(totals__wound_down_at__isnull=False), then=Value(Status.WIND_DOWN)),
        When(q(deadline__gt=now), then=Value(Status.OPEN)),
        When(
            q(mode=CampaignLaunched.Mode.ALL_OR_NOTHING, totals__raised__lt=F(f"{path}goal")),
            then=Value(Status.FAILED),
        ),
        When(q(totals__milestones__gt=0) & all_released, then=Value(Status.COMPLETED)),
        When(awaits_evidence | in_review | accepted, then=Value(Status.RELEASING)),
        When(q(totals__milestones__gt=0), then=Value(Status.WIND_DOWN)),
        When(q(totals__withdrawn__gt=0), then=Value(Status.COMPLETED)),
        When(q(deadline__lte=now - CLAIM_PERIOD), then=Value(Status.EXPIRED)),
        default=Value(Status.SUCCEEDED),
        output_field=CharField(),
    )


def campaigns_with_status(now: datetime | None = None) -> "CampaignsWithStatus":
    """Campaigns with their totals and `status` as the contract's own `state()` derives it.

    Each at the time of its own chain, unless `now` says when.
    """
    moment = chain_time("chain") if now is None else now
    return CampaignLaunched.objects.select_related("totals").annotate(status=status_at(moment))


def owed_since(campaign: CampaignLaunched, status: str) -> datetime:
    """`refundsSince()`: when a campaign began to owe its backers what it holds; `status` is its own.

    A wind-down that nobody has written down yet counts from when the milestone under way could no longer be
    paid. In the contracts' second version that is the moment of the transition, never before the last
    payment, since a late one moves the next date. In the first the dates stay, and it may lie before it.

    Raises:
        ValueError: it owes them nothing in this status.
    """
    totals = campaign.totals
    began = {
        Status.CANCELLED: totals.cancelled_at,
        Status.WIND_DOWN: totals.wound_down_at or _payable_until(totals),
        Status.FAILED: campaign.deadline,
        Status.EXPIRED: campaign.deadline + CLAIM_PERIOD,
    }.get(status)
    if began is None:
        raise ValueError(f"campaign {campaign} owes nothing while it is {status}")
    return began


def _payable_until(totals: CampaignTotals) -> datetime | None:
    """When the milestone under way can no longer be paid: `_payableUntil()` of the contract."""
    if totals.window_end is None:
        return totals.milestone_due
    if totals.objections > totals.objection_limit:
        return totals.window_end
    return totals.window_end + CLAIM_PERIOD


def version(campaign: str = "") -> Coalesce:
    """Of the contracts that a campaign runs, as an expression; `campaign` is the path to the launch row."""
    path = f"{campaign}__" if campaign else ""
    factory = Contract.objects.filter(chain=OuterRef(f"{path}chain"), address=OuterRef(f"{path}factory"))
    return Coalesce(Subquery(factory.values("version")[:1]), FIRST_VERSION)


def version_of(campaign: CampaignLaunched) -> int:
    """Which version of the contracts a campaign runs, in one query."""
    return int(CampaignLaunched.objects.filter(pk=campaign.pk).values_list(version(), flat=True).get())


def active_contributions() -> QuerySet[Contribution]:
    """Contributions whose backer did not take the pledge back after them."""
    return Contribution.objects.filter(~Exists(_later(TakeBack)))


def gone_back() -> QuerySet[Contribution]:
    """Contributions that went back to their backer: refunds and take-backs are of all that somebody gave."""
    return Contribution.objects.filter(Exists(_later(Refund)) | Exists(_later(TakeBack)))


def _later(model: type[Refund | TakeBack]) -> QuerySet[Any]:
    """Rows of a contribution's backer in its campaign that came after it."""
    after = {"campaign": OuterRef("campaign"), "backer": OuterRef("backer"), "seq__gt": OuterRef("seq")}
    return model._default_manager.filter(**after)


def token_of(chain_id: int, address: bytes) -> TokenInfo | None:
    """A campaign's currency, in one query; the zero address is the chain's own. None when it is not known."""
    if address == ZERO_ADDRESS:
        own = Chain.objects.filter(pk=chain_id).values_list("currency_symbol", "currency_decimals").first()
        return TokenInfo.of(*own) if own else None
    told = Token.objects.filter(chain_id=chain_id, address=address).values_list("symbol", "decimals").first()
    return TokenInfo.of(*told) if told else None


def currencies() -> dict[tuple[int, bytes], TokenInfo]:
    """All that are known by chain and token address, the chains' own under the zero address. One query."""
    zero = Value(ZERO_ADDRESS, output_field=AddressField())
    own = Chain.objects.values_list("chain_id", zero, "currency_symbol", "currency_decimals")
    tokens = Token.objects.order_by().values_list("chain_id", "address", "symbol", "decimals")
    rows = own.union(tokens, all=True)
    told = ((chain, bytes(at), TokenInfo.of(*values)) for chain, at, *values in rows)
    return {(chain, at): currency for chain, at, currency in told if currency is not None}


def currency_is_known(campaign: str = "") -> Q:
    """Whether a campaign's currency is known; `campaign` is the path to its launch row."""
    path = f"{campaign}__" if campaign else ""
    is_own = Q(**{f"{path}token": ZERO_ADDRESS}) & ~Q(**{f"{path}chain__currency_symbol": ""})
    return is_own | Q(**{f"{path}currency__decimals__isnull": False})


def unknown_tokens() -> QuerySet[Token]:
    """Tokens that campaigns take or may take and that nothing is shown in."""
    return Token.objects.filter(decimals=None).order_by("chain_id", "address")


def finalized_block(chain_id: int) -> int:
    """The highest indexed block that no reorganisation can take back; -1 before there is one."""
    found = Cursor.objects.filter(chain_id=chain_id).values_list("finalized_block", flat=True).first()
    return -1 if found is None else found


def event_counts() -> dict[int, int]:
    """Events in all by chain. Running numbers count them, so the cost grows with campaigns, not events."""
    counts: dict[int, int] = defaultdict(int)
    for chain_id, launched, emitted in (
        CampaignLaunched.objects.values("chain_id")
        .annotate(launched=Count("id"), emitted=Sum("totals__last_seq"))
        .values_list("chain_id", "launched", "emitted")
    ):
        counts[chain_id] += launched + (emitted or 0)
    for chain_id, count in (
        FactoryEvent.objects.values("chain_id").annotate(count=Count("id")).values_list("chain_id", "count")
    ):
        counts[chain_id] += count
    return dict(counts)


def index_health() -> list[ChainHealth]:
    """One entry for each chain that is indexed or that the settings name, in three queries."""
    chains = list(
        Chain.objects.select_related("cursor").annotate(
            reorg_count=_count_of(ReorgEvent.objects.all()),
            unknown_count=_count_of(Token.objects.filter(decimals=None)),
            suspect_count=_count_of(SuspectRange.objects.filter(resolved_at=None)),
            called=network_name(),
        )
    )
    heads = _head_times(chains)
    now = timezone.now()
    known = {chain.chain_id for chain in chains}
    unstarted = [Chain(chain_id=key, name=f"Chain {key}") for key in settings.RPC_URLS if key not in known]
    every = sorted([*chains, *unstarted], key=lambda chain: chain.chain_id)
    return [_health(chain, heads.get(chain.chain_id), now) for chain in every]


def _count_of(rows: QuerySet[Any]) -> Coalesce:
    """A chain's rows counted apart: two joins in one query would multiply with each other."""
    of_chain = rows.filter(chain=OuterRef("pk")).order_by().values("chain")
    return Coalesce(Subquery(of_chain.annotate(count=Count("pk")).values("count")), 0)


def _head_times(chains: Sequence[Chain]) -> dict[int, datetime]:
    heads = Q(pk__in=[])
    for chain in chains:
        if hasattr(chain, "cursor"):
            heads |= Q(chain=chain, number=chain.cursor.next_block - 1)
    return dict(Block.objects.filter(heads).values_list("chain_id", "timestamp"))


def _health(chain: Chain, head_time: datetime | None, now: datetime) -> ChainHealth:
    cursor = chain.cursor if hasattr(chain, "cursor") else None
    indexed = cursor.next_block - 1 if cursor else -1
    is_followed = cursor is not None and chain.state != Chain.State.RETIRED
    lag_blocks = max(0, cursor.node_head - indexed) if cursor and is_followed else 0
    offset = cursor.clock_offset if cursor else None
    return ChainHealth(
        chain_id=chain.chain_id,
        name=getattr(chain, "called", chain.name),
        state=_state(chain, cursor, now),
        halt_code=chain.halt_code,
        halt_reason=chain.halt_reason,
        node_head=cursor.node_head if cursor else 0,
        indexed=indexed,
        finalized=cursor.finalized_block if cursor else -1,
        lag_blocks=lag_blocks,
        lag_seconds=(
            _lag_seconds(cursor, head_time if lag_blocks else None, now) if cursor and is_followed else 0
        ),
        clock_offset_seconds=int(offset.total_seconds()) if offset else 0,
        reorgs=getattr(chain, "reorg_count", 0),
        open_suspects=getattr(chain, "suspect_count", 0),
        unknown_tokens=getattr(chain, "unknown_count", 0) + (not chain.currency_symbol),
        problem=cursor.problem if cursor and is_followed else "",
        problem_seconds=_problem_seconds(cursor, now) if is_followed else 0,
    )


def _state(chain: Chain, cursor: Cursor | None, now: datetime) -> str:
    if cursor is None and chain.state != Chain.State.RETIRED:
        return UNSTARTED
    is_stalled = _problem_seconds(cursor, now) >= STALLED_AFTER.total_seconds()
    return STALLED if is_stalled and chain.state == Chain.State.OK else str(chain.state)


def _problem_seconds(cursor: Cursor | None, now: datetime) -> int:
    since = cursor.problem_since if cursor is not None else None
    return int((now - since).total_seconds()) if since is not None else 0


def _lag_seconds(cursor: Cursor, head_time: datetime | None, now: datetime) -> int:
    silence = now - cursor.updated_at
    behind = silence if silence > HEARTBEAT else timedelta()
    if head_time is not None:
        behind = max(behind, now - head_time)
    return int(behind.total_seconds())
