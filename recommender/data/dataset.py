"""Tables as integers: vocabularies, events in order of time, and (user, item) pairs."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from recommender.data.schema import KINDS, MAX_TEXT_CHARACTERS, Tables

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

VIEW, SAVE, CONTRIBUTE, REFUND = range(len(KINDS))
SECONDS_PER_DAY = 86_400.0
STOPPED_SECONDS = 3.0
"""Whoever has a card on the screen for so long has stopped at it."""


@dataclass(frozen=True)
class Vocabulary:
    """Names by number. Where the first name is empty, number 0 stands for everything unknown."""

    names: tuple[str, ...]

    @cached_property
    def _numbers(self) -> dict[str, int]:
        return {name: number for number, name in enumerate(self.names)}

    def __len__(self) -> int:
        return len(self.names)

    def find(self, name: str) -> int | None:
        return self._numbers.get(name)

    def numbers(self, names: pl.Series) -> Ints:
        """The number of each name; 0 for names that are not here."""
        mapping = self._numbers
        return np.fromiter((mapping.get(name or "", 0) for name in names), np.int64, len(names))


def vocabulary(names: pl.Series, *, with_unknown: bool) -> Vocabulary:
    """The distinct names in order of their text."""
    distinct = [name for name in names.drop_nulls().unique().sort().to_list() if name]
    return Vocabulary(("", *distinct) if with_unknown else tuple(distinct))


@dataclass(frozen=True)
class Events:
    """Events in order of time; ties keep the order of their rows. Arrays of one length."""

    user: Ints
    item: Ints
    time: Floats
    """Seconds since 1970."""
    kind: Ints
    """Index into KINDS."""
    minutes: Floats
    """NaN where nobody measured."""
    amount: Floats
    """NaN where none."""

    def __len__(self) -> int:
        return len(self.user)

    def where(self, mask: Bools) -> "Events":
        return Events(
            self.user[mask],
            self.item[mask],
            self.time[mask],
            self.kind[mask],
            self.minutes[mask],
            self.amount[mask],
        )


@dataclass(frozen=True)
class Impressions:
    """Cards that were on somebody's screen, in order of time; ties keep the order of their rows.

    Arrays of one length. Users without an event have the number 0 here as everywhere.
    """

    user: Ints
    item: Ints
    time: Floats
    """Seconds since 1970."""
    slot: Ints
    """Position on the page, from 0; −1 where nobody wrote it down."""
    clicked: Floats
    """1 or 0; NaN where the views have to tell."""
    stopped: Floats
    """Whether the reader stopped at the card, 1 or 0; NaN where unknown."""
    dwell: Floats
    """Seconds the card was on the screen; NaN where nobody measured."""

    def __len__(self) -> int:
        return len(self.user)

    @classmethod
    def none(cls) -> "Impressions":
        """Nobody recorded any."""
        ints, floats = np.zeros(0, np.int64), np.zeros(0)
        return cls(ints, ints, floats, ints, floats, floats, floats)

    def where(self, mask: Bools) -> "Impressions":
        return Impressions(
            self.user[mask],
            self.item[mask],
            self.time[mask],
            self.slot[mask],
            self.clicked[mask],
            self.stopped[mask],
            self.dwell[mask],
        )


@dataclass(frozen=True)
class Pairs:
    """What each user did with each item, one row per (user, item), in order of user, then of last time."""

    user: Ints
    item: Ints
    contributed: Bools
    minutes: Floats
    """Sum of the measured minutes, NaN where nothing was measured."""
    amount: Floats
    """Sum of the amounts, 0 where none."""
    first_time: Floats
    last_time: Floats

    def __len__(self) -> int:
        return len(self.user)

    def where(self, mask: Bools) -> "Pairs":
        return Pairs(
            self.user[mask],
            self.item[mask],
            self.contributed[mask],
            self.minutes[mask],
            self.amount[mask],
            self.first_time[mask],
            self.last_time[mask],
        )

    @cached_property
    def backed(self) -> "Pairs":
        """Only the pairs with a contribution."""
        return self.where(self.contributed)

    @cached_property
    def places_from_the_end(self) -> Ints:
        """0 for the pair each user turned to last, 1 for the one before it, and so on."""
        order = np.lexsort((self.first_time, self.user))
        end = np.cumsum(np.bincount(self.user))
        place = np.empty(len(self), np.int64)
        place[order] = end[self.user[order]] - 1 - np.arange(len(self))
        return place


@dataclass(frozen=True)
class Items:
    """What is known of the items beside their events, by item number."""

    publisher: Ints
    category: Ints
    language: Ints
    texts: tuple[str, ...]
    """Title and description, as encoders read them."""
    created: Floats
    """Seconds since 1970: the given time, else the first event's, else NaN."""
    declared: Floats
    """The given time of creation alone, else NaN."""
    deadline: Floats
    """NaN where none."""
    is_open: Bools


