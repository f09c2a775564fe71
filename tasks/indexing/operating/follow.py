"""One tick: bring the index of one chain up to what the node has, or take back what the chain took back."""

import logging
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass

from django.db import DataError, IntegrityError, transaction

from django_project.ledger import services
from django_project.ledger.models import Chain, Cursor
from tasks.indexing.errors import (
    BadReplyError,
    CannotTellError,
    ChainHaltedError,
    DecodeError,
    ParentMismatchError,
    SeqGapError,
    StillInconsistentError,
    TooManyLogsError,
)
from tasks.indexing.node.chain_guard import View, confirm_head, read_view
from tasks.indexing.node.endpoint import Endpoint
from tasks.indexing.node.rpc import Pool
from tasks.indexing.pipeline import fanout
from tasks.indexing.pipeline.backfill import Fetchers, Span, Threads, cold_ranges
from tasks.indexing.pipeline.commit import commit
from tasks.indexing.pipeline.events import Event
from tasks.indexing.pipeline.fetch import Fetched, Source
from tasks.indexing.pipeline.lease import Lease
from tasks.indexing.pipeline.match import Batch, Matcher
from tasks.indexing.pipeline.outbox import wake_delivery
from tasks.indexing.pipeline.tokens import TokenReader
from tasks.indexing.pipeline.tracking import Tracker
from tasks.indexing.pipeline.writer import Writer
from tasks.indexing.repair.audit import Auditor
from tasks.indexing.repair.reorg import find_ancestor, is_merely_behind
from tasks.indexing.repair.suspect_ranges import open_suspects, repair

logger = logging.getLogger(__name__)

# Blocks of the window that are read and committed together.
HOT_BLOCKS = 100
REREADS = 3
SUSPECTS_EVERY_SECONDS = 3.0
HOPELESS_EVERY_SECONDS = 30.0

Reread = Callable[[Endpoint | None], Fetched]


def _at_once(job: Callable[[], None]) -> None:
    job()


@dataclass(frozen=True)
class Commit:
    """What a commit did, for progress and measurements."""

    block: int
    target: int
    events: int
    block_time: int


