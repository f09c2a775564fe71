"""The calls that are made of nodes, each with the reader of its answer and the ability that it needs."""

from collections.abc import Callable, Collection, Sequence
from typing import Any, NamedTuple

from django_project.core.addresses import format_address, format_hash
from tasks.indexing.errors import BadReplyError
from tasks.indexing.node.abilities import Ability
from tasks.indexing.node.codec import parse_header, parse_logs, to_bytes

Reader = Callable[[Any], Any]


class Call(NamedTuple):
    """A call, and how its result is read; whatever `read` raises is an answer that is none.

    One to a stranger's contract `may_revert`: its result is None then, and the node is not to blame. `blocks`
    is how many a log query spans.
    """

    method: str
    params: tuple[Any, ...]
    read: Reader
    ability: str = ""
    blocks: int = 0
    may_revert: bool = False

    @property
    def needs(self) -> str:
        """What an endpoint that refuses this call is not asked for."""
        return self.ability or self.method


def read_quantity(result: Any) -> int:
    if not isinstance(result, str) or not result.startswith("0x"):
        raise BadReplyError(f"{str(result)[:40]!r} came in the place of a number")
    return int(result, 16)


def read_bytes(result: Any) -> bytes:
    if not isinstance(result, str) or not result.startswith("0x"):
        raise BadReplyError(f"{str(result)[:40]!r} came in the place of bytes")
    return to_bytes(result)


def read_text(result: Any) -> str:
    if not isinstance(result, str):
        raise BadReplyError(f"{str(result)[:40]!r} came in the place of text")
    return result


def read_object(result: Any) -> dict[str, Any] | None:
    """An object, or None where the node knows of none."""
    if result is not None and not isinstance(result, dict):
        raise BadReplyError(f"{str(result)[:40]!r} came in the place of an object")
    return result


def _header_or_none(result: Any) -> Any:
    return None if result is None else parse_header(result)


def _logs_of_receipts(receipts: Any) -> Any:
    """The logs of a block's receipts; a node that has none of that block is no witness."""
    if not isinstance(receipts, list):
        raise BadReplyError("the receipts of a block came as no list")
    return parse_logs([log for receipt in receipts for log in receipt.get("logs") or ()])


def header_call(block: int | str) -> Call:
    """A header by number or tag; None when the node has no such block, which tells nothing of the chain."""
    ability = Ability.FINALIZED if block == "finalized" else ""
    named = hex(block) if isinstance(block, int) else block
    return Call("eth_getBlockByNumber", (named, False), _header_or_none, ability)


def logs_call(topics: Sequence[Any], from_block: int, to_block: int, ability: Ability) -> Call:
    asked = {"fromBlock": hex(from_block), "toBlock": hex(to_block), "topics": topics}
    return Call("eth_getLogs", (asked,), parse_logs, ability, to_block - from_block + 1)


def logs_by_hash_call(topics: Sequence[Any], block_hash: bytes) -> Call:
    asked = {"blockHash": format_hash(block_hash), "topics": topics}
    return Call("eth_getLogs", (asked,), parse_logs, Ability.LOGS_BY_HASH, 1)


def receipts_call(block: int) -> Call:
    return Call("eth_getBlockReceipts", (hex(block),), _logs_of_receipts, Ability.RECEIPTS)


def chain_id_call() -> Call:
    return Call("eth_chainId", (), read_quantity)


def client_call() -> Call:
    return Call("web3_clientVersion", (), read_text, Ability.CLIENT)


def code_calls(addresses: Collection[str]) -> list[Call]:
    return [Call("eth_getCode", (each, "latest"), read_bytes) for each in addresses]


class At(NamedTuple):
    """A block whose state is asked for: by its hash, or by its number of nodes that take no hash."""

    number: int
    hash: bytes
    by_hash: bool = True

    @property
    def param(self) -> object:
        return {"blockHash": format_hash(self.hash)} if self.by_hash else hex(self.number)

    @property
    def ability(self) -> str:
        return Ability.STATE_BY_HASH if self.by_hash else ""


def contract_call(
    address: bytes, data: str, at: At | None, *, gas: int | None = None, may_revert: bool = False
) -> Call:
    """A view of a contract at a block; at the node's latest one without."""
    asked = {"to": format_address(address), "data": data} | ({} if gas is None else {"gas": hex(gas)})
    param, ability = ("latest", "") if at is None else (at.param, at.ability)
    return Call("eth_call", (asked, param), read_bytes, ability, may_revert=may_revert)
