"""Two or three providers of different habits before one chain that grows and changes its mind."""

import logging
import random
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from devtools.servers import Anvil
from django_project.ledger.invariants import violations
from django_project.ledger.models import Chain, ReorgEvent
from tasks.indexing.node import rpc
from tests.faults.histories import busy
from tests.faults.providers import PROFILES, Provider
from tests.support.contracts import Suite, contribute, create_campaign, deploy_suite, mine, node
from tests.support.indexing import fresh_picture, index_through, picture

pytestmark = pytest.mark.django_db(transaction=True)

ROUNDS = 3


@pytest.fixture
def suite(tmp_path: Path, deployments_dir: Path) -> Iterator[Suite]:
    """On a chain of its own: what anvil takes back does not mix with what it rewinds between tests."""
    node = Anvil(tmp_path)
    yield deploy_suite(node, deployments_dir)
    node.stop()


@pytest.fixture
def alien(tmp_path: Path) -> Iterator[Anvil]:
    """Another chain, for those whose balancer leads there at times."""
    chain = Anvil(tmp_path / "alien", chain_id=5)
    chain.request("anvil_mine", hex(400))
    yield chain
    chain.stop()


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """The same retries with shorter pauses."""
    monkeypatch.setattr(rpc, "FIRST_BACKOFF_SECONDS", 0.002)
    monkeypatch.setattr(rpc, "BAN_SECONDS", 0.2)
    caplog.set_level(logging.CRITICAL)


def test_a_mix_of_providers_ends_in_the_truth(suite: Suite, alien: Anvil, fault_seed: int) -> None:
    chance = random.Random(fault_seed)
    names = chance.sample(sorted(PROFILES), chance.choice([2, 3]))
    told = f"seed {fault_seed}: {', '.join(names)}"
    busy(suite)
    mine(suite, 40)
    campaign = create_campaign(suite)
    with ExitStack() as stack:
        urls = [
            stack.enter_context(
                Provider(suite.url, PROFILES[name], chance.randrange(2**32), alien_url=alien.url)
            ).url
            for name in names
        ]
        for _ in range(ROUNDS):
            for _ in range(chance.randint(1, 3)):
                contribute(suite, campaign, backer=suite.accounts[chance.randint(3, 6)])
            mine(suite, chance.choice([1, 2, 12]))
            index_through(suite, *urls)
            if chance.random() < 0.5:
                node(suite, "anvil_reorg", chance.randint(1, 2), [])
                index_through(suite, *urls)
    index_through(suite, suite.url)
    assert Chain.objects.get().state == Chain.State.OK, told
    assert all(depth <= 2 for depth in ReorgEvent.objects.values_list("depth", flat=True)), told
    assert violations() == [], told
    assert picture(suite.chain_id) == fresh_picture(suite), told
