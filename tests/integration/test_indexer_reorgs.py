"""The chain changes its mind: what is taken back, what comes instead, and where the index refuses."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.core.management import call_command
from web3.contract import Contract

from devtools.servers import Anvil
from django_project.core.addresses import parse_address
from django_project.ledger.invariants import violations
from django_project.ledger.models import (
    CampaignLaunched,
    CampaignTotals,
    Chain,
    Contribution,
    Cursor,
    Outbox,
    ReorgEvent,
)
from tasks.indexing.errors import ChainHaltedError
from tests.support.contracts import Suite, contribute, create_campaign, deploy_suite, mine, node
from tests.support.indexing import fresh_picture, index_once, picture

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def suite(tmp_path: Path, deployments_dir: Path) -> Iterator[Suite]:
    """On a chain of its own: what anvil takes back does not mix with what it rewinds between tests."""
    node = Anvil(tmp_path)
    yield deploy_suite(node, deployments_dir)
    node.stop()


def replace_blocks(suite: Suite, old: Callable[[], object], new: Callable[[], object]) -> None:
    """Let the index see `old`, then make the chain have `new` instead."""
    snapshot = node(suite, "evm_snapshot")
    old()
    index_once(suite)
    node(suite, "evm_revert", snapshot)
    # Without this the same transactions would make the same blocks again.
    node(suite, "evm_increaseTime", 7)
    new()


def raised(campaign: Contract) -> int:
    return int(CampaignTotals.objects.get(campaign__address=parse_address(campaign.address)).raised)


@pytest.mark.parametrize("depth", [1, 3])
def test_contributions_in_reorganised_blocks_are_taken_back(suite: Suite, depth: int) -> None:
    campaign = create_campaign(suite)
    contribute(suite, campaign, amount=7)
    kept = suite.web3.eth.block_number
    for _ in range(depth):
        contribute(suite, campaign, backer=suite.accounts[4], amount=100)
    index_once(suite)
    assert raised(campaign) == 7 + 100 * depth

    node(suite, "anvil_reorg", depth, [])
    index_once(suite)

    assert raised(campaign) == campaign.functions.totalRaised().call() == 7
    assert Contribution.objects.count() == 1
    reorg = ReorgEvent.objects.get()
    assert (reorg.ancestor_block, reorg.depth, reorg.logs_removed) == (kept, depth, depth)
    told = Outbox.objects.get(topic="chain_reorganised")
    assert told.payload == {"ancestor_block": kept, "campaigns": [campaign.address]}
    assert violations() == []
    assert picture(suite.chain_id) == fresh_picture(suite)


def test_the_same_blocks_hold_other_contributions(suite: Suite) -> None:
    campaign = create_campaign(suite)
    replace_blocks(
        suite,
        lambda: [contribute(suite, campaign, amount=amount) for amount in (1, 2, 3)],
        lambda: [
            contribute(suite, campaign, backer=suite.accounts[5], amount=amount) for amount in (30, 20, 10)
        ],
    )
    index_once(suite)
    assert raised(campaign) == 60
    assert CampaignTotals.objects.get().backers == 1
    assert picture(suite.chain_id) == fresh_picture(suite)


def test_an_empty_block_gets_an_event(suite: Suite) -> None:
    campaign = create_campaign(suite)
    replace_blocks(suite, lambda: mine(suite, 2), lambda: contribute(suite, campaign, amount=9))
    index_once(suite)
    mine(suite)
    index_once(suite)
    assert raised(campaign) == 9
    assert picture(suite.chain_id) == fresh_picture(suite)


def test_a_campaign_is_orphaned_with_its_contributions(suite: Suite) -> None:
    stays = create_campaign(suite)

    def launch_and_fund() -> None:
        contribute(suite, create_campaign(suite), amount=5)
        contribute(suite, stays, amount=6)

    replace_blocks(suite, launch_and_fund, lambda: mine(suite, 4))
    index_once(suite)
    assert list(CampaignLaunched.objects.values_list("address", flat=True)) == [parse_address(stays.address)]
    assert raised(stays) == 0
    assert picture(suite.chain_id) == fresh_picture(suite)


def test_a_shorter_chain_wins(suite: Suite) -> None:
    campaign = create_campaign(suite)
    replace_blocks(
        suite,
        lambda: [contribute(suite, campaign, amount=1) for _ in range(5)],
        lambda: contribute(suite, campaign, amount=2),
    )
    index_once(suite)
    assert raised(campaign) == 2
    assert Cursor.objects.get().next_block == suite.web3.eth.block_number + 1
    assert picture(suite.chain_id) == fresh_picture(suite)


def test_a_reorganisation_of_a_reorganisation(suite: Suite) -> None:
    campaign = create_campaign(suite)
    snapshot = node(suite, "evm_snapshot")
    contribute(suite, campaign, amount=1)
    index_once(suite)
    node(suite, "evm_revert", snapshot)
    node(suite, "evm_increaseTime", 7)
    snapshot = node(suite, "evm_snapshot")
    contribute(suite, campaign, amount=20)
    contribute(suite, campaign, amount=30)
    index_once(suite)
    node(suite, "evm_revert", snapshot)
    node(suite, "evm_increaseTime", 11)
    contribute(suite, campaign, amount=400)
    index_once(suite)
    assert raised(campaign) == 400
    assert ReorgEvent.objects.count() == 2
    assert picture(suite.chain_id) == fresh_picture(suite)


def test_a_node_that_is_behind_is_no_reorganisation(suite: Suite) -> None:
    campaign = create_campaign(suite)
    contribute(suite, campaign, amount=4)
    snapshot = node(suite, "evm_snapshot")
    contribute(suite, campaign, amount=5)
    mine(suite, 3)
    index_once(suite)
    before = picture(suite.chain_id)
    node(suite, "evm_revert", snapshot)

    index_once(suite)

    assert picture(suite.chain_id) == before
    assert not ReorgEvent.objects.exists()


def test_the_whole_window_may_go_but_nothing_below(suite: Suite) -> None:
    campaign = create_campaign(suite)
    mine(suite, 5)
    for _ in range(9):
        contribute(suite, campaign, amount=1)
    index_once(suite)
    node(suite, "anvil_reorg", 8, [])
    index_once(suite)
    assert raised(campaign) == 1
    assert ReorgEvent.objects.get().depth == 8
    mine(suite, 9)
    index_once(suite)
    rows = picture(suite.chain_id)

    node(suite, "anvil_reorg", 9, [])
    with pytest.raises(ChainHaltedError, match=r"indexer rewind --chain 31337 --to-block"):
        index_once(suite)

    chain = Chain.objects.get()
    assert (chain.state, chain.halt_code) == (Chain.State.HALTED, Chain.Halt.DEEP_REORG)
    assert picture(suite.chain_id) == rows
    with pytest.raises(ChainHaltedError):
        index_once(suite)


def test_an_operator_lets_a_halted_chain_go_on(suite: Suite) -> None:
    campaign = create_campaign(suite)
    contribute(suite, campaign, amount=3)
    kept = suite.web3.eth.block_number
    for _ in range(12):
        contribute(suite, campaign, amount=1)
    index_once(suite)
    node(suite, "anvil_reorg", 12, [])
    with pytest.raises(ChainHaltedError):
        index_once(suite)

    call_command(
        "indexer", "rewind", f"--to-block={kept}", f"--rpc-url={suite.url}", f"--deployments={suite.registry}"
    )
    index_once(suite)

    assert raised(campaign) == 3
    assert Chain.objects.get().state == Chain.State.OK
    assert picture(suite.chain_id) == fresh_picture(suite)
