"""A node's JSON as typed values: hex text to bytes and integers, once, at the edge."""

import struct
from collections.abc import Iterable
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


# Block number, log index, block hash, transaction hash, address, and how long topics and data are.
_RECORD = struct.Struct(">QI32s32s20sHI")


# Two hashes and an address.
_IDS_SIZE = 32 + 32 + 20
_HASH_SIZE = 32
# Of PostgreSQL's `bigint`, and of the year 9999.
_LARGEST_NUMBER = 2**63 - 1
_LAST_SECOND = 253_402_300_799


def pack_logs(logs: Iterable[Log]) -> bytes:
    """Logs one after the other, for `unpack_logs`."""
    parts: list[bytes] = []
    for log in logs:
        parts += (_RECORD.pack(*log[:5], len(log.topics), len(log.data)), log.topics, log.data)
    return b"".join(parts)


def unpack_logs(packed: bytes) -> list[Log]:
    """What `pack_logs` has packed; raises struct.error when it is cut."""
    logs = []
    position = 0
    while position < len(packed):
        number, index, block_hash, tx_hash, address, topics_size, data_size = _RECORD.unpack_from(
            packed, position
        )
        topics_at = position + _RECORD.size
        data_at = topics_at + topics_size
        position = data_at + data_size
        topics, data = packed[topics_at:data_at], packed[data_at:position]
        logs.append(Log(number, index, block_hash, tx_hash, address, topics, data))
    return logs


def to_bytes(text: str) -> bytes:
    return bytes.fromhex(text[2:])


def parse_header(block: Any) -> Header:
    """Raises BadReplyError when it is no block."""
    try:
        header = Header(
            int(block["number"], 16),
            to_bytes(block["hash"]),
            to_bytes(block["parentHash"]),
            int(block["timestamp"], 16),
            str(block.get("logsBloom") or ""),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise BadReplyError(f"a block came without its {error}") from error
    if len(header.hash) != _HASH_SIZE or len(header.parent_hash) != _HASH_SIZE:
        raise BadReplyError("a block came with a hash that is none")
    if not (0 <= header.number <= _LARGEST_NUMBER and 0 <= header.timestamp <= _LAST_SECOND):
        raise BadReplyError("a block came with a number or a time that no chain has reached")
    return header


def parse_logs(logs: Any) -> list[Log]:
    """Each is let go of as soon as it is read; raises BadReplyError when they are no list of logs."""
    if not isinstance(logs, list):
        raise BadReplyError("a log query was answered by no list")
    for position, log in enumerate(logs):
        logs[position] = parse_log(log)
    return logs


def parse_log(log: Any) -> Log:
    """Raises BadReplyError when it is no log, or one that a reorganisation removed."""
    try:
        if log.get("removed"):
            raise BadReplyError("a log came marked as removed")
        # The hot path: each of these lines runs once for every event there is.
        unhex = bytes.fromhex
        parsed = Log(
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
    if len(parsed.block_hash) + len(parsed.tx_hash) + len(parsed.address) != _IDS_SIZE:
        raise BadReplyError("a log came with a hash or an address that is none")
    return parsed
