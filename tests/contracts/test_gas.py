"""Gas as a wallet pays it, against tests/contracts/gas.json.

`CHAINFUND_WRITE_GAS=1 tools/test-contracts.sh gas` writes the file anew; the change then shows in review.
"""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from chain import now, travel_to
from conftest import DAY, DOLLAR, ETHER, METADATA_HASH, METADATA_URI, NO_REF

SNAPSHOT = Path(__file__).with_name("gas.json")
REF = "0x" + "5a" * 32
# A campaign's address depends on the hour: as an argument it is counted as if it had no zero byte (EIP-2028:
# 16 gas for a byte, 4 for a zero).
ZERO_BYTE_REBATE = 12
BOUNDS = {
    "contribute_native_new": 63_000,
    "contribute_native_repeat": 46_000,
    "contribute_erc20_new": 78_000,
    "contribute_erc20_repeat": 62_000,
    "refund_native": 44_000,
    "refund_erc20": 52_000,
    "create": 150_000,
    "refund_first_of_wind_down": 56_000,
}


@pytest.fixture
def measured(suite: Any, launch: Any, parameters: Any, receipt: Any) -> dict[str, int]:
    factory, token, creator = suite.factory, suite.token, suite.creator
    first, second, third = suite.backers[:3]
    launch()
    gas = {
        "create": factory.createCampaign(parameters(), {"from": creator}).gas_used,
        "create_three_tiers": factory.createCampaign(
            parameters(tiers=[(ETHER, 0), (2 * ETHER, 10), (3 * ETHER, 5)]), {"from": creator}
        ).gas_used,
    }

    native = launch(tiers=[(ETHER, 10)])
    pay = {"value": ETHER}
    gas["contribute_native_first"] = launch().contribute(0, REF, {"from": first, **pay}).gas_used
    native.contribute(0, REF, {"from": first, **pay})
    gas["contribute_native_new"] = native.contribute(0, REF, {"from": second, **pay}).gas_used
    gas["contribute_native_repeat"] = native.contribute(0, REF, {"from": second, **pay}).gas_used
    native.contribute(1, REF, {"from": first, **pay})
    gas["contribute_native_new_tier"] = native.contribute(1, REF, {"from": third, **pay}).gas_used

    stable = launch(token=token, goal=1000 * DOLLAR)

    def give_dollars(backer: Any, approved: int) -> int:
        token.approve(stable, approved * DOLLAR, {"from": backer})
        return int(stable.contributeERC20(10 * DOLLAR, 0, REF, {"from": backer}).gas_used)

    # The site asks for an allowance of just what is given; the rest of a larger one stays in storage.
    gas["contribute_erc20_first"] = give_dollars(first, 10)
    gas["contribute_erc20_new"] = give_dollars(second, 10)
    gas["contribute_erc20_repeat"] = give_dollars(second, 10)
    gas["contribute_erc20_new_large_allowance"] = give_dollars(third, 1000)

    gas["post_update"] = native.postUpdate(METADATA_URI, METADATA_HASH, {"from": creator}).gas_used
    won = launch(goal=ETHER)
    won.contribute(0, NO_REF, {"from": first, **pay})
    gas |= measure_pledges(suite, launch, stable)
    gas |= measure_creators(suite, launch)
    gas["cancel"] = launch().cancel("", {"from": creator}).gas_used
    travel_to(now() + 31 * DAY)
    gas["refund_native"] = native.refund({"from": second}).gas_used
    gas["refund_erc20"] = stable.refund({"from": second}).gas_used
    gas["withdraw"] = won.withdraw(creator, {"from": creator}).gas_used
    gas["claim_fees"] = won.claimFees({"from": first}).gas_used
    gas |= measure_milestones(suite, launch, parameters, receipt)
    return dict(sorted(gas.items()))


