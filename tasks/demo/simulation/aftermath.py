"""What follows the contributions: news, cancellations, refunds, withdrawals and the platform's fees."""

from collections import defaultdict
from collections.abc import Iterator, Sequence

from numpy.random import Generator

from tasks.demo.catalogue import Campaign, Fate
from tasks.demo.simulation.events import (
    Action,
    Cancel,
    ClaimFees,
    Contribute,
    Launch,
    PostUpdate,
    Refund,
    Withdraw,
)
from tasks.demo.simulation.timeline import DAY, HORIZON, HOUR, MINUTE, Window

REFUNDS_CLAIMED = 0.55
CREATORS_WHO_WITHDREW = 0.7
FEES_CLAIMED = 0.6
CANCEL_REASON = "The plan no longer holds, so everybody gets their money back."


def follow_up(
    position: int, campaign: Campaign, window: Window, contributions: Sequence[Contribute], rng: Generator
) -> list[Action]:
    """All that happens in one campaign beside the contributions, as far as it happens before the horizon."""
    actions: list[Action] = [Launch(window.launch, position, window.deadline)]
    actions += [
        PostUpdate(window.launch + update.days * DAY + int(rng.integers(HOUR, 9 * HOUR)), position, number)
        for number, update in enumerate(campaign.updates)
    ]
    if window.cancelled_at is not None:
        actions.append(Cancel(window.cancelled_at, position, CANCEL_REASON))
    if campaign.fate is Fate.SUCCEEDED:
        actions += _payout(position, window, rng)
    if campaign.fate in {Fate.FAILED, Fate.CANCELLED}:
        actions += _refunds(position, window, contributions, rng)
    return [action for action in actions if action.at < HORIZON]


def _payout(position: int, window: Window, rng: Generator) -> Iterator[Action]:
    if rng.random() < CREATORS_WHO_WITHDREW:
        withdrawn_at = window.deadline + int(rng.integers(2 * HOUR, 4 * DAY))
        yield Withdraw(withdrawn_at, position)
        if rng.random() < FEES_CLAIMED:
            yield ClaimFees(withdrawn_at + int(rng.integers(DAY, 7 * DAY)), position)


def _refunds(
    position: int, window: Window, contributions: Sequence[Contribute], rng: Generator
) -> Iterator[Action]:
    totals: dict[int, int] = defaultdict(int)
    for contribution in contributions:
        totals[contribution.backer] += contribution.amount
    for backer, total in sorted(totals.items()):
        if rng.random() < REFUNDS_CLAIMED:
            # Reminders go out twice a day; people act on one of them.
            wait = HOUR + int(rng.exponential(6)) * DAY // 2 + int(rng.exponential(4 * MINUTE))
            yield Refund(window.closes + wait, position, backer, total)
