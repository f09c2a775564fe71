"""Cold ranges: several fetchers in flight, handed over in order, spans that adapt to what comes back."""

from collections import deque
from collections.abc import Callable, Collection, Generator
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotYetError
from contextlib import suppress
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from tasks.indexing.errors import NoEndpointError, RangeTooLargeError, TooManyLogsError
from tasks.indexing.node.abilities import LARGEST_RANGE
from tasks.indexing.pipeline.fetch import Fetched, Source

FETCHERS = 4
FIRST_SPAN = 100
# A range of about this much work: large enough to drown the fixed costs, small enough to bound memory.
AIM_LOGS = 5_000
AIM_SECONDS = 2.0
# Logs that may be on their way or wait to be matched, as far as can be foreseen: they bound the memory.
MOST_LOGS_AHEAD = 2 * AIM_LOGS
GROWTH = 1.5
HEARTBEAT_SECONDS = 1.0


@dataclass
class Span:
    """How many blocks the next range has."""

    blocks: int = FIRST_SPAN
    ceiling: int = LARGEST_RANGE
    # Unknown before the first range is here.
    logs_per_block: float | None = None

    def expected_logs(self, blocks: int) -> float:
        """Foreseen from the last range; as many as threads may fetch while nothing is known."""
        return MOST_LOGS_AHEAD if self.logs_per_block is None else self.logs_per_block * blocks

    def learn(self, fetched: Fetched) -> None:
        """Grow while ranges come back quick, up to the aim at the density that was met; shrink when slow."""
        self.logs_per_block = len(fetched.logs) / (fetched.to_block - fetched.from_block + 1)
        if fetched.seconds > AIM_SECONDS:
            self.blocks = self.blocks // 2
        elif fetched.seconds * GROWTH <= AIM_SECONDS:
            self.blocks = min(self.ceiling, int(self.blocks * GROWTH) + 1)
        if self.logs_per_block:
            self.blocks = min(self.blocks, int(AIM_LOGS / self.logs_per_block))
        self.blocks = max(1, self.blocks)

    def restart(self, blocks: int) -> None:
        """Nothing of what was learnt holds any more: so many blocks next, and those alone."""
        self.blocks, self.logs_per_block = blocks, None

    def refuse(self, size: int, error: RangeTooLargeError) -> None:
        """Nobody answers a range of `size` blocks: fewer next, or what was asked for."""
        fewer = error.hint if error.hint and error.hint < size else size // 2
        self.blocks = max(1, min(self.blocks, fewer))


class Found(Protocol):
    """A range that will be there: as much of a future as is needed."""

    def result(self, timeout: float | None = None) -> Fetched: ...

    def cancel(self) -> bool: ...


class Fetchers(Protocol):
    """Who fetches ranges, and how much may be on its way at a time."""

    most_ranges: int
    most_logs: float

    @property
    def longest_range(self) -> int:
        """How many blocks the nodes answer at once, as far as is known."""
        ...

    def submit(self, from_block: int, to_block: int) -> Found: ...

    def close(self) -> None: ...


class Threads:
    """Fetchers of this process."""

    most_ranges = FETCHERS
    most_logs: float = MOST_LOGS_AHEAD

    def __init__(self, source: Source) -> None:
        self._source = source
        self._executor = ThreadPoolExecutor(FETCHERS, thread_name_prefix="fetch")

    @property
    def longest_range(self) -> int:
        return self._source.pool.longest_range

    def submit(self, from_block: int, to_block: int) -> Future[Fetched]:
        return self._executor.submit(self._source.cold_range, from_block, to_block)

    def close(self) -> None:
        self._executor.shutdown(wait=True, cancel_futures=True)


class _Request(NamedTuple):
    from_block: int
    to_block: int
    found: Found

    @property
    def blocks(self) -> int:
        return self.to_block - self.from_block + 1


def cold_ranges(
    fetchers: Fetchers, from_block: int, to_block: int, span: Span, keep_alive: Callable[[], None]
) -> Generator[Fetched]:
    """Yield all of `from_block` to `to_block` in order; `keep_alive` is called while the nodes are slow.

    Closes the fetchers at the end.
    """
    pending: deque[_Request] = deque()
    position = from_block
    try:
        while position <= to_block or pending:
            while position <= to_block and _has_room(pending, span, fetchers):
                end = min(to_block, position + min(span.blocks, fetchers.longest_range) - 1)
                pending.append(_Request(position, end, fetchers.submit(position, end)))
                position = end + 1
            request = pending.popleft()
            try:
                fetched = _wait(request.found, keep_alive)
            except (RangeTooLargeError, TooManyLogsError) as error:
                if isinstance(error, RangeTooLargeError):
                    span.refuse(request.blocks, error)
                else:
                    span.restart(error.fitting)
                _cancel(pending)
                position = request.from_block
                continue
            except NoEndpointError:
                # Perhaps it was too much to be answered in time; whoever tries again asks for less.
                span.restart(max(1, request.blocks // 2))
                raise
            span.learn(fetched)
            yield fetched
    finally:
        _cancel(pending)
        fetchers.close()


def _has_room(pending: Collection[_Request], span: Span, fetchers: Fetchers) -> bool:
    if not pending:
        return True
    ahead = sum(request.blocks for request in pending) + span.blocks
    return len(pending) < fetchers.most_ranges and span.expected_logs(ahead) <= fetchers.most_logs


def _wait(future: Found, keep_alive: Callable[[], None]) -> Fetched:
    while True:
        with suppress(NotYetError):
            return future.result(HEARTBEAT_SECONDS)
        keep_alive()


def _cancel(pending: deque[_Request]) -> None:
    for request in pending:
        request.found.cancel()
    pending.clear()
