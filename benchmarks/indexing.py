"""Seconds to index a generated chain from an empty database, as `manage.py indexer run` does it.

`python -m benchmarks.indexing [--events 10000] [--blocks 1000]` starts its own PostgreSQL and anvil, prints
the figures and writes them to benchmarks/results/indexing.json.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any

from tasks.demo.servers import PROJECT_ROOT, Anvil, Postgres
from tests.faults.proxy import Liar, Proxy
from tests.support.contracts import Suite, create_campaign, deploy_suite, mine, set_automine

RESULTS = PROJECT_ROOT / "benchmarks" / "results" / "indexing.json"
CAMPAIGNS = 20
BATCH = 200


def generate(suite: Suite, events: int, blocks: int) -> int:
    """Contributions spread evenly over blocks; returns how many events they are."""
    campaigns = [create_campaign(suite, goal=10**24) for _ in range(CAMPAIGNS)]
    data = campaigns[0].encode_abi("contribute", [0, bytes(32)])
    set_automine(suite, on=False)
    per_block = max(1, events // blocks)
    sent = 0
    for _ in range(blocks):
        transactions = []
        for _ in range(min(per_block, events - sent)):
            transactions.append(
                {
                    "from": suite.accounts[3 + sent % (len(suite.accounts) - 3)],
                    "to": campaigns[sent % CAMPAIGNS].address,
                    "data": data,
                    "value": hex(1 + sent),
                    "gas": hex(150_000),
                }
            )
            sent += 1
        for start in range(0, len(transactions), BATCH):
            _send(suite.url, transactions[start : start + BATCH])
        mine(suite)
    mine(suite, 12)
    return sent


def _send(url: str, transactions: list[dict[str, Any]]) -> None:
    calls = [
        {"jsonrpc": "2.0", "id": index, "method": "eth_sendTransaction", "params": [transaction]}
        for index, transaction in enumerate(transactions)
    ]
    request = urllib.request.Request(url, json.dumps(calls).encode(), {"Content-Type": "application/json"})  # noqa: S310
    with urllib.request.urlopen(request) as response:  # noqa: S310
        refused = [reply["error"] for reply in json.load(response) if "error" in reply]
    if refused:
        raise RuntimeError(f"anvil refused {len(refused)} transactions: {refused[0]}")


def measure(suite: Suite, database_url: str, url: str) -> tuple[float, float]:
    """Wall seconds of the whole process, and the largest resident set in MB."""
    env = {
        **os.environ,
        "DATABASE_URL": database_url,
        "CHAINFUND_MODE": "development",
        "REDIS_URL": "redis://127.0.0.1:1/0",
    }
    manage = [sys.executable, "manage.py"]
    subprocess.run([*manage, "migrate", "-v0"], env=env, cwd=PROJECT_ROOT, check=True)
    head = suite.web3.eth.block_number
    started = time.monotonic()
    subprocess.run(
        [
            *(*manage, "indexer", "run", "--rpc-url", url),
            *("--deployments", str(suite.registry), "--until-block", str(head)),
        ],
        env=env,
        cwd=PROJECT_ROOT,
        check=True,
    )
    return time.monotonic() - started, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=10_000)
    parser.add_argument("--blocks", type=int, default=1_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="chainfund-bench-") as name:
        directory = Path(name)
        directory.chmod(0o755)
        postgres = Postgres(directory / "postgres")
        anvil = Anvil(directory, arguments=["--accounts", "50", "--balance", "1000000"])
        try:
            suite = deploy_suite(anvil, directory / "deployments")
            started = time.monotonic()
            events = generate(suite, options.events, options.blocks)
            print(f"generated {events:,} events in {time.monotonic() - started:.1f} s")
            seconds, rss = measure(suite, postgres.ensure_database("direct"), suite.url)
            with Proxy(suite.url, Liar(0, 0.0)) as counter:
                measure(suite, postgres.ensure_database("counted"), counter.url)
                requests = counter.requests
        finally:
            anvil.stop()
            postgres.stop()
    figures = {
        "events": events,
        "ours_s": round(seconds, 2),
        "events_per_s": round(events / seconds),
        "rss_mb": round(rss),
        "rpc_requests": requests,
    }
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    RESULTS.write_text(json.dumps(figures, indent=2) + "\n")
    for figure, value in figures.items():
        print(f"{figure:>14}  {value:,}")


if __name__ == "__main__":
    main()