def measure_pledges(suite: Any, launch: Any, stable: Any) -> dict[str, int]:
    """Given for others, with a permit that was used before, and taken back."""
    first, second, _, fourth, fifth = suite.backers[:5]
    campaign = launch()
    campaign.contribute(0, REF, {"from": first, "value": ETHER})
    gas = {
        "contribute_for_new": campaign.contributeFor(
            second, 0, REF, {"from": first, "value": ETHER}
        ).gas_used,
        "take_back_native": campaign.takeBack(second, {"from": second}).gas_used,
    }
    suite.token.approve(stable, 10 * DOLLAR, {"from": fourth})
    used = (0, 27, NO_REF, NO_REF)
    permitted = stable.contributeERC20WithPermit(10 * DOLLAR, 0, REF, used, {"from": fourth})
    suite.token.approve(stable, 10 * DOLLAR, {"from": fifth})
    stable.contributeERC20(10 * DOLLAR, 0, REF, {"from": fifth})
    return gas | {
        "contribute_erc20_new_spent_permit": permitted.gas_used,
        "take_back_erc20": stable.takeBack(fifth, {"from": fifth}).gas_used,
    }


def measure_creators(suite: Any, launch: Any) -> dict[str, int]:
    campaign, successor = launch(), suite.backers[0]
    suite.token.mint(campaign, 7, {"from": suite.owner})
    return {
        "transfer_creator": campaign.transferCreator(successor, {"from": suite.creator}).gas_used,
        "accept_creator": campaign.acceptCreator({"from": successor}).gas_used,
        "sweep_surplus": campaign.sweepSurplus(suite.token, {"from": successor}).gas_used,
    }


def measure_milestones(suite: Any, launch: Any, parameters: Any, receipt: Any) -> dict[str, int]:
    """From creation to a wind-down, in the native currency."""
    first, second = suite.backers[:2]
    deadline = (now() + 30 * DAY) | 0x010101
    terms = {
        "goal": ETHER,
        "deadline": deadline,
        "milestones": [(5_000, (deadline + 30 * DAY) | 0x010101), (5_000, (deadline + 90 * DAY) | 0x010101)],
        "objection_window": 7 * DAY,
        "objection_threshold_bps": 2_000,
    }
    created = suite.factory.createCampaign(parameters(**terms), {"from": suite.creator})
    campaign = launch(**terms)
    for backer in (first, second):
        campaign.contribute(0, REF, {"from": backer, "value": ETHER})
    travel_to(deadline)
    gas = {
        "create_two_milestones": created.gas_used,
        "submit_milestone": campaign.submitMilestone(
            METADATA_URI, METADATA_HASH, {"from": suite.creator}
        ).gas_used,
        "object": campaign.object({"from": first}).gas_used,
        "unobject": campaign.unobject({"from": first}).gas_used,
    }
    travel_to(now() + 7 * DAY)
    gas["release"] = campaign.release(suite.creator, {"from": suite.creator}).gas_used
    claimed = receipt.claim(campaign, {"from": first})
    gas["claim_receipt"] = claimed.gas_used + ZERO_BYTE_REBATE * bytes.fromhex(campaign.address[2:]).count(0)
    travel_to((deadline + 90 * DAY) | 0x010101)
    gas["refund_first_of_wind_down"] = campaign.refund({"from": first}).gas_used
    gas["refund_wind_down"] = campaign.refund({"from": second}).gas_used
    return gas


def test_gas_is_within_bounds_and_as_pinned(measured: dict[str, int]) -> None:
    if os.environ.get("CHAINFUND_WRITE_GAS") == "1":
        SNAPSHOT.write_text(json.dumps(measured, indent=2) + "\n")
    assert {name: measured[name] for name, bound in BOUNDS.items() if measured[name] > bound} == {}
    pinned = json.loads(SNAPSHOT.read_bytes())
    assert measured == pinned, (
        "gas has changed: CHAINFUND_WRITE_GAS=1 tools/test-contracts.sh gas pins it anew"
    )
