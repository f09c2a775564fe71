"""What one node says of a chain is believed when another, or the block after it, says the same."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from django_project.ledger.models import Block, Cursor
from django_project.ledger.selectors import finalized_block
from tasks.indexing.errors import CannotTellError, ChainHaltedError, NoEndpointError
from tasks.indexing.node import rpc
from tasks.indexing.node.codec import Header
from tasks.indexing.node.rpc import Pool
from tasks.indexing.pipeline.commit import commit
from tasks.indexing.pipeline.fetch import Source
from tasks.indexing.pipeline.lease import Lease
from tasks.indexing.pipeline.match import Batch
from tasks.indexing.repair.reorg import find_ancestor
from tests.factories import CHAIN_ID, World
from tests.support.posting import PostServer, Response, as_bytes

FINAL, HEAD = 10, 20
NOW = datetime(2026, 3, 1, tzinfo=UTC)


def hash_of(number: int, fork: int = 0) -> bytes:
    return bytes([fork]) * 16 + number.to_bytes(16)


def header(number: int, fork: int = 0, parent_fork: int | None = None) -> dict[str, str]:
    """A block of a history, standing on that history unless told otherwise."""
    parent = hash_of(number - 1, fork if parent_fork is None else parent_fork)
    return {
        "number": hex(number),
        "hash": f"0x{hash_of(number, fork).hex()}",
        "parentHash": f"0x{parent.hex()}",
        "timestamp": hex(int(NOW.timestamp()) + number),
    }


class Node(PostServer):
    """Has the blocks that it is given, and no logs."""

    def __init__(self) -> None:
        self.blocks: dict[int, dict[str, str]] = {}
        self.was_asked = False
        super().__init__()
        self.url = f"http://127.0.0.1:{self.port}"

    def respond(self, _path: str, _headers: dict[str, str], posted: Any) -> Response:
        self.was_asked = True
        calls = posted if isinstance(posted, list) else [posted]
        replies = [{"jsonrpc": "2.0", "id": call["id"], "result": self._result(call)} for call in calls]
        body = as_bytes(replies if isinstance(posted, list) else replies[0])
        return 200, {"Content-Length": str(len(body))}, body

    def _result(self, call: dict[str, Any]) -> object:
        if call["method"] == "eth_chainId":
            return hex(CHAIN_ID)
        return [] if call["method"] == "eth_getLogs" else self.blocks.get(int(call["params"][0], 16))


@pytest.fixture
def nodes(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Node, Node]]:
    monkeypatch.setattr(rpc, "FIRST_BACKOFF_SECONDS", 0.001)
    monkeypatch.setattr(rpc, "BAN_SECONDS", 0.001)
    pair = Node(), Node()
    yield pair
    for node in pair:
        node.close()


@pytest.fixture
def source(nodes: tuple[Node, Node]) -> Iterator[Source]:
    with Pool([node.url for node in nodes]) as pool:
        yield Source(pool, [bytes(32)])


@pytest.fixture
def cursor(db: None) -> Cursor:  # noqa: ARG001  # the fixture of the database
    """Of an index whose blocks above the final one are known."""
    world = World()
    Block.objects.bulk_create(
        Block(
            chain=world.chain,
            number=number,
            hash=hash_of(number),
            parent_hash=hash_of(number - 1),
            timestamp=NOW,
        )
        for number in range(FINAL, HEAD + 1)
    )
    Cursor.objects.update(next_block=HEAD + 1, finalized_block=FINAL, head_hash=hash_of(HEAD))
    return Cursor.objects.get()


def parts_above(ancestor: int) -> dict[int, dict[str, str]]:
    """A chain that shares the index's blocks up to one."""
    return {number: header(number, fork=int(number > ancestor)) for number in range(FINAL, HEAD + 3)}


def test_histories_part_where_two_nodes_say(cursor: Cursor, source: Source, nodes: tuple[Node, Node]) -> None:
    for node in nodes:
        node.blocks = parts_above(HEAD - 3)
    found = find_ancestor(cursor, source)
    assert (found.number, found.hash) == (HEAD - 3, hash_of(HEAD - 3))
    assert [node.was_asked for node in nodes] == [True, True]


@pytest.mark.parametrize(
    ("one", "other"),
    [(HEAD - 3, HEAD - 4), (HEAD - 4, HEAD - 3), (HEAD - 3, FINAL - 1), (FINAL - 1, HEAD - 3)],
)
def test_two_readings_that_differ_take_nothing_back(
    one: int, other: int, cursor: Cursor, source: Source, nodes: tuple[Node, Node]
) -> None:
    nodes[0].blocks, nodes[1].blocks = parts_above(one), parts_above(other)
    with pytest.raises(CannotTellError, match="two readings"):
        find_ancestor(cursor, source)


@pytest.mark.parametrize("ancestor", [FINAL, FINAL - 1])
def test_the_final_block_may_be_shared_and_not_lost(
    ancestor: int, cursor: Cursor, source: Source, nodes: tuple[Node, Node]
) -> None:
    for node in nodes:
        node.blocks = parts_above(ancestor)
    if ancestor == FINAL:
        assert find_ancestor(cursor, source).number == FINAL
        return
    with pytest.raises(ChainHaltedError, match=f"at or below its final block {FINAL}"):
        find_ancestor(cursor, source)


@pytest.mark.parametrize(
    ("number", "fork", "parent_fork"), [(6, 0, 1), (6, 1, 1), (7, 0, 0)], ids=["parent", "fork", "number"]
)
def test_a_cold_range_from_a_fork_is_refused_by_the_block_after_it(
    number: int, fork: int, parent_fork: int, source: Source, nodes: tuple[Node, Node]
) -> None:
    honest = {at: header(at) for at in range(1, 9)}
    lying = {**honest, 6: header(number, fork, parent_fork)}
    nodes[0].blocks = nodes[1].blocks = lying
    with pytest.raises(NoEndpointError, match="does not stand on the block before it"):
        source.cold_range(2, 5)
    nodes[1].blocks = honest
    for _ in nodes:
        assert source.cold_range(2, 5).head.hash == hash_of(5)


def test_a_cold_range_up_to_the_tip_needs_no_block_after_it(source: Source, nodes: tuple[Node, Node]) -> None:
    for node in nodes:
        node.blocks = {at: header(at) for at in range(1, 6)}
    fetched = source.cold_range(2, 5)
    assert (sorted(fetched.headers), fetched.parent_hash) == ([5], hash_of(1))


@pytest.mark.usefixtures("cursor")
def test_finality_never_moves_backwards() -> None:
    """Whatever a second node says is final."""
    lease = Lease(CHAIN_ID)
    lease.acquire()
    moved = []
    for number, finalized in ((21, 15), (22, 12), (23, 15), (24, 16), (25, 99)):
        head = Header(number, hash_of(number), hash_of(number - 1), int(NOW.timestamp()), "")
        batch = Batch(CHAIN_ID, number, number, head.parent_hash, head, headers=[head])
        commit(lease, batch, node_head=number, finalized=finalized)
        moved.append(finalized_block(CHAIN_ID))
    assert moved == [15, 15, 15, 16, 25]
    assert list(Block.objects.order_by("number").values_list("number", flat=True)) == [25]
