"""One campaign in full: its page, its contributors and its events."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from django.db.models import CharField, Count, Exists, F, OuterRef, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce

from django_project.accounts.models import Wallet
from django_project.campaigns.models import Listing
from django_project.campaigns.selectors.cards import CampaignCard, card_of, with_card_columns
from django_project.campaigns.selectors.listings import visible
from django_project.campaigns.selectors.refund_terms import RefundTerms, refund_terms
from django_project.core import characters
from django_project.core.addresses import ZERO_ADDRESS, format_address, format_hash, keccak, parse_address
from django_project.core.keyset import Slice
from django_project.core.money import format_units
from django_project.ledger.events import CAMPAIGN_EVENTS
from django_project.ledger.models import (
    CampaignLaunched,
    Cancellation,
    Contribution,
    TakeBack,
    Tier,
    UpdatePost,
)
from django_project.ledger.returns import Return, returns_to, went_back
from django_project.ledger.selectors import active_contributions, version

CONTRIBUTORS_PAGE_SIZE = 50
EVENTS_SHOWN = 50


@dataclass(frozen=True, slots=True)
class Reward:
    """A tier of the contract with the words that the campaign's text has for it."""

    tier_id: int
    title: str
    description: str
    price: int
    price_text: str
    supply: int
    claimed: int

    @property
    def left(self) -> int | None:
        """How many are left; None when there is no limit."""
        return max(self.supply - self.claimed, 0) if self.supply else None

    @property
    def is_sold_out(self) -> bool:
        return self.left == 0


@dataclass(frozen=True, slots=True)
class CampaignDetail:
    """A campaign's page. Amounts are base units of its token; the `*_text` ones are exact decimals."""

    card: CampaignCard
    story: str
    rewards: tuple[Reward, ...]
    is_all_or_nothing: bool
    refund_terms: RefundTerms
    fee_bps: int
    min_contribution: int
    cap: int
    refunded: int
    withdrawn: int
    fees: int
    is_paused: bool
    cancelled_at: datetime | None
    cancel_reason: str
    updates: int
    messages: int
    milestones: int
    active_contributions_count: int
    events: int
    factory: str
    token: str
    launched_block: int
    launched_tx: str
    launched_at: datetime
    metadata_uri: str
    metadata_hash: str
    is_metadata_verified: bool
    contracts_version: int
    chain_name: str
    explorer_url: str
    is_test_network: bool

    @property
    def fee_percent_text(self) -> str:
        return format_units(self.fee_bps, 2)

    @property
    def min_contribution_text(self) -> str:
        return self.amount_text(self.min_contribution)

    @property
    def cap_text(self) -> str:
        return self.amount_text(self.cap)

    @property
    def token_contract(self) -> str:
        """The address of the currency's contract; empty for the chain's own coin, which has none."""
        return "" if parse_address(self.token) == ZERO_ADDRESS else self.token

    def amount_text(self, amount: int) -> str:
        return self.card.amount_text(amount)

    @property
    def accepts_contributions(self) -> bool:
        return self.card.accepts_contributions


@dataclass(frozen=True, slots=True)
class ContributionRow:
    """One contribution as the chain has it, and what sent it back to its backer since, if anything did."""

    backer: str
    name: str
    amount: int
    amount_text: str
    tier_id: int
    reward: str
    block_number: int
    block_time: datetime
    tx_hash: str
    seq: int
    went_back: Return | None

    @property
    def went_back_tx(self) -> str:
        return format_hash(self.went_back.tx_hash) if self.went_back else ""


@dataclass(frozen=True, slots=True)
class ContributorsPage:
    """Some contributions, newest first; `newer` and `older` are the `seq` next to which others follow."""

    rows: tuple[ContributionRow, ...]
    newer: int | None
    older: int | None


@dataclass(frozen=True, slots=True)
class EventLine:
    """One event of the contract, as an explorer would list it."""

    name: str
    seq: int
    block_number: int
    block_time: datetime
    tx_hash: str


def listing_by_slug(slug: str) -> Listing:
    """The visible listing; raises Listing.DoesNotExist for a hidden or unknown one."""
    return _one(with_card_columns(visible()).filter(slug=slug))


