"""What backers may say about the evidence for a milestone while its window is open."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Literal, TypedDict, cast

from django.contrib.auth.models import AnonymousUser
from django.db.models import F, OuterRef, Q, QuerySet, Subquery

from django_project.accounts.models import User, Wallet
from django_project.accounts.selectors import addresses_of
from django_project.campaigns.models import Listing
from django_project.campaigns.selectors import CampaignCard, card_of, cards_by_key
from django_project.core.addresses import format_address
from django_project.core.money import percent_text
from django_project.ledger.clocks import chain_time
from django_project.ledger.models import (
    CampaignLaunched,
    Contribution,
    Objection,
    ObjectionWithdrawal,
)
from django_project.ledger.selectors import Status, active_contributions, status_at

if TYPE_CHECKING:
    # Only the type checker has the package.
    from django_stubs_ext import WithAnnotations

    class _Position(TypedDict):
        milestone: int
        objected: int | None
        withdrawn: int | None

    Position = WithAnnotations[Contribution, _Position]


@dataclass(frozen=True, slots=True)
class Vote:
    """What one wallet may say: object with all that it gave, or withdraw its objection.

    A creator's is an objection from the time before the campaign was theirs, which can only be withdrawn.
    """

    card: CampaignCard
    milestone_id: int
    window_end: datetime
    backer: str
    weight: int
    weight_text: str
    percent_of_limit: str
    has_objected: bool
    is_creators: bool

    @property
    def url(self) -> str:
        """Where the evidence is read and the vote is cast."""
        return f"{self.card.milestones_url}#milestone-{self.milestone_id}"

    @property
    def call(self) -> Literal["object", "unobject"]:
        """The contract's function that the wallet can call now."""
        return "unobject" if self.has_objected else "object"


@dataclass(frozen=True, slots=True)
class Judging:
    """The votes of an account on one campaign; without any, the reason why, by its code."""

    VISITOR = "visitor"
    CREATOR = "creator"
    STRANGER = "stranger"

    votes: tuple[Vote, ...]
    why_not: str = ""


# As in the contract, neither who launched a campaign nor whose it is now may object; but an objection from
# before that counts until it is withdrawn.
_IS_CREATORS = Q(backer=F("campaign__creator")) | Q(backer=F("campaign__totals__creator"))
_STANDS = Q(objected__isnull=False) & (Q(withdrawn=None) | Q(objected__gt=F("withdrawn")))


def judging(user: User | AnonymousUser, listing: Listing) -> Judging:
    """Who an account is to a campaign whose window is open, in two queries; none for a visitor."""
    if not isinstance(user, User):
        return Judging((), Judging.VISITOR)
    addresses = addresses_of(user)
    launched = cast("CampaignLaunched", listing.launched)
    card = card_of(listing)
    votes = tuple(_vote(card, row) for row in _positions(addresses).filter(campaign=launched))
    if votes:
        return Judging(votes)
    return Judging((), Judging.CREATOR if _creators(launched) & set(addresses) else Judging.STRANGER)


def to_judge(user: User | AnonymousUser) -> list[Vote]:
    """An account's votes on every window that is open, the soonest to end first, in three queries."""
    addresses = addresses_of(user)
    rows = list(_positions(addresses)) if addresses else []
    cards = cards_by_key((row.campaign.chain_id, row.campaign.address) for row in rows)
    votes = [
        _vote(card, row)
        for row in rows
        if (card := cards.get((row.campaign.chain_id, row.campaign.address))) is not None
    ]
    return sorted(votes, key=lambda vote: vote.window_end)


def judges(campaigns: Collection[int]) -> set[tuple[int, bytes]]:
    """(campaign, wallet) of all with an account who may object in the open windows of these campaigns."""
    rows = _positions(Wallet.objects.values_list("address", flat=True)).filter(campaign__in=campaigns)
    rows = rows.exclude(_IS_CREATORS)
    return {(row.campaign_id, row.backer) for row in rows}


def undecided_judges(campaigns: Collection[int]) -> set[tuple[int, bytes]]:
    """Those of `judges` who do not object."""
    rows = _positions(Wallet.objects.values_list("address", flat=True)).filter(campaign__in=campaigns)
    return {(row.campaign_id, row.backer) for row in rows if not _has_objected(row)}


def _positions(addresses: Iterable[bytes]) -> "QuerySet[Position]":
    """The newest contribution of each wallet to each campaign that it may judge now."""
    now = chain_time("campaign__chain")
    said = {
        "campaign": OuterRef("campaign"),
        "backer": OuterRef("backer"),
        "milestone_id": OuterRef("milestone"),
    }
    objected, withdrawn = (
        Subquery(model.objects.filter(**said).order_by("-seq").values("seq")[:1])
        for model in (Objection, ObjectionWithdrawal)
    )
    return cast(
        "QuerySet[Position]",
        active_contributions()
        .filter(backer__in=addresses, campaign__totals__window_end__gt=now)
        .annotate(status=status_at(now, "campaign"), milestone=F("campaign__totals__milestones_released") + 1)
        .annotate(objected=objected, withdrawn=withdrawn)
        .filter(~_IS_CREATORS | _STANDS, status=Status.RELEASING)
        .select_related("campaign__totals")
        .order_by("campaign", "backer", "-seq")
        .distinct("campaign", "backer"),
    )


def _creators(launched: CampaignLaunched) -> set[bytes]:
    return {launched.creator, launched.totals.creator or launched.creator}


def _vote(card: CampaignCard, position: "Position") -> Vote:
    totals, weight = position.campaign.totals, int(position.backer_total)
    limit = int(totals.objection_limit)
    return Vote(
        card=card,
        milestone_id=position.milestone,
        window_end=cast("datetime", totals.window_end),
        backer=format_address(position.backer),
        weight=weight,
        weight_text=card.amount_text(weight),
        percent_of_limit=percent_text(weight, limit),
        has_objected=_has_objected(position),
        is_creators=position.backer in _creators(position.campaign),
    )


def _has_objected(position: "Position") -> bool:
    """Whether the wallet's last word on the milestone under way is an objection."""
    return position.objected is not None and (
        position.withdrawn is None or position.objected > position.withdrawn
    )
