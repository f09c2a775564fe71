"""What following a chain costs at a provider: calls and units an hour, and how late blocks are seen.

Celery follows a chain of 1,000 campaigns with a block every twelve seconds, each with a contribution, through
a proxy that counts, at an address that is not taken for this machine's own. One set-up has a websocket beside
it, the other none; both run at once, for a little more than the ten minutes between two audits of everything.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import psycopg
from web3.types import RPCEndpoint

from devtools.servers import PROJECT_ROOT, Anvil, Postgres, Process, Redis
from tests.faults.proxy import Answer, Liar, Proxy
from tests.support.contracts import Suite, create_campaign, deploy_suite, set_automine
from tests.support.launching import launch_many

CAMPAIGNS = 1_000
BLOCK_SECONDS = 12.0
MEASURED_SECONDS = 624.0
SETTLED_SECONDS = 120.0
LOOK_EVERY_SECONDS = 0.02
# An address of this machine that is none of those that cost nothing to ask.
HOST = "127.0.0.2"
# Compute units at Alchemy, as its documentation told them on 2026-11-30.
UNITS: Mapping[str, int] = {
    "eth_chainId": 0,
    "eth_subscribe": 10,
    "eth_blockNumber": 10,
    "eth_getBlockByNumber": 20,
    "eth_getBlockReceipts": 20,
    "eth_getCode": 20,
    "web3_clientVersion": 20,
    "eth_call": 26,
    "eth_getLogs": 60,
}


@dataclass(frozen=True)
class Following:
    """Of an hour: calls, those of a batch singly, and units; and milliseconds from a block to its rows."""

    calls: float
    units: float
    delay_median_ms: float


class Counting(Proxy):
    """Counts, and calls its node one of those whose tag `finalized` is believed."""

    def respond(self, calls: list[Any]) -> Answer:
        answer = super().respond(calls)
        asks = {call["id"] for call in calls if call["method"] == "web3_clientVersion"}
        replies = json.loads(answer.content)
        told = [{**each, "result": "a node"} if each["id"] in asks else each for each in replies]
        return answer._replace(content=json.dumps(told).encode())


def measure(
    directory: Path, postgres: Postgres, seconds: float = MEASURED_SECONDS, settled: float = SETTLED_SECONDS
) -> dict[str, float]:
    """Both set-ups at once, for so many seconds after they have settled."""
    found: dict[str, Following] = {}

    def run(name: str, chain_id: int, *, has_websocket: bool) -> None:
        database = postgres.ensure_database(f"frugality_{name}")
        found[name] = _follow(
            directory / name, chain_id, database, (settled, seconds), has_websocket=has_websocket
        )

    threads = [
        threading.Thread(target=run, args=("websocket", 31339), kwargs={"has_websocket": True}),
        threading.Thread(target=run, args=("polling", 31340), kwargs={"has_websocket": False}),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    websocket, polling = found["websocket"], found["polling"]
    return {
        "following_calls_per_hour": round(websocket.calls),
        "following_calls_per_hour_polling": round(polling.calls),
        "following_units_per_hour": round(websocket.units),
        "following_units_per_hour_polling": round(polling.units),
        "following_delay_websocket_ms": round(websocket.delay_median_ms),
        "following_delay_polling_ms": round(polling.delay_median_ms),
    }


def _follow(
    directory: Path, chain_id: int, database: str, seconds: tuple[float, float], *, has_websocket: bool
) -> Following:
    directory.mkdir()
    with ExitStack() as stack:
        arguments = ["--gas-limit", "300000000", "--slots-in-an-epoch", "1"]
        anvil = Anvil(directory, chain_id=chain_id, arguments=arguments)
        stack.callback(anvil.stop)
        redis = Redis(directory)
        stack.callback(redis.stop)
        suite = deploy_suite(anvil, directory / "deployments")
        launch_many(suite, CAMPAIGNS)
        campaign = create_campaign(suite, goal=10**30)
        set_automine(suite, on=False)
        counting = stack.enter_context(Counting(anvil.url, Liar(0, 0.0), host=HOST))
        urls = counting.url + (" " + anvil.url.replace("http", "ws") if has_websocket else "")
        env = {
            "DATABASE_URL": database,
            "REDIS_URL": redis.url,
            "CELERY_BROKER_URL": redis.url,
            "CHAINFUND_MODE": "development",
            "CHAINFUND_RPC_URLS": f"{chain_id}={urls}",
            "CHAINFUND_DEPLOYMENTS_DIR": str(directory / "deployments"),
        }
        _start_celery(stack, directory, env)
        connection = stack.enter_context(psycopg.connect(database, autocommit=True))
        _grow(suite, campaign, connection, seconds[0])
        before = counting.calls.copy()
        started = time.monotonic()
        delays = _grow(suite, campaign, connection, seconds[1])
        hours = (time.monotonic() - started) / 3600
        return _result(counting.calls - before, hours, delays)


def _start_celery(stack: ExitStack, directory: Path, env: Mapping[str, str]) -> None:
    """A worker for the queue of followers, and beat, on a database that gets its tables first."""
    subprocess.run(
        [sys.executable, "manage.py", "migrate", "-v0"], env=os.environ | env, cwd=PROJECT_ROOT, check=True
    )
    celery = [sys.executable, "-m", "celery", "-A", "tasks.celery"]
    commands = {
        "worker": ["worker", "-Q", "indexing", "-c", "1"],
        "beat": ["beat", "-s", str(directory / "beat")],
    }
    for name, arguments in commands.items():
        process = Process(name, [*celery, *arguments], directory / f"{name}.log", dict(env))
        stack.callback(process.stop)


def _result(calls: Counter[str], hours: float, delays: list[float]) -> Following:
    print(f"{dict(calls)} in {hours * 3600:.0f} s", flush=True)
    units = sum(UNITS[method] * count for method, count in calls.items())
    return Following(calls.total() / hours, units / hours, median(delays))


def _grow(suite: Suite, campaign: object, connection: psycopg.Connection, seconds: float) -> list[float]:
    """A block with a contribution every twelve seconds; milliseconds until each one is indexed."""
    delays = []
    end = time.monotonic() + seconds
    next_at = time.monotonic()
    while next_at < end:
        time.sleep(max(0.0, next_at - time.monotonic()))
        call = campaign.functions.contribute(0, bytes(32))  # type: ignore[attr-defined]
        call.transact({"from": suite.accounts[3], "value": 1})
        suite.web3.provider.make_request(RPCEndpoint("evm_mine"), [])
        delay = _await(suite.web3.eth.block_number, connection, next_at + BLOCK_SECONDS)
        if delay is not None:
            delays.append(delay)
        next_at += BLOCK_SECONDS
    return delays


def _await(block: int, connection: psycopg.Connection, until: float) -> float | None:
    """Milliseconds until the block is indexed; None when it is not in time."""
    started = time.monotonic()
    while time.monotonic() < until:
        found = connection.execute("SELECT next_block FROM ledger_cursor").fetchone()
        if found is not None and found[0] > block:
            return (time.monotonic() - started) * 1000
        time.sleep(LOOK_EVERY_SECONDS)
    return None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=MEASURED_SECONDS)
    parser.add_argument("--settled", type=float, default=SETTLED_SECONDS, help="seconds before it is counted")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="chainfund-bench-") as name:
        directory = Path(name)
        directory.chmod(0o755)
        postgres = Postgres(directory / "postgres")
        try:
            for figure, value in measure(directory, postgres, options.seconds, options.settled).items():
                print(f"{figure:>34}  {value:,}")
        finally:
            postgres.stop()


if __name__ == "__main__":
    main()
