"""Deploys what the current chain lacks: `tools/brownie run deploy --network anvil`.

Off anvil it rehearses: all checks and estimates, nothing sent, unless CHAINFUND_BROADCAST=1. A second run
compares the code on the chain with deployments/<chainId>.json and changes nothing. docs/contracts.md has the
whole procedure.
"""

from typing import Any

from brownie import Campaign, CampaignFactory, Contract, SupporterReceipt, TestToken

from scripts.deployment.artifacts import creation_code_hash
from scripts.deployment.deployer import Deployer, load_account
from scripts.deployment.errors import DeploymentError, exit_with_message
from scripts.deployment.node import Node, code_hash, connect_node, preflight
from scripts.deployment.registry import Entry, Registry, read_registry, registry_path, write_registry
from scripts.deployment.roles import require_handover
from scripts.deployment.settings import Settings, deployments_dir
from scripts.deployment.smoke import run_smoke_campaign


def main() -> None:
    with exit_with_message():
        deploy(Settings())


def deploy(settings: Settings) -> None:
    """Brings the chain and its registry to what is compiled here.

    Raises:
        DeploymentError: A check failed; the registry is as it was.
    """
    node = connect_node()
    path = registry_path(deployments_dir(), node.chain_id)
    registry = _registry_of(node, read_registry(path, node.chain_id))
    preflight(node, settings)

    wants_token = node.is_local and not _is_current(registry, TestToken, node)
    wants_factory = not (
        _is_current(registry, CampaignFactory, node) and _is_current(registry, Campaign, node)
    )
    wants_receipt = wants_factory or not _is_receipt_current(registry, node)
    if not (wants_token or wants_factory or wants_receipt):
        print(f"{path}: the chain has what is compiled here, nothing to do")
        return

    deployer = Deployer(load_account(node, settings), registry)
    arguments = _factory_arguments(deployer, node, settings)
    own = deployer.account.address
    receipt_code = SupporterReceipt.deploy.encode_input(own, settings.receipt_uri)
    deployer.require_funds([CampaignFactory.deploy.encode_input(*arguments), receipt_code])
    if not node.is_local and not settings.broadcast:
        if wants_factory:
            print(f"rehearsal on {node.network}: CampaignFactory{tuple(arguments)} from {own}")
        print(f"rehearsal on {node.network}: SupporterReceipt with URI {settings.receipt_uri} from {own}")
        print("nothing was sent; set CHAINFUND_BROADCAST=1 to deploy")
        return

    if wants_token:
        deployer.create(TestToken, "token", [])
    wants_factory = wants_factory or wants_token
    if wants_factory:
        _create_factory(deployer, _factory_arguments(deployer, node, settings))
    _create_receipt(deployer, settings)
    # Before anything else is tried: what is on the chain has to be in the file.
    write_registry(path, registry)
    print(f"wrote {path}")
    if wants_factory:
        _try_out(deployer, node)
    if not node.is_local:
        print(f"publish the sources: tools/brownie run verify --network {node.network}")


def _registry_of(node: Node, registry: Registry | None) -> Registry:
    """The chain's registry, a new one when there is none or when it speaks of a local chain that is gone."""
    if registry is None or (node.is_local and registry.genesisHash != node.genesis_hash):
        return Registry(chainId=node.chain_id, network=node.network, genesisHash=node.genesis_hash)
    if registry.genesisHash != node.genesis_hash:
        raise DeploymentError(
            f"the deployments file of chain {node.chain_id} has genesis {registry.genesisHash}, "
            f"the node {node.genesis_hash}: this is another chain."
        )
    return registry


def _is_current(registry: Registry, container: Any, node: Node) -> bool:
    """Whether the newest registered version is what is compiled here and is still on the chain.

    Raises:
        DeploymentError: The chain has other code at that address than was deployed.
    """
    name = container._name  # noqa: SLF001
    entry = registry.latest(name)
    if entry is None or entry.creationCodeHash != creation_code_hash(container):
        return False
    found = code_hash(entry.address)
    if found == entry.runtimeCodeHash:
        return True
    if found is None and node.is_local:
        return False  # a local chain that was wound back
    raise DeploymentError(
        f"{name} at {entry.address} should have code {entry.runtimeCodeHash}, the chain has {found}: "
        "check CHAINFUND_RPC_URL and the deployments file before anything else."
    )


def _is_receipt_current(registry: Registry, node: Node) -> bool:
    """Whether the newest receipt is what is compiled here, and for the newest factory."""
    entry, factory = registry.latest("SupporterReceipt"), registry.latest("CampaignFactory")
    is_for_factory = entry is not None and factory is not None and entry.arguments[0] == factory.address
    return is_for_factory and _is_current(registry, SupporterReceipt, node)


def _factory_arguments(deployer: Deployer, node: Node, settings: Settings) -> list[Any]:
    """Admin, its delay, treasury, fee and tokens; on anvil the deployer stands in for who is not named."""
    tokens = list(settings.tokens)
    test_token = deployer.registry.latest("TestToken") if node.is_local else None
    if test_token is not None and code_hash(test_token.address) is not None:
        tokens.append(test_token.address)
    own = deployer.account.address
    return [settings.admin or own, settings.admin_delay, settings.treasury or own, settings.fee_bps, tokens]


def _create_factory(deployer: Deployer, arguments: list[Any]) -> None:
    """Deploys the factory, which deploys the campaigns' implementation and gives every role to the admin."""
    factory = deployer.create(CampaignFactory, "factory", arguments)
    contract = Contract.from_abi("CampaignFactory", factory.address, CampaignFactory.abi, persist=False)
    receipt = _Receipt(factory)
    deployer.register(Campaign, "implementation", contract.implementation(), receipt, [factory.address])
    require_handover(contract, factory.deployBlock, deployer.account.address, arguments[0])


class _Receipt:
    """The factory's creation, which is the implementation's as well."""

    def __init__(self, entry: Entry) -> None:
        self.txid = entry.txHash
        self.block_number = entry.deployBlock


def _create_receipt(deployer: Deployer, settings: Settings) -> None:
    factory = deployer.registry.latest("CampaignFactory")
    deployer.create(SupporterReceipt, "receipt", [factory.address, settings.receipt_uri])


def _try_out(deployer: Deployer, node: Node) -> None:
    """A smoke campaign with the new factory, where it costs nothing that is worth anything."""
    if not node.is_test_network:
        return
    address = run_smoke_campaign(_factory(deployer.registry), deployer.account)
    print(f"smoke campaign {address}: launched, given to, taken back from, cancelled")


def _factory(registry: Registry) -> Any:
    return Contract.from_abi(
        "CampaignFactory", registry.latest("CampaignFactory").address, CampaignFactory.abi, persist=False
    )
