"""Milestones, take-backs, hand-overs and what goes back, event by event on a real node."""

from typing import Any

import pytest
from brownie import accounts, web3
from chain import now, plain, revert_of, rpc, travel_to
from conftest import DAY, DOLLAR, ETHER, FEE_BPS, METADATA_HASH, NATIVE, NO_REF
from eth_account import Account
from eth_account.messages import encode_typed_data
from eth_utils import to_checksum_address

EVIDENCE = ("ipfs://evidence", METADATA_HASH)
PURSE = to_checksum_address("0x" + "ca5e" * 10)
RELEASING, WIND_DOWN, EXPIRED = 5, 6, 7


@pytest.fixture
def campaign(suite: Any, launch: Any) -> Any:
    """Three milestones, past its deadline; of 100 given, the second and third backer gave 15 each."""
    deadline = now() + 5 * DAY
    campaign = launch(
        goal=ETHER,
        deadline=deadline,
        milestones=[
            (5_000, deadline + 30 * DAY),
            (3_000, deadline + 60 * DAY),
            (2_000, deadline + 90 * DAY),
        ],
        objection_window=3 * DAY,
        objection_threshold_bps=2_000,
    )
    for backer, amount in zip(suite.backers, (70, 15, 15), strict=False):
        campaign.contribute(0, NO_REF, {"from": backer, "value": amount * ETHER})
    travel_to(deadline)
    return campaign


def balance(address: Any) -> int:
    return int(web3.eth.get_balance(str(address)))


def test_what_was_promised_is_told_at_creation(suite: Any, parameters: Any) -> None:
    deadline = now() + 5 * DAY
    milestones = [(4_000, deadline + 30 * DAY, 0), (6_000, deadline + 90 * DAY, deadline + 80 * DAY)]
    receipt = suite.factory.createCampaign(
        parameters(
            deadline=deadline,
            tiers=[(5, 1)],
            milestones=milestones,
            objection_window=7 * DAY,
            objection_threshold_bps=3_000,
        ),
        {"from": suite.creator},
    )
    told = [
        (
            event["milestoneId"],
            event["seq"],
            event["shareBps"],
            event["due"],
            event["notBefore"],
            event["objectionWindow"],
            event["objectionThresholdBps"],
        )
        for event in receipt.events["MilestoneDefined"]
    ]
    assert told == [
        (number, number + 1, *promised, 7 * DAY, 3_000) for number, promised in enumerate(milestones, start=1)
    ]


def test_a_tranche_from_evidence_to_payout(suite: Any, campaign: Any) -> None:
    assert campaign.state() == RELEASING
    event = campaign.submitMilestone(*EVIDENCE, {"from": suite.creator}).events["MilestoneSubmitted"]
    assert (event["creator"], event["milestoneId"], event["seq"]) == (suite.creator, 1, 7)
    assert (event["uri"], event["contentHash"]) == EVIDENCE
    assert (event["windowEnd"], event["objectionLimit"]) == (now() + 3 * DAY, 20 * ETHER)

    first, second = suite.backers[1:3]
    event = campaign.object({"from": first}).events["Objected"]
    assert (event["backer"], event["milestoneId"], event["seq"]) == (first, 1, 8)
    assert (event["weight"], event["totalObjections"]) == (15 * ETHER, 15 * ETHER)
    campaign.object({"from": second})
    event = campaign.unobject({"from": second}).events["ObjectionWithdrawn"]
    assert (event["backer"], event["milestoneId"], event["seq"]) == (second, 1, 10)
    assert (event["weight"], event["totalObjections"]) == (15 * ETHER, 15 * ETHER)
    assert campaign.isObjecting(first)
    assert not campaign.isObjecting(second)

    window_end = plain(campaign.review())[2]
    travel_to(window_end - 1)
    assert revert_of(suite.creator, campaign.release, PURSE) == (
        "Campaign_ObjectionWindowOpen",
        window_end - 1,
        window_end,
    )
    travel_to(window_end)
    receipt = campaign.release(PURSE, {"from": suite.creator})
    event = receipt.events["MilestoneReleased"]
    assert (event["milestoneId"], event["seq"], event["token"]) == (1, 11, NATIVE)
    assert (event["amount"], event["totalReleased"]) == (50 * ETHER, 50 * ETHER)
    assert event["nextDue"] == campaign.milestone(2)[1]
    fee = 50 * ETHER * FEE_BPS // 10_000
    event = receipt.events["Withdrawn"]
    assert (event["to"], event["seq"], event["amount"]) == (PURSE, 12, 50 * ETHER - fee)
    assert (receipt.events["FeeAccrued"]["seq"], receipt.events["FeeAccrued"]["totalFees"]) == (13, fee)
    assert balance(PURSE) == 50 * ETHER - fee
    assert campaign.milestonesReleased() == 1


