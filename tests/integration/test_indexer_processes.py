"""The indexer as processes: killed, doubled, misconfigured, run by Celery."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from django.conf import settings
from django.db import connection
from django.utils import timezone
from web3.types import Wei

from devtools.servers import Anvil, free_port
from django_project.ledger.models import Chain, Contribution, Cursor, RawLog
from tasks.indexing.errors import LeaseHeldError, LeaseLostError
from tasks.indexing.node.rpc import Pool
from tasks.indexing.operating.follow import Follower
from tasks.indexing.operating.registry import attach, load_events, read_registry
from tasks.indexing.operating.runner import Runner
from tasks.indexing.pipeline import commit as commit_module
from tasks.indexing.pipeline.lease import Lease
from tests.faults.proxy import Liar, Proxy
from tests.support.contracts import Suite, contribute, create_campaign, deploy_suite, mine, set_automine
from tests.support.indexing import fresh_picture, index_once, picture
from tests.support.processes import (
    DEADLINE_SECONDS,
    WORKER,
    beat,
    environment,
    kill,
    manage,
    start,
    wait_until,
)

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Anvil]:
    server = Anvil(tmp_path)
    yield server
    server.stop()


@pytest.fixture
def suite(node: Anvil, deployments_dir: Path) -> Suite:
    return deploy_suite(node, deployments_dir)


def fill(suite: Suite, blocks: int) -> None:
    """Blocks with several contributions each."""
    campaigns = [create_campaign(suite, goal=10**20) for _ in range(3)]
    set_automine(suite, on=False)
    for block in range(blocks):
        for index, campaign in enumerate(campaigns):
            call = campaign.functions.contribute(0, bytes(32))
            call.transact({"from": suite.accounts[3 + index], "value": Wei(1 + block), "gas": 200_000})
        mine(suite)
    set_automine(suite, on=True)
    mine(suite, 12)


def test_killed_in_the_middle_and_started_again(suite: Suite, tmp_path: Path) -> None:
    fill(suite, 60)
    with Proxy(suite.url, Liar(0, 0.0)) as proxy:
        # Small ranges, so that there is a middle.
        proxy.liar.chance, proxy.liar.lies = 1.0, ["range-limit"]
        env = environment(suite, CHAINFUND_RPC_URLS=f"{suite.chain_id}={proxy.url}")
        for _ in range(2):
            reached = Cursor.objects.values_list("next_block", flat=True).first() or 0
            process = start("manage.py", "indexer", "run", env=env, log=tmp_path / "run.log")
            wait_until(
                lambda before=reached: Cursor.objects.filter(next_block__gt=before + 3).exists(),  # type: ignore[misc]
                "the next commits",
            )
            kill(process)
    assert RawLog.objects.exists()
    head = suite.web3.eth.block_number
    run = manage("indexer", "run", f"--until-block={head}", env=environment(suite))
    assert run.returncode == 0, run.stderr
    assert f"indexed to block {head:,}" in run.stdout
    assert picture(suite.chain_id) == fresh_picture(suite)


def test_only_one_worker_at_a_time_and_a_late_one_is_refused(suite: Suite) -> None:
    contribute(suite, create_campaign(suite))
    registry = read_registry(suite.registry)
    with Pool([suite.url]) as pool:
        chain = attach(registry, pool)
        paused = Lease(chain.chain_id, "paused")
        paused.acquire()
        with pytest.raises(LeaseHeldError):
            Lease(chain.chain_id, "other").acquire()
        late = Follower(chain, paused, pool, load_events(registry))

        # Its lease runs out while it is paused, and another worker takes over and indexes.
        Cursor.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
        index_once(suite)
        contribute(suite, create_campaign(suite))
        before = picture(chain.chain_id)

        with pytest.raises(LeaseLostError):
            late.tick()
    assert picture(chain.chain_id) == before
    paused.release()
    working = Lease(chain.chain_id, "working")
    working.acquire()
    Lease(chain.chain_id, "operator").seize()
    with pytest.raises(LeaseLostError):
        working.read_cursor()
    assert Cursor.objects.get().fence > paused.fence


@pytest.mark.parametrize("in_transaction", [False, True])
def test_the_database_hangs_up(
    suite: Suite, monkeypatch: pytest.MonkeyPatch, *, in_transaction: bool
) -> None:
    """The server ends the indexer's connection between two commits, or in the middle of one."""
    fill(suite, 12)
    hung_up: list[int] = []

    def hang_up(*_: object, **_options: object) -> None:
        if not hung_up:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_backend_pid()")
                hung_up.append(cursor.fetchone()[0])
            with psycopg.connect(environment()["DATABASE_URL"], autocommit=True) as other:
                other.execute("SELECT pg_terminate_backend(%s)", hung_up)

    if in_transaction:
        monkeypatch.setattr(commit_module, "write_outbox", hang_up)
    head = suite.web3.eth.block_number
    with Pool([suite.url]) as pool:
        Runner(
            read_registry(suite.registry),
            pool,
            until_block=head,
            on_commit=None if in_transaction else hang_up,
        ).run()
    assert hung_up
    assert picture(suite.chain_id) == fresh_picture(suite)


def test_several_endpoints_of_which_one_is_behind_hide_nothing(suite: Suite) -> None:
    campaign = create_campaign(suite)
    with Proxy(suite.url, Liar(0, 0.0)) as behind:
        behind.lag = 5
        for _ in range(12):
            contribute(suite, campaign)
        head = suite.web3.eth.block_number
        with Pool([behind.url, suite.url]) as pool:
            Runner(read_registry(suite.registry), pool, until_block=head, run_for=timedelta(minutes=5)).run()
    assert Cursor.objects.get().next_block == head + 1
    assert picture(suite.chain_id) == fresh_picture(suite)


def test_a_process_says_what_is_wrong_and_fails(suite: Suite) -> None:
    run = manage(
        "indexer", "run", "--once", f"--rpc-url=http://127.0.0.1:{free_port()}", env=environment(suite)
    )
    assert run.returncode == 1
    (sentence,) = run.stderr.strip().splitlines()
    assert "no RPC endpoint answers" in sentence
    assert not Chain.objects.exists()


def test_celery_follows_the_chain_and_survives_its_worker(suite: Suite, tmp_path: Path) -> None:
    env = environment(
        suite, CHAINFUND_INDEXER_LEASE_SECONDS="2", CELERY_BROKER_URL=settings.REDIS_URL[:-1] + "5"
    )
    worker = (*WORKER, "-c", "2")
    campaign = create_campaign(suite)
    processes = [
        start(*worker, env=env, log=tmp_path / "worker.log"),
        start(*beat(tmp_path), env=env, log=tmp_path / "beat.log"),
    ]
    try:
        contribute(suite, campaign, amount=1)
        wait_until(lambda: Contribution.objects.count() == 1, "the first contribution")
        contribute(suite, campaign, amount=2)
        wait_until(lambda: Contribution.objects.count() == 2, "a contribution while following")
        kill(processes[0])
        contribute(suite, campaign, amount=3)
        processes[0] = start(*worker, env=env, log=tmp_path / "worker.log")
        wait_until(lambda: Contribution.objects.count() == 3, "the contribution after the worker was killed")
        # As an init system ends a worker; its children hear of it from their parent.
        processes[0].terminate()
        processes[0].wait(DEADLINE_SECONDS)
        assert not Cursor.objects.exclude(lease_owner="").exists()
    finally:
        for process in processes:
            if process.poll() is None:
                kill(process)
    # Straight from the node, with nobody else at work.
    assert picture(suite.chain_id) == fresh_picture(suite)
