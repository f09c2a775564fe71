"""The life of campaigns on a real node, as creators and backers live it."""

from typing import Any

import pytest
from brownie import web3
from chain import now, plain, revert_of, rpc, travel_to
from conftest import (
    ALL_OR_NOTHING,
    CANCELLED,
    COMPLETED,
    DAY,
    DOLLAR,
    ETHER,
    FAILED,
    FEE_BPS,
    FUNDING,
    KEEP,
    METADATA_HASH,
    METADATA_URI,
    NATIVE,
    NO_REF,
    SUCCEEDED,
)

REF = "0x" + "42" * 32
STRANGER = "0x" + "11" * 20
STOP, GO_ON = True, False


def balance(account: Any) -> int:
    return int(web3.eth.get_balance(str(account)))


def end(campaign: Any) -> None:
    """Travels to the first second at which nothing can be contributed."""
    travel_to(deadline_of(campaign))


def deadline_of(campaign: Any) -> int:
    return int(campaign.terms()[4])


def test_terms_and_events_of_a_new_campaign(suite: Any, parameters: Any) -> None:
    deadline = now() + 10 * DAY
    wanted = parameters(
        deadline=deadline, min_contribution=5, cap=20 * ETHER, tiers=[(ETHER, 0), (2 * ETHER, 3)]
    )
    receipt = suite.factory.createCampaign(wanted, {"from": suite.creator})
    created = receipt.events["CampaignCreated"]
    start = web3.eth.get_block(receipt.block_number)["timestamp"]
    expected = {
        "creator": suite.creator,
        "token": NATIVE,
        "seq": 5,  # fee, treasury and two tokens came before
        "mode": ALL_OR_NOTHING,
        "goal": 10 * ETHER,
        "start": start,
        "deadline": deadline,
        "feeBps": FEE_BPS,
        "minContribution": 5,
        "cap": 20 * ETHER,
        "metadataURI": METADATA_URI,
        "metadataHash": METADATA_HASH,
    }
    assert {key: created[key] for key in expected} == expected
    tiers = [
        (event["tierId"], event["seq"], event["price"], event["supply"])
        for event in receipt.events["TierAdded"]
    ]
    assert tiers == [(1, 1, ETHER, 0), (2, 2, 2 * ETHER, 3)]

    address = created["campaign"]
    assert suite.factory.isCampaign(address)
    assert not suite.factory.isCampaign(suite.factory.implementation())
    assert suite.factory.campaignCount() == 1
    assert suite.factory.seq() == 5
    campaign = type(suite.factory).from_abi("Campaign", address, suite.contracts.Campaign.abi, persist=False)
    assert plain(campaign.terms()) == (
        suite.creator, NATIVE, ALL_OR_NOTHING, 10 * ETHER, deadline, FEE_BPS, 5, 20 * ETHER, 2, 0, 0, 0
    )  # fmt: skip
    assert plain(campaign.tier(2)) == (2 * ETHER, 3, 0)
    assert campaign.state() == FUNDING
    assert campaign.seq() == 2