def listing_by_key(chain_id: int, address: bytes) -> Listing:
    """As `listing_by_slug`, by the campaign's place on chain."""
    return _one(with_card_columns(visible()).filter(chain_id=chain_id, address=address))


def _one(listings: QuerySet[Listing]) -> Listing:
    return listings.annotate(contracts_version=version("launched")).get()


def campaign_detail(slug: str) -> CampaignDetail:
    """All that the campaign's page tells, as `listing_by_slug`. Four queries, five for a cancelled one."""
    return detail_of(listing_by_slug(slug))


def detail_of(listing: Listing) -> CampaignDetail:
    """The same for a listing from `listing_by_slug` or `listing_by_key`."""
    launched = cast("CampaignLaunched", listing.launched)
    totals, metadata, chain = launched.totals, listing.metadata, launched.chain
    card = card_of(listing)
    cancellation = Cancellation.objects.filter(campaign=launched).first() if totals.cancelled_at else None
    counts = _counts(listing, launched)
    return CampaignDetail(
        card=card,
        story=metadata.story,
        rewards=_rewards(launched, metadata.rewards, card),
        is_all_or_nothing=launched.mode == CampaignLaunched.Mode.ALL_OR_NOTHING,
        refund_terms=refund_terms(launched, card.status, card.now),
        fee_bps=launched.fee_bps,
        min_contribution=launched.min_contribution,
        cap=launched.cap,
        refunded=totals.refunded,
        withdrawn=totals.withdrawn,
        fees=totals.fees,
        is_paused=totals.paused,
        cancelled_at=totals.cancelled_at,
        cancel_reason=characters.seen(cancellation.reason) if cancellation else "",
        updates=counts["updates"],
        messages=counts["messages"],
        milestones=totals.milestones,
        active_contributions_count=totals.contributions - counts["taken_back"],
        events=totals.last_seq,
        factory=format_address(launched.factory),
        token=format_address(launched.token),
        launched_block=launched.block_number,
        launched_tx=format_hash(launched.tx_hash),
        launched_at=launched.block_time,
        metadata_uri=launched.metadata_uri,
        metadata_hash=format_hash(launched.metadata_hash),
        is_metadata_verified=keccak(bytes(metadata.document)) == launched.metadata_hash,
        contracts_version=cast("Any", listing).contracts_version,
        chain_name=card.network,
        explorer_url=chain.explorer_url,
        is_test_network=chain.is_test_network,
    )


def _counts(listing: Listing, launched: CampaignLaunched) -> dict[str, int]:
    """Updates, messages, and contributions taken back (looked up by the take-backs), in one query."""
    taken_back = TakeBack.objects.filter(campaign=launched)
    gone = Contribution.objects.filter(
        Exists(taken_back.filter(backer=OuterRef("backer"), seq__gt=OuterRef("seq"))),
        campaign=launched,
        backer__in=taken_back.values("backer"),
    )
    counted: dict[str, QuerySet[Any]] = {
        "updates": UpdatePost.objects.filter(campaign=launched),
        # By the relation's name, for comments are of a floor above this one.
        "messages": Listing.objects.filter(pk=listing.pk, messages__is_hidden=False),
        "taken_back": gone,
    }
    columns = {name: _number_of(rows) for name, rows in counted.items()}
    found = CampaignLaunched.objects.filter(pk=launched.pk).values_list(*columns.values())[0]
    return dict(zip(columns, found, strict=True))


def _number_of(rows: QuerySet[Any]) -> Coalesce:
    """How many rows there are, as a column of another query."""
    counted = rows.order_by().annotate(all=Value(1)).values("all").annotate(number=Count("pk"))
    return Coalesce(Subquery(counted.values("number")), 0)


