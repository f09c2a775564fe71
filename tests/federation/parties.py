"""Who takes part in a federation: a coordinator with files alone, and whole installations of ChainFund."""

import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import psycopg
from psycopg import sql
from web3.contract import Contract

from demo.catalogue import Campaign, Language
from demo.processes import MARK
from demo.texts import campaign_document
from devtools.servers import PROJECT_ROOT, Anvil, Process, free_port
from django_project.core.metadata import canonical_json, metadata_hash
from tests.support.contracts import (
    NO_REFERENCE,
    Suite,
    create_campaign,
    deploy_suite,
    mine,
    mine_at,
    set_automine,
)
from tests.support.launching import send_all

PATIENCE_SECONDS = 600
HISTORY = timedelta(days=9)
BACKED_BY_EACH = 5
CREATORS = slice(2, 5)
FIRST_BACKER = 5
ETHER = 10**18
CONTRIBUTION_GAS = hex(200_000)
# More than what a local chain takes to make a block final.
TO_FINALITY = 12
OWN_VARIABLES = ("CHAINFUND_", "DJANGO_", "DATABASE_URL", "REDIS_URL")


@dataclass
class Party:
    """Somebody with a folder, in which commands are run as the documentation has them."""

    name: str
    folder: Path
    environment: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        self.folder.mkdir()
        outside = {
            name: value
            for name, value in os.environ.items()
            if name == MARK or not name.startswith(OWN_VARIABLES)
        }
        self.environment = outside | {
            "PATH": f"{Path(sys.executable).parent}:{PROJECT_ROOT}:{os.environ['PATH']}",
            "PYTHONPATH": str(PROJECT_ROOT),
            "CHAINFUND_RECOMMENDER_DIR": str(self.folder / "runs"),
        }

    def attempt(self, line: str, feed: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["bash", "-c", line],
            input=feed,
            env=self.environment,
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
            check=False,
        )

    def run(self, line: str, feed: str = "") -> str:
        """What a command that ends well prints."""
        done = self.attempt(line, feed)
        assert done.returncode == 0, f"{self.name}: {line}\n{done.stdout}{done.stderr}"
        return done.stdout


@dataclass
class Installation(Party):
    """A chain with contracts and history, a database, and the site's processes."""

    chain_id: int
    mnemonic: str
    language: Language
    texts: Sequence[Campaign]
    backers: int
    database_url: str
    redis_url: str
    url: str = field(init=False)
    anvil: Anvil = field(init=False)
    suite: Suite = field(init=False)
    campaigns: list[Contract] = field(default_factory=list)
    processes: list[Process] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__post_init__()
        began = int(time.time() - HISTORY.total_seconds())
        accounts = ("--mnemonic", self.mnemonic, "--accounts", str(FIRST_BACKER + self.backers))
        self.anvil = Anvil(
            self.folder, chain_id=self.chain_id, arguments=[*accounts, "--timestamp", str(began)]
        )
        self.url = f"http://127.0.0.1:{free_port()}"
        self.environment |= {
            "CHAINFUND_MODE": "demo",
            "CHAINFUND_SITE_URL": self.url,
            "CHAINFUND_RPC_URLS": f"{self.chain_id}={self.anvil.url}",
            "CHAINFUND_DEPLOYMENTS_DIR": str(self.folder / "deployments"),
            "DATABASE_URL": self.database_url,
            "REDIS_URL": self.redis_url,
        }

    @property
    def wallets(self) -> list[str]:
        """Everybody's who has an account on the chain, backers' last."""
        return list(self.suite.accounts)

    @property
    def addresses(self) -> list[str]:
        """The wallets' and the campaigns'."""
        return [*self.wallets, *(campaign.address for campaign in self.campaigns)]

    def open(self) -> None:
        """Deploy, launch and back on the chain, index it, and serve what is in the index."""
        self.run("manage.py migrate --verbosity 0")
        self.run("python -m demo.encode_texts", json.dumps([text.slug for text in self.texts]))
        self.suite = deploy_suite(self.anvil, self.folder / "deployments")
        self._launch()
        self._back()
        self.run("manage.py indexer run --once")
        worker = ("-m", "celery", "-A", "tasks.celery", "worker", "--beat", "--queues", "default")
        self._spawn("worker", *worker, "--concurrency", "1", "--schedule", str(self.folder / "beat"))
        self.serve()

    def serve(self) -> None:
        """The site, and what it lists once the worker has heard of all campaigns."""
        port = self.url.rpartition(":")[2]
        site = self._spawn("site", "-m", "uvicorn", "django_project.asgi:application", "--port", port)
        site.wait_until(lambda: self._listed() == len(self.campaigns))

    def close(self) -> None:
        for process in reversed(self.processes):
            process.stop()
        self.anvil.stop()

    def get(self, path: str) -> Any:
        return httpx.get(self.url + path, timeout=30).raise_for_status().json()

    def rows(self, query: sql.Composed | sql.SQL) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.database_url) as connection:
            return connection.execute(query).fetchall()

    def _launch(self) -> None:
        creators = self.suite.accounts[CREATORS]
        for number, text in enumerate(self.texts):
            document = campaign_document(text)
            self.campaigns.append(
                create_campaign(
                    self.suite,
                    creator=creators[number % len(creators)],
                    metadata_hash=metadata_hash(canonical_json(document)),
                    tiers=tuple((reward.price, reward.supply) for reward in text.rewards),
                )
            )

    def _back(self) -> None:
        """Each backs four campaigns of their half and one of the other, one a day; then all is final."""
        dice = random.Random(self.chain_id)
        carts = []
        for number in range(self.backers):
            halves = self.campaigns[number % 2 :: 2], self.campaigns[1 - number % 2 :: 2]
            cart = [*dice.sample(halves[0], BACKED_BY_EACH - 1), dice.choice(halves[1])]
            carts.append(dice.sample(cart, len(cart)))
        set_automine(self.suite, on=False)
        began = self.suite.web3.eth.get_block("latest")["timestamp"]
        for day in range(BACKED_BY_EACH):
            transactions = [
                {
                    "from": self.suite.accounts[FIRST_BACKER + number],
                    "to": cart[day].address,
                    "data": cart[day].encode_abi("contribute", [0, NO_REFERENCE]),
                    "value": hex(ETHER // 100 + number),
                    "gas": CONTRIBUTION_GAS,
                }
                for number, cart in enumerate(carts)
            ]
            send_all(self.suite, transactions)
            mine_at(self.suite, began + int(timedelta(days=day + 1).total_seconds()))
        mine(self.suite, TO_FINALITY)
        set_automine(self.suite, on=True)

    def _spawn(self, name: str, *arguments: str) -> Process:
        log = self.folder / f"{name}.log"
        process = Process(f"{self.name}'s {name}", [sys.executable, *arguments], log, self.environment)
        self.processes.append(process)
        return process

    def _listed(self) -> int:
        try:
            return int(self.get("/api/v1/campaigns")["total"])
        except httpx.HTTPError:
            return -1
