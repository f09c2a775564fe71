"""The loop around the tick: takes the lease, keeps following, outlives what passes by itself."""

import logging
import random
import time
from collections.abc import Callable
from contextlib import nullcontext
from datetime import timedelta

from django.db import InterfaceError, InternalError, OperationalError, connection

from django_project.ledger import services
from django_project.ledger.models import Chain, Cursor
from tasks.indexing.endpoint_notes import EndpointNotes
from tasks.indexing.errors import (
    ChainHaltedError,
    ChainRetiredError,
    RpcError,
    StillInconsistentError,
)
from tasks.indexing.follow import Commit, Follower
from tasks.indexing.heads import Heads
from tasks.indexing.lease import Lease
from tasks.indexing.memory import return_large_buffers
from tasks.indexing.registry import Registry, attach, load_events
from tasks.indexing.rpc import Pool

logger = logging.getLogger(__name__)

FIRST_PAUSE_SECONDS = 0.2
LONGEST_PAUSE_SECONDS = 10.0
# The database went away, or ended a transaction that stood still for too long.
DATABASE_AWAY = (InterfaceError, InternalError, OperationalError)

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
        self._stop, self._wait, self._on_commit = stop, wait, on_commit
        self._pause = 0.0
        self._notes = EndpointNotes(registry.chain_id, pool)

    def run(self) -> None:
        """Attach to the chain, take the lease and follow.

        Raises:
            ChainRetiredError: nobody is to follow it any more.
            ConfigurationError: registry, ABI or node are not what they have to be.
            ChainHaltedError: the chain waits for an operator; its row says why.
            LeaseHeldError: another worker indexes the chain.
            LeaseLostError: another worker took over.
            RpcError, StillInconsistentError: only with `once`.
        """
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
            with Heads(self._pool.urls) if not self._once else nullcontext() as heads:
                self._follow(follower, heads)
        except ChainHaltedError as error:
            services.halt(chain.chain_id, error.code, str(error))
            raise
        finally:
            self._leave(lease)

    def _attach(self) -> Chain:
        """A halt for being on another chain ends by itself once the node is the right one again."""
        chain_id = self._registry.chain_id
        try:
            chain = attach(self._registry, self._pool)
        except ChainHaltedError as error:
            services.halt_unless_followed(chain_id, error.code, str(error))
            raise
        self._notes.write()
        if chain.halt_code == Chain.Halt.IDENTITY:
            services.resume(chain_id)
            chain.refresh_from_db()
        if chain.state == Chain.State.HALTED:
            raise ChainHaltedError(Chain.Halt(chain.halt_code), chain.halt_reason)
        return chain

    def _follow(self, follower: Follower, heads: Heads | None) -> None:
        while not self._is_time_over():
            try:
                self._notes.write_when_due()
                if self._until_block is not None and follower.is_done():
                    return
                advanced = follower.tick()
            except (RpcError, StillInconsistentError) as error:
                if self._once:
                    raise
                self._back_off(error)
                continue
            except DATABASE_AWAY as error:
                self._back_off(error)
                connection.close()
                self._reload(follower)
                continue
            self._pause = 0.0
            if heads is None:
                if not advanced:
                    return
            elif advanced:
                heads.advanced()
            else:
                heads.wait()

    def _leave(self, lease: Lease) -> None:
        try:
            lease.release()
            self._notes.write()
        except DATABASE_AWAY as error:
            logger.warning("the lease could not be given back, it ends by itself: %s", error)

    def _is_time_over(self) -> bool:
        return self._stop() or (self._deadline is not None and time.monotonic() >= self._deadline)

    def _back_off(self, error: Exception) -> None:
        """Pause longer each time, saying why once per series of failures."""
        if self._pause == 0.0:
            logger.warning("chain %s: %s", self._registry.chain_id, error)
        self._pause = min(LONGEST_PAUSE_SECONDS, max(FIRST_PAUSE_SECONDS, self._pause * 2))
        self._wait(self._pause * random.uniform(0.5, 1.0))  # noqa: S311  # spreads workers, hides nothing

    def _reload(self, follower: Follower) -> None:
        try:
            follower.reload()
        except DATABASE_AWAY as error:
            logger.debug("the database is still away: %s", error)


def _require_followed(chain_id: int) -> None:
    if Chain.objects.filter(pk=chain_id, state=Chain.State.RETIRED).exists():
        raise ChainRetiredError(
            f"chain {chain_id} is retired: run `manage.py indexer reinstate-chain --chain {chain_id}` to "
            "follow it again"
        )


def has_reached(chain_id: int, block: int) -> bool:
    """Whether somebody has indexed the block."""
    return Cursor.objects.filter(chain_id=chain_id, next_block__gt=block).exists()