def _rewards(
    launched: CampaignLaunched, texts: list[dict[str, object]], card: CampaignCard
) -> tuple[Reward, ...]:
    tiers = list(Tier.objects.filter(campaign=launched).order_by("tier_id"))
    if not tiers:
        return ()
    words = {text.get("tier"): text for text in texts}
    claimed = dict(
        active_contributions()
        .filter(campaign=launched, tier_id__gt=0)
        .values_list("tier_id")
        .annotate(count=Count("pk"))
        .order_by()
    )
    return tuple(
        Reward(
            tier_id=tier.tier_id,
            title=str(words.get(tier.tier_id, {}).get("title", "")),
            description=str(words.get(tier.tier_id, {}).get("description", "")),
            price=tier.price,
            price_text=card.amount_text(tier.price),
            supply=tier.supply,
            claimed=claimed.get(tier.tier_id, 0),
        )
        for tier in tiers
    )


def contributors(
    listing: Listing,
    *,
    before: int | None = None,
    after: int | None = None,
    page_size: int = CONTRIBUTORS_PAGE_SIZE,
) -> ContributorsPage:
    """The campaign's newest contributions, or those next to a `seq`, in three queries.

    Pages stay put while contributions arrive: none is shown twice, and none is lost between two of them.
    """
    found = Contribution.objects.filter(campaign=listing.launched)
    if after is not None:
        rows = list(found.filter(seq__gt=after).order_by("seq")[: page_size + 1])
        has_newer, has_older = len(rows) > page_size, True
        rows = rows[:page_size][::-1]
    else:
        if before is not None:
            found = found.filter(seq__lt=before)
        rows = list(found.order_by("-seq")[: page_size + 1])
        has_newer, has_older = before is not None, len(rows) > page_size
        rows = rows[:page_size]
    return ContributorsPage(
        rows=tuple(contribution_rows(listing, rows)),
        newer=rows[0].seq if rows and has_newer else None,
        older=rows[-1].seq if rows and has_older else None,
    )


def contribution_rows(listing: Listing, rows: list[Contribution]) -> list[ContributionRow]:
    """Contributions with names of those backers who show them and what went back since, in two queries."""
    card = card_of(listing)
    titles = {text.get("tier"): str(text.get("title", "")) for text in listing.metadata.rewards}
    names = {
        wallet.address: characters.seen(wallet.user.display_name)
        for wallet in Wallet.objects.filter(address__in={row.backer for row in rows}).select_related("user")
        if not wallet.user.anonymous_backer
    }
    returns = returns_to({row.backer for row in rows}, {row.campaign_id for row in rows}) if rows else {}
    return [
        ContributionRow(
            backer=format_address(row.backer),
            name=names.get(row.backer, ""),
            amount=row.amount,
            amount_text=card.amount_text(row.amount),
            tier_id=row.tier_id,
            reward=titles.get(row.tier_id, ""),
            block_number=row.block_number,
            block_time=row.block_time,
            tx_hash=format_hash(row.tx_hash),
            seq=row.seq,
            went_back=went_back(returns.get((row.campaign_id, row.backer), ()), row.seq),
        )
        for row in rows
    ]


def contributions_before(listing: Listing, before: int | None, limit: int) -> list[ContributionRow]:
    """The newest contributions, or those before a `seq`: pages that stay put while new ones arrive."""
    found = Contribution.objects.filter(campaign=listing.launched)
    if before is not None:
        found = found.filter(seq__lt=before)
    return contribution_rows(listing, list(found.order_by("-seq")[:limit]))


def events(listing: Listing, before: int | None = None) -> Slice[EventLine]:
    """The contract's newest events of every kind, or those before a `seq`, in one query."""
    kinds: dict[str, QuerySet[Any]] = {
        event.name: event.model._default_manager.all() for event in CAMPAIGN_EVENTS
    }
    earlier = {} if before is None else {"seq__lt": before}
    rows = [
        found.filter(campaign=listing.launched, **earlier)
        .order_by()
        .annotate(kind=Value(name, output_field=CharField()))
        .values_list("kind", "seq", "block_number", "block_time", "tx_hash")
        for name, found in kinds.items()
    ]
    newest = list(rows[0].union(*rows[1:], all=True).order_by(F("seq").desc())[: EVENTS_SHOWN + 1])
    lines = tuple(
        EventLine(kind, seq, block_number, block_time, format_hash(bytes(tx_hash)))
        for kind, seq, block_number, block_time, tx_hash in newest[:EVENTS_SHOWN]
    )
    return Slice(lines, str(lines[-1].seq) if len(newest) > EVENTS_SHOWN else "")
