"""What an endpoint can do, learnt from its answers and never assumed.

Providers limit the blocks of a log query, the calls of a batch and the pace, and refuse whole kinds of calls,
each in words of its own. None of that is configured: a refusal lowers what is asked for, answers raise it
again, and what was learnt outlives the process as JSON with its dates (`RpcEndpoint.learnt`).
"""

import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from django.utils.dateparse import parse_datetime

LARGEST_RANGE = 10_000
LARGEST_BATCH = 100
LONGEST_WORDS = 200

# After so many answers at a limit more is tried: soon while the limit is being narrowed down, then ever more
# seldom while it holds.
NARROWING_PATIENCE = 2
FIRST_PATIENCE = 16
LONGEST_PATIENCE = 512
# What was learnt longer ago than this is learnt anew.
LIMITS_KEPT = timedelta(days=1)
PACE_KEPT = timedelta(hours=1)

# How long an endpoint is not asked for what it refused: if that sounds lasting, and else at first.
LASTING_REFUSAL_SECONDS = 600.0
FIRST_REFUSAL_SECONDS = 5.0


class Ability(StrEnum):
    """What some nodes do not do, or not for everybody."""

    OLD_LOGS = "logs of old blocks"
    RECENT_LOGS = "logs of recent blocks"
    LOGS_BY_HASH = "logs by block hash"
    STATE_BY_HASH = "calls at a block hash"
    MANY_IN_ONE = "many contracts in one call"
    RECEIPTS = "receipts of a block"
    FINALIZED = "the tag `finalized`"
    CLIENT = "its version"


