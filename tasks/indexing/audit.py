"""Asks contracts how many events they emitted, which alone shows that a last one is missing.

Everything is asked once when a run has caught up, then a few contracts at a time, always at the indexed
head's hash, so no archive node is needed.
"""

import time
from collections.abc import Callable

from django_project.core.addresses import format_address, format_hash, selector
from django_project.ledger.services import suspect
from tasks.indexing.errors import CallRefusedError
from tasks.indexing.rpc import BATCH_LIMIT, Call, Pool
from tasks.indexing.tracking import Tracker
from tasks.indexing.wire import to_bytes

ROTATION_SECONDS = 5.0
_SEQ_CALL = selector("seq()")


class Auditor:
    """Goes round the known contracts of one chain."""

    def __init__(self, pool: Pool, tracker: Tracker) -> None:
        self._pool, self._tracker = pool, tracker
        self._queue: list[bytes] = list(tracker.contracts)
        self._next_at = 0.0

    def step(self, head: int, head_hash: bytes, keep_alive: Callable[[], None]) -> int:
        """Ask the next contracts, all that are left in the first round; returns how many fell behind.

        What fell behind is noted as suspect. A node that does not know the head any more is left to the
        next tick.
        """
        if time.monotonic() < self._next_at:
            return 0
        behind = 0
        is_first_round = self._next_at == 0.0
        while True:
            asked, self._queue = self._queue[:BATCH_LIMIT], self._queue[BATCH_LIMIT:]
            try:
                behind += self._compare(asked, head, head_hash)
            except CallRefusedError:
                self._queue = asked + self._queue
                break
            keep_alive()
            if not self._queue or not is_first_round:
                break
        self._queue = self._queue or list(self._tracker.contracts)
        self._next_at = time.monotonic() + ROTATION_SECONDS
        return behind

    def _compare(self, addresses: list[bytes], head: int, head_hash: bytes) -> int:
        block = {"blockHash": format_hash(head_hash)}
        calls = [
            Call("eth_call", ({"to": format_address(address), "data": _SEQ_CALL}, block))
            for address in addresses
        ]
        behind = 0
        for address, answer in zip(addresses, self._pool.batch(calls).results, strict=True):
            tracked = self._tracker.contracts.get(address)
            emitted = int.from_bytes(to_bytes(answer)[:32], "big")
            if tracked is not None and emitted > tracked.last_seq:
                behind += 1
                suspect(
                    self._tracker.chain_id,
                    self._tracker.last_block_of(address),
                    head,
                    f"{format_address(address)} has emitted {emitted} events, the index has "
                    f"{tracked.last_seq}",
                )
        return behind