@dataclass(frozen=True)
class Dataset:
    """Everything models learn from and are asked about."""

    users: Vocabulary
    """Number 0 is the unknown user; everybody with an event is here."""
    item_ids: Vocabulary
    """No unknown: items are numbered from 0."""
    publishers: Vocabulary
    categories: Vocabulary
    languages: Vocabulary
    items: Items
    events: Events
    now: float
    """Seconds since 1970: the moment the data describes."""
    impressions: Impressions = field(default_factory=Impressions.none)

    def with_events(self, events: Events, *, now: float | None = None) -> "Dataset":
        """The same users and items with other events: a training part, say.

        Impressions go with them. With `now` those from then on are left out; without it, those of pairs and
        of items that have lost their events, which a card would give away.
        """
        if now is not None:
            seen = self.impressions.where(self.impressions.time < now)
            return replace(self, events=events, now=now, impressions=seen)
        return replace(self, events=events, impressions=_not_held_out(self, events))

    @cached_property
    def pairs(self) -> Pairs:
        return pairs_of(self.events, len(self.item_ids))


def build_dataset(tables: Tables, *, now: datetime | None = None) -> Dataset:
    """Number the tables' names and order the events. `tables` are conformed and rules were applied.

    `now` is the moment to describe (open campaigns, recency); without it, the last event's time.
    """
    frame = tables.events.sort("timestamp", maintain_order=True)
    users = vocabulary(frame["user_id"], with_unknown=True)
    item_ids = vocabulary(tables.items["item_id"], with_unknown=False)
    items = tables.items.sort("item_id")
    publishers = vocabulary(items["publisher_id"], with_unknown=True)
    categories = vocabulary(items["category"], with_unknown=True)
    languages = vocabulary(items["language"], with_unknown=True)
    events = Events(
        users.numbers(frame["user_id"]),
        item_ids.numbers(frame["item_id"]),
        _seconds(frame["timestamp"]),
        frame["kind"].replace_strict(list(KINDS), range(len(KINDS)), return_dtype=pl.Int64).to_numpy(),
        _floats(frame["minutes"]),
        _floats(frame["amount"]),
    )
    moment = now.timestamp() if now else float(events.time[-1]) if len(events) else _latest(items)
    return Dataset(
        users, item_ids, publishers, categories, languages,
        _items(items, events, moment, publishers, categories, languages),
        events,
        moment,
        _impressions(tables.impressions, users, item_ids),
    )  # fmt: skip


def item_text(title: str | None, description: str | None) -> str:
    """What encoders read of an item; the key of its vectors."""
    parts = ((part or "")[:MAX_TEXT_CHARACTERS] for part in (title, description))
    return "\n".join(parts).strip()


