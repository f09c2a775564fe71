"""Runs the indexer in the test's own process, and takes pictures of the ledger to compare."""

from collections.abc import Sequence
from typing import Any

from django_project.ledger.events import EVENT_MODELS, row_columns
from django_project.ledger.models import (
    Block,
    CampaignLaunched,
    CampaignTotals,
    Chain,
    Contract,
    Cursor,
    RawLog,
    SuspectRange,
)
from django_project.ledger.services import forget_chain
from tasks.indexing.errors import RpcError, StillInconsistentError
from tasks.indexing.node.rpc import Pool
from tasks.indexing.operating.registry import read_registry
from tasks.indexing.operating.runner import Runner
from tests.support.contracts import Suite

PASSES = 40

Picture = dict[str, list[tuple[Any, ...]]]


def index_once(suite: Suite, *urls: str, until_block: int | None = None) -> None:
    """Follow the chain until the node has nothing new."""
    with Pool(urls or (suite.url,)) as pool:
        Runner(read_registry(suite.registry), pool, once=True, until_block=until_block).run()


def index_through(suite: Suite, *urls: str) -> None:
    """Keep indexing until two looks in a row found nothing to do."""
    before = None
    for _ in range(PASSES):
        try:
            index_once(suite, *urls)
        except (RpcError, StillInconsistentError):
            continue
        after = picture(suite.chain_id)
        if after == before and not SuspectRange.objects.filter(resolved_at=None).exists():
            return
        before = after


def picture(chain_id: int) -> Picture:
    """Every row of the index in chain order; row ids, which differ between two runs, as addresses."""
    of_chain = {"chain_id": chain_id}
    names = dict(_launched_addresses(chain_id))
    taken: Picture = {
        "logs": sorted(
            tuple(bytes(value) if isinstance(value, memoryview) else value for value in row)
            for row in RawLog.objects.filter(**of_chain).values_list(
                "block_number", "log_index", "block_hash", "tx_hash", "address", "topics", "data"
            )
        ),
        "contracts": sorted(
            Contract.objects.filter(**of_chain).values_list("address", "kind", "start_block", "created_block")
        ),
        "totals": sorted(
            (names[row[0]], *row[1:])
            for row in CampaignTotals.objects.filter(campaign__chain_id=chain_id).values_list()
        ),
        "cursor": list(Cursor.objects.filter(**of_chain).values_list("next_block", "head_hash")),
        "window": sorted(
            Block.objects.filter(
                chain_id=chain_id, number__gte=Cursor.objects.get(**of_chain).finalized_block
            ).values_list("number", "hash", "parent_hash", "timestamp")
        ),
    }
    for model in EVENT_MODELS:
        columns = row_columns(model)
        rows = model._default_manager.filter(**of_chain).order_by("block_number", "log_index")
        taken[model.__name__] = [_named(columns, row, names) for row in rows.values_list(*columns)]
    return taken


def _launched_addresses(chain_id: int) -> Sequence[tuple[int, bytes]]:
    return list(CampaignLaunched.objects.filter(chain_id=chain_id).values_list("id", "address"))


def _named(columns: Sequence[str], row: Sequence[Any], names: dict[int, bytes]) -> tuple[Any, ...]:
    return tuple(
        names[value] if column == "campaign_id" else repr(value) if isinstance(value, dict) else value
        for column, value in zip(columns, row, strict=True)
    )


def fresh_picture(suite: Suite) -> Picture:
    """The oracle: forget the chain, index it anew straight from the node, and look."""
    if Chain.objects.filter(pk=suite.chain_id).exists():
        forget_chain(suite.chain_id)
    index_once(suite)
    return picture(suite.chain_id)
