"""A long backfill spread over workers: any of them fetches ranges, the lease's holder applies all in order.

What a worker has fetched and checked waits in `FetchedRange`. Nothing hangs on a worker: a range that does
not come in time is fetched by the one who waits for it, and one that was fetched twice is stored once.

For example, blocks 0 to 2,999 of chain 1 by two workers, one of which is killed:

    fan_out = FanOut(1, source, ranges=3)
    asked = [fan_out.submit(start, start + 999) for start in (0, 1_000, 2_000)]
    asked[0].result()  # a worker's: its row is taken out of `FetchedRange`
    asked[1].result()  # its worker was killed: fetched here after PATIENCE_SECONDS
    asked[2].result()  # was fetched meanwhile: there at once
    fan_out.close()

Had three ranges in a row been missed, no worker would be waited for any more: the rest is fetched here. Order
is the caller's, who applies ranges as it asked for them, so that what a worker brings late changes nothing.
"""

import logging
import time
from collections.abc import Mapping

from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from django_project.core.jobs import enqueue
from django_project.ledger.models import Chain, FetchedRange
from tasks.indexing.errors import RangeTooLargeError, TooManyLogsError
from tasks.indexing.node.chain_guard import require_identity
from tasks.indexing.node.codec import Header, pack_logs, unpack_logs
from tasks.indexing.node.endpoint_notes import EndpointNotes
from tasks.indexing.node.rpc import Pool
from tasks.indexing.pipeline.events import Event
from tasks.indexing.pipeline.fetch import Fetched, Source
from tasks.indexing.pipeline.memory import return_large_buffers

logger = logging.getLogger(__name__)

FETCH_TASK = "tasks.indexing.fetch_range"
# A shorter backfill is done before a worker has looked into its queue.
WORTH_BLOCKS = 1_000
PATIENCE_SECONDS = 15.0
# One range may be lost with its worker; after so many in a row there is nobody.
MISSES = 3
LOOK_EVERY_SECONDS = 0.01


class FanOut:
    """Asks workers for ranges; see `backfill.Fetchers`."""

    def __init__(self, chain_id: int, source: Source, ranges: int) -> None:
        self._chain_id, self._source = chain_id, source
        self.most_ranges = ranges
        # They wait in the database, not in memory.
        self.most_logs = float("inf")
        self._missed_in_a_row = 0
        self._asked: set[int] = set()
        self._taken_to = -1

    @property
    def longest_range(self) -> int:
        return self._source.pool.longest_range

    def submit(self, from_block: int, to_block: int) -> "AwaitedRange":
        """Ask the workers for blocks `from_block` to `to_block`, both included; returns at once.

        What a worker has brought for the same range before, for an owner that died, is taken.
        """
        row, _ = FetchedRange.objects.get_or_create(
            chain_id=self._chain_id, from_block=from_block, to_block=to_block
        )
        self._asked.add(row.pk)
        if row.fetched_at is None and self._somebody_answers:
            enqueue(FETCH_TASK, self._chain_id, from_block, to_block)
        return AwaitedRange(self, row.pk, from_block, to_block)

    def close(self) -> None:
        """Forget what was asked for and what a killed worker left, not what a successor asks for."""
        is_done = Q(pk__in=self._asked) | Q(to_block__lte=self._taken_to)
        FetchedRange.objects.filter(is_done, chain_id=self._chain_id).delete()

    def take(self, key: int) -> Fetched | None:
        """What a worker has put there.

        Raises:
            RangeTooLargeError: the provider refused the range.
            TooManyLogsError: the worker did.
        """
        row = FetchedRange.objects.filter(pk=key).exclude(fetched_at=None).first()
        if row is None:
            return None
        row.delete()
        self._missed_in_a_row, self._taken_to = 0, row.to_block
        endpoint = next(
            (each for each in self._source.pool.endpoints if each.name == row.endpoint),
            self._source.pool.endpoints[0],
        )
        if row.is_refused:
            endpoint.abilities.range.refuse(
                row.to_block - row.from_block + 1, "a worker was refused the range", row.refusal_hint
            )
            raise RangeTooLargeError(row.endpoint, "a worker was refused the range", row.refusal_hint)
        if row.refusal_hint is not None:
            raise TooManyLogsError(row.from_block, row.to_block, row.refusal_hint)
        headers = [_header(told) for told in row.headers]
        return Fetched(
            row.from_block,
            row.to_block,
            row.parent_hash,
            {header.number: header for header in headers},
            unpack_logs(bytes(row.logs)),
            endpoint,
            seconds=row.seconds,
        )

    def fetch_alone(self, from_block: int, to_block: int) -> Fetched:
        self._missed_in_a_row += 1
        if self._missed_in_a_row == MISSES:
            logger.warning(
                "chain %s: no worker has fetched blocks %s to %s within %.0f s: fetching alone from here; "
                "start workers with `celery -A tasks.celery worker -Q backfill`",
                *(self._chain_id, from_block, to_block, PATIENCE_SECONDS),
            )
        return self._source.cold_range(from_block, to_block)

    @property
    def patience_seconds(self) -> float:
        return PATIENCE_SECONDS if self._somebody_answers else 0.0

    @property
    def _somebody_answers(self) -> bool:
        return self._missed_in_a_row < MISSES


