"""Cold ranges: several fetchers in flight, handed over in order, spans that adapt to what comes back."""

from collections import deque
from collections.abc import Callable, Generator
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotYetError
from contextlib import suppress
from dataclasses import dataclass

from tasks.indexing.errors import RangeTooLargeError
from tasks.indexing.fetch import Fetched, Source

FETCHERS = 4
FIRST_SPAN = 500
LARGEST_SPAN = 10_000
# A range of about this much work: large enough to drown the fixed costs, small enough to bound memory.
AIM_LOGS = 5_000
AIM_SECONDS = 2.0
GROWTH = 1.5
HEARTBEAT_SECONDS = 1.0


@dataclass
class Span:
    """How many blocks the next range has."""

    blocks: int = FIRST_SPAN
    ceiling: int = LARGEST_SPAN

    def learn(self, fetched: Fetched) -> None:
        """Grow while ranges come back light and quick, shrink when they do not."""
        if len(fetched.logs) > AIM_LOGS or fetched.seconds > AIM_SECONDS:
            self.blocks = max(1, self.blocks // 2)
        elif len(fetched.logs) * GROWTH <= AIM_LOGS and fetched.seconds * GROWTH <= AIM_SECONDS:
            self.blocks = min(self.ceiling, int(self.blocks * GROWTH) + 1)

    def refuse(self, size: int, error: RangeTooLargeError) -> None:
        """A provider refused a range of `size` blocks: stay below, or at what it asked for.

        Raises:
            RangeTooLargeError: a single block is already too much.
        """
        if size <= 1:
            raise error
        self.ceiling = min(error.hint or size // 2, size - 1)
        self.blocks = min(self.blocks, self.ceiling)


def cold_ranges(
    source: Source, from_block: int, to_block: int, span: Span, keep_alive: Callable[[], None]
) -> Generator[Fetched]:
    """Yield all of `from_block` to `to_block` in order; `keep_alive` is called while the nodes are slow."""
    executor = ThreadPoolExecutor(FETCHERS, thread_name_prefix="fetch")
    pending: deque[tuple[int, int, Future[Fetched]]] = deque()
    position = from_block
    try:
        while position <= to_block or pending:
            while len(pending) < FETCHERS and position <= to_block:
                end = min(to_block, position + span.blocks - 1)
                pending.append((position, end, executor.submit(source.cold_range, position, end)))
                position = end + 1
            first, last, future = pending.popleft()
            try:
                fetched = _wait(future, keep_alive)
            except RangeTooLargeError as error:
                span.refuse(last - first + 1, error)
                _cancel(pending)
                position = first
                continue
            span.learn(fetched)
            yield fetched
    finally:
        _cancel(pending)
        executor.shutdown(wait=True, cancel_futures=True)


def _wait(future: Future[Fetched], keep_alive: Callable[[], None]) -> Fetched:
    while True:
        with suppress(NotYetError):
            return future.result(HEARTBEAT_SECONDS)
        keep_alive()


def _cancel(pending: deque[tuple[int, int, Future[Fetched]]]) -> None:
    for _, _, future in pending:
        future.cancel()
    pending.clear()
