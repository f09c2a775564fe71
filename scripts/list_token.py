"""Allows or forbids a token for future campaigns: `tools/brownie run list_token allow 0x… --network anvil`.

`probe` looks at a token without more. A version behind the address means an older factory. What the listing
policy of docs/contracts.md asks for is tried out before a token is allowed; CHAINFUND_TOKEN_HOLDER names an
account that has some, where none is found. Sends the call when the account CHAINFUND_DEPLOYER is a token
lister and CHAINFUND_BROADCAST=1 (on anvil always), and prints it otherwise. What is allowed is written into
the deployments file: run it again once a multisig has made the call.
"""

from brownie import CampaignFactory, Contract
from eth_utils import is_address, to_checksum_address

from scripts.deployment.amounts import NATIVE
from scripts.deployment.errors import DeploymentError, exit_with_message
from scripts.deployment.inventory import record_tokens
from scripts.deployment.listing import require_listable
from scripts.deployment.node import Node, connect_node
from scripts.deployment.proposing import send_or_propose
from scripts.deployment.registry import deployed_factory, read_registry, registry_path, write_registry
from scripts.deployment.roles import holders
from scripts.deployment.settings import Settings, deployments_dir

ROLE = "token lister"


def main() -> None:
    with exit_with_message():
        raise DeploymentError("say what: tools/brownie run list_token probe|allow|forbid ADDRESS [VERSION].")


def probe(token: str = "") -> None:
    with exit_with_message():
        connect_node()
        require_listable(_address(token), Settings().token_holder)


def allow(token: str = "", version: str = "") -> None:
    with exit_with_message():
        change(_address(token), version, Settings(), allowed=True)


def forbid(token: str = "", version: str = "") -> None:
    with exit_with_message():
        change(_address(token), version, Settings(), allowed=False)


def change(token: str, version: str, settings: Settings, *, allowed: bool) -> None:
    """Raises a DeploymentError for a token against the policy, or when nothing would change."""
    node = connect_node()
    entry = deployed_factory(node.chain_id, version)
    factory = Contract.from_abi("CampaignFactory", entry.address, CampaignFactory.abi, persist=False)
    if factory.isTokenAllowed(token) == allowed:
        if not (allowed and _record(node)):
            raise DeploymentError(f"nothing to do: {token} is {'allowed' if allowed else 'forbidden'}.")
        return
    if allowed:
        require_listable(token, settings.token_holder)
    listers = holders(factory, entry.deployBlock)[ROLE]
    arguments = (token, allowed)
    if send_or_propose(node, settings, factory.setTokenAllowed, arguments, role=ROLE, holders=listers):
        print(f"{token} is {'allowed' if allowed else 'forbidden'} for campaigns launched from now on")
        _record(node)


def _record(node: Node) -> bool:
    """Writes the tokens that the file lacks; whether there were any."""
    path = registry_path(deployments_dir(), node.chain_id)
    registry = read_registry(path, node.chain_id)
    if registry is None or not record_tokens(registry):
        return False
    write_registry(path, registry)
    print(f"wrote {path}")
    return True


def _address(text: str) -> str:
    if not is_address(text) or to_checksum_address(text) == NATIVE:
        raise DeploymentError(f"{text!r} is not the address of a token.")
    return str(to_checksum_address(text))
