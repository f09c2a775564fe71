"""How long a backfill takes through providers of all habits, beside one that knows their habits beforehand.

`python -m benchmarks.providers` indexes a chain of 3,000 contributions in 600 blocks through each profile of
`tests.faults.providers`, and through random mixes of two and three: from an empty database, then again with
what was learnt, as a client would that knows the profile. It says whether both ended row for row as an index
from the node itself, prints a table and writes benchmarks/results/providers.json. It fails when one did not,
or when learning took more than half as long again and ten seconds.
"""

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

from benchmarks.chain import LoadedChain, Shape, loaded_chain
from devtools.servers import PROJECT_ROOT, Anvil, Postgres
from tests.faults.providers import PROFILES, Provider

RESULTS = PROJECT_ROOT / "benchmarks" / "results" / "providers.json"
SHAPE = Shape(3_000, 600)
# What learning may cost: so much of the time of one who knows, and so many seconds.
MOST_TIMES, LEARNING_SECONDS = 1.5, 10.0

# The database that the others begin as copies of.
TABLES = "tables"

# Cannot be indexed through alone.
IN_COMPANY = {"no-archive": ["slow"]}

DIGEST = """
    SELECT md5(string_agg(t::text, '|' ORDER BY t::text)) FROM (
        SELECT block_number, log_index, block_hash, tx_hash, address, topics, data FROM ledger_rawlog
    ) t
    UNION ALL
    SELECT md5(string_agg(t::text, '|' ORDER BY t::text)) FROM (
        SELECT block_number, log_index, seq, backer, amount, total_raised FROM ledger_contribution
    ) t
    UNION ALL
    SELECT md5(string_agg(t::text, '|' ORDER BY t::text)) FROM (
        SELECT launched.address, totals.last_seq, totals.raised, totals.backers
        FROM ledger_campaigntotals totals
        JOIN ledger_campaignlaunched launched ON launched.id = totals.campaign_id
    ) t
"""
FORGET = """
from django_project.core.endpoints import endpoint_name
from django_project.ledger.models import Chain, RpcEndpoint
from django_project.ledger.services import forget_chain
chain = Chain.objects.get()
learnt = dict(RpcEndpoint.objects.values_list("url", "learnt"))
forget_chain(chain.pk)
for url, told in learnt.items():
    RpcEndpoint.objects.create(chain=chain, name=endpoint_name(url)[:50], url=url, learnt=told)
"""


@dataclass(frozen=True)
class Outcome:
    """Seconds of whole processes: of one that learns, and of one that knows."""

    is_true: bool
    learning_s: float
    knowing_s: float
    refusals: int

    @property
    def is_quick(self) -> bool:
        return self.learning_s <= MOST_TIMES * self.knowing_s + LEARNING_SECONDS


def _manage(env: dict[str, str], *arguments: str) -> float:
    started = time.monotonic()
    command = [sys.executable, "manage.py", *arguments]
    subprocess.run(command, env=os.environ | env, cwd=PROJECT_ROOT, check=True, stdout=subprocess.DEVNULL)
    return time.monotonic() - started


def _index(env: dict[str, str], chain: LoadedChain) -> float:
    return _manage(env, "indexer", "run", f"--until-block={chain.last_block}", "--chain=31337")


def _environment(database: str, chain: LoadedChain, urls: Sequence[str]) -> dict[str, str]:
    return {
        "DATABASE_URL": database,
        "REDIS_URL": "redis://127.0.0.1:1/0",
        "CHAINFUND_MODE": "development",
        "CHAINFUND_RPC_URLS": f"31337={' '.join(urls)}",
        "CHAINFUND_DEPLOYMENTS_DIR": str(chain.registry.parent),
    }


def _digest(database: str) -> list[str]:
    with psycopg.connect(database) as connection:
        return [row[0] for row in connection.execute(DIGEST)]


@contextmanager
def _providers(chain: LoadedChain, names: Sequence[str], seed: int, alien: str) -> Iterator[list[Provider]]:
    with ExitStack() as stack:
        yield [
            stack.enter_context(Provider(chain.anvil.url, PROFILES[name], seed + number, alien_url=alien))
            for number, name in enumerate(names)
        ]


def measure(
    chain: LoadedChain, postgres: Postgres, names: Sequence[str], seed: int, alien: str, truth: list[str]
) -> Outcome:
    """One profile, or several behind one chain."""
    database = postgres.ensure_database(f"profile_{seed}", TABLES)
    with _providers(chain, names, seed, alien) as providers:
        env = _environment(database, chain, [provider.url for provider in providers])
        learning = _index(env, chain)
        is_true = _digest(database) == truth
        refusals = sum(provider.refusals for provider in providers)
        _manage(env, "shell", "-c", FORGET)
        knowing = _index(env, chain)
        return Outcome(is_true and _digest(database) == truth, learning, knowing, refusals)


def _mixes(profiles: Sequence[str], number: int, seed: int) -> Iterator[list[str]]:
    for name in profiles:
        yield [name, *IN_COMPANY.get(name, [])]
    chance = random.Random(seed)
    for _ in range(number):
        yield chance.sample(sorted(PROFILES), chance.choice([2, 3]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--profiles", nargs="*", choices=sorted(PROFILES), default=sorted(PROFILES))
    parser.add_argument("--mixes", type=int, default=5, help="how many random mixes beside the profiles")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="chainfund-bench-") as name:
        directory = Path(name)
        directory.chmod(0o755)
        postgres = Postgres(directory / "postgres")
        alien = Anvil(directory, chain_id=5)
        alien.request("anvil_mine", hex(2_000))
        try:
            with loaded_chain(SHAPE, directory) as chain:
                mixes = _mixes(options.profiles, options.mixes, options.seed)
                bad = _report(chain, postgres, alien.url, mixes, options.seed)
        finally:
            alien.stop()
            postgres.stop()
    if bad:
        raise SystemExit(f"not as they should be: {'; '.join(bad)}")


def _report(
    chain: LoadedChain, postgres: Postgres, alien: str, mixes: Iterable[Sequence[str]], seed: int
) -> list[str]:
    """Print the table; which of them ended wrongly or took too long."""
    _manage(_environment(postgres.ensure_database(TABLES), chain, [chain.anvil.url]), "migrate", "-v0")
    plain = _environment(postgres.ensure_database("plain", TABLES), chain, [chain.anvil.url])
    _index(plain, chain)
    truth = _digest(plain["DATABASE_URL"])
    figures: dict[str, float] = {}
    bad: list[str] = []
    for number, names in enumerate(mixes):
        found = measure(chain, postgres, names, seed + 10 * number, alien, truth)
        told = " + ".join(names)
        print(
            f"{told:<50} {'true' if found.is_true else 'WRONG':<6} {found.learning_s:6.1f} s, knowing "
            f"{found.knowing_s:6.1f} s, {found.refusals:5} refusals, {'quick' if found.is_quick else 'SLOW'}",
            flush=True,
        )
        if not (found.is_true and found.is_quick):
            bad.append(told)
        figures[f"{told}: learning_s"] = round(found.learning_s, 1)
        figures[f"{told}: knowing_s"] = round(found.knowing_s, 1)
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    RESULTS.write_text(json.dumps(figures, indent=2) + "\n")
    return bad


if __name__ == "__main__":
    main()
