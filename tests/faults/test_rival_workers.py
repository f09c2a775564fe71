"""Several workers at one chain, and workers that stand still and come back: one writes, the rest may not."""

import os
import signal
from collections.abc import Iterator
from datetime import timedelta
from multiprocessing import get_context
from multiprocessing.synchronize import Barrier
from pathlib import Path

import pytest

from devtools.servers import Anvil
from django_project.ledger.models import Contribution, Cursor
from tasks.indexing.errors import LeaseHeldError
from tasks.indexing.pipeline import lease
from tests.faults.steps import strike
from tests.support.contracts import Suite, contribute, create_campaign, deploy_suite
from tests.support.indexing import fresh_picture, index_once, picture
from tests.support.processes import (
    DEADLINE_SECONDS,
    environment,
    fork,
    kill,
    let_lease_run_out,
    start,
    wait_until,
)

pytestmark = pytest.mark.django_db(transaction=True)

WORKERS = 4
BLOCKS_A_TURN = 3


@pytest.fixture
def suite(tmp_path: Path, deployments_dir: Path) -> Iterator[Suite]:
    node = Anvil(tmp_path)
    yield deploy_suite(node, deployments_dir)
    node.stop()


def compete(suite: Suite, head: int, together: Barrier) -> None:
    """Index a few blocks whenever the lease is free, until the head is reached."""
    together.wait()
    while True:
        reached = Cursor.objects.values_list("next_block", flat=True).first() or 0
        if reached > head:
            return
        try:
            index_once(suite, until_block=min(head, reached + BLOCKS_A_TURN))
        except LeaseHeldError:
            continue


def test_workers_that_begin_at_once_on_an_empty_database(suite: Suite) -> None:
    campaign = create_campaign(suite)
    for amount in range(1, 30):
        contribute(suite, campaign, amount=amount)
    head = suite.web3.eth.block_number
    together = get_context("fork").Barrier(WORKERS)

    workers = [fork(compete, suite, head, together) for _ in range(WORKERS)]
    for worker in workers:
        worker.join()

    assert [worker.exitcode for worker in workers] == [0] * WORKERS
    assert Cursor.objects.get().next_block == head + 1
    assert picture(suite.chain_id) == fresh_picture(suite)


def test_a_process_that_was_paused_past_its_lease_writes_nothing(suite: Suite, tmp_path: Path) -> None:
    campaign = create_campaign(suite)
    contribute(suite, campaign, amount=1)
    log = tmp_path / "run.log"
    paused = start("manage.py", "indexer", "run", env=environment(suite, PYTHONUNBUFFERED="1"), log=log)
    try:
        wait_until(lambda: Contribution.objects.count() == 1, "the first contribution")
        os.killpg(paused.pid, signal.SIGSTOP)
        contribute(suite, campaign, amount=2)
        let_lease_run_out()
        index_once(suite)
        contribute(suite, campaign, amount=3)
        successor = lease.Lease(suite.chain_id, "successor")
        successor.acquire()
        before = picture(suite.chain_id), Cursor.objects.values().get()

        os.killpg(paused.pid, signal.SIGCONT)
        wait_until(lambda: "is being indexed by successor" in log.read_text(), "the process to see that")

        assert (picture(suite.chain_id), Cursor.objects.values().get()) == before
        successor.release()
        wait_until(lambda: Contribution.objects.count() == 3, "the process to take its turn again")
        os.killpg(paused.pid, signal.SIGTERM)
        assert paused.wait(DEADLINE_SECONDS) == 0
    finally:
        if paused.poll() is None:
            kill(paused)
    assert picture(suite.chain_id) == fresh_picture(suite)


def be_impatient() -> None:
    """PostgreSQL gives up on a transaction that stands still after one second instead of twenty."""
    lease.STALLED_TRANSACTION = timedelta(seconds=1)


def test_a_worker_that_is_paused_in_the_middle_of_its_commit_holds_nobody_up(suite: Suite) -> None:
    index_once(suite)
    contribute(suite, create_campaign(suite), amount=5)
    paused, step = strike(suite, 'UPDATE "ledger_cursor" SET "next_block"', signal.SIGSTOP, be_impatient)
    assert step is not None
    try:
        # Waits for the row that the paused worker has locked, until PostgreSQL undoes its transaction.
        let_lease_run_out()
        assert not Contribution.objects.exists()
        index_once(suite)
        before = picture(suite.chain_id), Cursor.objects.values().get()
        os.kill(paused.pid or 0, signal.SIGCONT)
        paused.join()
    finally:
        paused.kill()

    assert paused.exitcode == 1
    assert (picture(suite.chain_id), Cursor.objects.values().get()) == before
    assert picture(suite.chain_id) == fresh_picture(suite)
