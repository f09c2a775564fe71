"""Compares the chain with its registry: `tools/brownie run status --network anvil`.

The exit status is 1 when they differ.
"""

from typing import Any

from brownie import CampaignFactory, Contract

from scripts.deployment.errors import DeploymentError, exit_with_message
from scripts.deployment.node import code_hash, connect_node
from scripts.deployment.registry import read_registry, registry_path
from scripts.deployment.roles import holders
from scripts.deployment.settings import deployments_dir


def main() -> None:
    with exit_with_message():
        report()


def report() -> None:
    """Prints every registered contract and what the newest factory says of itself.

    Raises:
        DeploymentError: There is no registry, or the chain has other code than it says.
    """
    node = connect_node()
    path = registry_path(deployments_dir(), node.chain_id)
    registry = read_registry(path, node.chain_id)
    if registry is None:
        raise DeploymentError(
            f"{path} does not exist: nothing was deployed to chain {node.chain_id} from here."
        )
    if registry.genesisHash != node.genesis_hash:
        raise DeploymentError(f"{path} speaks of another chain: its genesis is {registry.genesisHash}.")

    print(f"chain {node.chain_id} ({node.network}), genesis {node.genesis_hash}")
    different = []
    for entry in registry.contracts:
        matches = code_hash(entry.address) == entry.runtimeCodeHash
        if not matches:
            different.append(f"{entry.name} at {entry.address}")
        print(
            f"  {entry.name} v{entry.version} {entry.address} block {entry.deployBlock}",
            "ok" if matches else "DIFFERS",
            "verified" if entry.verified else "not verified",
        )
    if different:
        raise DeploymentError(f"the chain has not the code that was deployed: {', '.join(different)}.")
    factory = registry.latest("CampaignFactory")
    if factory is not None:
        _report_factory(
            Contract.from_abi("CampaignFactory", factory.address, CampaignFactory.abi, persist=False),
            factory.deployBlock,
        )


def _report_factory(factory: Any, since_block: int) -> None:
    for name, accounts in holders(factory, since_block).items():
        print(f"  {name}: {', '.join(accounts) or 'nobody'}")
    pending, schedule = factory.pendingDefaultAdmin()
    if schedule:
        print(f"  admin to be: {pending}, who may accept from {schedule}")
    print(f"  treasury {factory.treasury()}, fee {factory.feeBps()} bps")
    print(
        f"  campaigns {factory.campaignCount()}, events {factory.seq()}, creation paused: {factory.paused()}"
    )
