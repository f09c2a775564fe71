"""What a backer reads about the money they have in campaigns."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.contrib.auth.models import AnonymousUser
from django.db.models import Exists, Max, OuterRef, QuerySet, Sum

from django_project.accounts.models import User
from django_project.accounts.selectors import addresses_of
from django_project.campaigns.selectors import CampaignCard, CampaignKey, cards, cards_by_key, visible
from django_project.core.addresses import format_address, format_hash
from django_project.core.money import format_units
from django_project.ledger.models import (
    CampaignLaunched,
    CampaignTotals,
    Contribution,
    Refund,
    TakeBack,
)
from django_project.ledger.selectors import Status, standing_contributions

# The contract's FIRM_PERIOD before the deadline: nobody could replace a pledge taken back then.
FIRM_PERIOD = timedelta(hours=24)
# Who gave gets all of it back; in a wind-down a share.
REFUNDABLE_STATUSES = (Status.FAILED, Status.CANCELLED, Status.EXPIRED)


@dataclass(frozen=True, slots=True)
class BackedContribution:
    amount: int
    amount_text: str
    tier_id: int
    block_number: int
    block_time: datetime
    tx_hash: str


@dataclass(frozen=True, slots=True)
class BackedCampaign:
    """One campaign that a wallet has given to.

    `contributed` is what the wallet's pledge comes to, without what it took back before the end; `refund_due`
    is what `refund()` would send back now, `can_take_back` whether `takeBack()` would before the end.
    """

    card: CampaignCard
    backer: str
    contributed: int
    contributed_text: str
    refunded: int
    refunded_text: str
    refund_due: int
    refund_due_text: str
    can_take_back: bool
    contributions: tuple[BackedContribution, ...]


def gone_back() -> QuerySet[Contribution]:
    """Contributions that went back to their backer: refunds and take-backs are of all that somebody gave."""
    after = {"campaign": OuterRef("campaign"), "backer": OuterRef("backer"), "seq__gt": OuterRef("seq")}
    return Contribution.objects.filter(
        Exists(Refund.objects.filter(**after)) | Exists(TakeBack.objects.filter(**after))
    )


def contributions_by_campaign(user: User | AnonymousUser) -> list[BackedCampaign]:
    """What an account's wallets have in each campaign, the latest contribution first, in five queries.

    The amounts are the chain's: of a backer's contributions to a campaign the one with the highest `seq`
    carries their total, unless the pledge was taken back after it; refunds are counted against it.
    """
    return contributions_of(addresses_of(user))


def contributions_of(backers: list[bytes]) -> list[BackedCampaign]:
    """The same for given addresses."""
    given: dict[tuple[CampaignKey, bytes], list[Contribution]] = defaultdict(list)
    rows = (
        Contribution.objects.filter(backer__in=backers)
        .select_related("campaign__totals")
        .order_by("-block_time", "-seq")
    )
    for row in rows:
        given[(row.campaign.chain_id, row.campaign.address), row.backer].append(row)
    refunded = {
        ((chain_id, address), backer): int(total)
        for chain_id, address, backer, total in Refund.objects.filter(backer__in=backers)
        .values_list("campaign__chain_id", "campaign__address", "backer")
        .annotate(total=Sum("amount"))
        .order_by()
    }
    taken_back = {
        ((chain_id, address), backer): seq
        for chain_id, address, backer, seq in TakeBack.objects.filter(backer__in=backers)
        .values_list("campaign__chain_id", "campaign__address", "backer")
        .annotate(seq=Max("seq"))
        .order_by()
    }
    cards = cards_by_key(key for key, _ in given)
    return [
        _backed(
            cards[key],
            backer,
            contributions,
            refunded=refunded.get((key, backer), 0),
            taken_back_at=taken_back.get((key, backer), 0),
        )
        for (key, backer), contributions in given.items()
        if key in cards
    ]


def backed_by(backer: bytes, limit: int) -> tuple[list[CampaignCard], int]:
    """Visible campaigns that an address gave to and left its pledge in, and how many there are in all.

    At most `limit` of them, the latest contribution first, in two queries.
    """
    backed = visible().filter(launched__contributions__in=standing_contributions().filter(backer=backer))
    latest_first = backed.annotate(given_at=Max("launched__contributions__block_time")).order_by(
        "-given_at", "-pk"
    )
    return cards(latest_first[:limit]), backed.values("pk").distinct().count()


def has_contributed(backer: bytes) -> bool:
    """Whether an address ever gave to a campaign, whatever became of it."""
    return Contribution.objects.filter(backer=backer).exists()


def _refund_of(status: str, contributed: int, totals: CampaignTotals) -> int:
    """What the contract sends who has given so much and taken nothing yet."""
    if status in REFUNDABLE_STATUSES:
        return contributed
    if status == Status.WIND_DOWN and contributed:
        unpaid = totals.raised - totals.withdrawn - totals.fees
        return int(contributed * unpaid // totals.raised)
    return 0


def _is_not_firm(campaign: CampaignLaunched, now: datetime) -> bool:
    """Whether pledges to an open campaign can be taken back, as the contract asks at a time of its chain."""
    return (
        campaign.mode == CampaignLaunched.Mode.ALL_OR_NOTHING
        and campaign.totals.cancelled_at is None
        and campaign.totals.raised < campaign.goal
        and now < campaign.deadline - FIRM_PERIOD
    )


def refunds_due(user: User | AnonymousUser) -> list[BackedCampaign]:
    """The campaigns that owe an account its money back."""
    return [backed for backed in contributions_by_campaign(user) if backed.refund_due]


def _backed(
    card: CampaignCard,
    backer: bytes,
    contributions: list[Contribution],
    *,
    refunded: int,
    taken_back_at: int,
) -> BackedCampaign:
    def text(amount: int) -> str:
        return format_units(amount, card.token_decimals, grouping=True)

    newest = max(contributions, key=lambda row: row.seq)
    contributed = newest.backer_total if newest.seq > taken_back_at else 0
    due = 0 if refunded else _refund_of(card.status, contributed, newest.campaign.totals)
    return BackedCampaign(
        card=card,
        backer=format_address(backer),
        contributed=contributed,
        contributed_text=text(contributed),
        refunded=refunded,
        refunded_text=text(refunded),
        refund_due=due,
        refund_due_text=text(due),
        can_take_back=bool(contributed) and _is_not_firm(newest.campaign, card.now),
        contributions=tuple(
            BackedContribution(
                amount=row.amount,
                amount_text=text(row.amount),
                tier_id=row.tier_id,
                block_number=row.block_number,
                block_time=row.block_time,
                tx_hash=format_hash(row.tx_hash),
            )
            for row in contributions
        ),
    )