class Follower:
    """Indexes one chain under a lease. Not for several threads."""

    def __init__(
        self,
        chain: Chain,
        lease: Lease,
        pool: Pool,
        events: Mapping[bytes, Event],
        *,
        until_block: int | None = None,
        fan_out: int = 0,
        on_commit: Callable[[Commit], None] | None = None,
    ) -> None:
        self._fan_out = fan_out
        self._chain, self._lease, self._pool, self._events = chain, lease, pool, events
        self._until_block, self._on_commit = until_block, on_commit
        self._source = Source(pool, events)
        self._tracker = Tracker(chain.chain_id)
        self._matcher = Matcher(self._tracker, events)
        self._auditor = Auditor(pool, self._tracker)
        self._tokens = TokenReader(chain.chain_id, pool)
        self._span = Span()
        self._suspects_at = 0.0
        self._has_repaired = False
        self._writer = Writer()
        # The block that a node last called its latest, and when it was mined.
        self.node_head: int | None = None
        self.head_time = 0

    def owe_audit(self) -> None:
        """Have all contracts asked for their count once the index is level with its node."""
        self._auditor.owe()

    def tick(self) -> bool:
        """Look once at the chain and follow it; returns whether anything was written.

        Raises:
            ChainHaltedError: only an operator can go on.
            LeaseLostError: another worker took over.
            RpcError, StillInconsistentError: worth trying again later.
        """
        advanced = self._advance_or_reorganise()
        self._tokens.step(self._lease.renew)
        return advanced

    def _advance_or_reorganise(self) -> bool:
        try:
            self._repair_suspects()
            view = read_view(self._pool, self._chain.finality_depth)
            self.node_head, self.head_time = view.latest.number, view.latest.timestamp
            cursor = self._lease.read_cursor()
            if view.latest.number >= cursor.next_block:
                if not self._advance(cursor, view):
                    return False
                self._audit(self._lease.read_cursor(), view)
                return True
            if not is_merely_behind(cursor, view.latest, self._source):
                return self._reorganise(cursor)
        except ParentMismatchError:
            return self._reorganise(self._lease.read_cursor())
        is_level = view.latest.number == cursor.next_block - 1
        self._lease.renew(node_head=view.latest.number if is_level else None)
        self._audit(cursor, view)
        return False

    @property
    def is_level(self) -> bool:
        """Whether all that a node was seen to have is indexed."""
        return self.node_head is not None and self._lease.read_cursor().next_block > self.node_head

    def reload(self) -> None:
        """After anything unexpected: what is kept in mind is read from the tables again."""
        self._tracker.reload()
        self._tokens.reload()

    def is_done(self) -> bool:
        """Whether the block that was asked for is indexed."""
        return self._until_block is not None and self._lease.read_cursor().next_block > self._until_block

    def _advance(self, cursor: Cursor, view: View) -> bool:
        target = view.latest.number
        if self._until_block is not None:
            target = min(target, self._until_block)
        next_block, head_hash = cursor.next_block, cursor.head_hash or b""
        if target < next_block:
            self._confirm_our_head(cursor)
            return False
        cold_target = min(view.finalized, target)
        if next_block <= cold_target:
            confirm_head(self._pool, view)
            fetchers = self._fetchers(cold_target - next_block)
            ranges = cold_ranges(fetchers, next_block, cold_target, self._span, self._lease.renew)
            with closing(ranges), self._writer:
                for fetched in ranges:
                    batch = self._apply(
                        fetched, head_hash, view, target, self._cold_again(fetched), self._writer.submit
                    )
                    next_block, head_hash = batch.to_block + 1, batch.head.hash
            self._auditor.owe()
        self._advance_hot(next_block, head_hash, view, target)
        return True

    def _confirm_our_head(self, cursor: Cursor) -> None:
        """The block that was asked for is indexed: is it still the chain's?

        Raises:
            ParentMismatchError: another one is in its place.
            CannotTellError: the node does not have it.
        """
        ours = self._source.header(cursor.next_block - 1)
        if ours is None:
            raise CannotTellError(f"no node has block {cursor.next_block - 1}, which is indexed")
        if ours.hash != bytes(cursor.head_hash or b""):
            raise ParentMismatchError(f"block {ours.number} is not the one that was indexed")

    def _advance_hot(self, next_block: int, head_hash: bytes, view: View, target: int) -> None:
        """Through the window: blocks that may be taken back, each with its header."""
        blocks = HOT_BLOCKS
        while next_block <= target:
            # A header and the logs of each, well within the lease.
            blocks = min(blocks, max(1, self._pool.calls_at_a_time // 2))
            end = min(next_block + blocks - 1, target)
            last = view.latest if end == view.latest.number else self._source.header(end)
            if last is None:
                raise CannotTellError(f"no node has block {end}, below its head")
            reread = self._hot_again(next_block, end, head_hash)
            try:
                fetched = self._source.hot_range(last, next_block, head_hash, endpoint=view.endpoint)
            except TooManyLogsError as error:
                blocks = error.fitting
                continue
            batch = self._apply(fetched, head_hash, view, target, reread, _at_once)
            next_block, head_hash = batch.to_block + 1, batch.head.hash

    def _fetchers(self, blocks: int) -> Fetchers:
        if self._fan_out and blocks >= fanout.WORTH_BLOCKS:
            return fanout.FanOut(self._chain.chain_id, self._source, self._fan_out)
        return Threads(self._source)

    def _cold_again(self, fetched: Fetched) -> Reread:
        return lambda avoid: self._source.cold_range(fetched.from_block, fetched.to_block, avoid, whole=True)

    def _hot_again(self, from_block: int, to_block: int, parent_hash: bytes) -> Reread:
        def reread(avoid: Endpoint | None) -> Fetched:
            last = self._source.header(to_block)
            if last is None:
                raise CannotTellError(f"no node has block {to_block}, below its head")
            return self._source.hot_range(last, from_block, parent_hash, avoid=avoid, whole=True)

        return reread

    def _apply(
        self,
        fetched: Fetched,
        head_hash: bytes,
        view: View,
        target: int,
        reread: Reread,
        write: Callable[[Callable[[], None]], None],
    ) -> Batch:
        """Match one range, reading it again while it does not hold together, and have it committed."""
        batch, endpoint = self._match(fetched, head_hash, reread)
        write(lambda: self._commit(batch, view, target))
        # Before the commit may be done: when it fails the run ends, or begins again from the tables.
        self._tracker.adopt(batch.created, batch.seqs)
        self._tokens.note(batch)
        self._auditor.note(batch.seqs.keys())
        self._pool.trust(endpoint)
        return batch

    def _commit(self, batch: Batch, view: View, target: int) -> None:
        try:
            commit(self._lease, batch, node_head=view.latest.number, finalized=view.finalized)
        except DataError as error:
            raise ChainHaltedError(
                Chain.Halt.UNSTORABLE,
                f"blocks {batch.from_block} to {batch.to_block} of chain {batch.chain_id} hold a value that "
                f"the tables do not take ({str(error).splitlines()[0]}): update this program and its tables, "
                f"then run `manage.py indexer rewind --chain {batch.chain_id} --to-block "
                f"{batch.from_block - 1}`",
            ) from error
        except IntegrityError as error:
            raise ChainHaltedError(
                Chain.Halt.CONTRADICTION,
                f"blocks {batch.from_block} to {batch.to_block} of chain {batch.chain_id} contradict rows "
                f"that are stored ({str(error).splitlines()[0]}): run `manage.py indexer rewind --chain "
                f"{batch.chain_id} --to-block {batch.from_block - 1}`",
            ) from error
        if self._on_commit is not None:
            self._on_commit(Commit(batch.to_block, target, len(batch.logs), batch.head.timestamp))

    def _match(self, fetched: Fetched, head_hash: bytes, reread: Reread) -> tuple[Batch, Endpoint]:
        """The rows of a range, and who told them."""
        problem: Exception | None = None
        for _ in range(REREADS):
            if fetched.parent_hash != head_hash:
                raise ParentMismatchError(f"block {fetched.from_block} does not stand on the indexed head")
            try:
                return self._matcher.match(fetched), fetched.endpoint
            except SeqGapError as gap:
                problem = gap
                self._writer.drain()
                services.suspect(self._chain.chain_id, fetched.from_block, fetched.to_block, str(gap))
                self._repair_before(gap, fetched.from_block)
            except (BadReplyError, DecodeError) as error:
                problem = error
            logger.warning("chain %s: %s; reading again", self._chain.chain_id, problem)
            self._pool.distrust(fetched.endpoint, str(problem))
            fetched = reread(fetched.endpoint)
        raise StillInconsistentError(
            f"blocks {fetched.from_block} to {fetched.to_block} do not add up after {REREADS} readings "
            f"({problem}): {self._cure(problem)}; the range is tried again"
        )

    def _cure(self, problem: Exception | None) -> str:
        """A factory whose first event here is not its first has begun before its block in the registry."""
        if isinstance(problem, SeqGapError) and problem.expected == 1:
            tracked = self._tracker.contracts.get(problem.address)
            if tracked is not None and tracked.row_id is None:
                return (
                    f"the factory's `deployBlock` in the deployments file, {tracked.start_block}, is later "
                    "than the block that created it, or the nodes leave events out: correct it, or add "
                    "another RPC endpoint"
                )
        return "add another RPC endpoint"

    def _repair_before(self, gap: SeqGapError, from_block: int) -> None:
        """The missing event may lie in blocks that are indexed already, if its campaign is."""
        if gap.address not in self._tracker.contracts:
            return
        since = self._tracker.last_block_of(gap.address)
        if since < from_block:
            services.suspect(self._chain.chain_id, since, from_block - 1, str(gap))
            self._suspects_at = 0.0
            self._repair_suspects()

    def _repair_suspects(self) -> None:
        if time.monotonic() < self._suspects_at:
            return
        self._suspects_at = time.monotonic() + SUSPECTS_EVERY_SECONDS
        next_block = self._lease.read_cursor().next_block
        for suspect in open_suspects(self._chain.chain_id, next_block):
            try:
                repair(
                    suspect,
                    lease=self._lease,
                    source=self._source,
                    tracker=self._tracker,
                    events=self._events,
                    next_block=next_block,
                    keep_alive=self._lease.renew,
                )
                self._tokens.reload()
                # What was left out once may be left out again: the contracts know.
                self._auditor.owe()
                self._has_repaired = True
            except StillInconsistentError as error:
                # Old blocks that stay in doubt must not keep new ones out; the row stays open for all to see.
                logger.warning("chain %s: %s", self._chain.chain_id, error)
                self._suspects_at = time.monotonic() + HOPELESS_EVERY_SECONDS

    def _reorganise(self, cursor: Cursor) -> bool:
        ancestor = find_ancestor(cursor, self._source)
        with transaction.atomic():
            locked = self._lease.lock_cursor()
            reorg = services.record_reorg(locked, ancestor.number, ancestor.hash)
            wake_delivery()
        self._tracker.reload()
        logger.warning(
            "chain %s reorganised: %s blocks and %s events taken back to block %s",
            *(self._chain.chain_id, reorg.depth, reorg.logs_removed, ancestor.number),
        )
        return True

    def _audit(self, cursor: Cursor, view: View) -> None:
        head = cursor.next_block - 1
        if head != view.latest.number:
            return
        if self._auditor.step(head, cursor.head_hash or b"", cursor.audited_at, self._lease.renew):
            # Nodes that have just left it out again are given some time.
            pause = HOPELESS_EVERY_SECONDS if self._has_repaired else 0.0
            self._suspects_at = time.monotonic() + pause
        self._has_repaired = False
