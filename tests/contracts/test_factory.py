"""Bounds on terms and the roles of the factory."""

from typing import Any

import pytest
from chain import now, plain, revert_of
from conftest import DAY, ETHER, NATIVE, NO_REF

MAX = 2**104 - 1
OTHER = "0x" + "22" * 20
ALLOWED, FORBIDDEN = True, False


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"goal": 0}, ("Factory_GoalOutOfBounds", 0, 1, MAX)),
        ({"goal": MAX + 1}, ("Factory_GoalOutOfBounds", MAX + 1, 1, MAX)),
        ({"token": OTHER}, ("Factory_TokenNotAllowed", OTHER)),
        ({"mode": 2}, ("Factory_UnknownMode", 2)),
        ({"cap": 10 * ETHER - 1}, ("Factory_CapOutOfBounds", 10 * ETHER - 1, 10 * ETHER, MAX - 1)),
        ({"cap": MAX}, ("Factory_CapOutOfBounds", MAX, 10 * ETHER, MAX - 1)),
        (
            {"min_contribution": 10 * ETHER + 1},
            ("Factory_MinContributionTooHigh", 10 * ETHER + 1, 10 * ETHER),
        ),
        ({"goal": MAX, "min_contribution": 2**88}, ("Factory_MinContributionTooHigh", 2**88, 2**88 - 1)),
        ({"tiers": [(1, 0)] * 33}, ("Factory_TooManyTiers", 33, 32)),
        ({"tiers": [(1, 0), (0, 1)]}, ("Factory_TierPriceOutOfBounds", 2, 0, 1, MAX)),
        ({"tiers": [(MAX + 1, 0)]}, ("Factory_TierPriceOutOfBounds", 1, MAX + 1, 1, MAX)),
        ({"goal": 5, "cap": 9, "tiers": [(10, 0)]}, ("Factory_TierPriceOutOfBounds", 1, 10, 1, 9)),
        ({"uri": ""}, ("Factory_MetadataURILengthOutOfBounds", 0, 1, 512)),
        ({"uri": "x" * 513}, ("Factory_MetadataURILengthOutOfBounds", 513, 1, 512)),
        ({"metadata_hash": NO_REF}, ("Factory_MetadataHashMissing",)),
        ({"max_fee_bps": 249}, ("Factory_FeeAboveMax", 250, 249)),
    ],
)
def test_terms_out_of_bounds(
    suite: Any, parameters: Any, changes: dict[str, Any], expected: tuple[Any, ...]
) -> None:
    assert revert_of(suite.creator, suite.factory.createCampaign, parameters(**changes)) == expected


def test_deadline_bounds(suite: Any, parameters: Any) -> None:
    time = now()
    create = suite.factory.createCampaign
    for deadline in (0, time + DAY - 1, time + 90 * DAY + 1):
        error, given, earliest, latest = revert_of(suite.creator, create, parameters(deadline=deadline))
        assert (error, given) == ("Factory_DeadlineOutOfBounds", deadline)
        assert (earliest, latest) == (time + DAY, time + 90 * DAY)
    for deadline in (time + DAY, time + 90 * DAY):
        assert revert_of(suite.creator, create, parameters(deadline=deadline)) == ()


def test_largest_terms_survive_packing(launch: Any) -> None:
    campaign = launch(
        mode=1, goal=MAX - 1, cap=MAX - 1, min_contribution=2**88 - 1, tiers=[(MAX - 1, 2**32 - 1)] * 32
    )
    terms = plain(campaign.terms())
    assert terms[2:4] == (1, MAX - 1)
    assert terms[6:] == (2**88 - 1, MAX - 1, 32, 0, 0, 0)
    assert plain(campaign.tier(32)) == (MAX - 1, 2**32 - 1, 0)
    assert plain(launch(goal=MAX).terms())[7] == 0


def test_fee_is_bounded_and_kept_by_running_campaigns(suite: Any, launch: Any) -> None:
    before = launch()
    assert revert_of(suite.owner, suite.factory.setFee, 501) == ("Factory_FeeTooHigh", 501, 500)
    event = suite.factory.setFee(500, {"from": suite.owner}).events["FeeUpdated"]
    assert (event["seq"], event["oldFeeBps"], event["newFeeBps"]) == (6, 250, 500)
    assert plain(before.terms())[5] == 250
    assert plain(launch().terms())[5] == 500


def test_treasury_and_tokens(suite: Any, launch: Any) -> None:
    factory = suite.factory
    for nobody in (NATIVE, factory.address):
        assert revert_of(suite.owner, factory.setTreasury, nobody) == (
            "Factory_InvalidTreasury",
            nobody.lower(),
        )
    event = factory.setTreasury(OTHER, {"from": suite.owner}).events["TreasuryUpdated"]
    assert (event["oldTreasury"], event["newTreasury"], event["seq"]) == (suite.treasury, OTHER, 5)
    assert revert_of(suite.owner, factory.setTokenAllowed, OTHER, ALLOWED) == ("Factory_NotAContract", OTHER)
    assert revert_of(suite.owner, factory.setTokenAllowed, factory.address, ALLOWED) == (
        "Factory_NotAToken",
        factory.address.lower(),
        bytes.fromhex("313ce567"),  # decimals()
    )
    campaign = launch(token=suite.token)
    event = factory.setTokenAllowed(suite.token, FORBIDDEN, {"from": suite.owner}).events["TokenAllowed"]
    assert (event["token"], event["wasAllowed"], event["isAllowed"]) == (suite.token, True, False)
    assert event["seq"] == factory.seq() == 7
    suite.token.approve(campaign, 5, {"from": suite.backers[0]})
    campaign.contributeERC20(5, 0, NO_REF, {"from": suite.backers[0]})  # running campaigns go on


def test_pausing_creation(suite: Any, parameters: Any) -> None:
    event = suite.factory.pause({"from": suite.owner}).events["CreationPaused"]
    assert (event["by"], event["seq"], event["paused"]) == (suite.owner, 5, True)
    assert revert_of(suite.creator, suite.factory.createCampaign, parameters()) == ("EnforcedPause",)
    suite.factory.unpause({"from": suite.owner})
    assert revert_of(suite.creator, suite.factory.createCampaign, parameters()) == ()
    assert suite.factory.seq() == 6


def test_every_role_is_asked_for(suite: Any) -> None:
    factory, stranger = suite.factory, suite.backers[0]
    forbidden = [
        (factory.setFee, (1,), factory.FEE_MANAGER_ROLE()),
        (factory.setTreasury, (OTHER,), factory.DEFAULT_ADMIN_ROLE()),
        (factory.setTokenAllowed, (NATIVE, False), factory.TOKEN_LISTER_ROLE()),
        (factory.pause, (), factory.GUARDIAN_ROLE()),
        (factory.unpause, (), factory.GUARDIAN_ROLE()),
    ]
    for function, arguments, role in forbidden:
        error, account, wanted = revert_of(stranger, function, *arguments)
        assert (error, account) == ("AccessControlUnauthorizedAccount", stranger.address.lower())
        assert "0x" + wanted.hex() == str(role)
