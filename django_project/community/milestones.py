"""A campaign's milestones as its page tells them: what is asked, shown, objected to, paid and left."""

from dataclasses import dataclass
from datetime import datetime
from itertools import zip_longest
from typing import Any, cast

from django.db.models import OuterRef, QuerySet, Subquery, Sum

from django_project.campaigns.models import Listing
from django_project.campaigns.selectors.cards import card_of
from django_project.campaigns.selectors.refund_terms import Reason, why_payouts_stopped
from django_project.community.models import CampaignUpdate
from django_project.core.addresses import format_hash, keccak
from django_project.core.money import BASIS_POINTS, percent_text
from django_project.ledger.models import (
    SECOND_VERSION,
    CampaignLaunched,
    CampaignTotals,
    Milestone,
    MilestoneRelease,
    MilestoneSubmission,
    Objection,
    ObjectionWithdrawal,
)
from django_project.ledger.selectors import Status


class MilestoneState:
    """Where one milestone stands, in the words of the site."""

    UPCOMING = "upcoming"
    AWAITED = "awaited"
    REVIEW = "review"
    PAYABLE = "payable"
    PAID = "paid"
    MISSED = "missed"
    REFUSED = "refused"
    UNCLAIMED = "unclaimed"
    STOPPED = "stopped"
    VOID = "void"
    # Nothing was raised: the contract takes no evidence, because there is nothing to pay.
    EMPTY = "empty"

    UNDER_WAY = frozenset({AWAITED, REVIEW, PAYABLE})


# Of the milestone that was under way when payouts stopped.
LAST_STATES = {
    Reason.EVIDENCE_MISSED: MilestoneState.MISSED,
    Reason.MILESTONE_REFUSED: MilestoneState.REFUSED,
    Reason.MILESTONE_UNCLAIMED: MilestoneState.UNCLAIMED,
    Reason.STOPPED_BY_CREATOR: MilestoneState.STOPPED,
}


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the creator handed in; `title` and `body` stay empty while the hash has no text here."""

    uri: str
    content_hash: str
    submitted_at: datetime
    block_number: int
    tx_hash: str
    window_end: datetime
    title: str
    body: str
    is_text_known: bool

    @property
    def link(self) -> str:
        """The URI where a browser can follow it safely; empty for any other."""
        return self.uri if self.uri.startswith("https://") else ""


@dataclass(frozen=True, slots=True)
class Objections:
    """How much of the money objects, against the most that may for the milestone to be paid."""

    total: int
    total_text: str
    limit: int
    limit_text: str

    @property
    def percent(self) -> int:
        """Of the limit, rounded down; a limit of nothing is used up by any objection."""
        if self.limit:
            return self.total * 100 // self.limit
        return 100 if self.total else 0

    @property
    def percent_text(self) -> str:
        return percent_text(self.total, self.limit)

    @property
    def is_above_limit(self) -> bool:
        return self.total > self.limit


@dataclass(frozen=True, slots=True)
class Payment:
    """A milestone's money on its way to creator and fee, as the chain has it."""

    block_number: int
    block_time: datetime
    tx_hash: str


@dataclass(frozen=True, slots=True)
class LatePayment:
    """What the first version of the contracts makes of a late payment: the next milestone's date stays.

    Unless this milestone is paid and the next one's evidence shown before `next_due`, payouts stop, and what
    the later ones share, `later_text`, is left for backers to claim.
    """

    next_milestone_id: int
    next_due: datetime
    later_text: str
    is_certain: bool


@dataclass(frozen=True, slots=True)
class MilestoneView:
    """One milestone. Amounts are base units, fee included; `later` is what the milestones after it share.

    While the campaign is still raising they are parts of what it has so far. `due` is when evidence is due as
    things stand: a late payment of the one before moves it away from `promised_due`, except in the contracts'
    first version, where `late_payment` tells what that leads to, for the milestone under way.
    """

    milestone_id: int
    state: str
    share_bps: int
    amount: int
    amount_text: str
    later_text: str
    due: datetime
    promised_due: datetime
    not_before: datetime | None
    evidence: Evidence | None
    objections: Objections | None
    payment: Payment | None
    late_payment: LatePayment | None

    @property
    def is_in_review(self) -> bool:
        return self.state == MilestoneState.REVIEW