class AwaitedRange:
    """A range that a worker was asked for, as a future that is looked for by whoever waits."""

    def __init__(self, fan_out: FanOut, key: int, from_block: int, to_block: int) -> None:
        self._fan_out, self._key = fan_out, key
        self._from_block, self._to_block = from_block, to_block
        self._since: float | None = None

    def result(self, timeout: float | None = None) -> Fetched:
        """Wait for it, `timeout` seconds at most; without one, until it is there or fetched here.

        Raises:
            TimeoutError: it is not there yet, and it is too early to give the workers up.
            RangeTooLargeError, TooManyLogsError: the range has to be asked for in parts.
            RpcError: the nodes did not answer when it was fetched here.
        """
        now = time.monotonic()
        # Patience begins when nothing else is left to do.
        self._since = self._since or now
        deadline = float("inf") if timeout is None else now + timeout
        while True:
            fetched = self._fan_out.take(self._key)
            if fetched is not None:
                return fetched
            now = time.monotonic()
            if now - self._since >= self._fan_out.patience_seconds:
                return self._fan_out.fetch_alone(self._from_block, self._to_block)
            if now >= deadline:
                raise TimeoutError
            time.sleep(LOOK_EVERY_SECONDS)

    def cancel(self) -> bool:
        """A worker that finds no row leaves the range alone."""
        FetchedRange.objects.filter(pk=self._key).delete()
        return True


def fetch_for_others(chain_id: int, from_block: int, to_block: int, events: Mapping[bytes, Event]) -> None:
    """Fetch a range that somebody waits for; nothing happens when nobody does any more.

    Raises:
        ChainHaltedError, RpcError: the nodes are not to be used; whoever waits will find out too.
    """
    wanted = FetchedRange.objects.filter(
        chain_id=chain_id, from_block=from_block, to_block=to_block, fetched_at=None
    )
    if not wanted.exists():
        return
    return_large_buffers()
    with Pool(settings.RPC_URLS.get(chain_id, [])) as pool:
        notes = EndpointNotes(chain_id, pool)
        notes.restore()
        require_identity(pool, chain_id, Chain.objects.get(pk=chain_id).genesis_hash)
        try:
            fetched = Source(pool, events).cold_range(from_block, to_block)
        except RangeTooLargeError as error:
            wanted.update(fetched_at=timezone.now(), is_refused=True, refusal_hint=error.hint)
            return
        except TooManyLogsError as error:
            # Not refused by the provider: what it would answer is more than is to be held.
            wanted.update(fetched_at=timezone.now(), refusal_hint=error.fitting)
            return
        finally:
            notes.write()
    wanted.update(
        fetched_at=timezone.now(),
        endpoint=fetched.endpoint.name,
        parent_hash=fetched.parent_hash,
        headers=[_told(header) for header in fetched.headers.values()],
        logs=pack_logs(fetched.logs),
        seconds=fetched.seconds,
    )


def _told(header: Header) -> list[int | str]:
    # Without the bloom, which only blocks of the window are checked against.
    return [header.number, header.hash.hex(), header.parent_hash.hex(), header.timestamp]


def _header(told: list[int | str]) -> Header:
    number, digest, parent, timestamp = told
    return Header(int(number), bytes.fromhex(str(digest)), bytes.fromhex(str(parent)), int(timestamp), "")
