"""Deploys what the current chain lacks: `tools/brownie run deploy --network anvil`.

Off anvil it rehearses: all checks and estimates, nothing sent, unless CHAINFUND_BROADCAST=1. A second run
compares the code on the chain with deployments/<chainId>.json and changes nothing; one that follows an
interrupted one takes up what that has sent. `run deploy smoke` tries the newest factory out with a small
campaign, which the first run on a test network does by itself. docs/contracts.md has the whole procedure.
"""

from typing import Any

from brownie import Campaign, CampaignFactory, Contract, SupporterReceipt, TestToken

from scripts.deployment.artifacts import creation_code_hash
from scripts.deployment.deployer import Deployer, load_account
from scripts.deployment.errors import DeploymentError, exit_with_message
from scripts.deployment.inventory import record_tokens
from scripts.deployment.listing import require_listable
from scripts.deployment.node import Node, code_hash, connect_node
from scripts.deployment.preflight import preflight, require_other_admin
from scripts.deployment.registry import (
    TOKEN,
    Registry,
    deployed_factory,
    read_registry,
    registry_path,
    write_registry,
)
from scripts.deployment.roles import require_handover
from scripts.deployment.settings import Settings, deployments_dir
from scripts.deployment.smoke import run_smoke_campaign

TEST_TOKEN_VERSION = 1


def main() -> None:
    with exit_with_message():
        deploy(Settings())


def smoke() -> None:
    with exit_with_message():
        try_out(Settings())


def deploy(settings: Settings) -> None:
    """Brings the chain and its registry to what is compiled here.

    Raises:
        DeploymentError: A check failed. What was deployed and found good before that is in the registry.
    """
    node = connect_node()
    path = registry_path(deployments_dir(), node.chain_id)
    registry = _registry_of(node, read_registry(path, node.chain_id))
    preflight(node, settings)

    wants_token = node.is_local and not _is_current(registry, TestToken, node)
    wants_factory = wants_token or not (
        _is_current(registry, CampaignFactory, node) and _is_current(registry, Campaign, node)
    )
    if not wants_factory and _is_receipt_current(registry, node):
        if record_tokens(registry):
            write_registry(path, registry)
            print(f"wrote {path}: tokens that the factory allows were missing")
        print(f"{path}: the chain has what is compiled here, nothing to do")
        return

    if wants_factory:
        for token in settings.tokens:
            require_listable(token, settings.token_holder)
    deployer = Deployer(load_account(node, settings), node, registry, path)
    require_other_admin(node, settings, deployer.account.address)
    deployer.require_funds(_creation_codes(deployer, node, settings, wants_factory=wants_factory))
    if not node.is_local and not settings.broadcast:
        _rehearse(deployer, node, settings, wants_factory=wants_factory)
        return

    if wants_token:
        _create(deployer, TestToken, TOKEN, [], version=TEST_TOKEN_VERSION)
        deployer.save()
    if wants_factory:
        _create_factory(deployer, _factory_arguments(deployer, node, settings))
    factory = registry.latest("CampaignFactory")
    arguments = [factory.address, settings.receipt_uri]
    _create(deployer, SupporterReceipt, "receipt", arguments, version=factory.version)
    deployer.save()
    print(f"wrote {path}")
    if wants_factory and node.is_test_network:
        _run_smoke_campaign(factory.address, deployer.account)
    if not node.is_local:
        print(f"publish the sources: tools/brownie run verify --network {node.network}")


def try_out(settings: Settings) -> None:
    """Sends a small campaign through the newest factory: on anvil, or with CHAINFUND_BROADCAST=1.

    Raises:
        DeploymentError: There is no factory, it costs real money, or the contracts do something unexpected.
    """
    node = connect_node()
    address = deployed_factory(node.chain_id).address
    if not (node.is_local or node.is_test_network):
        raise DeploymentError(f"the currency of {node.network} is worth something: try it out elsewhere.")
    if not node.is_local and not settings.broadcast:
        print(f"rehearsal: nothing was sent to {address}; set CHAINFUND_BROADCAST=1 to try it out")
        return
    _run_smoke_campaign(address, load_account(node, settings))


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


def _creation_codes(deployer: Deployer, node: Node, settings: Settings, *, wants_factory: bool) -> list[str]:
    """What will be sent, as far as it can be known before the factory has an address."""
    codes = [SupporterReceipt.deploy.encode_input(deployer.account.address, settings.receipt_uri)]
    if wants_factory:
        codes.append(CampaignFactory.deploy.encode_input(*_factory_arguments(deployer, node, settings)))
    return codes


def _rehearse(deployer: Deployer, node: Node, settings: Settings, *, wants_factory: bool) -> None:
    own = deployer.account.address
    if wants_factory:
        arguments = tuple(_factory_arguments(deployer, node, settings))
        print(f"rehearsal on {node.network}: CampaignFactory{arguments} from {own}")
    print(f"rehearsal on {node.network}: SupporterReceipt with URI {settings.receipt_uri} from {own}")
    print("nothing was sent; set CHAINFUND_BROADCAST=1 to deploy")


def _create(deployer: Deployer, container: Any, kind: str, arguments: list[Any], *, version: int) -> None:
    creation = deployer.create(container, arguments)
    deployer.register(container, kind, creation, creation.address, arguments, version=version)


def _create_factory(deployer: Deployer, arguments: list[Any]) -> None:
    """Deploys the factory, which deploys the campaigns' implementation and gives every role to the admin.

    It is in the registry only when that was found to be so: workers and pages go by the registry.
    """
    creation = deployer.create(CampaignFactory, arguments)
    factory = _factory(creation.address)
    address, version = creation.address, int(factory.VERSION())
    deployer.register(CampaignFactory, "factory", creation, address, arguments, version=version)
    implementation = factory.implementation()
    deployer.register(Campaign, "implementation", creation, implementation, [address], version=version)
    require_handover(factory, creation.block, deployer.account.address, arguments[0])
    record_tokens(deployer.registry)
    deployer.save()


def _run_smoke_campaign(factory: str, account: Any) -> None:
    address = run_smoke_campaign(_factory(factory), account)
    print(f"smoke campaign {address}: launched, given to, taken back from, cancelled")


def _factory(address: str) -> Any:
    return Contract.from_abi("CampaignFactory", address, CampaignFactory.abi, persist=False)
