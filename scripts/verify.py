"""Publishes the sources of what was deployed: `tools/brownie run verify [main NAME …] --network sepolia`.

Compiles each source again first: what is sent has to give the code that was deployed. Marks what is verified
in the deployments file; what is marked is not sent again.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from brownie import Campaign, CampaignFactory, SupporterReceipt, TestToken

from scripts.deployment.artifacts import creation_code_hash
from scripts.deployment.errors import DeploymentError, exit_with_message
from scripts.deployment.node import Node, connect_node
from scripts.deployment.registry import Entry, Registry, read_registry, registry_path, write_registry
from scripts.deployment.settings import deployments_dir
from scripts.deployment.verification import ExplorerError, Explorers, Submission, compile_again, standard_json

CONTAINERS = {
    "Campaign": Campaign,
    "CampaignFactory": CampaignFactory,
    "SupporterReceipt": SupporterReceipt,
    "TestToken": TestToken,
}


def main(*names: str) -> None:
    with exit_with_message():
        verify(Explorers(), names or tuple(CONTAINERS))


def verify(explorers: Explorers, names: Sequence[str]) -> None:
    """Publishes the newest version of each of these contracts that is not verified yet.

    Raises:
        DeploymentError: there is no deployment, other sources made it, or no explorer took one of them.
    """
    node = connect_node()
    path = registry_path(deployments_dir(), node.chain_id)
    registry = read_registry(path, node.chain_id)
    if registry is None:
        raise DeploymentError(f"{path} does not exist: deploy first.")
    if unknown := set(names) - CONTAINERS.keys():
        raise DeploymentError(f"there is no contract {min(unknown)!r}: name some of {', '.join(CONTAINERS)}.")
    refused = []
    for name in names:
        entry = registry.latest(name)
        if entry is None:
            continue
        if entry.verified:
            print(f"{name} at {entry.address}: verified already")
            continue
        submission = _submission(node, entry, CONTAINERS[name])
        try:
            where = explorers.publish(submission)
        except ExplorerError:
            refused.append(name)
            continue
        print(f"{name} at {entry.address}: verified by {' and '.join(where)}")
        _mark(registry, entry)
        write_registry(path, registry)
    if refused:
        raise DeploymentError(
            f"not verified: {', '.join(refused)}; the reasons are above, nothing was marked."
        )


def _submission(node: Node, entry: Entry, container: Any) -> Submission:
    if creation_code_hash(container) != entry.creationCodeHash:
        raise DeploymentError(
            f"{entry.name} at {entry.address} was made from other sources than those here: "
            f"check out {entry.gitCommit or 'the commit it was deployed from'}."
        )
    source = standard_json(container)
    if compile_again(container, source) != container.bytecode:
        raise DeploymentError(f"{entry.name}: the input for explorers does not compile to what was deployed.")
    return Submission(node.chain_id, entry, container, source)


def _mark(registry: Registry, entry: Entry) -> None:
    registry.contracts[registry.contracts.index(entry)] = replace(entry, verified=True)
