"""Publishes the sources of what was deployed: `tools/brownie run verify [main NAME …] --network sepolia`.

Compiles each source again first: what is sent has to give the code that was deployed. Writes into the
deployments file which explorers have it; those are not asked again.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from brownie import Campaign, CampaignFactory, SupporterReceipt

from scripts.deployment.artifacts import creation_code_hash
from scripts.deployment.errors import DeploymentError, exit_with_message
from scripts.deployment.node import Node, connect_node
from scripts.deployment.registry import Entry, Registry, read_registry, registry_path, write_registry
from scripts.deployment.settings import deployments_dir
from scripts.deployment.verification import Explorers, Submission, compile_again, standard_json

CONTAINERS = {
    "Campaign": Campaign,
    "CampaignFactory": CampaignFactory,
    "SupporterReceipt": SupporterReceipt,
}


def main(*names: str) -> None:
    with exit_with_message():
        verify(Explorers(), names or tuple(CONTAINERS))


def verify(explorers: Explorers, names: Sequence[str]) -> None:
    """Publishes the newest version of each of these contracts wherever it is not verified yet.

    Raises:
        DeploymentError: There is no deployment, it was made from other sources, or one of the contracts is
            verified nowhere.
    """
    if unknown := set(names) - CONTAINERS.keys():
        raise DeploymentError(f"there is no contract {min(unknown)!r}: name some of {', '.join(CONTAINERS)}.")
    node = connect_node()
    if node.is_local:
        raise DeploymentError("explorers do not see a local chain: name the network with --network.")
    path = registry_path(deployments_dir(), node.chain_id)
    registry = read_registry(path, node.chain_id)
    if registry is None:
        raise DeploymentError(f"{path} does not exist: deploy first.")
    if not explorers.etherscan_key:
        print("Etherscan is left out: it would need an API key in ETHERSCAN_TOKEN")
    nowhere = []
    for name in names:
        entry = registry.latest(name)
        if entry is None:
            continue
        if explorers.remaining(entry):
            entry = _publish(explorers, node, registry, entry)
            write_registry(path, registry)
        print(f"{name} at {entry.address}: {entry.published}")
        if not entry.verified:
            nowhere.append(name)
    if nowhere:
        raise DeploymentError(
            f"not verified: {', '.join(nowhere)}; the reasons are above. Run it again to try once more."
        )


def _publish(explorers: Explorers, node: Node, registry: Registry, entry: Entry) -> Entry:
    """Replaces the entry in the registry by one that says where it is verified."""
    published = replace(entry, verified=explorers.publish(_submission(node, entry, CONTAINERS[entry.name])))
    registry.contracts[registry.contracts.index(entry)] = published
    return published


def _submission(node: Node, entry: Entry, container: Any) -> Submission:
    if creation_code_hash(container) != entry.creationCodeHash:
        raise DeploymentError(
            f"{entry.name} at {entry.address} was made from other sources than those here: "
            f"check out {entry.gitCommit or 'the commit it was deployed from'}."
        )
    source = standard_json(container)
    if compile_again(container, source)["bytecode"]["object"] != container.bytecode:
        raise DeploymentError(f"{entry.name}: the input for explorers does not compile to what was deployed.")
    return Submission(node.chain_id, entry, container, source)
