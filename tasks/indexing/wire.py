"""A node's JSON as typed values: hex text to bytes and integers, once, at the edge."""

from typing import Any, NamedTuple

from tasks.indexing.errors import BadReplyError


class Header(NamedTuple):
    """A block header. `bloom` is the logs bloom as hex text, empty when the node gives none."""

    number: int
    hash: bytes
    parent_hash: bytes
    timestamp: int
    bloom: str


class Log(NamedTuple):
    """A log as the chain has it; `topics` are 32 bytes each, one after the other."""

    block_number: int
    log_index: int
    block_hash: bytes
    tx_hash: bytes
    address: bytes
    topics: bytes
    data: bytes


def to_bytes(text: str) -> bytes:
    return bytes.fromhex(text[2:])


def parse_header(block: Any) -> Header:
    """Raises BadReplyError when it is no block."""
    try:
        return Header(
            int(block["number"], 16),
            to_bytes(block["hash"]),
            to_bytes(block["parentHash"]),
            int(block["timestamp"], 16),
            block.get("logsBloom") or "",
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise BadReplyError(f"a block came without its {error}") from error


def parse_log(log: Any) -> Log:
    """Raises BadReplyError when it is no log, or one that a reorganisation removed."""
    try:
        if log.get("removed"):
            raise BadReplyError("a log came marked as removed")
        # The hot path: each of these lines runs once for every event there is.
        unhex = bytes.fromhex
        return Log(
            int(log["blockNumber"], 16),
            int(log["logIndex"], 16),
            unhex(log["blockHash"][2:]),
            unhex(log["transactionHash"][2:]),
            unhex(log["address"][2:]),
            unhex("".join([topic[2:] for topic in log["topics"]])),
            unhex(log["data"][2:]),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise BadReplyError(f"a log came without its {error}") from error
