"""Who may write a chain: a lease on its cursor, taken by compare-and-set, and a fence in every commit.

The lease is short and renewed while its holder lives, so that a killed worker delays nobody for long. The
fence is what protects the tables: it grows with every lease, each commit names the one it was given, and a
worker that was paused past its lease is refused whatever it believes. Time is the database's.
"""

import os
import socket
import time
from datetime import datetime, timedelta

from django.db import connection, transaction
from django.db.models import F, Q
from django.db.models.functions import Coalesce, Now

from django_project.ledger.clocks import offset_of
from django_project.ledger.models import Cursor
from django_project.ledger.selectors import LEASE, lease_is_held
from tasks.indexing.errors import LeaseHeldError, LeaseLostError

RENEWAL = timedelta(seconds=2)
# PostgreSQL ends the transaction of a worker that stopped in its middle, and with it the worker's locks.
STALLED_TRANSACTION = timedelta(seconds=20)


def owner_name() -> str:
    return f"{socket.gethostname()}:{os.getpid()}"


def is_held(chain_id: int) -> bool:
    """Whether a worker that lives indexes the chain: a look, no promise."""
    return Cursor.objects.filter(lease_is_held(), chain_id=chain_id).exists()


class Lease:
    """The right to write one chain."""

    def __init__(self, chain_id: int, owner: str | None = None) -> None:
        self.chain_id = chain_id
        self.owner = owner or owner_name()
        self.fence = 0
        self._renew_at = 0.0

    def acquire(self) -> None:
        """Take the lease and a new fence; raises LeaseHeldError while another worker lives."""
        with transaction.atomic():
            free = Cursor.objects.select_for_update(skip_locked=True).filter(
                ~lease_is_held(), chain_id=self.chain_id
            )
            self._take(free.first())

    def seize(self) -> None:
        """Take the lease from whoever holds it, as operators may: the fence turns that worker away."""
        with transaction.atomic():
            self._take(Cursor.objects.select_for_update().filter(chain_id=self.chain_id).first())

    def renew(self, *, node_head: int | None = None) -> None:
        """Prolong the lease when a part of it has passed; `node_head` notes that the node just answered.

        Raises:
            LeaseLostError: it ran out and another worker took over.
        """
        if time.monotonic() < self._renew_at:
            return
        heard = {} if node_head is None else {"node_head": node_head, "updated_at": Now()}
        self._write(lease_until=Now() + LEASE, **heard)

    def record_problem(self, problem: str, node_head: int | None) -> None:
        """Say why the index does not move, and prolong the lease; since when stays as it was.

        Raises:
            LeaseLostError: another worker took over.
        """
        heard = {} if node_head is None else {"node_head": node_head}
        since = Coalesce(F("problem_since"), Now())
        self._write(problem=problem, problem_since=since, lease_until=Now() + LEASE, **heard)

    def clear_problem(self) -> None:
        """Say that nothing is in the way; raises LeaseLostError when another worker took over."""
        self._write(problem="", problem_since=None, lease_until=Now() + LEASE)

    def read_cursor(self) -> Cursor:
        """The cursor as it is; raises LeaseLostError when another worker took over."""
        held = Cursor.objects.filter(self._mine).first()
        if held is None:
            raise self._lost()
        return held

    def lock_cursor(self) -> Cursor:
        """Begin a commit: prove the fence and lock the cursor's row until the transaction ends.

        Raises:
            LeaseLostError: the fence is not ours any more.
            TransactionManagementError: called outside of a transaction.
        """
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT set_config('idle_in_transaction_session_timeout', %s, true)",
                [f"{STALLED_TRANSACTION.total_seconds():.0f}s"],
            )
        held = Cursor.objects.select_for_update().filter(self._mine).first()
        if held is None:
            raise self._lost()
        return held

    def write_cursor(
        self,
        *,
        next_block: int,
        head_hash: bytes,
        head_time: datetime,
        node_head: int,
        finalized_block: int,
        commit_blocks: int,
        commit_seconds: float,
    ) -> None:
        """End a commit: move the cursor and prolong the lease, in the transaction of `lock_cursor`.

        A head that is the node's own tells how the chain's clock goes.
        """
        is_level = next_block > node_head
        self._write(
            next_block=next_block,
            head_hash=head_hash,
            node_head=node_head,
            finalized_block=finalized_block,
            commit_blocks=commit_blocks,
            commit_seconds=commit_seconds,
            updated_at=Now(),
            moved_at=Now(),
            lease_until=Now() + LEASE,
            **({"clock_offset": offset_of(head_time)} if is_level else {}),
        )

    def release(self) -> None:
        """Let the next worker begin at once; does nothing when another one already has."""
        Cursor.objects.filter(self._mine).update(lease_until=None, lease_owner="")

    def _take(self, cursor: Cursor | None) -> None:
        if cursor is None:
            raise LeaseHeldError(f"another worker indexes chain {self.chain_id}")
        self.fence = cursor.fence + 1
        self._write_where(
            Q(chain_id=self.chain_id),
            fence=self.fence,
            lease_owner=self.owner,
            lease_until=Now() + LEASE,
        )

    @property
    def _mine(self) -> Q:
        return Q(chain_id=self.chain_id, fence=self.fence)

    def _write(self, **values: object) -> None:
        self._write_where(self._mine, **values)

    def _write_where(self, condition: Q, **values: object) -> None:
        if Cursor.objects.filter(condition).update(**values) != 1:
            raise self._lost()
        self._renew_at = time.monotonic() + RENEWAL.total_seconds()

    def _lost(self) -> LeaseLostError:
        return LeaseLostError(f"another worker took over chain {self.chain_id}; nothing was written")
