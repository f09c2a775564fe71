"""Where campaigns stand: an address belongs to one creation, also when the chain is reorganised."""

from typing import Any

import pytest
from brownie import history, web3
from chain import plain, revert_of, rpc
from conftest import ETHER, FEE_BPS, NO_REF, attach

TIERS = [(ETHER, 0), (2 * ETHER, 3)]


def created(receipt: Any) -> str:
    return str(receipt.events["CampaignCreated"]["campaign"])


def code_at(address: str) -> bytes:
    return bytes(web3.eth.get_code(address))


@pytest.mark.parametrize("lost", ["reorganised", "wound back"])
def test_the_same_creation_gets_its_address_again(suite: Any, parameters: Any, lost: str) -> None:
    """Another campaign mined in between, and another block time, change nothing."""
    factory, wanted = suite.factory, parameters(tiers=TIERS)
    before = rpc("evm_snapshot")
    first = factory.createCampaign(wanted, {"from": suite.creator})
    address, start = created(first), first.events["CampaignCreated"]["start"]
    code = code_at(address)

    if lost == "reorganised":
        rpc("anvil_reorg", 1, [])
    else:
        rpc("evm_revert", before)
    history.clear()  # or Brownie would wait for the lost transaction to be replaced
    assert code_at(address) == b""
    assert factory.campaignAddress(suite.creator, wanted) == address

    other = suite.backers[0]
    assert created(factory.createCampaign(wanted, {"from": other})) != address
    assert created(factory.createCampaign(parameters(goal=ETHER), {"from": suite.creator})) != address
    assert code_at(address) == b""
    rpc("evm_increaseTime", 500)
    again = factory.createCampaign(wanted, {"from": suite.creator})
    assert created(again) == address
    assert again.events["CampaignCreated"]["start"] > start
    assert code_at(address) == code
    campaign = attach(suite.contracts.Campaign, address)
    assert campaign.terms()[0] == suite.creator
    assert plain(campaign.tier(2)) == (2 * ETHER, 3, 0)


def test_a_fee_that_has_changed_is_another_campaign(suite: Any, parameters: Any) -> None:
    """Whoever was given an address was given it with the fee of then, and agreed to no higher one."""
    wanted = parameters(max_fee_bps=FEE_BPS)
    address = suite.factory.campaignAddress(suite.creator, wanted)
    suite.factory.setFee(FEE_BPS + 1, {"from": suite.owner})
    assert revert_of(suite.creator, suite.factory.createCampaign, wanted) == (
        "Factory_FeeAboveMax",
        FEE_BPS + 1,
        FEE_BPS,
    )
    suite.factory.setFee(100, {"from": suite.owner})
    assert created(suite.factory.createCampaign(wanted, {"from": suite.creator})) != address


def test_nothing_is_launched_twice(suite: Any, parameters: Any) -> None:
    wanted = parameters(tiers=TIERS)
    address = created(suite.factory.createCampaign(wanted, {"from": suite.creator}))
    error, existing = revert_of(suite.creator, suite.factory.createCampaign, wanted)
    assert (error, existing) == ("Factory_CampaignExists", address.lower())
    assert revert_of(suite.backers[0], suite.factory.createCampaign, wanted) == ()
    assert suite.factory.campaignCount() == 1
    again = (*wanted[:-1], 1)
    assert created(suite.factory.createCampaign(again, {"from": suite.creator})) != address
    assert suite.factory.campaignCount() == 2


def test_money_that_was_there_first_is_not_the_campaigns(suite: Any, parameters: Any) -> None:
    wanted, backer = parameters(), suite.backers[0]
    address = suite.factory.campaignAddress(suite.creator, wanted)
    backer.transfer(address, 7)
    assert created(suite.factory.createCampaign(wanted, {"from": suite.creator})) == address
    campaign = attach(suite.contracts.Campaign, address)
    assert (campaign.totalRaised(), campaign.contributionOf(backer)) == (0, 0)
    campaign.contribute(0, NO_REF, {"from": backer, "value": 5})
    assert campaign.totalRaised() == 5
