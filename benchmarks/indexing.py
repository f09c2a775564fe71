"""Seconds to index 100,000 contributions from an empty database, and how soon new blocks are rows.

`python -m benchmarks.indexing` makes a chain of 200 campaigns (once: it is kept in .setup/benchmarks), starts
its own PostgreSQL and anvil, prints the figures and writes them to benchmarks/results/indexing.json. The
floor, ours and the naive way are measured in turn, as whole processes. `--million` adds a chain of 1,000,000,
made anew each time. What following costs at a provider takes thirteen minutes more (`benchmarks.frugality`).
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import psycopg
from web3 import HTTPProvider, Web3

from benchmarks import following, frugality
from benchmarks.chain import LoadedChain, Shape, loaded_chain, passing_chain
from benchmarks.delayed import delayed
from benchmarks.measuring import Cost, indexer, run, typical
from devtools.servers import PROJECT_ROOT, Postgres
from tests.faults.proxy import Liar, Proxy
from tests.support.contracts import compile_contracts

RESULTS = PROJECT_ROOT / "benchmarks" / "results" / "indexing.json"
MILLION = Shape(1_000_000, 4_000)
FLOOR_LOGS = 5_000


class Bench:
    """One chain, and databases that are used once each."""

    def __init__(self, chain: LoadedChain, postgres: Postgres) -> None:
        self.chain, self._postgres = chain, postgres
        self._databases = 0

    def database(self) -> str:
        self._databases += 1
        return self._postgres.ensure_database(f"bench_{self.chain.events}_{self._databases}")

    def floor(self, url: str = "") -> Cost:
        chain = self.chain
        blocks = chain.last_block - chain.first_block + 1
        span = max(1, blocks * FLOOR_LOGS // chain.events)
        bounds = (str(number) for number in (chain.first_block, chain.last_block, span))
        command = [sys.executable, "-m", "benchmarks.floor", url or chain.anvil.url, self.database(), *bounds]
        return run(command, {})

    def ours(self, url: str = "") -> Cost:
        """Through to the last event; what was indexed is compared with the chain afterwards."""
        database = self.database()
        command, env = indexer(
            database, url or self.chain.anvil.url, self.chain.registry, until=self.chain.last_block
        )
        cost = run(command, env)
        _require_truth(self.chain, database)
        return cost

    def naive(self) -> Cost:
        chain, database = self.chain, self.database()
        indexer(database, chain.anvil.url, chain.registry)
        command = [sys.executable, "-m", "benchmarks.naive", chain.anvil.url, str(chain.registry)]
        # From the first campaign on, which is created before the first contribution.
        bounds = ("0", str(chain.last_block))
        return run([*command, *bounds], {"DATABASE_URL": database, "CHAINFUND_MODE": "development"})

    def requests(self) -> int:
        """HTTP requests of a backfill, counted on the way."""
        with Proxy(self.chain.anvil.url, Liar(0, 0.0)) as counter:
            self.ours(counter.url)
            return counter.requests


def _require_truth(chain: LoadedChain, database: str) -> None:
    """Every campaign's total is the contract's, and is the sum of its rows."""
    query = """
        SELECT launched.address, totals.raised, coalesce(sum(given.amount), 0), count(given.id)
        FROM ledger_campaignlaunched launched
        JOIN ledger_campaigntotals totals ON totals.campaign_id = launched.id
        LEFT JOIN ledger_contribution given ON given.campaign_id = launched.id
        GROUP BY launched.address, totals.raised
    """
    with psycopg.connect(database) as connection:
        rows = connection.execute(query).fetchall()
    web3 = Web3(HTTPProvider(chain.anvil.url))
    abi = compile_contracts()["Campaign"].abi
    for address, raised, total, _ in rows:
        told = web3.eth.contract(Web3.to_checksum_address(bytes(address)), abi=abi)
        if not raised == total == told.functions.totalRaised().call():
            raise RuntimeError(
                f"0x{bytes(address).hex()} is indexed wrongly: {raised}, its rows sum to {total}"
            )
    if len(rows) != len(chain.campaigns) or sum(row[3] for row in rows) != chain.events:
        raise RuntimeError(
            f"{len(rows)} campaigns with {sum(row[3] for row in rows)} contributions were indexed"
        )


def _measure(name: str, once: Callable[[], Cost]) -> Cost:
    cost = once()
    told = ", ".join(f"{key} {value:.2f}" for key, value in asdict(cost).items())
    print(f"{name:>7}: {told}", flush=True)
    return cost


def measure(
    shape: Shape, rounds: int, naive_rounds: int, directory: Path, postgres: Postgres
) -> dict[str, float]:
    """The figures of a backfill, medians of the rounds."""
    floors, ours = [], []
    with loaded_chain(shape, directory) as chain:
        bench = Bench(chain, postgres)
        for _ in range(rounds):
            floors.append(_measure("floor", bench.floor))
            ours.append(_measure("ours", bench.ours))
        naives = [_measure("naive", bench.naive) for _ in range(naive_rounds)]
        requests = bench.requests()
        with delayed(chain.anvil.url) as late:
            late_floor = _measure("floor, delayed", lambda: bench.floor(late))
            late_ours = _measure("ours, delayed", lambda: bench.ours(late))
    floor, our = typical(floors), typical(ours)
    figures = {
        "events": shape.events,
        "floor_s": round(floor.wall_s, 2),
        "ours_s": round(our.wall_s, 2),
        "ours_over_floor": round(our.wall_s / floor.wall_s, 2),
        "ours_cpu_s": round(our.cpu_s, 2),
        "rss_mb": round(our.rss_mb),
        "rpc_requests": requests,
        "delayed_over_floor": round(late_ours.wall_s / late_floor.wall_s, 2),
        "events_per_s": round(shape.events / our.wall_s),
    }
    if naives:
        figures["naive_s"] = round(typical(naives).wall_s, 1)
    return figures


def measure_million(directory: Path, postgres: Postgres) -> dict[str, float]:
    """The same once with ten times the events, on a chain that is not kept."""
    with passing_chain(MILLION, directory) as chain:
        cost = _measure("million", Bench(chain, postgres).ours)
    return {
        "million_s": round(cost.wall_s, 1),
        "million_events_per_s": round(MILLION.events / cost.wall_s),
        "million_rss_mb": round(cost.rss_mb),
    }


def _with_ratios(figures: dict[str, float]) -> dict[str, float]:
    """How ten times the events compare with the others: rate and peak of memory."""
    return figures | {
        "million_rate_ratio": round(figures["million_events_per_s"] / figures["events_per_s"], 2),
        "million_rss_ratio": round(figures["million_rss_mb"] / figures["rss_mb"], 2),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--blocks", type=int, default=3_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--naive-rounds", type=int, default=1, help="it takes minutes")
    parser.add_argument("--million", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="chainfund-bench-") as name:
        directory = Path(name)
        directory.chmod(0o755)
        postgres = Postgres(directory / "postgres")
        try:
            shape = Shape(options.events, options.blocks)
            figures = measure(shape, options.rounds, options.naive_rounds, directory, postgres)
            delays = following.measure(directory, postgres.ensure_database("following"))
            figures |= {key: round(value) for key, value in asdict(delays).items()}
            figures |= frugality.measure(directory, postgres)
            if options.million:
                figures = _with_ratios(figures | measure_million(directory, postgres))
        finally:
            postgres.stop()
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    RESULTS.write_text(json.dumps(figures, indent=2) + "\n")
    for figure, value in figures.items():
        print(f"{figure:>20}  {value:,}")


if __name__ == "__main__":
    main()
