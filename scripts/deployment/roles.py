"""Who holds which role of a factory: asked of the events, so that nobody is overlooked."""

from collections.abc import Mapping
from typing import Any

from eth_utils import keccak, to_checksum_address

from scripts.deployment.errors import DeploymentError
from scripts.deployment.node import logs_of

ROLES: Mapping[str, bytes] = {
    "admin": bytes(32),
    "fee manager": keccak(text="FEE_MANAGER_ROLE"),
    "token lister": keccak(text="TOKEN_LISTER_ROLE"),
    "guardian": keccak(text="GUARDIAN_ROLE"),
}
_GRANTED = keccak(text="RoleGranted(bytes32,address,address)")


def role_named(name: str) -> bytes:
    """Raises a DeploymentError for a name that is no role."""
    role = ROLES.get(name.replace("_", " ").lower())
    if role is None:
        raise DeploymentError(f"there is no role {name!r}: name one of {', '.join(sorted(ROLES))}.")
    return role


def holders(factory: Any, since_block: int) -> dict[str, list[str]]:
    """Everybody that holds a role now, by the role's name, in the order in which it was granted."""
    found: dict[str, list[str]] = {name: [] for name in ROLES}
    names = {role: name for name, role in ROLES.items()}
    for log in logs_of(factory.address, _GRANTED, since_block):
        role, account = bytes(log["topics"][1]), str(to_checksum_address(bytes(log["topics"][2])[-20:]))
        if account not in found[names[role]] and factory.hasRole(role, account):
            found[names[role]].append(account)
    return found


def require_handover(factory: Any, since_block: int, deployer: str, admin: str) -> None:
    """Raises a DeploymentError unless the admin holds every role and nobody else, the deployer least, any."""
    for name, accounts in holders(factory, since_block).items():
        if accounts != [admin]:
            extra = "the deployer is" if deployer in accounts and deployer != admin else f"{accounts} are"
            raise DeploymentError(
                f"{extra} {name} of {factory.address}, which only {admin} should be: "
                "do not use this deployment."
            )
    print(f"every role of the factory belongs to {admin} alone")
