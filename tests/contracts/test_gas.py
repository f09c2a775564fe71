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
BOUNDS = {
    "contribute_native_new": 63_000,
    "contribute_native_repeat": 46_000,
    "contribute_erc20_new": 78_000,
    "contribute_erc20_repeat": 62_000,
    "refund_native": 44_000,
    "refund_erc20": 52_000,
    "create": 150_000,
}


@pytest.fixture
def measured(suite: Any, launch: Any, parameters: Any) -> dict[str, int]:
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
    gas["cancel"] = launch().cancel("", {"from": creator}).gas_used
    travel_to(now() + 31 * DAY)
    gas["refund_native"] = native.refund({"from": second}).gas_used
    gas["refund_erc20"] = stable.refund({"from": second}).gas_used
    gas["withdraw"] = won.withdraw(creator, {"from": creator}).gas_used
    gas["claim_fees"] = won.claimFees({"from": first}).gas_used
    return dict(sorted(gas.items()))


def test_gas_is_within_bounds_and_as_pinned(measured: dict[str, int]) -> None:
    if os.environ.get("CHAINFUND_WRITE_GAS") == "1":
        SNAPSHOT.write_text(json.dumps(measured, indent=2) + "\n")
    assert {name: measured[name] for name, bound in BOUNDS.items() if measured[name] > bound} == {}
    pinned = json.loads(SNAPSHOT.read_bytes())
    assert measured == pinned, (
        "gas has changed: CHAINFUND_WRITE_GAS=1 tools/test-contracts.sh gas pins it anew"
    )
