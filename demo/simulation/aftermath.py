"""What follows the contributions: news, cancellations, refunds, withdrawals and the platform's fees."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from numpy.random import Generator

from demo.catalogue import Campaign, Fate
from demo.simulation.events import (
    Action,
    Cancel,
    ClaimFees,
    Contribute,
    Launch,
    PostUpdate,
    Refund,
    TakeBack,
    Withdraw,
)
from demo.simulation.milestones import Course, Pledges, follow_course
from demo.simulation.timeline import DAY, HORIZON, HOUR, MINUTE, Window

REFUNDS_CLAIMED = 0.55
SECOND_THOUGHTS = 0.06
# The contract's: in the last day pledges cannot be taken back.
FIRM_PERIOD = DAY
CREATORS_WHO_WITHDREW = 0.7
FEES_CLAIMED = 0.6
CANCEL_REASON = "The plan no longer holds, so everybody gets their money back."


def follow_up(
    position: int,
    campaign: Campaign,
    window: Window,
    contributions: Sequence[Contribute],
    course: Course | None,
    rng: Generator,
) -> list[Action]:
    """All that happens in one campaign beside the contributions, as far as it happens before the horizon."""
    actions: list[Action] = [Launch(window.launch, position, window.deadline)]
    actions += [
        PostUpdate(window.launch + update.days * DAY + int(rng.integers(HOUR, 9 * HOUR)), position, number)
        for number, update in enumerate(campaign.updates)
    ]
    if window.cancelled_at is not None:
        actions.append(Cancel(window.cancelled_at, position, CANCEL_REASON))
    pledges = _totals(contributions)
    if course is not None:
        actions += follow_course(course, position, window, Pledges(pledges), rng)
    elif campaign.fate is Fate.SUCCEEDED:
        actions += _payout(position, window, rng)
    if campaign.fate is Fate.FAILED:
        for taken_back in _second_thoughts(position, window, contributions, rng):
            actions.append(taken_back)
            del pledges[taken_back.backer]
    if campaign.fate in {Fate.FAILED, Fate.CANCELLED}:
        actions += _refunds(position, window, pledges, rng)
    return [action for action in actions if action.at < HORIZON]


def _payout(position: int, window: Window, rng: Generator) -> Iterator[Action]:
    if rng.random() < CREATORS_WHO_WITHDREW:
        withdrawn_at = window.deadline + int(rng.integers(2 * HOUR, 4 * DAY))
        yield Withdraw(withdrawn_at, position)
        if rng.random() < FEES_CLAIMED:
            yield ClaimFees(withdrawn_at + int(rng.integers(DAY, 7 * DAY)), position)


def _totals(contributions: Sequence[Contribute]) -> dict[int, int]:
    totals: dict[int, int] = defaultdict(int)
    for contribution in contributions:
        totals[contribution.backer] += contribution.amount
    return totals


def _second_thoughts(
    position: int, window: Window, contributions: Sequence[Contribute], rng: Generator
) -> Iterator[TakeBack]:
    """Some take their pledge back while they can, soon after they gave it."""
    last_at = {contribution.backer: contribution.at for contribution in contributions}
    for backer, total in sorted(_totals(contributions).items()):
        at = last_at[backer] + int(rng.integers(HOUR, 2 * DAY))
        if rng.random() < SECOND_THOUGHTS and at < window.deadline - FIRM_PERIOD - HOUR:
            yield TakeBack(at, position, backer, total)


def _refunds(position: int, window: Window, totals: Mapping[int, int], rng: Generator) -> Iterator[Action]:
    for backer, total in sorted(totals.items()):
        if rng.random() < REFUNDS_CLAIMED:
            # Reminders go out twice a day; people act on one of them.
            wait = HOUR + int(rng.exponential(6)) * DAY // 2 + int(rng.exponential(4 * MINUTE))
            yield Refund(window.closes + wait, position, backer, total)
