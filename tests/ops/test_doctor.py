"""The doctor on real nodes, each with one thing wrong; and what happens to a database without tables."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder
from django.utils import timezone
from psycopg import sql

from devtools.servers import PROJECT_ROOT, Anvil, free_port
from django_project.core.endpoints import endpoint_name
from django_project.core.schema import unapplied_migrations
from django_project.ledger import services
from django_project.ledger.models import Chain, Cursor, RawLog, RpcEndpoint
from tasks.indexing.errors import RpcError
from tasks.indexing.node import rpc
from tasks.indexing.pipeline.lease import Lease
from tests.faults.providers import PROFILES, Habits, Provider, Refusal
from tests.faults.proxy import Liar, Proxy
from tests.support.contracts import Suite, contribute, create_campaign, deploy_suite, mine, mine_at
from tests.support.indexing import index_once

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def suite(anvil: Anvil, deployments_dir: Path, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Suite:
    monkeypatch.setattr(rpc, "FIRST_BACKOFF_SECONDS", 0.001)
    suite = deploy_suite(anvil, deployments_dir)
    settings.RPC_URLS = {suite.chain_id: [suite.url]}
    settings.DEPLOYMENTS_DIR = deployments_dir
    return suite


def doctor(*arguments: str) -> tuple[bool, str]:
    """Whether all is well, and the words."""
    output = StringIO()
    try:
        call_command("indexer", "doctor", *arguments, stdout=output)
    except CommandError:
        return False, output.getvalue()
    return True, output.getvalue()


def cure_of(words: str, observation: str) -> str:
    """The line below the one that says what was observed."""
    lines = words.splitlines()
    (found,) = (number for number, line in enumerate(lines) if observation in line)
    assert lines[found].startswith("!!")
    return lines[found + 1]


def test_nothing_is_wrong(suite: Suite, settings: Any) -> None:
    # The tests' chain is wound back after each, its clock too, and the doctor wonders at that.
    mine_at(suite, int(timezone.now().timestamp()))
    index_once(suite)
    # One that only announces new heads is no endpoint to ask, and no fault.
    settings.RPC_URLS = {suite.chain_id: [suite.url, suite.url.replace("http", "ws")]}
    is_well, words = doctor()
    assert is_well, words
    assert "all migrations are applied" in words
    assert "names 4 contracts" in words
    assert "!!" not in words


def test_every_endpoint_is_named_with_what_it_has(suite: Suite, settings: Any, tmp_path: Path) -> None:
    index_once(suite)
    closed = f"http://127.0.0.1:{free_port()}"
    other = Anvil(tmp_path / "other", chain_id=5)
    restarted = Anvil(tmp_path / "restarted", arguments=["--timestamp", "1700000000"])
    try:
        with Proxy(suite.url, Liar(0, 0.0)) as behind:
            mine(suite, 20)
            behind.lag = 15
            settings.RPC_URLS = {31337: [suite.url, other.url, restarted.url, closed, behind.url]}
            is_well, words = doctor("--chain=31337")
    finally:
        other.stop()
        restarted.stop()
    assert not is_well
    assert "correct the URL" in cure_of(words, "is on chain 5, not on chain 31337")
    assert "reset-chain --chain 31337" in cure_of(words, "but the chain was indexed from")
    assert "take it out" in cure_of(words, "does not answer")
    assert "take it out" in cure_of(words, "is 15 blocks behind the others")


def test_what_was_learnt_of_providers_is_told(suite: Suite, settings: Any) -> None:
    contribute(suite, create_campaign(suite))
    mine(suite, 100)
    batches = Refusal(31, "this plan takes at most 3 calls in a batch", 500)
    archive = Refusal(-32602, "Archive requests require a personal token")
    pace = Refusal(429, "Your app has exceeded its compute units per second capacity")
    with (
        Provider(suite.url, PROFILES["three-a-batch"], words=batches) as few,
        Provider(suite.url, PROFILES["no-archive"], words=archive) as young,
        Provider(suite.url, Habits(per_second=8), words=pace) as slow,
    ):
        settings.RPC_URLS = {suite.chain_id: [few.url, young.url, slow.url]}
        for provider in (few, young, slow):
            with suppress(RpcError):
                index_once(suite, provider.url)
            forget_rows(suite.chain_id)
        index_once(suite, few.url, young.url, slow.url)
        _, words = doctor()
    assert "ok  endpoint" in words
    assert "at most 3 calls in a request since" in words
    assert f"refuses logs of old blocks since {timezone.now():%Y}" in words
    assert "(Archive requests require a personal token)" in words
    assert "calls a second since" in words
    learnt = {row.url: row.learnt for row in RpcEndpoint.objects.all()}
    assert learnt[few.url]["batch"]["value"] == 3


def forget_rows(chain_id: int) -> None:
    """What is indexed, and nothing of what was learnt."""
    learnt = dict(RpcEndpoint.objects.values_list("url", "learnt"))
    if Cursor.objects.exists():
        services.forget_chain(chain_id)
    for url, told in learnt.items():
        RpcEndpoint.objects.create(chain_id=chain_id, name=endpoint_name(url), url=url, learnt=told)


@pytest.mark.usefixtures("suite")
def test_a_url_that_is_none(settings: Any) -> None:
    settings.RPC_URLS = {31337: ["http://127.0.0.1:8545,31337=http://127.0.0.1:8546/s3cret"]}
    _, words = doctor()
    assert "it has to begin with http:// or https://" in cure_of(words, "cannot be used")
    assert "s3cret" not in words


def test_a_registry_of_another_genesis_or_none(suite: Suite, tmp_path: Path) -> None:
    document = json.loads(suite.registry.read_text())
    wrong = tmp_path / "wrong.json"
    wrong.write_text(json.dumps({**document, "genesisHash": "0x" + 64 * "0"}))
    _, words = doctor(f"--deployments={wrong}")
    assert "deploy again" in cure_of(words, "but the registry was written for")
    suite.registry.unlink()
    _, words = doctor("--chain=31337")
    assert "deploy first" in cure_of(words, "registry: cannot be used")


def test_an_index_that_stands_still(suite: Suite) -> None:
    _, words = doctor()
    assert "start a worker" in cure_of(words, "index: is empty")

    index_once(suite)
    mine(suite, 3)
    _, words = doctor()
    assert "start a worker" in cure_of(words, "3 behind, indexed by nobody")
    index_once(suite)
    Cursor.objects.update(updated_at=timezone.now() - timedelta(hours=1))
    _, words = doctor()
    assert "start a worker" in cure_of(words, "0 behind, indexed by nobody for 1:00:0")

    Lease(suite.chain_id, "a worker elsewhere").acquire()
    assert "ok  index: " in doctor()[1]
    Cursor.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    _, words = doctor()
    assert "start a worker" in cure_of(words, "a worker elsewhere died")

    services.halt(suite.chain_id, Chain.Halt.DEEP_REORG, "chain 31337 changed below finality")
    assert "#deep_reorg" in cure_of(doctor()[1], "is halted (deep_reorg)")


def test_no_broker(suite: Suite, settings: Any) -> None:
    index_once(suite)
    settings.CELERY_BROKER_URL = f"redis://:s3cret@127.0.0.1:{free_port()}/0"
    _, words = doctor()
    assert "start Redis" in cure_of(words, "broker redis://:**@127.0.0.1")
    assert "s3cret" not in words


@pytest.mark.usefixtures("suite")
def test_an_old_schema_is_an_error_of_every_command() -> None:
    recorder = MigrationRecorder(connection)
    recorder.record_unapplied("campaigns", "0002_trigram")
    try:
        _, words = doctor()
        cure = cure_of(words, "database: its tables are missing or old")
        with pytest.raises(CommandError, match=r"campaigns\.0002_trigram"):
            call_command("indexer", "run", "--once")
        with pytest.raises(CommandError, match=r"run `manage\.py migrate`"):
            call_command("indexer", "status")
    finally:
        recorder.record_applied("campaigns", "0002_trigram")
    assert "1 migrations are not applied (campaigns.0002_trigram): run `manage.py migrate`" in cure
    assert not Chain.objects.exists()


def test_what_was_applied_one_by_one_needs_no_squashed_migration() -> None:
    recorder = MigrationRecorder(connection)
    squashed = "0001_squashed_0005_operating_and_cheaper_rows"
    recorder.record_unapplied("ledger", squashed)
    try:
        assert unapplied_migrations() == []
        recorder.record_unapplied("ledger", "0005_operating_and_cheaper_rows")
        assert unapplied_migrations() == ["ledger.0005_operating_and_cheaper_rows"]
    finally:
        recorder.record_applied("ledger", "0005_operating_and_cheaper_rows")
        recorder.record_applied("ledger", squashed)


@pytest.fixture
def empty_database() -> Iterator[str]:
    """The URL of a database without a single table, on the run's own server."""
    url = os.environ["DATABASE_URL"].replace("/chainfund?", "/{}?")
    name = sql.Identifier("empty")
    with psycopg.connect(url.format("postgres"), autocommit=True) as server:
        server.execute(sql.SQL("CREATE DATABASE {}").format(name))
        yield url.format("empty")
        server.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))


def run_command(database: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "manage.py", "indexer", *arguments],
        cwd=PROJECT_ROOT,
        env={**os.environ, "DATABASE_URL": database},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_run_fills_an_empty_database_by_itself(suite: Suite, empty_database: str) -> None:
    campaign = create_campaign(suite)
    contribute(suite, campaign)
    head = suite.web3.eth.block_number
    given = [f"--rpc-url={suite.url}", f"--deployments={suite.registry}"]

    _, error = run_command(empty_database, "status").communicate()
    assert "run `manage.py migrate`" in error
    # Two at once: one creates the tables, both end when the block is indexed.
    runs = [run_command(empty_database, "run", *given, f"--until-block={head}") for _ in range(2)]
    for run in runs:
        output = run.communicate()
        assert run.returncode == 0, output
    with psycopg.connect(empty_database) as database:
        (events,) = database.execute("SELECT count(*) FROM ledger_rawlog").fetchone() or (0,)
    index_once(suite)
    assert events == RawLog.objects.count() > 2
