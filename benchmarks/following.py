"""How soon a block that was mined is rows, and how soon a living indexer repairs a reorganisation."""

import random
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import psycopg
from web3.types import RPCEndpoint

from benchmarks.measuring import indexer
from devtools.servers import Anvil, Process
from tests.support.contracts import Suite, create_campaign, deploy_suite, set_automine

BLOCKS = 200
# Between two blocks, so that they fall at any moment of whatever rhythm the indexer has.
PAUSES_SECONDS = (0.1, 0.3)
REORGS = 20
REORG_DEPTH = 3
ENOUGH_SECONDS = 30.0
LOOK_EVERY_SECONDS = 0.001


@dataclass(frozen=True)
class Delays:
    """Milliseconds from the request to mine a block, or from the answer that blocks were replaced, to rows
    that can be read. The repair is the slowest of all.
    """

    delay_median_ms: float
    delay_p95_ms: float
    reorg_repair_ms: float


def measure(directory: Path, database_url: str) -> Delays:
    """Follow a chain of its own that grows by a contribution a block."""
    anvil = Anvil(directory, chain_id=31338, arguments=["--slots-in-an-epoch", "1"])
    suite = deploy_suite(anvil, directory / "following")
    campaign = create_campaign(suite, goal=10**30)
    command, env = indexer(database_url, anvil.url, suite.registry)
    process = Process("indexer", command, directory / "indexer.log", env)
    try:
        with psycopg.connect(database_url, autocommit=True) as connection:
            set_automine(suite, on=False)
            _await(connection, suite, _give(suite, campaign))
            delays = sorted(_delay(connection, suite, campaign) for _ in range(BLOCKS))
            repairs = [_repair(connection, suite, anvil, campaign) for _ in range(REORGS)]
    finally:
        process.stop()
        anvil.stop()
    return Delays(median(delays), quantiles(delays, n=20)[-1], max(repairs))


def _give(suite: Suite, campaign: Any) -> float:
    """Mine one block with one contribution; when the node was asked to."""
    campaign.functions.contribute(0, bytes(32)).transact({"from": suite.accounts[3], "value": 1})
    started = time.perf_counter()
    suite.web3.provider.make_request(RPCEndpoint("evm_mine"), [])
    return started


def _delay(connection: psycopg.Connection, suite: Suite, campaign: Any) -> float:
    time.sleep(random.uniform(*PAUSES_SECONDS))
    return _await(connection, suite, _give(suite, campaign))


def _repair(connection: psycopg.Connection, suite: Suite, anvil: Anvil, campaign: Any) -> float:
    """Replace the last blocks, each with a contribution, by others without."""
    for _ in range(REORG_DEPTH):
        _await(connection, suite, _give(suite, campaign))
    anvil.request("anvil_reorg", REORG_DEPTH, [])
    return _await(connection, suite, time.perf_counter())


def _await(connection: psycopg.Connection, suite: Suite, started: float) -> float:
    """Milliseconds from `started` until the index stands on the node's head, whose commit has its rows."""
    head = bytes(suite.web3.eth.get_block("latest")["hash"])
    while time.perf_counter() - started < ENOUGH_SECONDS:
        found = connection.execute("SELECT head_hash FROM ledger_cursor").fetchone()
        if found is not None and bytes(found[0]) == head:
            return (time.perf_counter() - started) * 1000
        time.sleep(LOOK_EVERY_SECONDS)
    raise RuntimeError(f"the index is not at block {head.hex()} after {ENOUGH_SECONDS} s")
