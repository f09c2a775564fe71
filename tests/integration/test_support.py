"""The helper that other tests stand on: what it deploys is what the contracts say it is."""

import json
from pathlib import Path

from tasks.demo.servers import Anvil
from tests.support.contracts import contribute, contribute_token, create_campaign, deploy_suite


def test_suite_takes_contributions_in_both_currencies(anvil: Anvil, deployments_dir: Path) -> None:
    suite = deploy_suite(anvil, deployments_dir)
    native = create_campaign(suite, tiers=((10**17, 5),))
    in_token = create_campaign(suite, token=suite.token.address, goal=10**9)

    contribute(suite, native, amount=3 * 10**17, tier_id=1)
    contribute_token(suite, in_token, amount=25 * 10**6)

    assert native.functions.totalRaised().call() == 3 * 10**17
    assert native.functions.seq().call() == 2
    assert in_token.functions.totalRaised().call() == 25 * 10**6
    registry = json.loads(suite.registry.read_text())
    assert registry["chainId"] == anvil.chain_id
    assert [entry["kind"] for entry in registry["contracts"]] == [
        "factory",
        "implementation",
        "receipt",
        "token",
    ]
