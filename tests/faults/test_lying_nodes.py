"""Nodes that leave out, lag, contradict themselves and fall over: the index ends up equal to the truth."""

import logging
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from web3.contract import Contract

from devtools.servers import Anvil
from django_project.ledger import services
from django_project.ledger.invariants import violations
from django_project.ledger.models import CampaignTotals, Chain, Contribution, ReorgEvent, SuspectRange
from tasks.indexing.errors import ChainHaltedError, NoEndpointError, RpcError, StillInconsistentError
from tasks.indexing.node import rpc
from tasks.indexing.repair import suspect_ranges
from tests.faults.histories import busy
from tests.faults.proxy import LIES, Liar, Proxy, RateLimit
from tests.support.contracts import Suite, contribute, create_campaign, deploy_suite, mine, node
from tests.support.indexing import fresh_picture, index_once, index_through, picture

pytestmark = pytest.mark.django_db(transaction=True)


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


def test_a_new_campaign_comes_without_its_first_event(suite: Suite, monkeypatch: pytest.MonkeyPatch) -> None:
    campaign = create_campaign(suite)
    forgotten = contribute(suite, campaign, amount=1)["transactionHash"].to_0x_hex()
    contribute(suite, campaign, amount=2)
    mine(suite, 20)

    def forget(_liar: Liar, _calls: list[Any], replies: list[Any]) -> None:
        for reply in replies:
            if isinstance(reply["result"], list):
                reply["result"] = [log for log in reply["result"] if log["transactionHash"] != forgotten]

    monkeypatch.setitem(LIES, "omit-logs", forget)
    with Proxy(suite.url, Liar(1, chance=1.0, lies=["omit-logs"], limit=2)) as proxy:
        index_once(suite, proxy.url)
        assert proxy.liar.told["omit-logs"] == 2
    assert CampaignTotals.objects.get().raised == 3
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


@pytest.mark.parametrize("lie", ["cut-log-data", "omit-all-logs"])
def test_a_lie_about_final_blocks_halts_nothing(suite: Suite, lie: str) -> None:
    contribute(suite, create_campaign(suite))
    mine(suite, 20)
    index_once(suite)
    before = picture(suite.chain_id)
    services.suspect(suite.chain_id, 1, suite.web3.eth.block_number - 10, "somebody said so")
    with Proxy(suite.url, Liar(1, chance=1.0, lies=[lie])) as proxy:
        index_once(suite, proxy.url)
        assert proxy.liar.told[lie] > 0
    assert Chain.objects.get().state == Chain.State.OK
    assert SuspectRange.objects.filter(resolved_at=None).exists()

    index_once(suite)
    assert not SuspectRange.objects.filter(resolved_at=None).exists()
    assert picture(suite.chain_id) == before


def test_other_blocks_in_the_place_of_final_ones_halt_the_chain(suite: Suite) -> None:
    campaign = create_campaign(suite)
    for _ in range(20):
        contribute(suite, campaign)
    index_once(suite)
    before = picture(suite.chain_id)
    services.suspect(suite.chain_id, 1, suite.web3.eth.block_number - 10, "somebody said so")
    node(suite, "anvil_reorg", 15, [])
    with pytest.raises(ChainHaltedError, match=r"indexer rewind --chain 31337 --to-block"):
        index_once(suite)
    assert Chain.objects.get().halt_code == Chain.Halt.CONTRADICTION
    assert picture(suite.chain_id) == before


def test_old_blocks_in_doubt_do_not_keep_new_ones_out(suite: Suite, monkeypatch: pytest.MonkeyPatch) -> None:
    campaign = create_campaign(suite)
    contribute(suite, campaign, amount=1)
    index_once(suite)
    services.suspect(suite.chain_id, 1, 3, "somebody said so")
    monkeypatch.setattr(suspect_ranges, "campaigns_with_gaps", lambda *_: [b"\x01" * 20])
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


def test_slow_answers_overtake_one_another_and_the_slowest_are_given_up(
    suite: Suite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rpc, "REQUEST_TIMEOUT_SECONDS", 0.2)
    busy(suite)
    # Ranges of one block, several of them in flight.
    with Proxy(suite.url, Liar(4, chance=1.0, lies=["range-limit"])) as proxy:
        proxy.delay = 0.24
        index_through(suite, proxy.url)
    assert picture(suite.chain_id) == fresh_picture(suite)


def test_a_provider_that_limits_the_rate(suite: Suite) -> None:
    busy(suite)
    with Proxy(suite.url, Liar(0, 0.0)) as proxy:
        proxy.rate_limit = RateLimit(per_second=10)
        index_through(suite, proxy.url)
        assert proxy.rate_limit.refused > 0
    assert picture(suite.chain_id) == fresh_picture(suite)


def test_a_head_that_goes_up_and_down_is_no_reorganisation(suite: Suite) -> None:
    campaign = create_campaign(suite)
    with Proxy(suite.url, Liar(3, 0.0)) as proxy:
        proxy.wobble = 1
        for amount in range(1, 7):
            contribute(suite, campaign, amount=amount)
            index_through(suite, proxy.url)
        proxy.wobble = 0
        index_through(suite, proxy.url)
    assert not ReorgEvent.objects.exists()
    assert picture(suite.chain_id) == fresh_picture(suite)


@pytest.mark.parametrize("own_blocks", [0, 2])
def test_one_url_answers_from_two_nodes(suite: Suite, tmp_path: Path, own_blocks: int) -> None:
    """One of them stands still, or is on a fork of its own."""
    campaign = create_campaign(suite)
    contribute(suite, campaign, amount=1)
    mine(suite, 10)
    arguments = ["--fork-url", suite.url, "--no-storage-caching"]
    other = Anvil(tmp_path, chain_id=suite.chain_id, arguments=arguments)
    try:
        for _ in range(own_blocks):
            send_contribution(other, campaign, sender=suite.accounts[6], amount=7)
        with Proxy(suite.url, Liar(0, 0.0)) as proxy:
            proxy.mix = other.url
            for amount in range(2, 7):
                contribute(suite, campaign, amount=amount)
                with suppress(RpcError, StillInconsistentError):
                    index_once(suite, proxy.url)
                assert violations() == []
            proxy.mix = None
            index_through(suite, proxy.url)
    finally:
        other.stop()
    assert picture(suite.chain_id) == fresh_picture(suite)


def send_contribution(node: Anvil, campaign: Contract, *, sender: str, amount: int) -> None:
    """To the campaign as it is on another node than the suite's."""
    data = campaign.encode_abi("contribute", [0, bytes(32)])
    call = {"from": sender, "to": campaign.address, "data": data, "value": hex(amount), "gas": hex(300_000)}
    node.request("eth_sendTransaction", call)


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
