"""When our head is not on the chain any more: find where the histories part, then take the rest back.

A node that is merely behind is no reorganisation: its tip is one of our blocks. Neither is a node that has
nothing to show, nor one that is on another chain. Nothing below finality is ever taken back without an
operator.
"""

from dataclasses import dataclass

from django_project.ledger.models import Block, Chain, Cursor
from tasks.indexing.errors import CannotTellError, ChainHaltedError
from tasks.indexing.node.codec import Header
from tasks.indexing.node.endpoint import Endpoint
from tasks.indexing.pipeline.fetch import Source

# Blocks of the window that are asked for at a time, from its top: most reorganisations are shallow.
STEP = 20


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


def find_ancestor(cursor: Cursor, source: Source) -> Ancestor:
    """The common ancestor, by two readings that agree.

    Every node is asked first whether it is on the right chain. A block that it does not have says nothing:
    only another block in the place of one of ours is a reorganisation.

    Raises:
        CannotTellError: the nodes do not have the blocks that would tell, or do not agree.
        ChainHaltedError: the histories part below finality.
    """
    source.pool.doubt_identities()
    window = list(
        Block.objects.filter(chain_id=cursor.chain_id, number__gte=cursor.finalized_block)
        .order_by("-number")
        .values_list("number", "hash")
    )
    first, endpoint = _shared(cursor.chain_id, window, source, avoid=None)
    second, _ = _shared(cursor.chain_id, window, source, avoid=endpoint)
    if first != second:
        raise CannotTellError(
            f"two readings of the blocks above the final one of chain {cursor.chain_id} differ: nothing was "
            "taken back, and the nodes are asked again"
        )
    if first is None:
        raise ChainHaltedError(
            Chain.Halt.DEEP_REORG,
            f"chain {cursor.chain_id} changed at or below its final block {cursor.finalized_block}, which "
            "was to stay: make sure that the nodes are on the right chain, then run `manage.py indexer "
            f"rewind --chain {cursor.chain_id} --to-block N` with a block N that both histories share, or "
            f"`manage.py indexer reset-chain --chain {cursor.chain_id}` to index it anew",
        )
    if first.number >= cursor.next_block - 1:
        raise CannotTellError(
            f"{endpoint.name} has the indexed head of chain {cursor.chain_id}, though what it told before "
            "does not stand on it: it is asked again"
        )
    return first


def _shared(
    chain_id: int, window: list[tuple[int, bytes]], source: Source, avoid: Endpoint | None
) -> tuple[Ancestor | None, Endpoint]:
    """Where the histories part as one endpoint tells it, walking down; None when it is below the window."""
    endpoint: Endpoint | None = None
    told: tuple[int, bytes | None] | None = None
    for start in range(0, len(window), STEP):
        part = window[start : start + STEP]
        hashes, endpoint = source.header_hashes(
            chain_id,
            [number for number, _ in part],
            avoid=avoid if endpoint is None else None,
            endpoint=endpoint,
        )
        for (number, ours), theirs in zip(part, hashes, strict=True):
            if ours == theirs:
                _require_other_block(number, told, endpoint)
                return Ancestor(number, ours), endpoint
            told = number, theirs
    if endpoint is None or told is None or told[1] is None:
        raise CannotTellError(
            f"{endpoint.name if endpoint else 'no node'} does not have the final block, so that nobody can "
            "tell whether the chain was reorganised: it is asked again; another endpoint helps"
        )
    return None, endpoint


def _require_other_block(ancestor: int, above: tuple[int, bytes | None] | None, endpoint: Endpoint) -> None:
    """A node that has nothing above the ancestor is behind, or hides what it has."""
    if above is not None and above[1] is None:
        raise CannotTellError(
            f"{endpoint.name} does not have block {above[0]} nor another in its place: it is behind block "
            f"{ancestor}, or asks a node that is; it is asked again"
        )
