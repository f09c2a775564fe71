"""Puts the parts of a scenario together."""

from collections import defaultdict
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from demo.catalogue import Campaign, Catalogue, Fate
from demo.simulation.aftermath import follow_up
from demo.simulation.events import Action, View
from demo.simulation.milestones import Course, draw_courses
from demo.simulation.money import settle_amounts
from demo.simulation.people import Floats, Reader, affinities, draw_reader
from demo.simulation.timeline import HORIZON, Window, draw_window
from demo.simulation.visits import Backing, Visits

DEFAULT_SEED = 20

CONTRIBUTIONS_PER_BACKER = 17
LOOKS_PER_BACKER = 42
VISITORS_PER_BACKER = 0.15
ENOUGH_BACKERS, ENOUGH_CAMPAIGNS = 200, 40
# How uneven campaigns are in how many people they draw (standard deviation of the logarithm).
POPULARITY_SPREAD = 0.5
POPULARITY_BY_FATE = {
    Fate.SUCCEEDED: 1.3,
    Fate.OPEN: 1.0,
    Fate.FAILED: 0.7,
    Fate.CANCELLED: 0.5,
    Fate.JUST_LAUNCHED: 0.02,
}
# Nobody backs more than this share of all campaigns, or fewer than this many.
MOST_BACKED, LEAST_BACKED = 0.6, 2


@dataclass(frozen=True, slots=True)
class Scale:
    """How much happens. The defaults are the demo's; tests use less."""

    campaigns: int = 60
    backers: int = 400

    def __post_init__(self) -> None:
        if self.campaigns < 1 or self.backers < 1:
            raise ValueError("a scenario needs at least one campaign and one backer")

    @property
    def contributions(self) -> int:
        return self.backers * CONTRIBUTIONS_PER_BACKER * min(self.campaigns, 60) // 60

    @property
    def looks(self) -> int:
        return self.backers * LOOKS_PER_BACKER * min(self.campaigns, 60) // 60

    @property
    def teaches_tastes(self) -> bool:
        """Whether there is enough of it for a model to beat popularity."""
        return self.backers >= ENOUGH_BACKERS and self.campaigns >= ENOUGH_CAMPAIGNS

    @property
    def visitors(self) -> int:
        return round(self.backers * VISITORS_PER_BACKER)


@dataclass(frozen=True, slots=True)
class Scenario:
    """Everything that happens, in the order of time.

    `readers` are the backers and then the anonymous visitors; campaigns stand in the order of their launch.
    """

    campaigns: tuple[Campaign, ...]
    windows: tuple[Window, ...]
    courses: tuple[Course | None, ...]
    readers: tuple[Reader, ...]
    backers: int
    actions: tuple[Action, ...]
    views: tuple[View, ...]


def simulate(catalogue: Catalogue, scale: Scale | None = None, seed: int = DEFAULT_SEED) -> Scenario:
    """Invent the demo's history.

    Raises:
        ValueError: the scale asks for more campaigns than the catalogue has.
    """
    scale = scale or Scale()
    rng = np.random.default_rng(seed)
    chosen = choose_campaigns(catalogue, scale.campaigns)
    drawn = sorted(
        ((draw_window(campaign, rng), campaign) for campaign in chosen),
        key=lambda pair: (pair[0].launch, pair[1].slug),
    )
    windows = tuple(window for window, _ in drawn)
    campaigns = tuple(campaign for _, campaign in drawn)
    readers = tuple(draw_reader(campaigns, rng) for _ in range(scale.backers + scale.visitors))
    backings_of = np.zeros(len(readers), dtype=np.int64)
    backings_of[: scale.backers] = _backings(readers[: scale.backers], scale, rng)
    visits = Visits(
        readers,
        windows,
        _quotas(campaigns, windows, int(backings_of.sum()), rng),
        affinities(readers, campaigns, rng),
        rng,
    )
    backings, views = visits.play(backings_of, scale.looks)
    courses = draw_courses(campaigns, windows)
    return Scenario(
        campaigns=campaigns,
        windows=windows,
        courses=courses,
        readers=readers,
        backers=scale.backers,
        actions=_actions(campaigns, windows, courses, backings, rng),
        views=tuple(sorted(views, key=lambda view: (view.at, view.reader))),
    )


def choose_campaigns(catalogue: Catalogue, count: int) -> list[Campaign]:
    """The first `count` campaigns when each fate and language takes its turn."""
    if count > len(catalogue.campaigns):
        raise ValueError(f"the catalogue has {len(catalogue.campaigns)} campaigns, not {count}")
    groups: dict[tuple[Fate, str], list[Campaign]] = defaultdict(list)
    for campaign in catalogue.campaigns:
        groups[campaign.fate, campaign.language].append(campaign)
    ranked = [
        (turn, group, campaign)
        for group, row in enumerate(groups.values())
        for turn, campaign in enumerate(row)
    ]
    ranked.sort(key=lambda entry: entry[:2])
    return [campaign for _, _, campaign in ranked[:count]]


def _backings(backers: tuple[Reader, ...], scale: Scale, rng: Generator) -> NDArray[np.int64]:
    """How many contributions each backer makes: heavy-tailed, about `scale.contributions` in all."""
    activity = np.array([backer.activity for backer in backers])
    expected = scale.contributions * activity / activity.sum()
    most = max(LEAST_BACKED, int(MOST_BACKED * scale.campaigns))
    drawn = np.floor(expected + rng.random(len(backers))).astype(np.int64)
    return np.asarray(np.clip(drawn, LEAST_BACKED, most))


def _quotas(
    campaigns: tuple[Campaign, ...], windows: tuple[Window, ...], total: int, rng: Generator
) -> Floats:
    """How many contributions each campaign is to draw; campaigns open longer draw somewhat more."""
    drawn = np.array(
        [
            POPULARITY_BY_FATE[campaign.fate] * rng.lognormal(0.0, POPULARITY_SPREAD) * window.days_open**0.5
            for campaign, window in zip(campaigns, windows, strict=True)
        ]
    )
    return np.asarray(total * drawn / drawn.sum())


def _actions(
    campaigns: tuple[Campaign, ...],
    windows: tuple[Window, ...],
    courses: tuple[Course | None, ...],
    backings: list[Backing],
    rng: Generator,
) -> tuple[Action, ...]:
    of_campaign: dict[int, list[Backing]] = defaultdict(list)
    for backing in sorted(backings, key=lambda backing: (backing.at, backing.backer)):
        of_campaign[backing.campaign].append(backing)
    actions: list[Action] = []
    for position, (campaign, window) in enumerate(zip(campaigns, windows, strict=True)):
        contributions = settle_amounts(campaign, of_campaign[position], rng)
        actions += contributions
        actions += follow_up(position, campaign, window, contributions, courses[position], rng)
    return tuple(sorted(actions, key=lambda action: (action.at, action.campaign)))


__all__ = ["DEFAULT_SEED", "HORIZON", "Scale", "Scenario", "choose_campaigns", "simulate"]
