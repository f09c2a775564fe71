"""The helper that other tests stand on: what it deploys is what the contracts say it is."""

import json
from datetime import timedelta
from pathlib import Path

from devtools.servers import Anvil
from tests.support.contracts import (
    contribute,
    contribute_token,
    create_campaign,
    deploy_first_version,
    deploy_suite,
)


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


def test_first_version_runs_beside_the_second(anvil: Anvil, deployments_dir: Path) -> None:
    second = deploy_suite(anvil, deployments_dir)
    first = deploy_first_version(second)
    old = create_campaign(first, milestones=((5_000, timedelta(days=10)), (5_000, timedelta(days=20))))

    contribute(first, old, amount=10**18)

    assert first.factory.address != second.factory.address
    assert first.factory.functions.isCampaign(old.address).call()
    assert not second.factory.functions.isCampaign(old.address).call()
    assert old.functions.totalRaised().call() == 10**18
    registry = json.loads(first.registry.read_text())
    versions = {entry["address"]: entry["version"] for entry in registry["contracts"]}
    assert (versions[first.factory.address], versions[second.factory.address]) == (1, 2)