def test_success_pays_the_creator_and_the_treasury(suite: Any, launch: Any) -> None:
    alice, bob = suite.backers[:2]
    campaign = launch(goal=3 * ETHER)
    campaign.contribute(0, REF, {"from": alice, "value": ETHER})
    receipt = campaign.contribute(0, NO_REF, {"from": bob, "value": 2 * ETHER + 1})
    event = receipt.events["Contributed"]
    assert (event["backer"], event["payer"], event["ref"]) == (bob, bob, NO_REF)
    assert (event["seq"], event["amount"], event["backerTotal"]) == (2, 2 * ETHER + 1, 2 * ETHER + 1)
    assert (event["token"], event["tierId"], event["totalRaised"]) == (NATIVE, 0, 3 * ETHER + 1)
    assert revert_of(suite.creator, campaign.withdraw, STRANGER) == ("Campaign_WrongState", FUNDING)

    end(campaign)
    assert campaign.state() == SUCCEEDED
    assert revert_of(alice, campaign.refund) == ("Campaign_WrongState", SUCCEEDED)
    assert revert_of(alice, campaign.withdraw, alice) == (
        "Campaign_NotCreator",
        alice.address.lower(),
        suite.creator.address.lower(),
    )
    receipt = campaign.withdraw(STRANGER, {"from": suite.creator})
    fee = (3 * ETHER + 1) * FEE_BPS // 10_000
    paid = 3 * ETHER + 1 - fee
    assert balance(STRANGER) == paid
    assert (receipt.events["Withdrawn"]["seq"], receipt.events["Withdrawn"]["totalWithdrawn"]) == (3, paid)
    assert (receipt.events["FeeAccrued"]["seq"], receipt.events["FeeAccrued"]["totalFees"]) == (4, fee)
    assert campaign.state() == COMPLETED
    assert revert_of(suite.creator, campaign.withdraw, STRANGER) == ("Campaign_WrongState", COMPLETED)
    assert revert_of(suite.creator, campaign.cancel, "") == ("Campaign_WrongState", COMPLETED)

    before = balance(suite.treasury)
    receipt = campaign.claimFees({"from": bob})
    assert balance(suite.treasury) - before == fee
    assert (receipt.events["FeeClaimed"]["seq"], receipt.events["FeeClaimed"]["totalFeesClaimed"]) == (5, fee)
    assert revert_of(bob, campaign.claimFees) == ("Campaign_NothingToClaim",)
    assert balance(campaign) == 0


def test_failure_gives_everything_back(suite: Any, launch: Any) -> None:
    alice, bob = suite.backers[:2]
    campaign = launch(token=suite.token, goal=100 * DOLLAR)
    for backer, amount in ((alice, 30 * DOLLAR), (bob, 60 * DOLLAR), (alice, 5 * DOLLAR)):
        suite.token.approve(campaign, amount, {"from": backer})
        campaign.contributeERC20(amount, 0, NO_REF, {"from": backer})
    assert revert_of(alice, campaign.refund) == ("Campaign_WrongState", FUNDING)
    end(campaign)
    assert campaign.state() == FAILED
    assert revert_of(suite.creator, campaign.withdraw, suite.creator) == ("Campaign_WrongState", FAILED)
    assert revert_of(suite.creator, campaign.cancel, "") == ("Campaign_WrongState", FAILED)

    receipt = campaign.refundTo(STRANGER, {"from": alice})
    event = receipt.events["Refunded"]
    assert (event["backer"], event["to"], event["amount"]) == (alice, STRANGER, 35 * DOLLAR)
    assert (event["seq"], event["token"], event["totalRefunded"]) == (4, suite.token, 35 * DOLLAR)
    assert suite.token.balanceOf(STRANGER) == 35 * DOLLAR
    assert revert_of(alice, campaign.refund) == ("Campaign_NothingToRefund", alice.address.lower())
    campaign.refund({"from": bob})
    assert suite.token.balanceOf(campaign) == 0
    assert campaign.totalRefunded() == campaign.totalRaised() == 95 * DOLLAR


def test_keep_what_you_raise_pays_below_the_goal(suite: Any, launch: Any) -> None:
    campaign = launch(mode=KEEP)
    campaign.contribute(0, NO_REF, {"from": suite.backers[0], "value": 7})
    end(campaign)
    assert campaign.state() == SUCCEEDED
    receipt = campaign.withdraw(STRANGER, {"from": suite.creator})
    assert balance(STRANGER) == 7  # the fee of 7 wei rounds down to nothing
    assert "FeeAccrued" not in receipt.events
    assert campaign.seq() == 2
    empty = launch(mode=KEEP)
    end(empty)
    assert revert_of(suite.creator, empty.withdraw, STRANGER) == ("Campaign_NothingToWithdraw",)


