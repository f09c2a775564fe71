"""When our head is not on the chain any more: find where the histories part, then take the rest back.

A node that is merely behind is no reorganisation: its tip is one of our blocks. Nothing below finality is
ever taken back without an operator.
"""

import logging
from dataclasses import dataclass

from django_project.ledger.models import Block, Chain, Cursor
from tasks.indexing.errors import ChainHaltedError
from tasks.indexing.fetch import Source
from tasks.indexing.rpc import Endpoint
from tasks.indexing.wire import Header

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Ancestor:
    """The highest block that both histories share."""

    number: int
    hash: bytes


def is_merely_behind(cursor: Cursor, latest: Header, source: Source) -> bool:
    """Whether a node whose tip is at or below our head is on our history."""
    if latest.number == cursor.next_block - 1:
        return latest.hash == bytes(cursor.head_hash or b"")
    known = (
        Block.objects.filter(chain_id=cursor.chain_id, number__lte=latest.number).order_by("-number").first()
    )
    if known is None:
        return True
    if known.number == latest.number:
        return bytes(known.hash) == latest.hash
    theirs = source.header(known.number)
    return theirs is None or theirs.hash == bytes(known.hash)


def find_ancestor(cursor: Cursor, source: Source) -> Ancestor | None:
    """The common ancestor by two readings that agree, or None when the node takes its claim back.

    Raises:
        ChainHaltedError: the histories part below finality.
    """
    window = list(
        Block.objects.filter(chain_id=cursor.chain_id, number__gte=cursor.finalized_block)
        .order_by("-number")
        .values_list("number", "hash")
    )
    first, endpoint = _shared(window, source, avoid=None)
    second, _ = _shared(window, source, avoid=endpoint)
    if first != second:
        logger.warning("chain %s: two readings of the window differ, nothing was taken back", cursor.chain_id)
        return None
    if first is None:
        raise ChainHaltedError(
            Chain.Halt.DEEP_REORG,
            f"chain {cursor.chain_id} changed at or below its final block {cursor.finalized_block}, which "
            "was to stay: make sure that the nodes are on the right chain, then run `manage.py indexer "
            f"rewind --chain {cursor.chain_id} --to-block N` with a block N that both histories share, or "
            f"`manage.py indexer reset-chain --chain {cursor.chain_id}` to index it anew",
        )
    return first if first.number < cursor.next_block - 1 else None


def _shared(
    window: list[tuple[int, bytes]], source: Source, avoid: Endpoint | None
) -> tuple[Ancestor | None, Endpoint]:
    hashes, endpoint = source.header_hashes([number for number, _ in window], avoid)
    for (number, ours), theirs in zip(window, hashes, strict=True):
        if ours == theirs:
            return Ancestor(number, ours), endpoint
    return None, endpoint
