"""The loop around the tick: takes the lease, keeps following, outlives what passes by itself."""

import logging
import time
from collections.abc import Callable
from contextlib import nullcontext
from datetime import timedelta

from django.db import Error, connection

from django_project.ledger import services
from django_project.ledger.models import Chain, Cursor
from tasks.indexing.errors import (
    ChainHaltedError,
    ChainRetiredError,
    DatabaseRefusalError,
    RpcError,
    StillInconsistentError,
    WrongChainError,
)
from tasks.indexing.node.endpoint_notes import EndpointNotes
from tasks.indexing.node.heads import Heads, recent_times
from tasks.indexing.node.rpc import Pool
from tasks.indexing.operating.database import CONTRADICTIONS, in_words
from tasks.indexing.operating.follow import Commit, Follower
from tasks.indexing.operating.registry import Registry, attach, load_events
from tasks.indexing.operating.standstill import Standstill, record_unfollowed
from tasks.indexing.pipeline.lease import Lease
from tasks.indexing.pipeline.memory import return_large_buffers

logger = logging.getLogger(__name__)

# For how long all endpoints may be on another chain before a person is asked: URLs are moved, and moved back.
IDENTITY_PATIENCE_SECONDS = 30.0

Stop = Callable[[], bool]
Wait = Callable[[float], object]


def _never() -> bool:
    return False


class Runner:
    """Follows one chain until told to stop.

    Args:
        registry: what to index.
        pool: the nodes to ask.
        until_block: end once this block is indexed.
        run_for: give the lease back after this long.
        once: end as soon as the node has nothing new; errors are raised instead of waited out.
        fan_out: how many ranges of a long backfill are asked of other workers at a time; 0 to fetch alone.
        stop: asked between steps; True ends the run cleanly.
        on_commit: told of every commit.
    """

    def __init__(
        self,
        registry: Registry,
        pool: Pool,
        *,
        until_block: int | None = None,
        run_for: timedelta | None = None,
        once: bool = False,
        fan_out: int = 0,
        stop: Stop = _never,
        wait: Wait = time.sleep,
        on_commit: Callable[[Commit], None] | None = None,
    ) -> None:
        self._registry, self._pool = registry, pool
        self._until_block, self._once, self._fan_out = until_block, once, fan_out
        self._deadline = None if run_for is None else time.monotonic() + run_for.total_seconds()
        self._stop, self._on_commit = stop, on_commit
        self._standstill = Standstill(registry.chain_id, wait, self._is_time_over)
        self._notes = EndpointNotes(registry.chain_id, pool)

    def run(self) -> None:
        """Attach to the chain, take the lease and follow.

        Raises:
            ChainRetiredError: nobody is to follow it any more.
            ConfigurationError: registry, ABI or node are not what they have to be.
            ChainHaltedError: the chain waits for an operator; its row says why.
            LeaseHeldError: another worker indexes the chain.
            LeaseLostError: another worker took over.
            RpcError: no endpoint answers at the start, or with `once`.
            DatabaseRefusalError, StillInconsistentError: only with `once`; the former at the start too.
        """
        try:
            self._run()
        except CONTRADICTIONS as error:
            reason = (
                f"{in_words(error)}; what is stored contradicts what is to be: run `manage.py indexer verify`"
            )
            services.halt(self._registry.chain_id, Chain.Halt.CONTRADICTION, reason)
            raise ChainHaltedError(Chain.Halt.CONTRADICTION, reason) from error
        except Error as error:
            connection.close()
            raise DatabaseRefusalError(in_words(error)) from error

    def _run(self) -> None:
        return_large_buffers()
        _require_followed(self._registry.chain_id)
        events = load_events(self._registry)
        chain = self._attach()
        lease = Lease(chain.chain_id)
        lease.acquire()
        try:
            follower = Follower(
                chain,
                lease,
                self._pool,
                events,
                until_block=self._until_block,
                fan_out=self._fan_out,
                on_commit=self._on_commit,
            )
            if self._once:
                follower.owe_audit()
            heads_or_none = (
                nullcontext() if self._once else Heads(self._pool.urls, recent_times(chain.chain_id))
            )
            with heads_or_none as heads:
                self._follow(follower, lease, heads)
        except ChainHaltedError as error:
            services.halt(chain.chain_id, error.code, str(error))
            raise
        finally:
            self._leave(lease)

    def _attach(self) -> Chain:
        """A halt for being on another chain ends by itself once the node is the right one again."""
        chain_id = self._registry.chain_id
        self._notes.restore()
        try:
            chain = attach(self._registry, self._pool)
        except ChainHaltedError as error:
            services.halt_unless_followed(chain_id, error.code, str(error))
            raise
        except RpcError as error:
            self._notes.write()
            record_unfollowed(chain_id, error)
            raise
        self._notes.write()
        if chain.halt_code == Chain.Halt.IDENTITY:
            services.resume(chain_id)
            chain.refresh_from_db()
        if chain.state == Chain.State.HALTED:
            raise ChainHaltedError(Chain.Halt(chain.halt_code), chain.halt_reason)
        return chain

    def _follow(self, follower: Follower, lease: Lease, heads: Heads | None) -> None:
        while not self._is_time_over():
            try:
                self._notes.write_when_due()
                advanced = follower.tick()
                self._standstill.end(lease)
                if self._until_block is not None and follower.is_done():
                    return
                may_rest = not advanced or follower.is_level
            except CONTRADICTIONS:
                raise
            except (RpcError, StillInconsistentError, Error) as error:
                self._endure(error, follower, lease)
                continue
            if heads is not None:
                _await_next(heads, follower, advanced=advanced, may_rest=may_rest)
            elif not advanced:
                return

    def _endure(self, error: Exception, follower: Follower, lease: Lease) -> None:
        """Wait out what passes; raises the error itself with `once`.

        Raises:
            ChainHaltedError: the endpoints have been on another chain for a while.
        """
        is_elsewhere = isinstance(error, WrongChainError)
        if is_elsewhere and (self._once or self._standstill.seconds > IDENTITY_PATIENCE_SECONDS):
            raise ChainHaltedError(Chain.Halt.IDENTITY, str(error)) from error
        if isinstance(error, Error):
            connection.close()
        if self._once:
            raise error
        self._standstill.endure(error, lease, None if is_elsewhere else follower.node_head)
        if isinstance(error, Error):
            self._reload(follower)

    def _leave(self, lease: Lease) -> None:
        try:
            lease.release()
            self._notes.write()
        except Error as error:
            logger.warning("the lease could not be given back, it ends by itself: %s", error)

    def _is_time_over(self) -> bool:
        return self._stop() or (self._deadline is not None and time.monotonic() >= self._deadline)

    def _reload(self, follower: Follower) -> None:
        try:
            follower.reload()
        except Error as error:
            connection.close()
            logger.debug("the database still refuses: %s", error)


def _await_next(heads: Heads, follower: Follower, *, advanced: bool, may_rest: bool) -> None:
    if advanced:
        heads.advanced(follower.head_time)
    if may_rest:
        heads.wait()


def _require_followed(chain_id: int) -> None:
    if Chain.objects.filter(pk=chain_id, state=Chain.State.RETIRED).exists():
        raise ChainRetiredError(
            f"chain {chain_id} is retired: run `manage.py indexer reinstate-chain --chain {chain_id}` to "
            "follow it again"
        )


def has_reached(chain_id: int, block: int) -> bool:
    """Whether somebody has indexed the block."""
    return Cursor.objects.filter(chain_id=chain_id, next_block__gt=block).exists()