def test_deadline_is_the_first_second_too_late(suite: Any, launch: Any) -> None:
    campaign = launch()
    backer = suite.backers[0]
    travel_to(deadline_of(campaign) - 1)
    assert revert_of(backer, campaign.contribute, 0, NO_REF, value=1) == ()
    end(campaign)
    deadline = deadline_of(campaign)
    assert revert_of(backer, campaign.contribute, 0, NO_REF, value=1) == (
        "Campaign_DeadlinePassed",
        deadline,
        deadline,
    )


@pytest.mark.parametrize("who", ["creator", "guardian"])
def test_cancelling_opens_refunds(suite: Any, launch: Any, who: str) -> None:
    sender = suite.creator if who == "creator" else suite.owner
    backer = suite.backers[0]
    campaign = launch(goal=1)
    campaign.contribute(0, NO_REF, {"from": backer, "value": 5})
    end(campaign)  # even a success may be called off until it is paid out
    assert revert_of(backer, campaign.cancel, "") == (
        "Campaign_NotCreatorOrGuardian",
        backer.address.lower(),
        suite.creator.address.lower(),
    )
    assert revert_of(sender, campaign.cancel, "x" * 513) == ("Campaign_TextTooLong", 513, 512)
    event = campaign.cancel("the workshop burnt down", {"from": sender}).events["Cancelled"]
    assert (event["by"], event["seq"], event["reason"]) == (sender, 2, "the workshop burnt down")
    assert campaign.state() == CANCELLED
    assert revert_of(backer, campaign.contribute, 0, NO_REF, value=1) == ("Campaign_WrongState", CANCELLED)
    assert revert_of(suite.creator, campaign.withdraw, STRANGER) == ("Campaign_WrongState", CANCELLED)
    assert revert_of(sender, campaign.cancel, "") == ("Campaign_WrongState", CANCELLED)
    campaign.refundTo(STRANGER, {"from": backer})
    assert balance(STRANGER) == 5
    assert revert_of(backer, campaign.claimFees) == ("Campaign_NothingToClaim",)


def test_cap_takes_what_fits(suite: Any, launch: Any) -> None:
    alice, bob = suite.backers[:2]
    campaign = launch(goal=10, cap=15, min_contribution=4, tiers=[(6, 0)])
    assert revert_of(alice, campaign.contribute, 0, NO_REF, value=3) == ("Campaign_BelowMinimum", 3, 4)
    assert revert_of(alice, campaign.contribute, 0, NO_REF) == ("Campaign_ZeroAmount",)
    campaign.contribute(0, NO_REF, {"from": alice, "value": 12})
    # Three are left: less than the minimum may be taken, but not less than the tier's price.
    assert revert_of(bob, campaign.contribute, 1, NO_REF, value=6) == ("Campaign_BelowTierPrice", 1, 3, 6)
    before = balance(bob)
    receipt = campaign.contribute(0, NO_REF, {"from": bob, "value": 1000})
    assert receipt.events["Contributed"]["amount"] == 3
    assert before - balance(bob) == 3 + receipt.gas_used * receipt.gas_price
    assert revert_of(bob, campaign.contribute, 0, NO_REF, value=4) == ("Campaign_CapExceeded", 0)
    assert campaign.totalRaised() == balance(campaign) == 15


def test_tokens_above_the_cap_are_not_pulled(suite: Any, launch: Any) -> None:
    backer = suite.backers[0]
    campaign = launch(token=suite.token, goal=10, cap=15)
    suite.token.approve(campaign, 100, {"from": backer})
    before = suite.token.balanceOf(backer)
    campaign.contributeERC20(100, 0, NO_REF, {"from": backer})
    assert before - suite.token.balanceOf(backer) == 15
    assert suite.token.allowance(backer, campaign) == 85


