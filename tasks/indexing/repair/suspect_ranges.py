"""Suspect blocks that are indexed already: read them again and put in what was missing.

Rows that are there stay as they are. A node that tells the same block differently lies, for a block's hash
stands for all that is in it; another block in its place, by two readings that agree, is a contradiction, and
the chain halts. Nothing is resolved before the touched campaigns' running numbers are complete.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import replace

from django.db import transaction
from django.utils import timezone

from django_project.core.addresses import format_address
from django_project.core.copying import copy_rows
from django_project.ledger.invariants import campaigns_with_gaps
from django_project.ledger.models import Block, Chain, RawLog, SuspectRange
from django_project.ledger.selectors import finalized_block
from django_project.ledger.totals import recompute_totals
from tasks.indexing.errors import ChainHaltedError, ParentMismatchError, StillInconsistentError
from tasks.indexing.pipeline.backfill import Span, Threads, cold_ranges
from tasks.indexing.pipeline.commit import BLOCK_COLUMNS, write_events, write_outbox
from tasks.indexing.pipeline.events import Event, to_time
from tasks.indexing.pipeline.fetch import Fetched, Source
from tasks.indexing.pipeline.lease import Lease
from tasks.indexing.pipeline.match import Matcher
from tasks.indexing.pipeline.tracking import Tracker

logger = logging.getLogger(__name__)


def open_suspects(chain_id: int, below: int) -> list[SuspectRange]:
    """Suspect ranges that reach into the index, which ends before block `below`."""
    return list(
        SuspectRange.objects.filter(chain_id=chain_id, resolved_at=None, from_block__lt=below).order_by(
            "from_block"
        )
    )


def repair(
    suspect: SuspectRange,
    *,
    lease: Lease,
    source: Source,
    tracker: Tracker,
    events: Mapping[bytes, Event],
    next_block: int,
    keep_alive: Callable[[], None],
) -> int:
    """Read the range again and insert what was missing; returns how many logs that were.

    Raises:
        StillInconsistentError: the nodes leave the same events out again; the range stays suspect.
        ChainHaltedError: the node contradicts a stored log.
    """
    touched: set[int] = set()
    inserted = 0
    last = min(suspect.to_block, next_block - 1)
    for fetched in cold_ranges(Threads(source), suspect.from_block, last, Span(), keep_alive):
        missing = _without_known(suspect.chain_id, fetched, source)
        if missing.logs:
            batch = Matcher(tracker, events, in_sequence=False).match(missing)
            with transaction.atomic():
                lease.lock_cursor()
                _store_headers(suspect.chain_id, missing, source)
                # Running updates assume order; these rows come late, so totals are computed again instead.
                write_events(replace(batch, totals={}))
                recompute_totals(set(batch.totals) | set(batch.launched.values()))
                write_outbox(batch, at_once=True)
            touched |= set(batch.totals) | set(batch.launched.values())
            inserted += len(batch.logs)
            tracker.reload()
    _require_complete(suspect, touched)
    SuspectRange.objects.filter(pk=suspect.pk).update(resolved_at=timezone.now())
    logger.warning(
        "chain %s: blocks %s to %s were read again, %s logs had been missing",
        *(suspect.chain_id, suspect.from_block, last, inserted),
    )
    return inserted


def _without_known(chain_id: int, fetched: Fetched, source: Source) -> Fetched:
    """The fetched logs that are not stored; raises when a stored one is told differently or not at all."""
    stored = {
        (row.block_number, row.log_index): row
        for row in RawLog.objects.filter(
            chain_id=chain_id, block_number__range=(fetched.from_block, fetched.to_block)
        )
    }
    missing = []
    for log in fetched.logs:
        row = stored.pop((log.block_number, log.log_index), None)
        if row is None:
            missing.append(log)
        elif (row.block_hash, row.tx_hash, row.address, bytes(row.topics), bytes(row.data)) != log[2:]:
            raise _dispute(chain_id, row.block_number, row.block_hash, fetched, source)
    if stored:
        row = stored[min(stored)]
        raise _dispute(chain_id, row.block_number, row.block_hash, fetched, source)
    return replace(fetched, logs=missing)


def _dispute(
    chain_id: int, block: int, block_hash: bytes, fetched: Fetched, source: Source
) -> ChainHaltedError | ParentMismatchError | StillInconsistentError:
    """What it means that a node told a block differently from what is stored."""
    source.pool.doubt_identities()
    (first,), endpoint = source.header_hashes(chain_id, [block])
    (second,), _ = source.header_hashes(chain_id, [block], avoid=endpoint)
    if first is not None and first == second != block_hash:
        return _contradiction(chain_id, block)
    problem = f"{fetched.endpoint.name} leaves out or alters what is in block {block} of chain {chain_id}"
    source.pool.distrust(fetched.endpoint, problem)
    return StillInconsistentError(f"{problem}: add another RPC endpoint; the range is tried again")


def _contradiction(chain_id: int, block: int) -> ChainHaltedError | ParentMismatchError:
    """Inside the window it is a reorganisation for the next tick; below finality only a person can decide."""
    if block > finalized_block(chain_id):
        return ParentMismatchError(f"block {block} is not the one that was indexed")
    return ChainHaltedError(
        Chain.Halt.CONTRADICTION,
        f"the node tells block {block} of chain {chain_id} differently from what was indexed: compare it "
        f"with another node, then run `manage.py indexer rewind --chain {chain_id} --to-block {block - 1}`",
    )


def _store_headers(chain_id: int, missing: Fetched, source: Source) -> None:
    wanted = {log.block_number: missing.headers[log.block_number] for log in missing.logs}
    known = dict(Block.objects.filter(chain_id=chain_id, number__in=wanted).values_list("number", "hash"))
    for number, digest in known.items():
        if wanted.pop(number).hash != digest:
            raise _dispute(chain_id, number, digest, missing, source)
    copy_rows(
        Block,
        BLOCK_COLUMNS,
        ((chain_id, *header[:3], to_time(header.timestamp)) for header in wanted.values()),
    )


def _require_complete(suspect: SuspectRange, touched: set[int]) -> None:
    incomplete = campaigns_with_gaps(suspect.chain_id, touched)
    if incomplete:
        names = ", ".join(format_address(address) for address in incomplete[:3])
        raise StillInconsistentError(
            f"events of {names} are still missing after blocks {suspect.from_block} to {suspect.to_block} "
            "were read again: add another RPC endpoint; the range is tried again"
        )