@dataclass(frozen=True, slots=True)
class MilestonesPage:
    """All milestones of a campaign and how its money divides: paid, next, left for later."""

    lines: tuple[MilestoneView, ...]
    objection_window: int
    objection_threshold_bps: int
    paid_text: str
    next_text: str
    later_text: str
    unpaid_text: str
    is_over: bool
    moves_dates: bool

    @property
    def in_review(self) -> MilestoneView | None:
        return next((line for line in self.lines if line.is_in_review), None)


def milestones(listing: Listing) -> MilestonesPage | None:
    """The milestones of a listing from `listing_by_slug`; None when it has none. Two queries."""
    launched = cast("CampaignLaunched", listing.launched)
    totals = launched.totals
    if not totals.milestones:
        return None
    terms = list(_terms(launched))
    reader = _Reader(listing, launched, totals)
    lines, shared = [], 0
    for each, following in zip_longest(terms, terms[1:]):
        lines.append(reader.line(each, shared, following))
        shared += each.share_bps
    paid = reader.amount_up_to(sum(each.share_bps for each in terms[: totals.milestones_released]))
    next_paid = reader.amount_up_to(sum(each.share_bps for each in terms[: totals.milestones_released + 1]))
    return MilestonesPage(
        lines=tuple(lines),
        objection_window=terms[0].objection_window,
        objection_threshold_bps=terms[0].objection_threshold_bps,
        paid_text=reader.text(paid),
        next_text=reader.text(next_paid - paid),
        later_text=reader.text(totals.raised - next_paid),
        unpaid_text=reader.text(max(totals.raised - paid - totals.refunded, 0)),
        is_over=reader.status in (Status.FAILED, Status.CANCELLED, Status.WIND_DOWN),
        moves_dates=reader.moves_dates,
    )