def test_tiers_have_a_price_and_an_end(suite: Any, launch: Any) -> None:
    alice, bob = suite.backers[:2]
    campaign = launch(tiers=[(10, 0), (20, 1)])
    assert revert_of(alice, campaign.contribute, 3, NO_REF, value=50) == ("Campaign_UnknownTier", 3, 2)
    assert revert_of(alice, campaign.contribute, 2, NO_REF, value=19) == (
        "Campaign_BelowTierPrice",
        2,
        19,
        20,
    )
    event = campaign.contribute(2, NO_REF, {"from": alice, "value": 25}).events["Contributed"]
    assert (event["tierId"], event["amount"], event["seq"]) == (2, 25, 3)
    assert plain(campaign.tier(2)) == (20, 1, 1)
    assert revert_of(bob, campaign.contribute, 2, NO_REF, value=25) == ("Campaign_TierSoldOut", 2)
    for _ in range(2):
        campaign.contribute(1, NO_REF, {"from": bob, "value": 10})
    assert plain(campaign.tier(1)) == (10, 0, 2)
    assert revert_of(bob, campaign.tier, 0) == ("Campaign_UnknownTier", 0, 2)


def test_guardian_pauses_contributions_and_nothing_else(suite: Any, launch: Any) -> None:
    backer = suite.backers[0]
    campaign = launch()
    campaign.contribute(0, NO_REF, {"from": backer, "value": 5})
    assert revert_of(suite.creator, campaign.setContributionsPaused, STOP) == (
        "Campaign_NotGuardian",
        suite.creator.address.lower(),
    )
    assert revert_of(suite.owner, campaign.setContributionsPaused, GO_ON) == (
        "Campaign_PauseUnchanged",
        False,
    )
    event = campaign.setContributionsPaused(STOP, {"from": suite.owner}).events["ContributionsPaused"]
    assert (event["by"], event["seq"], event["paused"]) == (suite.owner, 2, True)
    assert revert_of(backer, campaign.contribute, 0, NO_REF, value=1) == ("Campaign_ContributionsPaused",)
    assert plain(campaign.summary())[2] is True
    suite.factory.pause({"from": suite.owner})
    end(campaign)
    campaign.refund({"from": backer})
    assert campaign.totalRefunded() == 5


def test_pause_and_unpause_contributions(suite: Any, launch: Any) -> None:
    campaign = launch()
    campaign.setContributionsPaused(STOP, {"from": suite.owner})
    campaign.setContributionsPaused(GO_ON, {"from": suite.owner})
    campaign.contribute(0, NO_REF, {"from": suite.backers[0], "value": 5})
    assert campaign.seq() == 3


def test_updates_are_the_creators_and_bound(suite: Any, launch: Any) -> None:
    campaign = launch()
    backer = suite.backers[0]
    assert revert_of(backer, campaign.postUpdate, "u", METADATA_HASH)[0] == "Campaign_NotCreator"
    assert revert_of(suite.creator, campaign.postUpdate, "u", NO_REF) == ("Campaign_ContentHashMissing",)
    for strange, error in (
        ("", ("Campaign_URILengthOutOfBounds", 0, 1, 512)),
        ("u" * 513, ("Campaign_URILengthOutOfBounds", 513, 1, 512)),
        ("ipfs://a b", ("Campaign_InvalidURICharacter", 8, b" ")),
        ("ipfs://é", ("Campaign_InvalidURICharacter", 7, b"\xc3")),
        ('"', ("Campaign_InvalidURICharacter", 0, b'"')),
    ):
        assert revert_of(suite.creator, campaign.postUpdate, strange, REF) == error
    event = campaign.postUpdate(METADATA_URI, METADATA_HASH, {"from": suite.creator}).events["UpdatePosted"]
    assert (event["seq"], event["uri"], event["contentHash"]) == (1, METADATA_URI, METADATA_HASH)


