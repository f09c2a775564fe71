"""When each campaign is open, by what is to become of it."""

from dataclasses import dataclass

from numpy.random import Generator

from demo.catalogue import Campaign, Fate

MINUTE = 60
HOUR = 60 * MINUTE
DAY = 24 * HOUR

# The chain's genesis lies this long before the demo opens.
HORIZON = 120 * DAY
# A session that starts this long before a campaign closes ends before it does.
CLOSING_MARGIN = 3 * HOUR


@dataclass(frozen=True, slots=True)
class Window:
    """From launch to deadline, or to the cancellation."""

    launch: int
    deadline: int
    cancelled_at: int | None = None

    @property
    def closes(self) -> int:
        return self.deadline if self.cancelled_at is None else min(self.deadline, self.cancelled_at)

    @property
    def last_seen(self) -> int:
        """When it closes, or the horizon."""
        return min(self.closes, HORIZON)

    @property
    def days_open(self) -> float:
        """Of those before the horizon."""
        return (self.last_seen - self.launch) / DAY


def draw_window(campaign: Campaign, rng: Generator) -> Window:
    """A window that lets the campaign's fate have come true by the horizon."""
    match campaign.fate:
        case Fate.OPEN:
            launch = _between(rng, HORIZON - 58 * DAY, HORIZON - 5 * DAY)
            latest = min(HORIZON + 40 * DAY, launch + 89 * DAY)
            return Window(launch, _between(rng, HORIZON + 2 * DAY, latest))
        case Fate.JUST_LAUNCHED:
            launch = _between(rng, HORIZON - 40 * HOUR, HORIZON - 6 * HOUR)
            return Window(launch, launch + _between(rng, 30 * DAY, 45 * DAY))
        case Fate.CANCELLED:
            launch = _between(rng, 10 * DAY, HORIZON - 40 * DAY)
            return Window(launch, launch + 60 * DAY, cancelled_at=launch + _between(rng, 12 * DAY, 20 * DAY))
        case Fate.SUCCEEDED | Fate.FAILED:
            # More of them early on, when there is nothing else to back.
            launch = HOUR + int((HORIZON - 50 * DAY) * rng.random() ** 1.7)
            return Window(launch, launch + _between(rng, 25 * DAY, 42 * DAY))


def _between(rng: Generator, low: int, high: int) -> int:
    return int(rng.integers(low, high))
