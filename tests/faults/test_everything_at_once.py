"""A chain that grows and changes its mind, a node that lies about it, and workers that are killed at it."""

import logging
import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from devtools.servers import Anvil
from django_project.ledger.invariants import violations
from tasks.indexing.node import rpc
from tests.faults.proxy import Liar, Proxy
from tests.faults.steps import strike
from tests.support.contracts import Suite, contribute, create_campaign, deploy_suite, mine, node
from tests.support.indexing import fresh_picture, index_through, picture
from tests.support.processes import let_lease_run_out, wait_for_backends_to_end

pytestmark = pytest.mark.django_db(transaction=True)

ROUNDS = 3
# A run that finds something to write makes about forty.
STEPS = 60


@pytest.fixture
def suite(tmp_path: Path, deployments_dir: Path) -> Iterator[Suite]:
    node = Anvil(tmp_path)
    yield deploy_suite(node, deployments_dir)
    node.stop()


class Life:
    """What happens next is drawn from a seed."""

    def __init__(self, suite: Suite, seed: int) -> None:
        self._random = random.Random(seed)
        self._suite = suite
        self._campaigns = [create_campaign(suite)]
        mine(suite, 5)

    def grow(self) -> None:
        if self._random.random() < 0.4:
            self._campaigns.append(create_campaign(self._suite))
        for _ in range(self._random.randint(1, 4)):
            backer = self._suite.accounts[self._random.randint(3, 6)]
            contribute(self._suite, self._random.choice(self._campaigns), backer=backer)
        mine(self._suite, self._random.choice([1, 1, 4, 12]))

    def change_its_mind(self) -> None:
        """Blocks of the window are replaced by empty ones, never those in which a campaign began."""
        if self._random.random() < 0.5:
            contribute(self._suite, self._campaigns[0])
            contribute(self._suite, self._campaigns[0])
            self.index()
            node(self._suite, "anvil_reorg", self._random.randint(1, 2), [])

    def index(self) -> None:
        """Through the node that lies, by a worker that may be killed on the way."""
        with Proxy(self._suite.url, self._liar) as proxy:
            proxy.wobble, proxy.delay = self._random.choice([0, 1]), self._random.choice([0, 0.01])
            if self._random.random() < 0.5:
                strike(replace(self._suite, url=proxy.url), self._random.randint(1, STEPS))
                wait_for_backends_to_end()
                let_lease_run_out()
            index_through(self._suite, proxy.url)

    @property
    def _liar(self) -> Liar:
        return Liar(self._random.randrange(2**32), chance=0.2)


def test_everything_at_once(
    suite: Suite, fault_seed: int, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(rpc, "FIRST_BACKOFF_SECONDS", 0.002)
    caplog.set_level(logging.CRITICAL)
    life = Life(suite, fault_seed)
    for _ in range(ROUNDS):
        life.grow()
        life.index()
        life.change_its_mind()
    index_through(suite, suite.url)
    assert violations() == [], f"seed {fault_seed}"
    assert picture(suite.chain_id) == fresh_picture(suite), f"seed {fault_seed}"