def test_wrong_currency_and_plain_transfers_are_refused(suite: Any, launch: Any) -> None:
    backer = suite.backers[0]
    native, stable = launch(), launch(token=suite.token)
    token = suite.token.address.lower()
    assert revert_of(backer, stable.contribute, 0, NO_REF, value=5) == ("Campaign_WrongCurrency", token)
    assert revert_of(backer, native.contributeERC20, 5, 0, NO_REF) == ("Campaign_WrongCurrency", NATIVE)
    call = {"from": backer.address, "to": native.address, "value": 1}
    with pytest.raises(Exception, match="revert"):
        web3.eth.call(call)


def test_recipients_must_be_somebody(suite: Any, launch: Any) -> None:
    backer = suite.backers[0]
    campaign = launch()
    campaign.contribute(0, NO_REF, {"from": backer, "value": 5})
    end(campaign)
    for nobody in (NATIVE, campaign.address):
        assert revert_of(backer, campaign.refundTo, nobody) == ("Campaign_InvalidRecipient", nobody.lower())
        assert revert_of(suite.creator, campaign.withdraw, nobody) == (
            "Campaign_InvalidRecipient",
            nobody.lower(),
        )


def test_forced_ether_changes_nothing(suite: Any, launch: Any) -> None:
    backer = suite.backers[0]
    campaign = launch(goal=10)
    campaign.contribute(0, NO_REF, {"from": backer, "value": 5})
    before = plain(campaign.summary())
    rpc("anvil_setBalance", campaign.address, hex(100 * ETHER))
    assert plain(campaign.summary()) == before
    end(campaign)
    assert campaign.state() == FAILED
    campaign.refund({"from": backer})
    assert revert_of(backer, campaign.refund)[0] == "Campaign_NothingToRefund"
    assert balance(campaign) == 100 * ETHER - 5


def test_the_implementation_is_not_a_campaign(suite: Any) -> None:
    address = suite.factory.implementation()
    bare = type(suite.factory).from_abi("Campaign", address, suite.contracts.Campaign.abi, persist=False)
    backer = suite.backers[0]
    assert revert_of(backer, bare.contribute, 0, NO_REF, value=5) == ("Campaign_NotAClone",)
    assert revert_of(backer, bare.terms) == ("Campaign_NotAClone",)


def test_only_the_factory_initializes(suite: Any, launch: Any) -> None:
    campaign = launch()
    error, caller, factory = revert_of(suite.creator, campaign.initialize, [(1, 1)])
    assert (error, caller) == ("Campaign_NotFactory", suite.creator.address.lower())
    assert factory == suite.factory.address.lower()


def test_totals_in_one_call(suite: Any, launch: Any) -> None:
    campaign = launch(goal=10)
    campaign.contribute(0, NO_REF, {"from": suite.backers[0], "value": 10_000})
    end(campaign)
    campaign.withdraw(STRANGER, {"from": suite.creator})
    campaign.claimFees({"from": suite.creator})
    summary = plain(campaign.summary())
    assert summary[0] == plain(campaign.terms())
    no_review = (0, 0, 0)
    assert summary[1:] == (COMPLETED, False, 4, 10_000, 0, 9_750, 250, 250, suite.creator, 0, no_review)


def test_totals_share_one_slot(suite: Any, launch: Any) -> None:
    """Slot 0 has all that a contribution or a refund touches beside the backer's entry."""
    campaign = launch(goal=10 * ETHER)
    campaign.contribute(0, NO_REF, {"from": suite.backers[0], "value": 3 * ETHER})
    campaign.setContributionsPaused(STOP, {"from": suite.owner})
    campaign.cancel("", {"from": suite.creator})
    campaign.refund({"from": suite.backers[0]})
    slot = int.from_bytes(web3.eth.get_storage_at(campaign.address, 0), "big")
    seq, raised, refunded, paused_and_cancelled = 4, 3 * ETHER, 3 * ETHER, 3
    assert slot == seq | raised << 40 | refunded << 144 | paused_and_cancelled << 248
    assert plain(campaign.summary())[1:6] == (CANCELLED, True, seq, raised, refunded)
