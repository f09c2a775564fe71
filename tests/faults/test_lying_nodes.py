"""Nodes that leave out, lag, contradict themselves and fall over: the index ends up equal to the truth."""

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from django_project.core.addresses import parse_address
from django_project.ledger import services
from django_project.ledger.models import CampaignTotals, Contribution, ReorgEvent, SuspectRange
from tasks.demo.servers import Anvil
from tasks.indexing import repair, rpc
from tasks.indexing.errors import NoEndpointError, RpcError, StillInconsistentError
from tests.faults.histories import busy
from tests.faults.proxy import LIES, Liar, Proxy
from tests.support.contracts import Suite, contribute, create_campaign, deploy_suite, mine, node
from tests.support.indexing import fresh_picture, index_once, picture

pytestmark = pytest.mark.django_db(transaction=True)

PASSES = 40


@pytest.fixture
def suite(tmp_path: Path, deployments_dir: Path) -> Iterator[Suite]:
    """On a chain of its own: what anvil takes back does not mix with what it rewinds between tests."""
    node = Anvil(tmp_path)
    yield deploy_suite(node, deployments_dir)
    node.stop()


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """The same retries with shorter pauses."""
    monkeypatch.setattr(rpc, "FIRST_BACKOFF_SECONDS", 0.002)
    caplog.set_level(logging.CRITICAL)


def index_through(suite: Suite, *urls: str) -> None:
    """Keep indexing until two looks in a row found nothing to do."""
    before = None
    for _ in range(PASSES):
        try:
            index_once(suite, *urls)
        except (RpcError, StillInconsistentError):
            continue
        after = picture(suite.chain_id)
        if after == before and not SuspectRange.objects.filter(resolved_at=None).exists():
            return
        before = after


@pytest.mark.parametrize("lie", sorted(LIES))
def test_each_lie_alone_is_found_out(suite: Suite, lie: str) -> None:
    busy(suite)
    with Proxy(suite.url, Liar(seed=len(lie), chance=1.0, lies=[lie], limit=4)) as proxy:
        index_through(suite, proxy.url)
        assert proxy.liar.told[lie] > 0
    assert picture(suite.chain_id) == fresh_picture(suite)


def test_all_lies_at_once(suite: Suite, fault_seed: int) -> None:
    busy(suite)
    with Proxy(suite.url, Liar(fault_seed, chance=0.3)) as proxy:
        index_through(suite, proxy.url)
        proxy.liar.chance = 0.0
        index_through(suite, proxy.url)
        told = dict(proxy.liar.told)
    assert picture(suite.chain_id) == fresh_picture(suite), f"seed {fault_seed}, lies told: {told}"


def test_lies_while_the_chain_grows_and_reorganises(suite: Suite) -> None:
    campaign = create_campaign(suite)
    with Proxy(suite.url, Liar(seed=5, chance=0.2)) as proxy:
        for step in range(6):
            contribute(suite, campaign, amount=step + 1)
            contribute(suite, campaign, backer=suite.accounts[4], amount=step + 1)
            index_through(suite, proxy.url)
            if step % 2:
                node(suite, "anvil_reorg", 3, [])
        index_through(suite, proxy.url)
        proxy.liar.chance = 0.0
        index_through(suite, proxy.url)
    totals = CampaignTotals.objects.get(campaign__address=parse_address(campaign.address))
    assert totals.raised == campaign.functions.totalRaised().call()
    assert picture(suite.chain_id) == fresh_picture(suite)


def test_a_missed_last_event_is_found_by_asking_the_contract(suite: Suite) -> None:
    campaign = create_campaign(suite)
    contribute(suite, campaign, amount=1)
    mine(suite, 20)
    with Proxy(suite.url, Liar(seed=1, chance=1.0, lies=["omit-all-logs"])) as proxy:
        index_once(suite, proxy.url)
        assert not Contribution.objects.exists()
        assert SuspectRange.objects.filter(resolved_at=None).exists()
    index_once(suite)
    assert Contribution.objects.count() == 1
    assert not SuspectRange.objects.filter(resolved_at=None).exists()
    index_once(suite)
    assert picture(suite.chain_id) == fresh_picture(suite)


def test_a_gap_is_written_down_even_while_nothing_can_be_committed(suite: Suite) -> None:
    campaign = create_campaign(suite)
    contribute(suite, campaign, amount=1)
    contribute(suite, campaign, amount=2)
    mine(suite, 20)
    with Proxy(suite.url, Liar(seed=1, chance=1.0, lies=["truncate-logs"])) as proxy:
        for _ in range(2):
            try:
                index_once(suite, proxy.url)
            except StillInconsistentError:
                break
    assert SuspectRange.objects.exists()
    index_once(suite)
    index_once(suite)
    assert CampaignTotals.objects.get().raised == 3
    assert picture(suite.chain_id) == fresh_picture(suite)


def test_old_blocks_in_doubt_do_not_keep_new_ones_out(suite: Suite, monkeypatch: pytest.MonkeyPatch) -> None:
    campaign = create_campaign(suite)
    contribute(suite, campaign, amount=1)
    index_once(suite)
    services.suspect(suite.chain_id, 1, 3, "somebody said so")
    monkeypatch.setattr(repair, "campaigns_with_gaps", lambda *_: [b"\x01" * 20])
    contribute(suite, campaign, amount=2)
    index_once(suite)
    assert CampaignTotals.objects.get().raised == 3
    assert SuspectRange.objects.filter(resolved_at=None).exists()

    monkeypatch.undo()
    index_once(suite)
    assert not SuspectRange.objects.filter(resolved_at=None).exists()


def test_a_lagging_endpoint_beside_a_good_one(suite: Suite) -> None:
    campaign = create_campaign(suite)
    for amount in range(1, 12):
        contribute(suite, campaign, amount=amount)
    with Proxy(suite.url, Liar(0, 0.0)) as behind, Proxy(suite.url, Liar(0, 0.0)) as good:
        behind.lag = 4
        for _ in range(4):
            index_once(suite, good.url, behind.url)
            contribute(suite, campaign, amount=5)
            index_once(suite, behind.url, good.url)
        index_once(suite, good.url)
    assert not ReorgEvent.objects.exists()
    assert picture(suite.chain_id) == fresh_picture(suite)


def test_a_storm_passes(suite: Suite) -> None:
    busy(suite)
    with Proxy(suite.url, Liar(9, 0.0)) as proxy:
        proxy.storm = 25
        index_through(suite, proxy.url)
        assert proxy.storm == 0
    assert picture(suite.chain_id) == fresh_picture(suite)


def test_another_endpoint_answers_when_one_is_down(suite: Suite) -> None:
    busy(suite)
    with Proxy(suite.url, Liar(0, 0.0)) as down, Proxy(suite.url, Liar(0, 0.0)) as up:
        down.refuse_with = 503
        index_once(suite, down.url, up.url)
    assert picture(suite.chain_id) == fresh_picture(suite)


def test_all_endpoints_down_says_so_and_loses_nothing(suite: Suite) -> None:
    busy(suite)
    index_once(suite)
    before = picture(suite.chain_id)
    with Proxy(suite.url, Liar(0, 0.0)) as down:
        down.refuse_with = 503
        with pytest.raises(NoEndpointError, match=r"127\.0\.0\.1:\d+: HTTP 503"):
            index_once(suite, down.url)
    assert picture(suite.chain_id) == before
