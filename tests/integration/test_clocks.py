"""The clocks of real chains that run an hour ahead of or behind this machine's."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from django_project.core.addresses import parse_address
from django_project.ledger.clocks import chain_now
from django_project.ledger.models import Cursor
from django_project.ledger.selectors import CONTRACT_STATES, campaigns_with_status
from tasks.demo.servers import Anvil
from tests.support.contracts import Suite, contribute, create_campaign, deploy_suite, mine, node
from tests.support.indexing import index_once

pytestmark = pytest.mark.django_db(transaction=True)

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)


@pytest.fixture(params=[HOUR, -HOUR], ids=["an hour ahead", "an hour behind"])
def offset(request: pytest.FixtureRequest) -> timedelta:
    found: timedelta = request.param
    return found


@pytest.fixture
def suite(offset: timedelta, tmp_path: Path, deployments_dir: Path) -> Iterator[Suite]:
    """A chain that began two days ago by a clock that is off."""
    genesis = timezone.now() - 2 * DAY + offset
    server = Anvil(tmp_path, arguments=["--timestamp", str(int(genesis.timestamp()))])
    yield deploy_suite(server, deployments_dir)
    server.stop()


def mine_at(suite: Suite, timestamp: int) -> None:
    node(suite, "evm_setNextBlockTimestamp", timestamp)
    mine(suite)


def test_the_index_goes_by_the_clock_of_the_chain(suite: Suite, offset: timedelta) -> None:
    """An hour's difference is no reason to be wrong about what ends within it, in either direction."""
    campaign = create_campaign(suite, duration=2 * DAY)
    contribute(suite, campaign, amount=10**18)
    deadline = campaign.functions.terms().call()[4]
    address = parse_address(campaign.address)

    mine_at(suite, deadline - 600)
    index_once(suite)
    assert abs(chain_now(suite.chain_id) - (timezone.now() + offset - timedelta(minutes=10))) < HOUR / 6
    assert campaigns_with_status().get(address=address).status == "open"
    assert CONTRACT_STATES[campaign.functions.state().call()] == "open"

    mine_at(suite, deadline)
    index_once(suite)
    assert campaigns_with_status().get(address=address).status == "failed"
    assert CONTRACT_STATES[campaign.functions.state().call()] == "failed"


def test_only_a_level_index_tells_how_the_clock_goes(suite: Suite) -> None:
    campaign = create_campaign(suite)
    contribute(suite, campaign)
    mine(suite, 3)
    index_once(suite, until_block=suite.web3.eth.block_number - 2)
    assert Cursor.objects.get().clock_offset is None
    index_once(suite)
    assert Cursor.objects.get().clock_offset is not None