class _Reader:
    """The rows of one campaign's milestones, by the milestone's number."""

    def __init__(self, listing: Listing, launched: CampaignLaunched, totals: CampaignTotals) -> None:
        card = card_of(listing)
        self.status, self.now, self.text, self.totals = card.status, card.now, card.amount_text, totals
        self.moves_dates = cast("Any", listing).contracts_version >= SECOND_VERSION
        is_begun = bool(totals.milestones_released or totals.window_end)
        self.submissions = {row.milestone_id: row for row in (_submissions(launched) if is_begun else ())}

    def amount_up_to(self, share_bps: int) -> int:
        """What all milestones up to a share are worth, rounded as the contract rounds."""
        return int(self.totals.raised * share_bps // BASIS_POINTS)

    def line(self, terms: Any, shared_before: int, following: Any | None) -> MilestoneView:
        number, state = terms.milestone_id, self._state(terms)
        upto = self.amount_up_to(shared_before + terms.share_bps)
        amount = upto - self.amount_up_to(shared_before)
        return MilestoneView(
            milestone_id=number,
            state=state,
            share_bps=terms.share_bps,
            amount=amount,
            amount_text=self.text(amount),
            later_text=self.text(self.totals.raised - upto),
            due=_due(terms),
            promised_due=terms.due,
            not_before=terms.not_before,
            evidence=self._evidence(number),
            objections=self._objections(number),
            payment=_payment(terms),
            late_payment=self._late_payment(state, following, self.totals.raised - upto),
        )

    def _late_payment(self, state: str, following: Any | None, later: int) -> LatePayment | None:
        if self.moves_dates or following is None or state not in MilestoneState.UNDER_WAY:
            return None
        return LatePayment(
            next_milestone_id=following.milestone_id,
            next_due=following.due,
            later_text=self.text(later),
            is_certain=following.due <= self.now,
        )

    def _state(self, terms: Any) -> str:
        released = self.totals.milestones_released
        if terms.milestone_id <= released:
            return MilestoneState.PAID
        if self.status in (Status.FAILED, Status.CANCELLED):
            return MilestoneState.VOID
        if self.status in (Status.RELEASING, Status.WIND_DOWN) and not self.totals.raised:
            return MilestoneState.EMPTY
        if terms.milestone_id > released + 1:
            return MilestoneState.VOID if self.status == Status.WIND_DOWN else MilestoneState.UPCOMING
        if self.status == Status.WIND_DOWN:
            return LAST_STATES[why_payouts_stopped(self.totals)]
        if self.status != Status.RELEASING:
            return MilestoneState.UPCOMING
        return self._under_way()

    def _under_way(self) -> str:
        window_end = self.totals.window_end
        if window_end is None:
            return MilestoneState.AWAITED
        return MilestoneState.REVIEW if window_end > self.now else MilestoneState.PAYABLE

    def _evidence(self, number: int) -> Evidence | None:
        row = self.submissions.get(number)
        if row is None:
            return None
        is_text_known = row.document is not None and keccak(bytes(row.document)) == row.content_hash
        return Evidence(
            uri=row.uri,
            content_hash=format_hash(row.content_hash),
            submitted_at=row.block_time,
            block_number=row.block_number,
            tx_hash=format_hash(row.tx_hash),
            window_end=row.window_end,
            title=row.title if is_text_known else "",
            body=row.body if is_text_known else "",
            is_text_known=is_text_known,
        )

    def _objections(self, number: int) -> Objections | None:
        row = self.submissions.get(number)
        if row is None:
            return None
        total, limit = int(row.objected or 0) - int(row.withdrawn or 0), int(row.objection_limit)
        return Objections(total, self.text(total), limit, self.text(limit))


def _due(terms: Any) -> datetime:
    """When evidence is due as things stand: as the payment before tells it, else as the terms do."""
    return terms.moved_due or terms.due  # type: ignore[no-any-return]


def _payment(terms: Any) -> Payment | None:
    if terms.paid_block is None:
        return None
    return Payment(terms.paid_block, terms.paid_at, format_hash(bytes(terms.paid_tx)))


def _terms(launched: CampaignLaunched) -> QuerySet[Any]:
    """The milestones in their order, each with its payment, and its date where the one before moved it."""
    release = MilestoneRelease.objects.filter(
        campaign=OuterRef("campaign"), milestone_id=OuterRef("milestone_id")
    )
    before = MilestoneRelease.objects.filter(
        campaign=OuterRef("campaign"), milestone_id=OuterRef("milestone_id") - 1
    )
    return (
        Milestone.objects.filter(campaign=launched)
        .annotate(
            paid_block=Subquery(release.values("block_number")[:1]),
            paid_at=Subquery(release.values("block_time")[:1]),
            paid_tx=Subquery(release.values("tx_hash")[:1]),
            moved_due=Subquery(before.values("next_due")[:1]),
        )
        .order_by("milestone_id")
    )


def _submissions(launched: CampaignLaunched) -> QuerySet[Any]:
    """The evidence, each with the text of its hash, the weights that objected and those withdrawn again."""
    text = CampaignUpdate.objects.filter(pk=OuterRef("content_hash"))
    objected, withdrawn = (
        Subquery(
            model.objects.filter(campaign=OuterRef("campaign"), milestone_id=OuterRef("milestone_id"))
            .order_by()
            .values("milestone_id")
            .annotate(total=Sum("weight"))
            .values("total")
        )
        for model in (Objection, ObjectionWithdrawal)
    )
    return MilestoneSubmission.objects.filter(campaign=launched).annotate(
        title=Subquery(text.values("title")[:1]),
        body=Subquery(text.values("body")[:1]),
        document=Subquery(text.values("document")[:1]),
        objected=objected,
        withdrawn=withdrawn,
    )
