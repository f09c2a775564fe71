"""Raw logs into their table, put together as PostgreSQL's binary COPY reads them.

Only one worker can write a chain's rows at a time (see `lease`), and it writes each block once, so a row that
is already there is a contradiction: COPY raises, the transaction is undone and nothing is ever ignored.
"""

import struct
from collections.abc import Sequence

from django_project.core.copying import copy_plan, copying
from django_project.ledger.models import RawLog
from tasks.indexing.node.codec import Log

LOG_COLUMNS = (
    "block_number",
    "log_index",
    "block_hash",
    "tx_hash",
    "address",
    "topics",
    "data",
    "chain_id",
)


# PostgreSQL's documentation, COPY, "Binary Format": signature, flags, no extension; and the end of the rows.
_HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_TRAILER = b"\xff\xff"
# Eight fields, each with its length before it.
_LOG = struct.Struct(">hiqiii32si32si20s")
_LOGS_AT_A_TIME = 500
_LENGTH = struct.Struct(">i")


def copy_logs(chain_id: int, logs: Sequence[Log]) -> None:
    """Write raw logs in a fifth of the time of `copy_rows`: all their fields are bytes or of a fixed size."""
    statement, _ = copy_plan(RawLog, LOG_COLUMNS)
    chain = _LENGTH.pack(8) + chain_id.to_bytes(8, "big", signed=True)
    pack, length = _LOG.pack, _LENGTH.pack
    with copying(statement) as copy:
        copy.write(_HEADER)
        for first in range(0, len(logs), _LOGS_AT_A_TIME):
            parts: list[bytes] = []
            for number, index, block_hash, tx_hash, address, topics, data in logs[
                first : first + _LOGS_AT_A_TIME
            ]:
                parts += (
                    pack(8, 8, number, 4, index, 32, block_hash, 32, tx_hash, 20, address),
                    length(len(topics)),
                    topics,
                    length(len(data)),
                    data,
                    chain,
                )
            copy.write(b"".join(parts))
        copy.write(_TRAILER)
