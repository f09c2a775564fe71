"""Gives or takes a role of the factory: `tools/brownie run grant_roles grant guardian 0x… --network anvil`.

A version behind the address means an older factory, whose campaigns still run: `… revoke guardian 0x… 1`.
Sends it when the account CHAINFUND_DEPLOYER is the admin and CHAINFUND_BROADCAST=1 (on anvil always). When
the admin is somebody else, a multisig above all, it prints the call for the admin to make.
"""

from typing import Any

from brownie import CampaignFactory, Contract
from eth_utils import is_address, to_checksum_address

from scripts.deployment.errors import DeploymentError, exit_with_message
from scripts.deployment.node import connect_node
from scripts.deployment.proposing import send_or_propose
from scripts.deployment.registry import deployed_factory
from scripts.deployment.roles import ROLES, holders, role_named
from scripts.deployment.settings import Settings


def main() -> None:
    with exit_with_message():
        raise DeploymentError(
            "say what: tools/brownie run grant_roles grant|revoke ROLE ADDRESS [VERSION]; "
            f"roles are {', '.join(ROLES)}."
        )


def grant(role: str = "", account: str = "", version: str = "") -> None:
    with exit_with_message():
        change("grantRole", role, account, version, Settings())


def revoke(role: str = "", account: str = "", version: str = "") -> None:
    with exit_with_message():
        change("revokeRole", role, account, version, Settings())


def change(function: str, role: str, account: str, version: str, settings: Settings) -> None:
    """Raises a DeploymentError for what is no role, address or version, or when nothing would change."""
    identifier = role_named(role)
    if not is_address(account):
        raise DeploymentError(f"{account!r} is not an address.")
    if identifier == ROLES["admin"]:
        raise DeploymentError("the admin changes in two steps with a delay: see docs/contracts.md.")
    node = connect_node()
    entry = deployed_factory(node.chain_id, version)
    factory = Contract.from_abi("CampaignFactory", entry.address, CampaignFactory.abi, persist=False)
    target = to_checksum_address(account)
    if factory.hasRole(identifier, target) == (function == "grantRole"):
        raise DeploymentError(
            f"nothing to do: {target} {'has' if function == 'grantRole' else 'lacks'} that role."
        )
    _print_holders("before", factory, entry.deployBlock)
    call: Any = getattr(factory, function)
    admin = factory.defaultAdmin()
    if send_or_propose(node, settings, call, (identifier, target), role="admin", holders=(admin,)):
        _print_holders("after", factory, entry.deployBlock)


def _print_holders(when: str, factory: Any, since_block: int) -> None:
    print(f"{when}:")
    for name, accounts in holders(factory, since_block).items():
        print(f"  {name}: {', '.join(accounts) or 'nobody'}")
