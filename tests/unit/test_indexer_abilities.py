"""What is learnt of an endpoint: how limits are found, kept, shown, and given up again."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from tasks.indexing.node.abilities import Abilities, Ability, Ceiling, Pace, told_abilities


def probe(ceiling: Ceiling, limit: Callable[[int], int], queries: int) -> tuple[int, int]:
    """Ask so many times for as much as the ceiling says; what was refused, and how much was answered."""
    refused = answered = 0
    for query in range(queries):
        size = ceiling.value
        if size > limit(query):
            ceiling.refuse(size, "too much")
            refused += 1
        else:
            ceiling.allow(size)
            answered += size
    return refused, answered


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 10, 499, 500, 800, 1_999, 2_000, 3_500, 9_999])
def test_a_limit_is_found_and_used(limit: int) -> None:
    ceiling = Ceiling(10_000, 10_000)
    refused, answered = probe(ceiling, lambda _: limit, 400)
    assert answered >= 0.85 * limit * 400 * (0.95 if limit > 1 else 1)
    assert refused <= 40


def test_a_limit_that_was_none_is_given_up() -> None:
    ceiling = Ceiling(10_000, 10_000)
    probe(ceiling, lambda query: 1 if query < 20 else 10_000, 400)
    assert ceiling.value == 10_000
    assert not ceiling.is_met
    assert ceiling.as_json() == {}


def test_a_limit_that_is_named_is_taken_at_its_word() -> None:
    ceiling = Ceiling(10_000, 10_000)
    ceiling.refuse(10_000, "up to 500 blocks", 500)
    assert ceiling.value == 500
    ceiling.refuse(500, "a hint above what was asked", 600)
    assert ceiling.value == 250
    ceiling.refuse(1, "one is never too many")
    assert ceiling.value == 250


def test_several_refusals_of_one_size_are_one() -> None:
    ceiling = Ceiling(10_000, 10_000)
    for _ in range(4):
        ceiling.refuse(1_000, "four were under way")
    assert ceiling.value == 500


class Clock:
    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1_000.0
        monkeypatch.setattr(time, "monotonic", lambda: self.now)


def drive(pace: Pace, clock: Clock, per_second: float, seconds: float) -> tuple[int, int]:
    """Send one call after the other to a provider that counts; answered and refused."""
    tokens, counted_at = per_second, clock.now
    answered = refused = 0
    end = clock.now + seconds
    while clock.now < end:
        clock.now += max(pace.wait, 0.002)
        tokens = min(per_second, tokens + (clock.now - counted_at) * per_second)
        counted_at = clock.now
        pace.spend(1)
        if tokens >= 1:
            tokens -= 1
            pace.answer(1)
            answered += 1
        else:
            pace.slow_down("too fast")
            refused += 1
    return answered, refused


@pytest.mark.parametrize("per_second", [2.0, 10.0, 40.0, 150.0])
def test_a_pace_is_found_and_used(monkeypatch: pytest.MonkeyPatch, per_second: float) -> None:
    clock, pace = Clock(monkeypatch), Pace()
    answered, refused = drive(pace, clock, per_second, 60.0)
    assert answered >= 0.75 * per_second * 60
    assert refused <= 0.2 * answered


def test_a_pace_is_given_up_when_nobody_complains(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, pace = Clock(monkeypatch), Pace()
    drive(pace, clock, 5.0, 10.0)
    assert pace.per_second is not None
    drive(pace, clock, 1e9, 60.0)
    assert pace.as_json() == {}


def test_a_pause_that_is_asked_for_is_kept_but_not_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    Clock(monkeypatch)
    pace = Pace()
    pace.slow_down("come back later", retry_after=12.0)
    assert pace.wait == pytest.approx(12.0)
    pace = Pace()
    pace.slow_down("come back tomorrow", retry_after=86_400.0)
    assert pace.wait == pytest.approx(60.0)


def test_a_refused_call_is_left_alone_for_longer_each_time() -> None:
    able = Abilities()
    assert able.can(Ability.RECEIPTS)
    able.refuse(Ability.RECEIPTS, "no", is_lasting=False)
    assert not able.can(Ability.RECEIPTS)
    assert able.can(Ability.LOGS_BY_HASH)
    first = able.refused[Ability.RECEIPTS].seconds
    for _ in range(20):
        able.refuse(Ability.RECEIPTS, "no", is_lasting=False)
    assert first == 5.0
    assert able.refused[Ability.RECEIPTS].seconds == 600.0
    able.refused[Ability.RECEIPTS].at -= timedelta(seconds=601)
    assert able.can(Ability.RECEIPTS)
    able.refuse(Ability.FINALIZED, "never", is_lasting=True)
    assert able.refused[Ability.FINALIZED].seconds == 600.0
    able.allow(Ability.FINALIZED)
    assert able.can(Ability.FINALIZED)


def learnt() -> Abilities:
    able = Abilities()
    able.range.refuse(10_000, "at most 500", 500)
    able.batch.refuse(6, "three are enough")
    able.pace.slow_down("slow down")
    able.refuse(Ability.RECEIPTS, "not on your plan", is_lasting=True)
    return able


def test_what_was_learnt_outlives_the_process_for_a_while() -> None:
    told = learnt().as_json()
    again = Abilities()
    again.restore(told)
    assert (again.range.value, again.batch.value) == (500, 3)
    assert again.pace.per_second == told["pace"]["per_second"]
    assert not again.can(Ability.RECEIPTS)
    assert again.as_json() == told

    old = (datetime.now(UTC) - timedelta(days=2)).isoformat()
    for part in (told["range"], told["batch"], told["pace"], told["refused"][Ability.RECEIPTS]):
        part["at"] = old
    forgetful = Abilities()
    forgetful.restore(told)
    assert forgetful.as_json() == {}
    forgetful.restore({"range": {"value": "x"}, "pace": {"per_second": None}})
    assert forgetful.as_json() == {}


def test_what_was_learnt_is_told_in_words() -> None:
    told = " | ".join(told_abilities(learnt().as_json()))
    assert "log queries of at most 500 blocks since 20" in told
    assert "(at most 500)" in told
    assert "at most 3 calls in a request" in told
    assert "about 10 calls a second" in told
    assert "refuses receipts of a block" in told
    assert told_abilities({}) == []
