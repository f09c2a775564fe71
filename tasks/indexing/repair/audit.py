"""Asks contracts how many events they emitted, which alone shows that a last one is missing.

Everything is asked once when blocks below finality were read, and every ten minutes; contracts that had new
events, within the minute. Always at the indexed head, so no archive node is needed, and hundreds in one call.
"""

import logging
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from django_project.core.addresses import format_address, selector
from django_project.ledger.services import record_audit, suspect
from tasks.indexing.errors import CallRefusedError, CannotTellError, NoEndpointError
from tasks.indexing.node.abilities import LARGEST_BATCH, Ability
from tasks.indexing.node.calls import At, Call, contract_call, header_call
from tasks.indexing.node.many import MOST_ADDRESSES, NO_ANSWER, numbers_call
from tasks.indexing.node.rpc import Pool
from tasks.indexing.pipeline.tracking import Tracker

logger = logging.getLogger(__name__)

EVERY = timedelta(minutes=10)
TOUCHED_EVERY_SECONDS = 60.0
_SEQ = selector("seq()")
_WORD = 32


class Auditor:
    """Holds the known contracts of one chain to their own count."""

    def __init__(self, pool: Pool, tracker: Tracker) -> None:
        self._pool, self._tracker = pool, tracker
        self._is_owed = False
        self._touched: set[bytes] = set()
        self._next_touched_at = 0.0
        self._has_told = False

    def owe(self) -> None:
        """Ask everything at the next occasion: blocks were read that nothing else holds to account."""
        self._is_owed = True

    def note(self, addresses: Collection[bytes]) -> None:
        """Contracts of which new events were indexed."""
        self._touched.update(addresses)

    def step(
        self, head: int, head_hash: bytes, audited_at: datetime | None, keep_alive: Callable[[], None]
    ) -> int:
        """Ask whoever is due at the indexed head; returns how many fell behind, which are suspect now.

        A node that does not know the head any more is left to the next tick.
        """
        is_due = self._is_owed or audited_at is None or timezone.now() - audited_at >= EVERY
        now = time.monotonic()
        if not is_due and (not self._touched or now < self._next_touched_at):
            return 0
        asked = list(self._tracker.contracts) if is_due else sorted(self._touched)
        try:
            behind = sum(
                self._compare(part, head, head_hash, keep_alive) for part in _parts(asked, MOST_ADDRESSES)
            )
        except (CallRefusedError, CannotTellError):
            return 0
        if is_due:
            record_audit(self._tracker.chain_id)
        self._is_owed, self._touched = False, set()
        self._next_touched_at = now + TOUCHED_EVERY_SECONDS
        return behind

    def _compare(
        self, addresses: Sequence[bytes], head: int, head_hash: bytes, keep_alive: Callable[[], None]
    ) -> int:
        behind = 0
        for address, emitted in zip(addresses, self._seqs(addresses, head, head_hash), strict=True):
            tracked = self._tracker.contracts.get(address)
            if tracked is not None and tracked.last_seq < emitted < NO_ANSWER:
                behind += 1
                suspect(
                    self._tracker.chain_id,
                    self._tracker.last_block_of(address),
                    head,
                    f"{format_address(address)} has emitted {emitted} events, the index has "
                    f"{tracked.last_seq}",
                )
        keep_alive()
        return behind

    def _seqs(self, addresses: Sequence[bytes], head: int, head_hash: bytes) -> list[int]:
        at = At(head, head_hash, by_hash=self._pool.can(Ability.STATE_BY_HASH))
        try:
            return self._seqs_at(addresses, at)
        except CallRefusedError:
            if not at.by_hash or self._pool.can(Ability.STATE_BY_HASH):
                raise
        return self._seqs_at(addresses, at._replace(by_hash=False))

    def _seqs_at(self, addresses: Sequence[bytes], at: At) -> list[int]:
        """In one call where nodes take such; else one call each."""
        if self._pool.can(Ability.MANY_IN_ONE):
            try:
                return list(self._ask([numbers_call(addresses, _SEQ, at)], at)[0])
            except CallRefusedError as error:
                logger.debug("many contracts are not asked in one call: %s", error)
            except NoEndpointError as error:
                for each in self._pool.endpoints:
                    self._pool.refuse(each, Ability.MANY_IN_ONE, str(error))
        seqs: list[int] = []
        for part in _parts(addresses, LARGEST_BATCH):
            answers = self._ask([contract_call(address, _SEQ, at) for address in part], at)
            seqs += [int.from_bytes(answer[:_WORD], "big") for answer in answers]
        return seqs

    def _ask(self, calls: Sequence[Call], at: At) -> list[Any]:
        """The answers at the block; of nodes that know it by its number alone only while it is still ours."""
        if at.by_hash:
            return self._pool.batch(calls).results
        if not self._has_told:
            self._has_told = True
            logger.warning(
                "chain %s: no endpoint answers calls at a block hash (EIP-1898): contracts are asked at the "
                "head's number, and held to its hash by the header that comes with it",
                self._tracker.chain_id,
            )
        *answers, header = self._pool.batch([*calls, header_call(at.number)]).results
        if header is None or header.hash != at.hash:
            raise CannotTellError(f"block {at.number} is not the indexed one any more")
        return answers


def _parts(addresses: Sequence[bytes], size: int) -> Iterator[Sequence[bytes]]:
    return (addresses[start : start + size] for start in range(0, len(addresses), size))
