"""A long backfill whose ranges other workers fetch: the same index, however many and whoever dies."""

import logging
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.conf import settings

from devtools.servers import Anvil
from django_project.ledger.models import Chain, FetchedRange, RawLog
from django_project.ledger.services import forget_chain
from tasks.indexing.node.codec import Log, pack_logs, unpack_logs
from tasks.indexing.node.rpc import Pool
from tasks.indexing.operating import follow
from tasks.indexing.operating.registry import load_events, read_registry
from tasks.indexing.operating.runner import Runner
from tasks.indexing.pipeline import fanout
from tasks.indexing.pipeline.backfill import Span
from tasks.indexing.pipeline.fanout import fetch_for_others
from tasks.indexing.pipeline.fetch import Source
from tests.faults.proxy import Liar, Proxy
from tests.integration.test_indexer_processes import fill
from tests.support.contracts import Suite, deploy_suite
from tests.support.indexing import fresh_picture, picture
from tests.support.processes import environment, kill, start, wait_until

pytestmark = pytest.mark.django_db(transaction=True)

BROKER = settings.REDIS_URL[:-1] + "6"
RANGES = 6


@pytest.fixture
def suite(tmp_path: Path, deployments_dir: Path) -> Iterator[Suite]:
    node = Anvil(tmp_path)
    yield deploy_suite(node, deployments_dir)
    node.stop()


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ranges of a few blocks, so that there are many."""
    monkeypatch.setattr(fanout, "WORTH_BLOCKS", 10)
    monkeypatch.setattr(follow, "Span", lambda: Span(blocks=5, ceiling=5))


def index_fanned_out(suite: Suite, *, on_commit: Callable[[object], None] | None = None) -> None:
    with Pool([suite.url]) as pool:
        Runner(read_registry(suite.registry), pool, once=True, fan_out=RANGES, on_commit=on_commit).run()


@pytest.fixture
def fetchers(suite: Suite, tmp_path: Path) -> Iterator[Callable[[], subprocess.Popen[bytes]]]:
    """Starts workers of the queue, one process each."""
    env = environment(suite, CELERY_BROKER_URL=BROKER)
    command = ("-m", "celery", "-A", "tasks.celery", "worker", "-P", "solo", "-Q", "backfill", "-l", "INFO")
    processes: list[subprocess.Popen[bytes]] = []

    def begin() -> subprocess.Popen[bytes]:
        log = tmp_path / f"worker-{len(processes)}.log"
        processes.append(start(*command, "-n", f"fetcher{len(processes)}", env=env, log=log))
        wait_until(lambda: "ready." in log.read_text(), "the worker")
        return processes[-1]

    yield begin
    for process in processes:
        if process.poll() is None:
            process.send_signal(signal.SIGCONT)
            kill(process)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """Ranges that the indexer had to fetch alone."""
    alone: list[tuple[int, int]] = []
    fetch = fanout.FanOut.fetch_alone

    def note(self: fanout.FanOut, from_block: int, to_block: int) -> object:
        alone.append((from_block, to_block))
        return fetch(self, from_block, to_block)

    monkeypatch.setattr(fanout.FanOut, "fetch_alone", note)
    return alone


@pytest.fixture(autouse=True)
def _broker(monkeypatch: pytest.MonkeyPatch) -> None:
    from django_project.core import jobs

    jobs._producer.cache_clear()
    monkeypatch.setattr(settings, "CELERY_BROKER_URL", BROKER)


def test_the_same_index_with_one_two_and_four_workers_and_when_one_is_killed(
    suite: Suite,
    fetchers: Callable[[], subprocess.Popen[bytes]],
    asked: list[tuple[int, int]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fill(suite, 60)
    expected = fresh_picture(suite)
    workers: list[subprocess.Popen[bytes]] = []
    for count in (1, 2, 4):
        while len(workers) < count:
            workers.append(fetchers())
        forget_chain(suite.chain_id)
        index_fanned_out(suite)
        assert picture(suite.chain_id) == expected
        assert not asked, "all ranges came from workers"

    forget_chain(suite.chain_id)
    commits: list[object] = []

    def kill_one(commit: object) -> None:
        commits.append(commit)
        if len(commits) == 3:
            kill(workers[0])

    monkeypatch.setattr(fanout, "PATIENCE_SECONDS", 2.0)
    index_fanned_out(suite, on_commit=kill_one)
    assert len(commits) > 3
    assert picture(suite.chain_id) == expected
    assert not FetchedRange.objects.exists()


def test_a_successors_ranges_are_left_alone(suite: Suite) -> None:
    fill(suite, 1)
    with Pool([suite.url]) as pool:
        fan_out = fanout.FanOut(
            suite.chain_id, Source(pool, load_events(read_registry(suite.registry))), RANGES
        )
        Chain.objects.create(pk=suite.chain_id, name="a chain")
        fan_out.submit(1, 5)
        FetchedRange.objects.create(chain_id=suite.chain_id, from_block=6, to_block=10)
        fan_out.close()
    assert [row.from_block for row in FetchedRange.objects.all()] == [6]


def test_nobody_has_to_be_there(
    suite: Suite, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    fill(suite, 20)
    monkeypatch.setattr(fanout, "PATIENCE_SECONDS", 0.1)
    with caplog.at_level(logging.WARNING):
        index_fanned_out(suite)
    assert [record for record in caplog.records if "fetching alone" in record.message][1:] == []
    assert "fetching alone" in caplog.text
    assert picture(suite.chain_id) == fresh_picture(suite)


def test_a_refused_range_is_asked_for_in_parts(suite: Suite, monkeypatch: pytest.MonkeyPatch) -> None:
    """The worker is told by the provider, whoever waits by the worker."""
    fill(suite, 20)
    with Proxy(suite.url, Liar(0, 1.0, ["range-limit"])) as limited:
        monkeypatch.setattr(settings, "RPC_URLS", {suite.chain_id: [limited.url]})
        events = load_events(read_registry(suite.registry))

        def at_once(_task: str, chain_id: int, from_block: int, to_block: int) -> None:
            fetch_for_others(chain_id, from_block, to_block, events)

        monkeypatch.setattr(fanout, "enqueue", at_once)
        index_fanned_out(suite)
    assert RawLog.objects.exists()
    assert picture(suite.chain_id) == fresh_picture(suite)


def test_what_nobody_waits_for_is_not_fetched(suite: Suite, monkeypatch: pytest.MonkeyPatch) -> None:
    events = load_events(read_registry(suite.registry))
    monkeypatch.setattr(settings, "RPC_URLS", {suite.chain_id: ["http://127.0.0.1:1"]})
    fetch_for_others(suite.chain_id, 1, 5, events)
    assert not FetchedRange.objects.exists()
    assert not Chain.objects.exists()


def test_logs_come_out_as_they_were_put_in(suite: Suite) -> None:
    fill(suite, 3)
    with Pool([suite.url]) as pool:
        source = Source(pool, load_events(read_registry(suite.registry)))
        logs = source.cold_range(1, suite.web3.eth.block_number - 12).logs
    assert len(logs) > 9
    bare = Log(2**63, 2**31, b"\x01" * 32, b"\x02" * 32, b"\x03" * 20, b"", b"")
    assert unpack_logs(pack_logs([*logs, bare])) == [*logs, bare]
    assert unpack_logs(b"") == []