def _dated(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat(timespec="seconds")


def _undated(told: Any) -> datetime:
    found = parse_datetime(told) if isinstance(told, str) else None
    return found if found is not None and found.tzinfo is not None else datetime.min.replace(tzinfo=UTC)


@dataclass
class Ceiling:
    """A limit on sizes, known by refusals alone; `value` is what may be asked for now."""

    top: int
    value: int
    # The largest size that passed and the smallest that was refused, since the limit was met.
    good: int = 0
    bad: int | None = None
    words: str = ""
    at: datetime | None = None
    _passed: int = 0
    _patience: int = NARROWING_PATIENCE

    @property
    def is_met(self) -> bool:
        return self.value < self.top

    def refuse(self, size: int, words: str, hint: int | None = None) -> None:
        """A size was refused; `hint` is what the refusal asks for."""
        if size <= 1:
            return
        narrowed = hint if hint is not None and 0 < hint < size else max(size // 2, 1)
        if self.good < size and hint is None:
            narrowed = max(narrowed, self.good)
        self.good = min(self.good, narrowed)
        self.value, self.bad = min(self.value, narrowed), size
        self.words, self.at, self._passed = words, datetime.now(UTC), 0
        if not self._is_wide_open():
            self._patience = min(LONGEST_PATIENCE, max(FIRST_PATIENCE, self._patience * 2))

    def allow(self, size: int) -> None:
        """A size passed: after enough of them at the limit a larger one is tried."""
        if size > self.good:
            self.good = size
        if not self.is_met or size < self.value:
            return
        self._passed += 1
        if self._passed < (NARROWING_PATIENCE if self._is_wide_open() else self._patience):
            return
        self._passed = 0
        if self._is_wide_open() and self.bad is not None:
            self.value = (self.good + self.bad) // 2
        else:
            self.value, self.bad = min(self.top, self.value * 2), None
        if self.value >= self.top:
            self.words, self.at, self._patience = "", None, NARROWING_PATIENCE

    def _is_wide_open(self) -> bool:
        """Whether the limit may lie anywhere between what passed and what was refused."""
        return self.bad is None or self.bad - self.good > max(1, self.good // 8)

    def as_json(self) -> dict[str, Any]:
        return {"value": self.value, "words": self.words, "at": _dated(self.at)} if self.is_met else {}

    def restore(self, told: Mapping[str, Any]) -> None:
        value, at = told.get("value"), _undated(told.get("at"))
        if isinstance(value, int) and 0 < value < self.top and datetime.now(UTC) - at < LIMITS_KEPT:
            self.value = self.good = value
            self.bad, self._patience = value + 1, FIRST_PATIENCE
            self.words, self.at = str(told.get("words", "")), at


@dataclass
class Pace:
    """Calls a second that an endpoint takes: None while it never complained.

    A complaint brings it down to what was answered of late, and pauses; time without one raises it again:
    slowly at first where it was measured, and half as much again each second while it is a guess.
    """

    per_second: float | None = None
    words: str = ""
    at: datetime | None = None
    _answered: deque[tuple[float, int]] = field(default_factory=deque)
    _next_at: float = 0.0
    _slowed_at: float = -60.0
    _grown_at: float = 0.0
    _measured_from: float = 0.0
    _complaints: int = 0
    _is_guess: bool = True

    # A second of the clock by which providers count; what else is told in seconds here is told in these.
    SECOND = 1.0
    WINDOW_SECONDS = 2.0
    EPOCH_SECONDS = 1.0
    SHORTEST_MEASURE_SECONDS = 0.5
    FIRST_PER_SECOND = 10.0
    SLOWEST_PER_SECOND = 1.0
    # Above this nobody counts any more.
    FREE_PER_SECOND = 2_000.0
    SHARE_OF_ANSWERED = 0.95
    GUESS_GROWTH = 0.5
    FIRST_GROWTH = 0.01
    LARGEST_GROWTH = 0.5
    # After so long without a complaint it grows twice as fast.
    CALM_SECONDS = 5.0
    FIRST_PAUSE_SECONDS = 0.25
    LONGEST_PAUSE_SECONDS = 60.0

    @property
    def wait(self) -> float:
        """How long until the endpoint may be asked, in seconds of our clock."""
        return max(0.0, self._next_at - self._now()) * self.SECOND

    def spend(self, calls: int) -> None:
        """So many calls are sent now."""
        if self.per_second is not None:
            self._next_at = max(self._next_at, self._now()) + calls / self.per_second

    def answer(self, calls: int) -> None:
        """So many were answered."""
        now = self._now()
        self._complaints = 0
        self._answered.append((now, calls))
        self._forget(now)
        if self.per_second is None or now - self._grown_at < 1.0:
            return
        calm = min(20.0, (now - self._slowed_at) / self.CALM_SECONDS)
        growth = min(self.LARGEST_GROWTH, self.FIRST_GROWTH * 2 ** int(calm))
        self.per_second *= 1 + (self.GUESS_GROWTH if self._is_guess else growth)
        self._grown_at = now
        if self.per_second > self.FREE_PER_SECOND:
            self.per_second, self.words, self.at, self._is_guess = None, "", None, True

    def slow_down(self, words: str, retry_after: float = 0.0) -> None:
        """It complained: go on below what it answered of late, after a pause."""
        now = self._now()
        self._forget(now)
        self.words, self.at = words, datetime.now(UTC)
        self._next_at = max(self._next_at, now + min(retry_after, self.LONGEST_PAUSE_SECONDS) / self.SECOND)
        if now - self._slowed_at < self.EPOCH_SECONDS:
            # Of requests that were under way together each complains.
            return
        self._complaints += 1
        pause = self.FIRST_PAUSE_SECONDS * 2 ** min(self._complaints - 1, 8)
        self._next_at = max(self._next_at, now + min(pause, self.LONGEST_PAUSE_SECONDS))
        answered = sum(calls for _, calls in self._answered)
        since = max(self._measured_from, now - self.WINDOW_SECONDS)
        rate = answered / max(self.SHORTEST_MEASURE_SECONDS, now - since)
        self._is_guess = not answered
        slower = self.SHARE_OF_ANSWERED * rate or (self.per_second or 2 * self.FIRST_PER_SECOND) / 2
        known = self.per_second if self.per_second is not None else slower
        self.per_second = max(self.SLOWEST_PER_SECOND, min(known, slower))
        self._slowed_at = self._grown_at = now
        # What the pause keeps back is no measure of what is answered.
        self._measured_from = self._next_at
        self._answered.clear()

    def _now(self) -> float:
        return time.monotonic() / self.SECOND

    def _forget(self, now: float) -> None:
        while self._answered and self._answered[0][0] < now - self.WINDOW_SECONDS:
            self._answered.popleft()

    def as_json(self) -> dict[str, Any]:
        if self.per_second is None:
            return {}
        return {"per_second": round(self.per_second, 1), "words": self.words, "at": _dated(self.at)}

    def restore(self, told: Mapping[str, Any]) -> None:
        value, at = told.get("per_second"), _undated(told.get("at"))
        if isinstance(value, int | float) and value > 0 and datetime.now(UTC) - at < PACE_KEPT:
            self.per_second, self.words, self.at = float(value), str(told.get("words", "")), at
            self._is_guess = False


@dataclass
class Refusal:
    """A kind of call that is not asked of an endpoint for a while."""

    words: str
    at: datetime
    seconds: float

    @property
    def holds(self) -> bool:
        return datetime.now(UTC) < self.at + timedelta(seconds=self.seconds)


@dataclass
class Abilities:
    """All that was learnt of one endpoint."""

    range: Ceiling = field(default_factory=lambda: Ceiling(LARGEST_RANGE, LARGEST_RANGE))
    batch: Ceiling = field(default_factory=lambda: Ceiling(LARGEST_BATCH, LARGEST_BATCH))
    pace: Pace = field(default_factory=Pace)
    refused: dict[str, Refusal] = field(default_factory=dict)

    def can(self, ability: str) -> bool:
        """Whether it may be asked for that: it never refused, or so long ago that it is worth another try."""
        refusal = self.refused.get(ability)
        return refusal is None or not refusal.holds

    def refuse(self, ability: str, words: str, *, is_lasting: bool) -> None:
        """It refused; each time in a row it is left alone for longer."""
        before = self.refused.get(ability)
        seconds = FIRST_REFUSAL_SECONDS if before is None else 2 * before.seconds
        if is_lasting:
            seconds = LASTING_REFUSAL_SECONDS
        self.refused[ability] = Refusal(words, datetime.now(UTC), min(seconds, LASTING_REFUSAL_SECONDS))

    def allow(self, ability: str) -> None:
        self.refused.pop(ability, None)

    @property
    def calls_at_a_time(self) -> int:
        """In one request: what the endpoint takes, and no more than it answers in a second."""
        paced = LARGEST_BATCH if self.pace.per_second is None else max(1, int(self.pace.per_second))
        return min(self.batch.value, paced)

    def as_json(self) -> dict[str, Any]:
        refused = {
            ability: {"words": each.words, "at": _dated(each.at), "seconds": each.seconds}
            for ability, each in sorted(self.refused.copy().items())
        }
        parts = {
            "range": self.range.as_json(),
            "batch": self.batch.as_json(),
            "pace": self.pace.as_json(),
            "refused": refused,
        }
        return {name: part for name, part in parts.items() if part}

    def restore(self, told: Mapping[str, Any]) -> None:
        """Take over what an earlier process has learnt, unless that is too long ago."""
        parts: tuple[tuple[str, Callable[[Mapping[str, Any]], None]], ...] = (
            ("range", self.range.restore),
            ("batch", self.batch.restore),
            ("pace", self.pace.restore),
        )
        for name, restore in parts:
            restore(told.get(name) or {})
        for ability, each in (told.get("refused") or {}).items():
            refusal = Refusal(str(each["words"]), _undated(each["at"]), float(each["seconds"]))
            if refusal.holds:
                self.refused[ability] = refusal


def told_abilities(learnt: Mapping[str, Any]) -> list[str]:
    """What was learnt of an endpoint, in words, from its JSON."""
    told = []
    if learnt.get("range") and Ability.OLD_LOGS not in (learnt.get("refused") or {}):
        told.append(_since(f"log queries of at most {learnt['range']['value']:,} blocks", learnt["range"]))
    if learnt.get("batch"):
        told.append(_since(f"at most {learnt['batch']['value']} calls in a request", learnt["batch"]))
    if learnt.get("pace"):
        told.append(_since(f"about {learnt['pace']['per_second']:g} calls a second", learnt["pace"]))
    refused = (learnt.get("refused") or {}).items()
    return told + [_since(f"refuses {ability}", each) for ability, each in refused]


def _since(what: str, part: Mapping[str, Any]) -> str:
    return f"{what} since {part['at']} ({part['words']})"
