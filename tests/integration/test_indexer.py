"""The index of a real chain: what comes in, what is left out, what it adds up to."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from devtools.servers import Anvil
from django_project.core.addresses import parse_address
from django_project.ledger import models
from django_project.ledger.invariants import violations
from django_project.ledger.models import CampaignLaunched, CampaignTotals, Cursor, Outbox, RawLog
from django_project.ledger.selectors import (
    TokenInfo,
    campaigns_with_status,
    finalized_block,
    index_health,
    token_of,
)
from tests.support.contracts import (
    Suite,
    contribute,
    contribute_token,
    create_campaign,
    deploy_suite,
    mine,
    node,
)
from tests.support.indexing import fresh_picture, index_once, picture

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def suite(anvil: Anvil, deployments_dir: Path) -> Suite:
    return deploy_suite(anvil, deployments_dir)


def test_one_tick_brings_in_everything(suite: Suite) -> None:
    campaign = create_campaign(suite, tiers=((10**17, 5), (10**18, 0)), goal=10**18)
    in_token = create_campaign(suite, token=suite.token.address, goal=10**9)
    contribute(suite, campaign, backer=suite.accounts[3], amount=10**17, tier_id=1, ref=b"\x01" * 32)
    contribute(suite, campaign, backer=suite.accounts[4], amount=2 * 10**18)
    contribute(suite, campaign, backer=suite.accounts[3], amount=5)
    contribute_token(suite, in_token, amount=25 * 10**6)

    index_once(suite)

    totals = CampaignTotals.objects.get(campaign__address=parse_address(campaign.address))
    assert totals.raised == campaign.functions.totalRaised().call() == 21 * 10**17 + 5
    assert (totals.contributions, totals.backers, totals.last_seq) == (3, 2, 5)
    launched = CampaignLaunched.objects.get(address=parse_address(campaign.address))
    block = suite.web3.eth.get_block(launched.block_number)
    assert launched.block_time == datetime.fromtimestamp(block["timestamp"], UTC)
    assert int(launched.deadline.timestamp()) == campaign.functions.terms().call()[4]
    assert launched.factory == parse_address(suite.factory.address)
    tiers = [(tier.tier_id, tier.price, tier.supply) for tier in launched.tiers.order_by("tier_id")]
    assert tiers == [(1, 10**17, 5), (2, 10**18, 0)]
    first = models.Contribution.objects.get(ref=b"\x01" * 32)
    assert (first.amount, first.backer, first.tier_id) == (10**17, parse_address(suite.accounts[3]), 1)
    assert token_of(suite.chain_id, parse_address(suite.token.address)) == TokenInfo("TUSD", 6)
    assert models.FactoryEvent.objects.count() == suite.factory.functions.seq().call() - 2
    assert violations() == []


def test_a_token_of_others_needs_only_its_address(suite: Suite) -> None:
    """As the deploy script writes the tokens that it allows; what they are is asked of their contracts."""
    registry = json.loads(suite.registry.read_text())
    for entry in registry["contracts"]:
        if entry["kind"] == "token":
            listed = {"name": "ERC20", "kind": "token", "address": entry["address"]}
            registry["contracts"].append({**listed, "symbol": "LIE", "decimals": 2})
            registry["contracts"].remove(entry)
            break
    suite.registry.write_text(json.dumps(registry))
    index_once(suite)
    assert token_of(suite.chain_id, parse_address(suite.token.address)) == TokenInfo("TUSD", 6)


def test_a_second_look_changes_nothing(suite: Suite) -> None:
    contribute(suite, create_campaign(suite))
    index_once(suite)
    before = picture(suite.chain_id)
    index_once(suite)
    assert picture(suite.chain_id) == before == fresh_picture(suite)


def test_blocks_become_final_by_depth_and_only_those_with_events_are_kept(suite: Suite) -> None:
    campaign = create_campaign(suite)
    contribute(suite, campaign)
    contributed_in = suite.web3.eth.block_number
    mine(suite, 50)
    contribute(suite, campaign)
    index_once(suite)

    head = suite.web3.eth.block_number
    assert finalized_block(suite.chain_id) == head - 8
    kept = set(models.Block.objects.values_list("number", flat=True))
    assert set(range(head - 8, head + 1)) <= kept
    assert contributed_in in kept
    assert contributed_in + 10 not in kept


def test_hot_and_cold_reading_end_in_the_same_rows(suite: Suite) -> None:
    campaign = create_campaign(suite)
    for _ in range(4):
        contribute(suite, campaign)
        index_once(suite)
        mine(suite, 3)
    index_once(suite)
    step_by_step = picture(suite.chain_id)
    assert step_by_step == fresh_picture(suite)
    assert index_health()[0].lag_blocks == 0


def test_strangers_events_of_the_same_shape_are_ignored(
    anvil: Anvil, deployments_dir: Path, tmp_path: Path
) -> None:
    suite = deploy_suite(anvil, deployments_dir)
    strangers = deploy_suite(anvil, tmp_path / "strangers")
    contribute(strangers, create_campaign(strangers))
    ours = create_campaign(suite)
    contribute(suite, ours)
    contribute(strangers, create_campaign(strangers))

    index_once(suite)

    assert list(CampaignLaunched.objects.values_list("address", flat=True)) == [parse_address(ours.address)]
    assert models.Contribution.objects.count() == 1
    assert not RawLog.objects.filter(address=parse_address(strangers.factory.address)).exists()


def test_status_follows_the_contract(suite: Suite) -> None:
    funded = create_campaign(suite, goal=10**18, duration=timedelta(days=2))
    failed = create_campaign(suite, goal=10**18, duration=timedelta(days=2))
    keeps = create_campaign(suite, mode=1, goal=10**18, duration=timedelta(days=2))
    cancelled = create_campaign(suite, goal=10**18, duration=timedelta(days=2))
    open_one = create_campaign(suite, duration=timedelta(days=60))
    for campaign in (funded, failed, keeps, cancelled):
        contribute(suite, campaign, amount=10**18 if campaign is funded else 10**17)
    suite.send(cancelled.functions.cancel("changed my mind"), suite.accounts[2])
    node(suite, "evm_increaseTime", 86_400 * 3)
    mine(suite, 1)
    suite.send(funded.functions.withdraw(suite.accounts[2]), suite.accounts[2])
    suite.send(failed.functions.refund(), suite.accounts[3])

    index_once(suite)

    now = timezone.now() + timedelta(days=3)
    found = {row.address: row.status for row in campaigns_with_status(now)}
    expected = {
        funded: "completed",
        failed: "failed",
        keeps: "succeeded",
        cancelled: "cancelled",
        open_one: "open",
    }
    names = ["open", "succeeded", "failed", "cancelled", "completed"]
    for campaign, status in expected.items():
        assert found[parse_address(campaign.address)] == status
        assert names[campaign.functions.state().call()] == status
    totals = CampaignTotals.objects.get(campaign__address=parse_address(funded.address))
    assert totals.withdrawn == funded.functions.totalWithdrawn().call()
    assert totals.fees == funded.functions.totalFees().call() == 10**18 // 40
    assert violations() == []


def test_the_outbox_tells_what_happened(suite: Suite) -> None:
    campaign = create_campaign(suite)
    contribute(suite, campaign)
    suite.send(campaign.functions.postUpdate("chainfund:metadata:0x", b"\x02" * 32), suite.accounts[2])
    index_once(suite)
    told = {row.topic: row.payload["campaigns"] for row in Outbox.objects.all()}
    assert set(told) == {"campaigns_launched", "contributions_changed", "updates_posted"}
    assert all(campaigns == [campaign.address] for campaigns in told.values())


def test_text_that_postgresql_cannot_hold_does_not_stop_the_index(suite: Suite) -> None:
    suite.send(create_campaign(suite).functions.cancel("no\0way"), suite.accounts[2])
    index_once(suite)
    assert models.Cancellation.objects.get().reason == "no\N{REPLACEMENT CHARACTER}way"


def test_until_block_ends_there(suite: Suite) -> None:
    campaign = create_campaign(suite)
    contribute(suite, campaign)
    stop_at = suite.web3.eth.block_number
    contribute(suite, campaign)
    mine(suite, 20)
    index_once(suite, until_block=stop_at)
    assert Cursor.objects.get().next_block == stop_at + 1
    assert models.Contribution.objects.count() == 1
