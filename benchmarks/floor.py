"""The least that has to be done: one process, httpx, orjson, sliced words, COPY into a table without indexes.

No headers, no checks, no totals, no cursor: what is left when everything that makes an index trustworthy is
taken away. `python -m benchmarks.floor RPC_URL DATABASE_URL FIRST LAST SPAN`.
"""

import sys
from collections.abc import Iterator
from typing import Any

import httpx
import orjson
import psycopg
from eth_hash.auto import keccak

CONTRIBUTED = b"Contributed(address,address,bytes32,uint64,address,uint32,uint256,uint256,uint256)"
TABLE = """
CREATE TABLE floor (
    block_number bigint, log_index integer, tx_hash bytea, campaign bytea, backer bytea, payer bytea,
    ref bytea,
    seq bigint, token bytea, tier_id bigint, amount numeric, backer_total numeric, total_raised numeric
)
"""


def rows(logs: list[dict[str, Any]]) -> Iterator[tuple[Any, ...]]:
    for log in logs:
        _, backer, payer, ref = log["topics"]
        data = bytes.fromhex(log["data"][2:])
        yield (
            int(log["blockNumber"], 16),
            int(log["logIndex"], 16),
            bytes.fromhex(log["transactionHash"][2:]),
            bytes.fromhex(log["address"][2:]),
            bytes.fromhex(backer[26:]),
            bytes.fromhex(payer[26:]),
            bytes.fromhex(ref[2:]),
            int.from_bytes(data[:32]),
            data[44:64],
            int.from_bytes(data[64:96]),
            int.from_bytes(data[96:128]),
            int.from_bytes(data[128:160]),
            int.from_bytes(data[160:192]),
        )


def main(rpc_url: str, database_url: str, first: int, last: int, span: int) -> None:
    topic = "0x" + keccak(CONTRIBUTED).hex()
    with psycopg.connect(database_url) as connection, httpx.Client(timeout=60) as client:
        connection.execute(TABLE)
        for start in range(first, last + 1, span):
            bounds = {"fromBlock": hex(start), "toBlock": hex(min(start + span - 1, last)), "topics": [topic]}
            call = {"jsonrpc": "2.0", "id": 1, "method": "eth_getLogs", "params": [bounds]}
            logs = orjson.loads(client.post(rpc_url, json=call).content)["result"]
            with connection.cursor() as cursor, cursor.copy("COPY floor FROM STDIN") as copy:
                for row in rows(logs):
                    copy.write_row(row)
            connection.commit()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], *map(int, sys.argv[3:6]))
