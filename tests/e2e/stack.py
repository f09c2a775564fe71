"""The whole system for browser tests: a chain with campaigns, the indexer, a worker and the site."""

import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, LiteralString

import psycopg
from eth_typing import ChecksumAddress
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict
from web3.contract import Contract

from devtools.servers import PROJECT_ROOT, Anvil, Process, free_port
from tests.support.contracts import NATIVE, Suite, contribute, contribute_token, create_campaign, deploy_suite

ETHER = 10**18
PYTHON = sys.executable
# The chain begins this long ago, so that a campaign can have ended by now.
HISTORY = timedelta(days=9)
EVIDENCE = "https://example.org/kiln-in-place", b"\x01" * 32
CATEGORIES = [
    {"slug": "food", "name_en": "Food", "name_zh_hans": "饮食", "icon": "bowl"},
    {"slug": "technology", "name_en": "Technology", "name_zh_hans": "科技", "icon": "cpu"},
]


@dataclass(frozen=True)
class Told:
    """A campaign's text with the terms it is launched under."""

    title: str
    text: dict[str, Any]
    goal: int = 10 * ETHER
    is_token: bool = False
    tiers: tuple[tuple[int, int], ...] = ()
    min_contribution: int = 0
    lasts: timedelta = timedelta(days=30)
    milestones: tuple[tuple[int, timedelta], ...] = ()


def _text(title: str, **fields: object) -> dict[str, Any]:
    return {
        "schema": 1,
        "title": title,
        "tagline": "Eight hives, eight streets, one harvest party",
        "story": "## Why\n\nWe keep **bees** above the tram depot.\n\n- new frames\n- a lighter ladder",
        "category": "food",
        "language": "en",
        "publisher": "Roof Apiary",
        "rewards": [],
        **fields,
    }


