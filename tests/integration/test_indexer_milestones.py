"""Milestones, take-backs and hand-overs on a real chain: the index says what the contract says."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from devtools.servers import Anvil
from django_project.core.addresses import parse_address
from django_project.ledger.invariants import violations
from django_project.ledger.models import (
    CampaignTotals,
    Chain,
    Contribution,
    CreatorTransferStart,
    Objection,
    Refund,
    TakeBack,
)
from django_project.ledger.selectors import CONTRACT_STATES, campaigns_with_status
from django_project.ledger.totals import recompute_totals
from tasks.indexing.node.rpc import Pool
from tasks.indexing.operating.registry import load_events, read_registry
from tasks.indexing.repair.verify import Verifier
from tests.support.contracts import Suite, contribute, create_campaign, deploy_suite, mine, node
from tests.support.indexing import fresh_picture, index_once, picture

pytestmark = pytest.mark.django_db(transaction=True)

DAY = 86_400
EVIDENCE = "ipfs://evidence", b"\x01" * 32


@pytest.fixture
def suite(anvil: Anvil, deployments_dir: Path) -> Suite:
    return deploy_suite(anvil, deployments_dir)


def milestone_campaign(suite: Suite) -> Any:
    """Three milestones, of which the backers 4 and 5 together can stop one, but neither alone."""
    campaign = create_campaign(
        suite,
        goal=100,
        duration=timedelta(days=2),
        milestones=((5_000, timedelta(days=30)), (3_000, timedelta(days=60)), (2_000, timedelta(days=90))),
    )
    for account, amount in ((3, 70), (4, 15), (5, 15)):
        contribute(suite, campaign, backer=suite.accounts[account], amount=amount * 10**15)
    return campaign


def travel(suite: Suite, days: float) -> None:
    node(suite, "evm_increaseTime", int(days * DAY))
    mine(suite, 1)


def status_of(suite: Suite, campaign: Any) -> str:
    """The index's word for where the campaign stands, which has to be the contract's."""
    index_once(suite)
    now = datetime.fromtimestamp(suite.web3.eth.get_block("latest")["timestamp"], UTC)
    status = campaigns_with_status(now).get(address=parse_address(campaign.address)).status
    assert CONTRACT_STATES[campaign.functions.state().call()] == status
    assert violations() == []
    return str(status)


def totals_of(campaign: Any) -> CampaignTotals:
    return CampaignTotals.objects.get(campaign__address=parse_address(campaign.address))


def act(suite: Suite, campaign: Any, account: int, function: str, *arguments: object) -> None:
    suite.send(campaign.functions[function](*arguments), suite.accounts[account])


def verify(suite: Suite) -> list[str]:
    registry = read_registry(suite.registry)
    with Pool((suite.url,)) as pool:
        return Verifier(Chain.objects.get(pk=suite.chain_id), pool, load_events(registry)).verify().problems


def test_a_milestone_campaign_from_launch_to_wind_down(suite: Suite) -> None:
    campaign, creator = milestone_campaign(suite), suite.accounts[2]
    assert status_of(suite, campaign) == "open"
    travel(suite, 3)
    assert status_of(suite, campaign) == "releasing"
    act(suite, campaign, 2, "submitMilestone", *EVIDENCE)
    act(suite, campaign, 4, "object")
    assert status_of(suite, campaign) == "releasing"
    totals = totals_of(campaign)
    review = campaign.functions.review().call()
    assert (totals.objections, totals.objection_limit) == tuple(review[:2]) == (15 * 10**15, 20 * 10**15)
    assert totals.window_end is not None
    assert int(totals.window_end.timestamp()) == review[2]

    travel(suite, 3)
    act(suite, campaign, 2, "release", creator)
    assert status_of(suite, campaign) == "releasing"
    totals = totals_of(campaign)
    assert (totals.milestones, totals.milestones_released, totals.window_end) == (3, 1, None)
    assert totals.withdrawn + totals.fees == 50 * 10**15

    act(suite, campaign, 2, "submitMilestone", *EVIDENCE)
    for account in (4, 5):
        act(suite, campaign, account, "object")
    act(suite, campaign, 5, "unobject")
    act(suite, campaign, 5, "object")
    assert status_of(suite, campaign) == "releasing"
    travel(suite, 3)
    assert status_of(suite, campaign) == "wind-down"
    assert totals_of(campaign).wound_down_at is None

    act(suite, campaign, 3, "refund")
    act(suite, campaign, 4, "refund")
    assert status_of(suite, campaign) == "wind-down"
    assert totals_of(campaign).wound_down_at == totals_of(campaign).window_end
    assert list(Refund.objects.order_by("seq").values_list("amount", flat=True)) == [35 * 10**15, 75 * 10**14]
    assert verify(suite) == []
    kept = list(CampaignTotals.objects.values())
    recompute_totals([row["campaign_id"] for row in kept])
    assert list(CampaignTotals.objects.values()) == kept
    assert picture(suite.chain_id) == fresh_picture(suite)


def test_verify_finds_what_the_milestones_totals_and_rows_say_wrongly(suite: Suite) -> None:
    campaign = milestone_campaign(suite)
    travel(suite, 3)
    act(suite, campaign, 2, "submitMilestone", *EVIDENCE)
    act(suite, campaign, 4, "object")
    act(suite, campaign, 2, "transferCreator", suite.accounts[6])
    index_once(suite)
    assert verify(suite) == []
    stranger = "0x" + 40 * "7"

    CampaignTotals.objects.update(objections=21 * 10**15, paused=True)
    CreatorTransferStart.objects.update(new_creator=parse_address(stranger))
    problems = verify(suite)
    assert f"review.objections is {15 * 10**15}, the index has {21 * 10**15}" in problems[0]
    assert "contributionsPaused is 0, the index has 1" in problems[0]
    assert f"pendingCreator is {suite.accounts[6]}, the events lead to {stranger}" in problems[0]
    assert "CreatorTransferStart rows of blocks" in problems[1]

    Objection.objects.update(weight=1)
    assert "Objected: weight is 1, the events before it lead to 15000000000000000" in verify(suite)[0]
    Objection.objects.all().delete()
    problems = verify(suite)
    assert "event 8 is missing: CreatorTransferStarted carries the running number 9" in problems[0]
    assert "its running numbers have a gap" in problems[1]


def test_all_milestones_paid_and_one_left_alone(suite: Suite) -> None:
    paid, missed = milestone_campaign(suite), milestone_campaign(suite)
    travel(suite, 3)
    for _ in range(3):
        act(suite, paid, 2, "submitMilestone", *EVIDENCE)
        travel(suite, 3)
        act(suite, paid, 2, "release", suite.accounts[2])
    assert status_of(suite, paid) == "completed"
    assert status_of(suite, missed) == "releasing"
    travel(suite, 30)
    assert status_of(suite, missed) == "wind-down"


def test_a_success_that_nobody_collects_goes_back(suite: Suite) -> None:
    campaign = create_campaign(suite, goal=10, duration=timedelta(days=2))
    contribute(suite, campaign, amount=50)
    travel(suite, 181.5)
    assert status_of(suite, campaign) == "succeeded"
    travel(suite, 1)
    assert status_of(suite, campaign) == "expired"


def test_a_pledge_taken_back_and_given_again_also_through_a_reorganisation(suite: Suite) -> None:
    campaign = create_campaign(suite, tiers=((5, 1),))
    backer = suite.accounts[3]
    contribute(suite, campaign, backer=backer, amount=5, tier_id=1)
    contribute(suite, campaign, backer=suite.accounts[4], amount=7)
    snapshot = node(suite, "evm_snapshot")
    act(suite, campaign, 3, "takeBack", backer)
    mine(suite, 2)
    index_once(suite)
    totals = totals_of(campaign)
    assert (totals.raised, totals.backers, totals.contributions) == (7, 1, 2)

    node(suite, "evm_revert", snapshot)
    contribute(suite, campaign, backer=backer, amount=1)
    mine(suite, 4)
    index_once(suite)
    assert (totals_of(campaign).raised, totals_of(campaign).backers) == (13, 2)
    assert not TakeBack.objects.exists()

    act(suite, campaign, 3, "takeBack", backer)
    contribute(suite, campaign, backer=backer, amount=9, tier_id=1)
    index_once(suite)
    assert (totals_of(campaign).raised, totals_of(campaign).backers) == (16, 2)
    assert Contribution.objects.latest("seq").backer_total == 9
    assert violations() == []
    assert verify(suite) == []
    assert picture(suite.chain_id) == fresh_picture(suite)


def test_an_objection_lost_in_a_reorganisation_counts_no_more(suite: Suite) -> None:
    campaign = milestone_campaign(suite)
    travel(suite, 3)
    act(suite, campaign, 2, "submitMilestone", *EVIDENCE)
    mine(suite, 1)
    snapshot = node(suite, "evm_snapshot")
    act(suite, campaign, 4, "object")
    act(suite, campaign, 5, "object")
    index_once(suite)
    assert totals_of(campaign).objections == 30 * 10**15
    node(suite, "evm_revert", snapshot)
    act(suite, campaign, 5, "object")
    mine(suite, 3)
    assert status_of(suite, campaign) == "releasing"
    assert totals_of(campaign).objections == 15 * 10**15
    assert picture(suite.chain_id) == fresh_picture(suite)


def test_a_campaign_handed_over_and_money_sent_by_mistake(suite: Suite) -> None:
    campaign = create_campaign(suite)
    contribute(suite, campaign, amount=5)
    act(suite, campaign, 2, "transferCreator", suite.accounts[6])
    act(suite, campaign, 6, "acceptCreator")
    suite.send(suite.token.functions.mint(campaign.address, 77), suite.accounts[0])
    act(suite, campaign, 8, "sweepSurplus", suite.token.address)
    index_once(suite)
    assert totals_of(campaign).creator == parse_address(suite.accounts[6])
    assert suite.token.functions.balanceOf(suite.treasury).call() == 77
    assert violations() == []
    assert verify(suite) == []