def test_a_missed_milestone_is_shared(suite: Any, campaign: Any) -> None:
    campaign.submitMilestone(*EVIDENCE, {"from": suite.creator})
    travel_to(now() + 3 * DAY)
    campaign.release(PURSE, {"from": suite.creator})
    due = campaign.milestone(2)[1]
    travel_to(due)
    assert campaign.state() == WIND_DOWN
    assert campaign.refundsSince() == due
    receipt = campaign.refundTo(PURSE, {"from": suite.backers[0]})
    event = receipt.events["WindDownStarted"]
    assert (event["by"], event["seq"], event["since"]) == (suite.backers[0], 11, due)
    assert (event["token"], event["remaining"]) == (NATIVE, 50 * ETHER)
    event = receipt.events["Refunded"]
    assert (event["seq"], event["amount"], event["totalRefunded"]) == (12, 35 * ETHER, 35 * ETHER)
    assert revert_of(suite.backers[0], campaign.windDown) == ("Campaign_WrongState", WIND_DOWN)

    backer = suite.backers[1]
    opens = due + 30 * DAY
    assert revert_of(suite.owner, campaign.refundFor, backer)[0] == "Campaign_RefundIsBackersOwn"
    travel_to(opens)
    before = balance(backer)
    event = campaign.refundFor(backer, {"from": suite.owner}).events["Refunded"]
    assert (event["backer"], event["to"], event["amount"]) == (backer, backer, 75 * ETHER // 10)
    assert balance(backer) - before == 75 * ETHER // 10


def test_a_milestone_collected_late(suite: Any, campaign: Any) -> None:
    """Three months after it could be, when by the terms the second was due long ago: that has its time."""
    campaign.submitMilestone(*EVIDENCE, {"from": suite.creator})
    late = campaign.review()[2] + 90 * DAY
    travel_to(late)
    receipt = campaign.release(PURSE, {"from": suite.creator})
    next_due = receipt.events["MilestoneReleased"]["nextDue"]
    paid_at = web3.eth.get_block(receipt.block_number)["timestamp"]
    assert next_due == campaign.milestoneDue() == paid_at + 30 * DAY - 3 * DAY
    assert (campaign.state(), campaign.refundsSince()) == (RELEASING, 0)
    assert revert_of(suite.owner, campaign.refundFor, suite.backers[0]) == ("Campaign_WrongState", RELEASING)
    travel_to(next_due)
    event = campaign.windDown({"from": suite.owner}).events["WindDownStarted"]
    assert event["since"] == campaign.refundsSince() == next_due
    assert revert_of(suite.owner, campaign.refundFor, suite.backers[0])[0] == "Campaign_RefundIsBackersOwn"


def test_a_creator_gives_up(suite: Any, campaign: Any) -> None:
    event = campaign.windDown({"from": suite.creator}).events["WindDownStarted"]
    assert (event["by"], event["since"], event["remaining"]) == (suite.creator, now(), 100 * ETHER)
    campaign.refundTo(PURSE, {"from": suite.backers[0]})
    assert balance(PURSE) == 70 * ETHER


def test_a_pledge_taken_back(suite: Any, launch: Any) -> None:
    campaign = launch(tiers=[(5, 1)])
    alice, bob = suite.backers[:2]
    campaign.contribute(1, NO_REF, {"from": alice, "value": 5})
    campaign.contribute(0, NO_REF, {"from": bob, "value": 3})
    suite.factory.pause({"from": suite.owner})
    campaign.setContributionsPaused(True, {"from": suite.owner})  # noqa: FBT003  Solidity has no names here
    event = campaign.takeBack(PURSE, {"from": alice}).events["PledgeTakenBack"]
    assert (event["backer"], event["to"], event["seq"]) == (alice, PURSE, 5)
    assert (event["token"], event["amount"], event["totalRaised"]) == (NATIVE, 5, 3)
    assert balance(PURSE) == 5
    assert plain(campaign.tier(1)) == (5, 1, 0)
    assert campaign.rewardsOf(alice, 1) == 0
    firm_from = plain(campaign.terms())[4] - DAY
    travel_to(firm_from)
    assert revert_of(bob, campaign.takeBack, PURSE) == (
        "Campaign_PledgeFirm",
        firm_from,
        firm_from,
        3,
        10 * ETHER,
    )


def test_a_permit_signed_by_a_key(suite: Any, launch: Any) -> None:
    token, campaign = suite.token, launch(token=suite.token)
    account = Account.from_key("0x" + "42" * 32)
    backer = accounts.at(account.address, force=True)
    rpc("anvil_setBalance", account.address, hex(ETHER))
    rpc("anvil_impersonateAccount", account.address)
    token.mint(backer, DOLLAR, {"from": suite.owner})
    deadline = now() + DAY
    message = encode_typed_data(
        {"name": "Test Dollar", "version": "1", "chainId": 31337, "verifyingContract": token.address},
        {
            "Permit": [
                {"name": name, "type": kind}
                for name, kind in (
                    ("owner", "address"),
                    ("spender", "address"),
                    ("value", "uint256"),
                    ("nonce", "uint256"),
                    ("deadline", "uint256"),
                )
            ]
        },
        {
            "owner": account.address,
            "spender": campaign.address,
            "value": DOLLAR,
            "nonce": 0,
            "deadline": deadline,
        },
    )
    signed = account.sign_message(message)
    permit = (deadline, signed.v, signed.r.to_bytes(32, "big"), signed.s.to_bytes(32, "big"))
    campaign.contributeERC20WithPermit(DOLLAR, 0, NO_REF, permit, {"from": backer})
    assert campaign.contributionOf(backer) == DOLLAR
    assert token.allowance(backer, campaign) == 0


def test_a_gift_to_somebody_else(suite: Any, launch: Any) -> None:
    campaign = launch()
    payer, backer = suite.backers[:2]
    event = campaign.contributeFor(backer, 0, NO_REF, {"from": payer, "value": 9}).events["Contributed"]
    assert (event["backer"], event["payer"], event["backerTotal"]) == (backer, payer, 9)
    assert campaign.contributionOf(payer) == 0
    assert revert_of(payer, campaign.contributeFor, NATIVE, 0, NO_REF, value=9) == (
        "Campaign_InvalidBacker",
        NATIVE,
    )


def test_a_success_that_nobody_collects(suite: Any, launch: Any) -> None:
    campaign = launch(goal=5)
    campaign.contribute(0, NO_REF, {"from": suite.backers[0], "value": 5})
    expires = plain(campaign.terms())[4] + 180 * DAY
    travel_to(expires - 1)
    assert revert_of(suite.creator, campaign.withdraw, PURSE) == ()
    travel_to(expires)
    assert campaign.state() == EXPIRED
    assert revert_of(suite.creator, campaign.withdraw, PURSE) == ("Campaign_WrongState", EXPIRED)
    campaign.refundTo(PURSE, {"from": suite.backers[0]})
    assert balance(PURSE) == 5


def test_a_campaign_changes_hands_in_two_steps(suite: Any, launch: Any) -> None:
    campaign, successor = launch(), suite.backers[0]
    event = campaign.transferCreator(successor, {"from": suite.creator}).events["CreatorTransferStarted"]
    assert (event["creator"], event["newCreator"], event["seq"]) == (suite.creator, successor, 1)
    assert revert_of(suite.backers[1], campaign.acceptCreator)[0] == "Campaign_NotPendingCreator"
    event = campaign.acceptCreator({"from": successor}).events["CreatorTransferred"]
    assert (event["oldCreator"], event["newCreator"], event["seq"]) == (suite.creator, successor, 2)
    assert campaign.creator() == successor
    assert plain(campaign.summary())[9] == successor
    assert revert_of(suite.creator, campaign.cancel, "")[0] == "Campaign_NotCreatorOrGuardian"


def test_money_that_was_never_contributed(suite: Any, launch: Any) -> None:
    campaign = launch()
    campaign.contribute(0, NO_REF, {"from": suite.backers[0], "value": 5})
    suite.token.mint(campaign, 7, {"from": suite.owner})
    rpc("anvil_setBalance", campaign.address, hex(9))
    event = campaign.sweepSurplus(suite.token, {"from": suite.backers[3]}).events["SurplusSwept"]
    assert (event["treasury"], event["seq"], event["token"], event["amount"]) == (
        suite.treasury,
        2,
        suite.token,
        7,
    )
    event = campaign.sweepSurplus(NATIVE, {"from": suite.backers[3]}).events["SurplusSwept"]
    assert (event["seq"], event["token"], event["amount"]) == (3, NATIVE, 4)
    assert balance(campaign) == 5
    assert revert_of(suite.owner, campaign.sweepSurplus, NATIVE) == ("Campaign_NothingToSweep", NATIVE)


def test_a_receipt_is_claimed_and_stays(suite: Any, campaign: Any, receipt: Any) -> None:
    alice, bob = suite.backers[0], suite.backers[5]
    assert revert_of(alice, receipt.claim, campaign.address) == (
        "SupporterReceipt_NothingPaidOut",
        campaign.address.lower(),
        RELEASING,
    )
    campaign.submitMilestone(*EVIDENCE, {"from": suite.creator})
    travel_to(now() + 3 * DAY)
    campaign.release(PURSE, {"from": suite.creator})
    event = receipt.claim(campaign, {"from": alice}).events["ReceiptClaimed"]
    assert (event["backer"], event["campaign"], event["amount"]) == (alice, campaign.address, 35 * ETHER)
    identifier = int(campaign.address, 16)
    assert receipt.balanceOf(alice, identifier) == 1
    assert receipt.uri(identifier) == "chainfund:receipt:{id}"
    assert revert_of(alice, receipt.claim, campaign.address)[0] == "SupporterReceipt_AlreadyClaimed"
    assert revert_of(bob, receipt.claim, campaign.address)[0] == "SupporterReceipt_NotABacker"
    assert revert_of(alice, receipt.safeTransferFrom, alice, bob, identifier, 1, b"") == (
        "SupporterReceipt_Soulbound",
    )
    assert revert_of(alice, receipt.claim, suite.token.address)[0] == "SupporterReceipt_UnknownCampaign"
