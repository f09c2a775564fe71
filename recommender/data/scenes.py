"""What people did in the two scenes of the site, row by row: a list's cards, and a campaign's page.

A row's targets exist only where they could be seen: minutes of a visit, an amount of a contribution. What
follows a card or a visit counts when it comes within a day; those that have not had their day are left out.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from recommender.data.context import Context
from recommender.data.dataset import CONTRIBUTE, SECONDS_PER_DAY, VIEW, Bools, Events, Floats, Ints

LIST_TARGETS = ("stopped", "dwell", "clicked", "converted")
"""Of a card; `converted` is clicked and contributed to after."""
PAGE_TARGETS = ("minutes", "contributed", "log_amount")
"""Of a visit of a campaign's page."""
TARGETS = (*LIST_TARGETS, *PAGE_TARGETS)
WINDOW = SECONDS_PER_DAY
"""Seconds in which a click or a contribution has to follow."""


@dataclass(frozen=True)
class SceneRows:
    """Cards and visits. Arrays of one length."""

    user: Ints
    item: Ints
    time: Floats
    slot: Ints
    """−1 where there is none."""
    is_page: Bools
    targets: Mapping[str, Floats]
    """Each of TARGETS, NaN where it does not exist."""

    def __len__(self) -> int:
        return len(self.user)

    def where(self, mask: Bools) -> "SceneRows":
        return SceneRows(
            self.user[mask],
            self.item[mask],
            self.time[mask],
            self.slot[mask],
            self.is_page[mask],
            {name: values[mask] for name, values in self.targets.items()},
        )

    @classmethod
    def join(cls, first: "SceneRows", second: "SceneRows") -> "SceneRows":
        """One after the other."""
        targets = {name: np.concatenate([first.targets[name], second.targets[name]]) for name in TARGETS}
        return cls(
            np.concatenate([first.user, second.user]),
            np.concatenate([first.item, second.item]),
            np.concatenate([first.time, second.time]),
            np.concatenate([first.slot, second.slot]),
            np.concatenate([first.is_page, second.is_page]),
            targets,
        )


def scene_rows(context: Context, passed: int) -> SceneRows:
    """All cards and visits that the context knows of.

    Where no impressions were recorded, visits stand for cards that were clicked, and beside each `passed`
    campaigns that were open then, drawn at random, for cards that were not.
    """
    visits = _visits(context)
    cards = _cards(context) if len(context.impressions) else _stand_ins(context, visits, passed)
    return SceneRows.join(cards, visits)


def _rows(user: Ints, item: Ints, time: Floats, *, is_page: bool, **known: Floats) -> SceneRows:
    slot = known.pop("slot", np.full(len(user), -1)).astype(np.int64)
    nothing = np.full(len(user), np.nan)
    targets = {name: known.get(name, nothing) for name in TARGETS}
    return SceneRows(user, item, time, slot, np.full(len(user), is_page), targets)


def _cards(context: Context) -> SceneRows:
    seen = context.impressions.where(context.impressions.time + WINDOW <= context.now)
    views, given = _of_kind(context.events, VIEW), _of_kind(context.events, CONTRIBUTE)
    followed = _Next(views, context.sizes.items).within(seen.user, seen.item, seen.time) >= 0
    clicked = np.where(np.isnan(seen.clicked), followed, seen.clicked)
    gave = _Next(given, context.sizes.items).within(seen.user, seen.item, seen.time) >= 0
    return _rows(
        seen.user, seen.item, seen.time, is_page=False, slot=seen.slot.astype(np.float64), clicked=clicked,
        converted=clicked * gave, stopped=seen.stopped, dwell=seen.dwell,
    )  # fmt: skip


def _visits(context: Context) -> SceneRows:
    """Views, and contributions that no view came before: whether others left, nobody saw there."""
    items = context.sizes.items
    views, given = _of_kind(context.events, VIEW), _of_kind(context.events, CONTRIBUTE)
    views = views.where(views.time + WINDOW <= context.now)
    place = _Next(given, items).within(views.user, views.item, views.time)
    log_amounts = np.log(np.where(given.amount > 0, given.amount, np.nan))
    watched = _rows(
        views.user, views.item, views.time, is_page=True, minutes=views.minutes,
        contributed=(place >= 0).astype(np.float64),
        log_amount=np.where(place >= 0, np.append(log_amounts, np.nan)[place], np.nan),
    )  # fmt: skip
    alone = np.ones(len(given), np.bool_)
    alone[place[place >= 0]] = False
    lone = given.where(alone)
    unwatched = _rows(lone.user, lone.item, lone.time, is_page=True, log_amount=log_amounts[alone])
    return SceneRows.join(watched, unwatched)


def _stand_ins(context: Context, visits: SceneRows, passed: int) -> SceneRows:
    gave = np.nan_to_num(visits.targets["contributed"], nan=1.0)
    clicked = np.ones(len(visits))
    shown = _rows(visits.user, visits.item, visits.time, is_page=False, clicked=clicked, converted=gave)
    rng = np.random.default_rng(0)
    user, time = np.repeat(visits.user, passed), np.repeat(visits.time, passed)
    item = rng.integers(context.sizes.items, size=len(user))
    rows = _rows(user, item, time, is_page=False, clicked=np.zeros(len(user)), converted=np.zeros(len(user)))
    visited = _Next(context.events, context.sizes.items).within(user, item, time) >= 0
    return SceneRows.join(shown, rows.where(_was_open(context, item, time) & ~visited))


def _was_open(context: Context, item: Ints, time: Floats) -> Bools:
    found: Bools = (context.opened.numpy()[item] <= time) & (time < context.closed.numpy()[item])
    return found


def _of_kind(events: Events, kind: int) -> Events:
    return events.where(events.kind == kind)


class _Next:
    """Finds the first of the events that a (user, item) pair has from a time on, within the window."""

    def __init__(self, events: Events, items: int) -> None:
        self._events = events
        self._items = items

    def within(self, user: Ints, item: Ints, time: Floats) -> Ints:
        """Its place among the events; −1 where there is none. The unknown user, who is many, has none."""
        events, asked = self._events, len(user)
        pair = np.concatenate([user, events.user]) * self._items + np.concatenate([item, events.item])
        when = np.concatenate([time, events.time])
        # By pair and time, a question before the events of its own moment.
        order = np.lexsort((np.arange(len(pair)) >= asked, when, pair))
        is_event = order >= asked
        place = np.where(is_event, np.arange(len(order)), len(order))
        following = np.minimum.accumulate(place[::-1])[::-1][~is_event]
        question = order[~is_event][following < len(order)]
        event = order[following[following < len(order)]]
        fits = (pair[event] == pair[question]) & (when[event] <= when[question] + WINDOW)
        fits &= user[question] > 0
        found = np.full(asked, -1)
        found[question[fits]] = event[fits] - asked
        return found
