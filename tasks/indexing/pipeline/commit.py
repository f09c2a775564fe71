"""One transaction per range: headers, logs, rows, totals, outbox and cursor land together or not at all."""

import time
from collections.abc import Iterable, Sequence
from typing import Any

from django.db import connection, transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone
from psycopg.types.json import Jsonb

from django_project.core.addresses import format_address
from django_project.core.copying import copy_rows
from django_project.ledger.events import row_columns
from django_project.ledger.models import (
    Block,
    CampaignTotals,
    Contract,
    FactoryEvent,
    Outbox,
    RawLog,
    SuspectRange,
)
from tasks.indexing.errors import LeaseLostError
from tasks.indexing.pipeline import running_totals
from tasks.indexing.pipeline.copying import copy_logs
from tasks.indexing.pipeline.events import to_time
from tasks.indexing.pipeline.lease import Lease
from tasks.indexing.pipeline.match import Batch, copy_columns
from tasks.indexing.pipeline.outbox import wake_delivery

BLOCK_COLUMNS = ("chain_id", "number", "hash", "parent_hash", "timestamp")
_CONTRACT_COLUMNS = ("chain_id", "address", "kind", "start_block", "created_block")
_TOTALS_COLUMNS = (
    "campaign_id",
    "last_seq",
    "raised",
    "refunded",
    "withdrawn",
    "fees",
    "fees_claimed",
    "contributions",
    "backers",
    "paused",
    "milestones",
    "milestones_released",
    "objections",
    "objection_limit",
)
_TOTALS_AT_LAUNCH = (0, 0, 0, 0, 0, 0, 0, 0, False, 0, 0, 0, 0)


def commit(lease: Lease, batch: Batch, *, node_head: int, finalized: int) -> None:
    """Write a batch that continues the index.

    Args:
        lease: held by this worker; its fence is proven in the transaction.
        batch: begins at the cursor's next block and stands on its head.
        node_head: the node's latest block.
        finalized: the highest block that is final on the chain, indexed or not.

    Raises:
        LeaseLostError: another worker took over, or moved the cursor.
        django.db.IntegrityError: a row is there already; nothing was written.
    """
    started = time.monotonic()
    with transaction.atomic():
        is_old = batch.to_block <= finalized
        if is_old:
            _do_not_wait_for_the_disk()
        cursor = lease.lock_cursor()
        if cursor.next_block != batch.from_block:
            raise LeaseLostError(
                f"block {batch.from_block} of chain {batch.chain_id} does not continue the index; "
                "nothing was written"
            )
        write_rows(batch)
        final = max(cursor.finalized_block, min(finalized, batch.to_block))
        _prune_headers(batch.chain_id, cursor.finalized_block, final)
        lease.write_cursor(
            next_block=batch.to_block + 1,
            head_hash=batch.head.hash,
            head_time=to_time(batch.head.timestamp),
            node_head=node_head,
            finalized_block=final,
            commit_blocks=batch.to_block - batch.from_block + 1,
            commit_seconds=time.monotonic() - started,
        )
        SuspectRange.objects.filter(
            chain_id=batch.chain_id,
            resolved_at=None,
            from_block__gte=batch.from_block,
            to_block__lte=batch.to_block,
        ).update(resolved_at=timezone.now())
        write_outbox(batch, at_once=not is_old)


def _do_not_wait_for_the_disk() -> None:
    """Let this transaction be on the disk a moment after its COMMIT is answered.

    A crash of the machine in that moment takes it back as a whole, cursor included, and final blocks read the
    same again. Nothing that was told of it outlives it: whatever commits later is on the disk after it.
    """
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL synchronous_commit = off")


def write_rows(batch: Batch) -> None:
    """Headers, logs, typed rows, contracts and totals of a batch."""
    chain_id = batch.chain_id
    copy_rows(
        Block,
        BLOCK_COLUMNS,
        ((chain_id, *header[:3], to_time(header.timestamp)) for header in batch.headers),
    )
    write_events(batch)


def write_events(batch: Batch) -> None:
    """As `write_rows`, for blocks whose headers are stored already or stored apart."""
    chain_id = batch.chain_id
    if not batch.logs:
        return
    copy_logs(chain_id, batch.logs)
    for model, rows in batch.rows.items():
        copy_rows(model, copy_columns(model, row_columns(model)), _storable(model, rows))
    if batch.launched:
        copy_rows(
            Contract,
            _CONTRACT_COLUMNS,
            (
                (chain_id, address, Contract.Kind.CAMPAIGN.value, block, block)
                for address, block in batch.launched_blocks.items()
            ),
        )
        copy_rows(
            CampaignTotals,
            _TOTALS_COLUMNS,
            ((row_id, *_TOTALS_AT_LAUNCH) for row_id in batch.launched.values()),
        )
    running_totals.apply(batch.totals)


def _storable(model: type[Any], rows: Sequence[tuple[Any, ...]]) -> Iterable[tuple[Any, ...]]:
    if model is not FactoryEvent:
        return rows
    return ((*row[:-1], Jsonb(row[-1])) for row in rows)


def _prune_headers(chain_id: int, old_final: int, new_final: int) -> None:
    """Below finality only headers of blocks with events are kept; the final block anchors the window."""
    if new_final <= old_final:
        return
    logs = RawLog.objects.filter(chain_id=chain_id, block_number=OuterRef("number"))
    Block.objects.filter(
        ~Exists(logs), chain_id=chain_id, number__gte=old_final, number__lt=new_final
    ).delete()


def write_outbox(batch: Batch, *, at_once: bool) -> None:
    """Write what other parts have to know to the outbox.

    `at_once` wakes its delivery when the commit is done; it comes round every few seconds anyway.
    """
    news = [
        ("campaigns_launched", batch.launched),
        ("contributions_changed", batch.contributed),
        ("updates_posted", batch.updated),
    ]
    messages = [
        Outbox(
            chain_id=batch.chain_id,
            topic=topic,
            payload={
                "from_block": batch.from_block,
                "to_block": batch.to_block,
                "campaigns": sorted(format_address(address) for address in addresses),
            },
        )
        for topic, addresses in news
        if addresses
    ]
    if messages:
        Outbox.objects.bulk_create(messages)
        if at_once:
            wake_delivery()
