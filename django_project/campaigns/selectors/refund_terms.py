"""What a backer can get back from a campaign, and when: the one place that knows, in codes and values.

It says what the contract's own `takeBack`, `refund`, `refundFor` and `refundsSince` would, at a time of the
campaign's chain. Pages, statements, mail and the API have their sentences from `campaigns.refund_words`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from django_project.ledger.models import CampaignLaunched, CampaignTotals
from django_project.ledger.selectors import CLAIM_PERIOD, Status, owed_since

# The contract's FIRM_PERIOD before the deadline: nobody could replace a pledge taken back then.
FIRM_PERIOD = timedelta(hours=24)
# The contract's BACKERS_OWN_PERIOD: before that only the backer itself may ask for its refund.
BACKERS_OWN_PERIOD = timedelta(days=30)


class Due(StrEnum):
    """How much of a contribution `refund()` sends back now."""

    NOTHING = "nothing"
    ALL = "all"
    SHARE = "share"


class Reason(StrEnum):
    """Why refunds are open."""

    GOAL_MISSED = "goal_missed"
    CANCELLED = "cancelled"
    UNCLAIMED = "unclaimed"
    EVIDENCE_MISSED = "evidence_missed"
    MILESTONE_REFUSED = "milestone_refused"
    MILESTONE_UNCLAIMED = "milestone_unclaimed"
    STOPPED_BY_CREATOR = "stopped_by_creator"


class Way(StrEnum):
    """What can still open refunds."""

    GOAL_MISSED = "goal_missed"
    CANCELLED = "cancelled"
    UNCLAIMED = "unclaimed"
    PAYOUTS_STOPPED = "payouts_stopped"


class Firm(StrEnum):
    """Why a backer cannot take its contributions back by choice."""

    KEEPS_WHAT_IT_RAISES = "keeps_what_it_raises"
    GOAL_REACHED = "goal_reached"
    LAST_DAY = "last_day"
    ENDED = "ended"


REASONS = {
    Status.FAILED: Reason.GOAL_MISSED,
    Status.CANCELLED: Reason.CANCELLED,
    Status.EXPIRED: Reason.UNCLAIMED,
}
# In these a campaign owes its backers what it holds.
OWING = (*REASONS, Status.WIND_DOWN)


@dataclass(frozen=True, slots=True)
class RefundTerms:
    """The terms of one campaign at one moment; amounts are base units of its token."""

    status: str
    is_all_or_nothing: bool
    has_milestones: bool
    goal: int
    raised: int
    unpaid: int
    refunded: int
    deadline: datetime
    due: Due
    reason: Reason | None
    since: datetime | None
    """When refunds opened; empty while they are closed."""
    firm: Firm | None
    """Empty while contributions can be taken back."""
    ways: tuple[Way, ...]

    @property
    def anyone_from(self) -> datetime | None:
        """From when others may send a backer its refund."""
        return None if self.since is None else self.since + BACKERS_OWN_PERIOD

    @property
    def take_back_until(self) -> datetime | None:
        """First second at which it is too late to take contributions back, if the goal is not reached."""
        return None if self.firm else self.deadline - FIRM_PERIOD

    @property
    def unclaimed_from(self) -> datetime | None:
        """When the money becomes the backers' again if the creator leaves it alone."""
        return self.deadline + CLAIM_PERIOD if Way.UNCLAIMED in self.ways else None

    @property
    def is_goal_reached(self) -> bool:
        return self.raised >= self.goal

    @property
    def left(self) -> int:
        """What backers have not claimed yet of all that is theirs."""
        return 0 if self.due is Due.NOTHING else max(self.unpaid - self.refunded, 0)

    def firm_with(self, amount: int) -> Firm | None:
        """`firm` for somebody who is about to contribute so much: it may be what reaches the goal."""
        return self.firm or (Firm.GOAL_REACHED if self.raised + amount >= self.goal else None)

    def refund_of(self, contributed: int) -> int:
        """What `refund()` sends to who contributed so much and claimed nothing; it refuses a 0."""
        match self.due:
            case Due.ALL:
                return contributed
            case Due.SHARE if contributed:
                return contributed * self.unpaid // self.raised
            case _:
                return 0


def refund_terms(campaign: CampaignLaunched, status: str, now: datetime) -> RefundTerms:
    """The terms of a campaign read with its totals, whose contract says `status` at `now`. No query."""
    totals = campaign.totals
    is_owing = status in OWING
    return RefundTerms(
        status=status,
        is_all_or_nothing=campaign.mode == CampaignLaunched.Mode.ALL_OR_NOTHING,
        has_milestones=bool(totals.milestones),
        goal=campaign.goal,
        raised=totals.raised,
        unpaid=totals.raised - totals.withdrawn - totals.fees,
        refunded=totals.refunded,
        deadline=campaign.deadline,
        due=(Due.SHARE if status == Status.WIND_DOWN else Due.ALL) if is_owing else Due.NOTHING,
        reason=(REASONS.get(status) or why_payouts_stopped(totals)) if is_owing else None,
        since=owed_since(campaign, status) if is_owing else None,
        firm=_firm(campaign, status, now),
        ways=tuple(_ways(campaign, status)),
    )


def why_payouts_stopped(totals: CampaignTotals) -> Reason:
    """Why the milestone under way was the last: the creator may have ended it before it had to end."""
    if totals.window_end is None:
        ends, reason = totals.milestone_due, Reason.EVIDENCE_MISSED
    elif totals.objections > totals.objection_limit:
        ends, reason = totals.window_end, Reason.MILESTONE_REFUSED
    else:
        ends, reason = totals.window_end + CLAIM_PERIOD, Reason.MILESTONE_UNCLAIMED
    stopped_at = totals.wound_down_at
    is_early = stopped_at is not None and ends is not None and stopped_at < ends
    return Reason.STOPPED_BY_CREATOR if is_early else reason


def _firm(campaign: CampaignLaunched, status: str, now: datetime) -> Firm | None:
    """As the contract's `_requireNotFirm`, after its `_requireState`."""
    if status != Status.OPEN:
        return Firm.ENDED
    if campaign.mode != CampaignLaunched.Mode.ALL_OR_NOTHING:
        return Firm.KEEPS_WHAT_IT_RAISES
    if campaign.totals.raised >= campaign.goal:
        return Firm.GOAL_REACHED
    return Firm.LAST_DAY if now >= campaign.deadline - FIRM_PERIOD else None


def _ways(campaign: CampaignLaunched, status: str) -> Iterator[Way]:
    """What the contract still allows to happen. A goal that was reached stays so: pledges are firm then."""
    totals = campaign.totals
    is_all_or_nothing = campaign.mode == CampaignLaunched.Mode.ALL_OR_NOTHING
    if status not in (Status.OPEN, Status.SUCCEEDED, Status.RELEASING):
        return
    if status == Status.OPEN and is_all_or_nothing and totals.raised < campaign.goal:
        yield Way.GOAL_MISSED
    if not totals.milestones_released:
        yield Way.CANCELLED
    yield Way.PAYOUTS_STOPPED if totals.milestones else Way.UNCLAIMED
