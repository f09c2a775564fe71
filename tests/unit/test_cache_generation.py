"""The hand-over from one generation of the cache to the next, between threads that stand for processes."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import redis
from django.core.cache import cache

from django_project.catalog import cache_generation
from django_project.core.shapes import Shape

VISITORS = 4
TEXT, TEXTS = Shape[str](str), Shape[list[str]](list[str])
WAIT_SECONDS = 30


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(VISITORS) as threads:
        yield threads


@pytest.fixture
def prepared(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The generations that were prepared, and nothing else that is."""
    names: list[str] = []
    monkeypatch.setattr(cache_generation, "_preparations", [names.append])
    return names


class Desk:
    """A preparation that stops in the middle until it is let go."""

    def __init__(self) -> None:
        self.is_busy, self.may_finish = threading.Event(), threading.Event()

    def prepare(self, _name: str) -> None:
        self.is_busy.set()
        assert self.may_finish.wait(WAIT_SECONDS)


@pytest.fixture
def desk(prepared: list[str]) -> Iterator[Desk]:  # noqa: ARG001  # what it patched is added to
    desk = Desk()
    cache_generation.prepare_with(desk.prepare)
    yield desk
    # Whatever failed before: the thread that waits must not outlive the test.
    desk.may_finish.set()


class TogetherCache:
    """The cache, but whoever asks for a generation waits until all others have read the same."""

    def __init__(self, readers: int) -> None:
        self._barrier = threading.Barrier(readers)

    def get_many(self, keys: list[str]) -> dict[str, Any]:
        found: dict[str, Any] = cache.get_many(keys)
        self._barrier.wait(WAIT_SECONDS)
        return found

    def __getattr__(self, name: str) -> object:
        return getattr(cache, name)


def grow_old() -> None:
    """As after `GENERATION_SECONDS`."""
    cache.delete(cache_generation._FRESH)


def turn_lapses_in(redis_url: str) -> float:
    """Seconds until somebody else may make the next generation."""
    with redis.Redis.from_url(redis_url) as client:
        return float(client.pttl(cache.make_key(cache_generation._TURN))) / 1000


def test_a_generation_stays_until_it_is_old(prepared: list[str]) -> None:
    first = cache_generation.current()
    assert cache_generation.current() == first
    assert not prepared
    grow_old()
    second = cache_generation.current()
    assert second != first
    assert prepared == [second]
    assert cache_generation.current() == second


def test_those_who_come_first_together_agree(
    pool: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(cache_generation, "cache", TogetherCache(VISITORS))
        shown = [pool.submit(cache_generation.current) for _ in range(VISITORS)]
        names = {each.result(WAIT_SECONDS) for each in shown}
    assert names == {cache_generation.current()}


def test_of_those_who_find_it_old_together_one_makes_the_next(
    pool: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch, desk: Desk, prepared: list[str]
) -> None:
    last = cache_generation.current()
    grow_old()
    # It is let go when all others have been answered: they cannot have waited for it.
    answered = threading.Semaphore(0)

    def visit() -> str:
        name = cache_generation.current()
        answered.release()
        return name

    with monkeypatch.context() as patch:
        patch.setattr(cache_generation, "cache", TogetherCache(VISITORS))
        shown = [pool.submit(visit) for _ in range(VISITORS)]
        for _ in range(VISITORS - 1):
            assert answered.acquire(timeout=WAIT_SECONDS)
        desk.may_finish.set()
        names = [each.result(WAIT_SECONDS) for each in shown]
    assert len(prepared) == 1
    assert sorted(names) == sorted([last] * (VISITORS - 1) + prepared)


def test_while_the_next_is_made_the_last_stays_on_show(
    pool: ThreadPoolExecutor, desk: Desk, prepared: list[str]
) -> None:
    last = cache_generation.current()
    kept = cache_generation.shared("list", TEXT, lambda: "of the last")
    grow_old()
    maker = pool.submit(cache_generation.current)
    assert desk.is_busy.wait(WAIT_SECONDS)
    assert [cache_generation.current() for _ in range(3)] == [last] * 3
    assert cache_generation.shared("list", TEXT, lambda: "worked out again") == kept
    desk.may_finish.set()
    following = maker.result(WAIT_SECONDS)
    assert prepared == [following]
    assert cache_generation.current() == following
    assert cache_generation.shared("list", TEXT, lambda: "of the next") == "of the next"


@pytest.mark.usefixtures("prepared")
def test_what_a_page_is_made_of_is_of_the_pages_own_generation() -> None:
    last = cache_generation.current()

    def page() -> list[str]:
        grow_old()
        return [cache_generation.current(), cache_generation.shared("part", TEXT, cache_generation.current)]

    assert cache_generation.shared("page", TEXTS, page) == [last, last]
    # Whoever comes after finds it old.
    assert cache_generation.current() != last


@pytest.mark.usefixtures("prepared")
def test_a_page_that_fails_leaves_no_generation_behind() -> None:
    last = cache_generation.current()

    def fail() -> str:
        raise ValueError("no page")

    with pytest.raises(ValueError, match="no page"):
        cache_generation.shared("page", TEXT, fail)
    grow_old()
    assert cache_generation.current() != last


@pytest.mark.usefixtures("prepared")
def test_an_ended_generation_is_not_shown_again() -> None:
    first = cache_generation.current()
    cache_generation.shared("list", TEXT, lambda: "with what was hidden since")
    cache_generation.end()
    assert cache_generation.current() != first
    assert cache_generation.shared("list", TEXT, lambda: "without") == "without"


def test_what_was_in_preparation_when_it_was_ended_is_dropped(
    pool: ThreadPoolExecutor, desk: Desk, prepared: list[str]
) -> None:
    cache_generation.current()
    grow_old()
    maker = pool.submit(cache_generation.current)
    assert desk.is_busy.wait(WAIT_SECONDS)
    cache_generation.end()
    begun = cache_generation.current()
    desk.may_finish.set()
    assert maker.result(WAIT_SECONDS) == begun == cache_generation.current()
    assert begun not in prepared


def test_a_failed_preparation_is_one_visitors_and_is_repeated_soon(
    prepared: list[str], redis_url: str
) -> None:
    last = cache_generation.current()
    grow_old()
    cache_generation.prepare_with(lambda _name: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        cache_generation.current()
    assert cache_generation.current() == last
    assert len(prepared) == 1
    assert 0 < turn_lapses_in(redis_url) <= cache_generation.RETRY_SECONDS
    cache.delete(cache_generation._TURN)
    cache_generation._preparations.pop()
    assert cache_generation.current() == prepared[-1] != last


def test_a_turn_lapses_and_whoever_is_late_with_it_puts_nothing_over_the_next(
    pool: ThreadPoolExecutor, desk: Desk, redis_url: str
) -> None:
    cache_generation.current()
    grow_old()
    maker = pool.submit(cache_generation.current)
    assert desk.is_busy.wait(WAIT_SECONDS)
    assert 0 < turn_lapses_in(redis_url) <= cache_generation.KEPT_SECONDS
    # As if it had lapsed: another makes a generation, and what the first comes back with is not put over it.
    cache.delete(cache_generation._TURN)
    cache_generation._preparations.clear()
    other = cache_generation.current()
    desk.may_finish.set()
    assert maker.result(WAIT_SECONDS) == other == cache_generation.current()
