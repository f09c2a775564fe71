"""A worker killed by SIGKILL at every step of what it writes: all of a commit is there, or nothing of it."""

import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from devtools.servers import Anvil
from django_project.ledger.invariants import violations
from django_project.ledger.models import Outbox, ReorgEvent
from tests.faults.histories import eventful
from tests.faults.steps import strike
from tests.support.contracts import Suite, contribute, create_campaign, deploy_suite, mine, node
from tests.support.indexing import Picture, fresh_picture, index_once, picture
from tests.support.processes import let_lease_run_out, wait_for_backends_to_end

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def suite(tmp_path: Path, deployments_dir: Path) -> Iterator[Suite]:
    node = Anvil(tmp_path)
    yield deploy_suite(node, deployments_dir)
    node.stop()


def everything(suite: Suite) -> tuple[Picture, int, int]:
    """The index, and what a commit leaves beside it."""
    return picture(suite.chain_id), Outbox.objects.count(), ReorgEvent.objects.count()


def kill_at_each_step(suite: Suite) -> list[str]:
    """Kill one worker after another, each a step further, until one has changed something; the steps."""
    before = everything(suite)
    steps: list[str] = []
    while everything(suite) == before:
        process, step = strike(suite, len(steps) + 1)
        assert step is not None, f"a whole run changed nothing; it made {len(steps)} steps"
        assert process.exitcode == -signal.SIGKILL
        steps.append(step)
        wait_for_backends_to_end()
        let_lease_run_out()
    return steps


def in_final_blocks(suite: Suite) -> None:
    eventful(suite)
    mine(suite, 20)


def in_the_window(suite: Suite) -> None:
    eventful(suite)


@pytest.mark.parametrize("happen", [in_final_blocks, in_the_window])
def test_of_a_commit(suite: Suite, happen: Callable[[Suite], None]) -> None:
    create_campaign(suite)
    index_once(suite)
    happen(suite)

    steps = kill_at_each_step(suite)

    assert steps[-1] == "after COMMIT"
    touched = " ".join(steps)
    for table in ("block", "rawlog", "contribution", "contract", "campaigntotals", "factoryevent"):
        assert f'within COPY "ledger_{table}"' in touched
    assert 'UPDATE "ledger_cursor"' in touched
    assert 'INSERT INTO "ledger_outbox"' in touched
    assert violations() == []
    index_once(suite)
    assert picture(suite.chain_id) == fresh_picture(suite)


def test_of_a_reorganisation(suite: Suite) -> None:
    campaign = create_campaign(suite)
    contribute(suite, campaign, amount=1)
    eventful(suite)
    index_once(suite)
    node(suite, "anvil_reorg", 4, [])
    contribute(suite, campaign, amount=4)

    steps = kill_at_each_step(suite)

    assert any('DELETE FROM "ledger_' in step for step in steps)
    assert ReorgEvent.objects.count() == 1
    assert violations() == []
    index_once(suite)
    assert picture(suite.chain_id) == fresh_picture(suite)
