"""Blocks whose events suddenly lie close together: the same rows, and never many logs in memory at once."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from web3.contract import Contract

from benchmarks.chain import deploy_generator
from devtools.servers import Anvil
from django_project.ledger.models import RawLog
from django_project.ledger.services import forget_chain
from tasks.indexing.node import codec
from tasks.indexing.node.abilities import LARGEST_RANGE
from tasks.indexing.node.codec import Log, parse_log
from tasks.indexing.node.rpc import Pool
from tasks.indexing.operating import follow
from tasks.indexing.operating.follow import Commit
from tasks.indexing.operating.registry import load_events, read_registry
from tasks.indexing.operating.runner import Runner
from tasks.indexing.pipeline import backfill, fanout, fetch
from tasks.indexing.pipeline.backfill import FETCHERS, Span, Threads
from tasks.indexing.pipeline.fanout import fetch_for_others
from tests.support.contracts import Suite, create_campaign, deploy_suite, mine, set_automine
from tests.support.indexing import picture

pytestmark = pytest.mark.django_db(transaction=True)

# As small as the chain here, in the proportions of the real ones.
AIM_LOGS = 50
MOST_LOG_BYTES = 70_000
LOGS_THAT_FIT = 65


@dataclass
class Crowd:
    """A node on which contributions come as densely as a test wants."""

    suite: Suite
    generator: Contract
    events: int = 0

    def fill(self, blocks: int, events_each: int) -> None:
        set_automine(self.suite, on=False)
        for _ in range(blocks):
            call = self.generator.functions.contribute(self.events, events_each)
            call.transact({"from": self.suite.admin, "gas": 300_000 * events_each})
            self.events += events_each
            mine(self.suite)
        set_automine(self.suite, on=True)


@pytest.fixture
def crowd(tmp_path: Path, deployments_dir: Path) -> Iterator[Crowd]:
    node = Anvil(tmp_path, arguments=["--gas-limit", "300000000"])
    suite = deploy_suite(node, deployments_dir)
    campaigns = [create_campaign(suite, goal=10**30).address for _ in range(3)]
    yield Crowd(suite, deploy_generator(suite, campaigns, purse=10**21))
    node.stop()


@pytest.fixture(autouse=True)
def span(monkeypatch: pytest.MonkeyPatch) -> Span:
    """The span of the next run, with everything small."""
    monkeypatch.setattr(fetch, "MOST_LOG_BYTES", MOST_LOG_BYTES)
    monkeypatch.setattr(backfill, "AIM_LOGS", AIM_LOGS)
    monkeypatch.setattr(Threads, "most_logs", 2 * AIM_LOGS)
    span = Span()
    monkeypatch.setattr(follow, "Span", lambda: span)
    return span


@dataclass
class Seen:
    """What a run did, and how many logs it held. Lists, because appending needs no lock."""

    parsed: list[None] = field(default_factory=list)
    dropped: list[None] = field(default_factory=list)
    most_logs: int = 0
    requests: int = 0
    commits: list[Commit] = field(default_factory=list)

    def parse(self, raw: Any) -> Log:
        log = Counted(*parse_log(raw))
        log.seen = self
        self.parsed.append(None)
        self.most_logs = max(self.most_logs, len(self.parsed) - len(self.dropped))
        return log


class Counted(Log):
    """A log that tells when it is let go of."""

    seen: Seen

    def __del__(self) -> None:
        self.seen.dropped.append(None)


def index(suite: Suite, monkeypatch: pytest.MonkeyPatch, *, fan_out: int = 0) -> Seen:
    """Index everything."""
    seen = Seen()
    with monkeypatch.context() as patches, Pool([suite.url]) as pool:
        patches.setattr(codec, "parse_log", seen.parse)
        registry = read_registry(suite.registry)
        Runner(registry, pool, once=True, fan_out=fan_out, on_commit=seen.commits.append).run()
        seen.requests = pool.requests
    return seen


def in_small_steps(suite: Suite, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The oracle: the rows of an index made anew, two blocks at a time and never more."""
    forget_chain(suite.chain_id)
    with monkeypatch.context() as patches:
        patches.setattr(follow, "Span", lambda: Span(blocks=2, ceiling=2))
        index(suite, monkeypatch)
    return picture(suite.chain_id)


def test_a_sudden_crowd_is_survived_with_few_logs_in_memory(
    crowd: Crowd, span: Span, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine(crowd.suite, 700)
    crowd.fill(30, 20)
    mine(crowd.suite, 300)
    # A single block cannot be asked for in parts.
    crowd.fill(1, 3 * LOGS_THAT_FIT)
    crowd.fill(20, 3)
    mine(crowd.suite, 300)

    seen = index(crowd.suite, monkeypatch)

    # One answer for each fetcher, what is matched and what is committed, and the block that does not fit.
    assert seen.most_logs <= (FETCHERS + 2 + 2) * LOGS_THAT_FIT < crowd.events / 1.5
    assert len(seen.parsed) < 2 * RawLog.objects.count()
    assert seen.requests < 3 * len(seen.commits) + 40
    assert span.ceiling == LARGEST_RANGE
    assert picture(crowd.suite.chain_id) == in_small_steps(crowd.suite, monkeypatch)


def test_a_crowd_in_the_window_is_read_in_parts(crowd: Crowd, monkeypatch: pytest.MonkeyPatch) -> None:
    crowd.fill(8, 30)
    seen = index(crowd.suite, monkeypatch)
    hot = [commit for commit in seen.commits if commit.block > crowd.suite.web3.eth.block_number - 8]
    assert len(hot) >= 4
    assert max(commit.events for commit in hot) <= LOGS_THAT_FIT
    assert picture(crowd.suite.chain_id) == in_small_steps(crowd.suite, monkeypatch)


def test_a_worker_that_meets_a_crowd_has_it_asked_for_in_parts(
    crowd: Crowd, span: Span, monkeypatch: pytest.MonkeyPatch
) -> None:
    suite = crowd.suite
    mine(suite, 100)
    crowd.fill(20, 20)
    mine(suite, 100)
    monkeypatch.setattr(fanout, "WORTH_BLOCKS", 10)
    monkeypatch.setattr(settings, "RPC_URLS", {suite.chain_id: [suite.url]})
    events = load_events(read_registry(suite.registry))
    asked: list[int] = []

    def at_once(_task: str, chain_id: int, from_block: int, to_block: int) -> None:
        asked.append(to_block - from_block + 1)
        fetch_for_others(chain_id, from_block, to_block, events)

    monkeypatch.setattr(fanout, "enqueue", at_once)
    seen = index(suite, monkeypatch, fan_out=FETCHERS)
    assert max(asked) > 50
    assert max(commit.events for commit in seen.commits) <= LOGS_THAT_FIT
    assert span.ceiling == LARGEST_RANGE
    assert picture(suite.chain_id) == in_small_steps(suite, monkeypatch)
