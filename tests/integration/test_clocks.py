"""The clocks of real chains that run an hour ahead of or behind this machine's."""

import re
from collections.abc import Iterator
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from devtools.servers import Anvil
from django_project.core.addresses import parse_address
from django_project.ledger.clocks import chain_now
from django_project.ledger.models import CampaignLaunched, Chain, Cursor
from django_project.ledger.selectors import CONTRACT_STATES, campaigns_with_status, index_health
from tasks.indexing.node.rpc import Pool
from tasks.indexing.operating.registry import load_events, read_registry
from tasks.indexing.repair.verify import Verifier
from tests.support.contracts import Suite, contribute, create_campaign, deploy_suite, mine, mine_at
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


def test_verify_holds_the_states_on_pages_to_the_contracts(suite: Suite, offset: timedelta) -> None:
    """With the database's clock alone pages would tell of an hour that has not come, or has passed."""
    create_campaign(suite, duration=2 * DAY)
    index_once(suite)
    deadline = CampaignLaunched.objects.get().deadline
    assert abs(deadline - (timezone.now() + offset)) < HOUR / 6
    mine_at(suite, int(deadline.timestamp()) + (1 if offset > timedelta() else -1))
    index_once(suite)
    assert verify(suite) == []
    Cursor.objects.update(clock_offset=None)
    [problem] = verify(suite)
    assert "1 campaigns are shown in another state than their contract is in" in problem
    assert ("s behind the chain's" if offset > timedelta() else "s ahead of the chain's") in problem


def test_a_clock_that_is_off_is_told(suite: Suite, offset: timedelta, settings: Any, client: Client) -> None:
    settings.RPC_URLS = {suite.chain_id: [suite.url]}
    settings.DEPLOYMENTS_DIR = suite.registry.parent
    mine_at(suite, int((timezone.now() + offset).timestamp()))
    index_once(suite)
    seconds = int(offset.total_seconds())
    [health] = index_health()
    assert abs(health.clock_offset_seconds - seconds) < 60
    assert health.is_clock_off
    assert health.lag_seconds == 0
    output = StringIO()
    with pytest.raises(CommandError):
        call_command("indexer", "doctor", stdout=output)
    side = "ahead of" if seconds > 0 else "behind"
    assert re.search(rf"!!  clock: the chain's is 3,[56]\d\d s {side} the database's", output.getvalue())
    ready = client.get("/readyz")
    assert ready.status_code == 200
    assert re.fullmatch(rf"3[56]\d\d s {side} the database's", ready.json()["checks"]["clock of chain 31337"])
    assert ready.json()["checks"]["index of chain 31337"] == "ok"


def verify(suite: Suite) -> list[str]:
    registry = read_registry(suite.registry)
    with Pool([suite.url]) as pool:
        return Verifier(Chain.objects.get(), pool, load_events(registry)).verify().problems