def pairs_of(events: Events, items: int) -> Pairs:
    """Gather a user's events with an item into one row. Refunds do not count as attention."""
    events = events.where(events.kind != REFUND)
    key, row = np.unique(events.user * items + events.item, return_inverse=True)
    count = len(key)
    contributed = np.zeros(count, np.bool_)
    contributed[row[events.kind == CONTRIBUTE]] = True
    measured = np.isfinite(events.minutes)
    minutes = np.bincount(row[measured], events.minutes[measured], count).astype(np.float64)
    minutes[np.bincount(row[measured], minlength=count) == 0] = np.nan
    amount = np.bincount(row, np.nan_to_num(events.amount), count).astype(np.float64)
    first, last = np.full(count, np.inf), np.full(count, -np.inf)
    np.minimum.at(first, row, events.time)
    np.maximum.at(last, row, events.time)
    # Ties in time keep the order of the rows: the last row of a pair decides.
    last_row = np.zeros(count, np.int64)
    np.maximum.at(last_row, row, np.arange(len(events)))
    user, item = np.divmod(key, items)
    order = np.lexsort((last_row, user))
    return Pairs(
        user[order], item[order], contributed[order], minutes[order], amount[order], first[order], last[order]
    )


def _not_held_out(dataset: Dataset, kept: Events) -> Impressions:
    """The impressions without those of pairs, and of items, whose events are in `dataset` but not `kept`."""
    seen, events, items = dataset.impressions, dataset.events, len(dataset.item_ids)
    if not len(seen):
        return seen
    pairs = np.setdiff1d(events.user * items + events.item, kept.user * items + kept.item)
    gone = np.isin(seen.user * items + seen.item, pairs)
    return seen.where(~gone & ~np.isin(seen.item, np.setdiff1d(events.item, kept.item)))


def _impressions(frame: pl.DataFrame | None, users: Vocabulary, item_ids: Vocabulary) -> Impressions:
    """Those of known items."""
    if frame is None:
        return Impressions.none()
    frame = frame.filter(pl.col("item_id").is_in(list(item_ids.names)))
    frame = frame.sort("timestamp", maintain_order=True)
    dwell, stopped = _floats(frame["dwell"]), _floats(frame["stopped"])
    told = np.where(np.isnan(dwell), np.nan, dwell >= STOPPED_SECONDS)
    return Impressions(
        users.numbers(frame["user_id"]),
        item_ids.numbers(frame["item_id"]),
        _seconds(frame["timestamp"]),
        frame["slot"].fill_null(-1).to_numpy(),
        _floats(frame["clicked"]),
        np.where(np.isnan(stopped), told, stopped),
        dwell,
    )


def _items(
    frame: pl.DataFrame,
    events: Events,
    now: float,
    publishers: Vocabulary,
    categories: Vocabulary,
    languages: Vocabulary,
) -> Items:
    first = np.full(len(frame), np.nan)
    np.fmin.at(first, events.item, events.time)
    created = _seconds(frame["created_at"])
    deadline = _seconds(frame["deadline"])
    declared = frame["is_open"].to_list()
    running = ~(deadline <= now)
    texts = map(item_text, frame["title"], frame["description"])
    return Items(
        publishers.numbers(frame["publisher_id"]),
        categories.numbers(frame["category"]),
        languages.numbers(frame["language"]),
        tuple(texts),
        np.where(np.isnan(created), first, created),
        created,
        deadline,
        np.array([bool(r) if d is None else d for d, r in zip(declared, running, strict=True)], np.bool_),
    )


def _latest(items: pl.DataFrame) -> float:
    newest: Any = items["created_at"].max()
    return (newest if isinstance(newest, datetime) else datetime(1970, 1, 1, tzinfo=UTC)).timestamp()


def _seconds(times: pl.Series) -> Floats:
    return _floats(times.dt.epoch("us").cast(pl.Float64) / 1e6)


def _floats(numbers: pl.Series) -> Floats:
    return numbers.cast(pl.Float64).fill_null(float("nan")).to_numpy().astype(np.float64, copy=False)
