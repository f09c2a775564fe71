"""Compares the chain with its registry: `tools/brownie run status --network anvil`.

The exit status is 1 when they differ.
"""

from brownie import CampaignFactory, Contract

from scripts.deployment.errors import DeploymentError, exit_with_message
from scripts.deployment.inventory import describe_factory, record_tokens
from scripts.deployment.node import Node, code_hash, connect_node
from scripts.deployment.registry import Registry, read_registry, registry_path
from scripts.deployment.settings import deployments_dir


def main() -> None:
    with exit_with_message():
        report()


def report() -> None:
    """Prints every registered contract and what each factory says of itself, the newest first.

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
    _compare(node, registry)
    # Those of the past as well: their campaigns run on, and so do the roles over them.
    for entry in reversed([entry for entry in registry.contracts if entry.name == "CampaignFactory"]):
        factory = Contract.from_abi("CampaignFactory", entry.address, CampaignFactory.abi, persist=False)
        print(f"factory v{entry.version} {entry.address}")
        for line in describe_factory(factory, entry.deployBlock):
            print(f"  {line}")
    if missing := record_tokens(registry):
        raise DeploymentError(
            f"{path} lacks {', '.join(token.address for token in missing)}, which a factory allows: "
            "`run deploy` writes them into it."
        )


def _compare(node: Node, registry: Registry) -> None:
    print(f"chain {node.chain_id} ({node.network}), genesis {node.genesis_hash}")
    different = []
    for entry in registry.contracts:
        matches = code_hash(entry.address) == entry.runtimeCodeHash
        if not matches:
            different.append(f"{entry.name} at {entry.address}")
        print(
            f"  {entry.name} v{entry.version} {entry.address} block {entry.deployBlock}",
            "ok" if matches else "DIFFERS",
            entry.published,
        )
    if different:
        raise DeploymentError(f"the chain has not the code that was deployed: {', '.join(different)}.")