HONEY = Told(
    "Honey from eight roofs",
    _text(
        "Honey from eight roofs",
        rewards=[
            {"tier": 1, "title": "One jar", "description": "250 g from your own street."},
            {"tier": 2, "title": "A day with the bees", "description": "Veil and boots are ours."},
            {"tier": 3, "title": "A night at the depot", "description": "With the swarm catchers."},
        ],
    ),
    tiers=((ETHER // 10, 0), (ETHER, 1), (ETHER, 1)),
    min_contribution=ETHER // 100,
)
TEA = Told(
    "半坡春茶",
    _text(
        "半坡春茶",
        tagline="四十亩老丛，人工除草",
        story="## 今年想做的事\n\n修好**炒锅**，请两位师傅。",
        language="zh-hans",
        publisher="半坡茶社",
    ),
    goal=5_000 * 10**6,
    is_token=True,
)
FAILED = Told(
    "A bench that folds", _text("A bench that folds", category="technology"), lasts=timedelta(days=8)
)
JUDGED = Told(
    "A kiln for the yard",
    _text("A kiln for the yard", category="technology"),
    goal=ETHER,
    lasts=timedelta(days=8),
    milestones=((5_000, timedelta(days=30)), (3_000, timedelta(days=60)), (2_000, timedelta(days=90))),
)
BROKE = Told("A clock for the square", _text("A clock for the square", category="technology"), goal=10**24)


class Stack:
    """Starts everything in an empty database; `stop` ends what it started."""

    def __init__(self, directory: Path, database_url: str, redis_url: str) -> None:
        self.directory = directory
        began = int(time.time() - HISTORY.total_seconds())
        self.anvil = Anvil(directory, arguments=["--accounts", "20", "--timestamp", str(began)])
        self.suite: Suite = deploy_suite(self.anvil, directory / "deployments")
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.processes: list[Process] = []
        self.environment = {
            "CHAINFUND_MODE": "demo",
            "CHAINFUND_SITE_URL": self.url,
            "CHAINFUND_RPC_URLS": f"{self.anvil.chain_id}={self.anvil.url}",
            "CHAINFUND_DEPLOYMENTS_DIR": str(directory / "deployments"),
            "CHAINFUND_LOCAL_FINALITY_DEPTH": "4",
            "CHAINFUND_DEMO_ACCOUNTS": json.dumps(
                [
                    {"address": self.backer, "label": "New backer"},
                    {"address": self.other, "label": "Another backer"},
                ]
            ),
            "DATABASE_URL": database_url,
            "REDIS_URL": redis_url,
        }
        self.contracts: dict[str, Contract] = {}

    @property
    def backer(self) -> ChecksumAddress:
        return self.suite.accounts[5]

    @property
    def other(self) -> ChecksumAddress:
        return self.suite.accounts[6]

    def start(self) -> None:
        self.run("manage.py", "migrate", "--verbosity", "0")
        self._launch([HONEY, TEA, FAILED, JUDGED, BROKE])
        self._contribute()
        self._spawn("indexer", "manage.py", "indexer", "run")
        self._spawn(
            "worker",
            *("-m", "celery", "-A", "tasks.celery", "worker", "--beat", "--queues", "default"),
            *("--concurrency", "1", "--schedule", str(self.directory / "beat"), "--loglevel", "WARNING"),
        )
        site = self._spawn(
            "site", *("-m", "uvicorn", "django_project.asgi:application", "--port", str(self.port))
        )
        site.wait_until(self._answers)

    def stop(self) -> None:
        for process in reversed(self.processes):
            process.stop()
        self.anvil.stop()

    def mine(self, blocks: int = 1) -> None:
        self.anvil.request("anvil_mine", hex(blocks))

    def rows(self, query: LiteralString) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.environment["DATABASE_URL"]) as connection:
            return connection.execute(query).fetchall()

    def get(self, path: str) -> str:
        with urllib.request.urlopen(self.url + path, timeout=10) as answer:  # noqa: S310  # our own http URL
            return str(answer.read().decode())

    def _launch(self, campaigns: list[Told]) -> None:
        request = {"categories": CATEGORIES, "texts": [told.text for told in campaigns]}
        hashes = json.loads(self.run("-m", "tests.e2e.store_texts", feed=json.dumps(request)))
        for told, digest in zip(campaigns, hashes, strict=True):
            self.contracts[told.title] = create_campaign(
                self.suite,
                goal=told.goal,
                duration=told.lasts,
                tiers=told.tiers,
                min_contribution=told.min_contribution,
                milestones=told.milestones,
                metadata_hash=bytes.fromhex(digest),
                token=self.suite.token.address if told.is_token else NATIVE,
            )

    def _contribute(self) -> None:
        """Some history, and two campaigns whose deadline has passed with the backer's money in them."""
        contribute(self.suite, self.contracts[HONEY.title], amount=4 * ETHER)
        contribute_token(self.suite, self.contracts[TEA.title], amount=1_500 * 10**6)
        for account in (self.backer, self.other):
            contribute(self.suite, self.contracts[FAILED.title], backer=account, amount=ETHER // 2)
        for account, amount in ((self.suite.accounts[3], 30), (self.backer, 5), (self.other, 1)):
            contribute(self.suite, self.contracts[JUDGED.title], backer=account, amount=amount * ETHER // 10)
        self.suite.send(self.suite.token.functions.mint(self.backer, 900 * 10**6), self.backer)
        self.anvil.request("evm_setNextBlockTimestamp", int(time.time()))
        self.mine()
        evidence = self.contracts[JUDGED.title].functions.submitMilestone(*EVIDENCE)
        self.suite.send(evidence, self.suite.accounts[2])

    def _spawn(self, name: str, *arguments: str) -> Process:
        process = Process(name, [PYTHON, *arguments], self.directory / f"{name}.log", self.environment)
        self.processes.append(process)
        return process

    def run(self, *arguments: str, feed: str = "") -> str:
        done = subprocess.run(
            [PYTHON, *arguments],
            input=feed,
            capture_output=True,
            text=True,
            check=False,
            cwd=PROJECT_ROOT,
            env={**os.environ, **self.environment},
        )
        if done.returncode != 0:
            raise RuntimeError(f"{' '.join(arguments)} failed:\n{done.stderr}")
        return done.stdout

    def _answers(self) -> bool:
        """The site is up and shows what the indexer brought in."""
        try:
            return HONEY.title in self.get("/explore/")
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return False


def fresh_database(url: str, name: str) -> str:
    """A new, empty database beside that of `url`; its URL."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(name)))
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    before = str(conninfo_to_dict(url)["dbname"])
    return url.replace(f"/{before}?", f"/{name}?", 1)
