"""How a campaign that is paid by milestones goes on: all paid, refused, under review, missed, still open."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import cycle

from numpy.random import Generator

from demo.catalogue import Campaign, Fate
from demo.simulation.events import Action, ClaimFees, Object, Refund, Release, SubmitMilestone
from demo.simulation.timeline import DAY, HORIZON, HOUR, Window
from django_project.core.money import BASIS_POINTS

# Shares in basis points, and by when after the deadline evidence is due.
SHARES = (5_000, 3_000, 2_000)
DUE = (55 * DAY, 95 * DAY, 130 * DAY)
OBJECTION_WINDOW = 3 * DAY
THRESHOLD_BPS = 2_000
# One success in so many has milestones.
EVERY = 2
# Whoever refuses a milestone has this much of the money, safely above the threshold.
REFUSING_SHARE = 0.3
SHARES_CLAIMED = 0.5


class Course(Enum):
    PAID = "paid"
    REFUSED = "refused"
    IN_REVIEW = "in review"
    MISSED = "missed"
    AHEAD = "ahead"


@dataclass(frozen=True, slots=True)
class Pledges:
    """What each backer has in a campaign when it ends, in base units."""

    of_backer: Mapping[int, int]

    @property
    def raised(self) -> int:
        return sum(self.of_backer.values())


def draw_courses(campaigns: Sequence[Campaign], windows: Sequence[Window]) -> tuple[Course | None, ...]:
    """A course for every second success and for those in time for their first evidence; else None.

    Who is in time is under review when the demo opens; the other courses take turns. Of the open campaigns
    the catalogue names those whose milestones lie ahead.
    """
    turns = cycle((Course.PAID, Course.REFUSED, Course.MISSED))
    courses: list[Course | None] = []
    successes = 0
    for campaign, window in zip(campaigns, windows, strict=True):
        course = Course.AHEAD if campaign.has_milestones else None
        if campaign.fate is Fate.SUCCEEDED:
            if window.deadline < HORIZON - DAY <= window.deadline + DUE[0]:
                course = Course.IN_REVIEW
            elif successes % EVERY == 0:
                course = next(turns)
            successes += 1
        courses.append(course)
    return tuple(courses)


def follow_course(
    course: Course, position: int, window: Window, pledges: Pledges, rng: Generator
) -> Iterator[Action]:
    """What creator and backers do after the deadline; what lies beyond the horizon is left to the caller."""
    match course:
        case Course.PAID:
            yield from _pay(position, window.deadline, len(SHARES))
            yield ClaimFees(window.deadline + 25 * DAY, position)
        case Course.REFUSED:
            yield from _pay(position, window.deadline, 1)
            submitted = window.deadline + 6 * DAY
            yield SubmitMilestone(submitted, position, 2)
            for backer in _refusing(pledges):
                yield Object(submitted + int(rng.integers(HOUR, 2 * DAY)), position, backer)
            yield from _shares(
                position, submitted + OBJECTION_WINDOW + HOUR, pledges, paid_bps=SHARES[0], rng=rng
            )
        case Course.IN_REVIEW:
            submitted = max(window.deadline + DAY, HORIZON - 36 * HOUR)
            yield SubmitMilestone(submitted, position, 1)
            yield Object(submitted + 5 * HOUR, position, max(pledges.of_backer))
        case Course.MISSED:
            yield from _shares(position, window.deadline + DUE[0] + HOUR, pledges, paid_bps=0, rng=rng)
        case Course.AHEAD:
            return


def _pay(position: int, deadline: int, milestones: int) -> Iterator[Action]:
    at = deadline + DAY
    for number in range(1, milestones + 1):
        yield SubmitMilestone(at, position, number)
        yield Release(at + OBJECTION_WINDOW + HOUR, position)
        at += OBJECTION_WINDOW + 2 * DAY


def _refusing(pledges: Pledges) -> Iterator[int]:
    """Backers with enough of the money, those who gave most first."""
    weight = 0
    for backer, amount in sorted(pledges.of_backer.items(), key=lambda pledge: (-pledge[1], pledge[0])):
        if weight > REFUSING_SHARE * pledges.raised:
            return
        weight += amount
        yield backer


def _shares(
    position: int, since: int, pledges: Pledges, *, paid_bps: int, rng: Generator
) -> Iterator[Action]:
    left = pledges.raised - pledges.raised * paid_bps // BASIS_POINTS
    for backer, amount in sorted(pledges.of_backer.items()):
        if rng.random() < SHARES_CLAIMED:
            at = since + int(rng.integers(HOUR, 6 * DAY))
            yield Refund(at, position, backer, amount * left // pledges.raised)
