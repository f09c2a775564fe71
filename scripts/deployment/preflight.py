"""What has to hold before anything is sent."""

import os
import pwd
import subprocess
from typing import Any

from brownie import web3

from scripts.deployment.errors import DeploymentError
from scripts.deployment.node import PUBLIC_CHAIN_IDS, Node, code_hash
from scripts.deployment.settings import ROOT, Settings

# tstore(0, 1); return tload(0): as creation code it yields 32 bytes that end in 1 where EIP-1153 is known.
TRANSIENT_STORAGE_PROBE = "0x60015f5d5f5c5f5260205ff3"


def preflight(node: Node, settings: Settings) -> None:
    """Refuses chains that can't run the contracts and, off anvil, what can't be traced back to a commit.

    Raises:
        DeploymentError: Naming the first check that failed.
    """
    if not _has_transient_storage():
        raise DeploymentError("the chain has no transient storage (EIP-1153), which the contracts need.")
    if node.is_local:
        _require_folder_of_its_own(node)
        return
    if not node.is_test_network and not settings.allow_mainnet:
        raise DeploymentError(
            f"the currency of {node.network} is worth something: "
            "set CHAINFUND_ALLOW_MAINNET=1 if you mean it."
        )
    for variable, value in (
        ("CHAINFUND_ADMIN", settings.admin),
        ("CHAINFUND_TREASURY", settings.treasury),
        ("CHAINFUND_DEPLOYER", settings.deployer),
    ):
        if not value:
            raise DeploymentError(f"off anvil {variable} must be set.")
    _require_multisig(node, settings)
    # The registry is what a deployment changes itself, an interrupted one too.
    if git_commit() is None or _git("status", "--porcelain", "--", ".", ":(exclude)deployments"):
        raise DeploymentError(
            "the work tree differs from its commit: commit first, then deploy what is committed."
        )


def require_other_admin(node: Node, settings: Settings, deployer: str) -> None:
    """Raises a DeploymentError when the key that deploys would keep every role, off anvil."""
    if not node.is_local and settings.admin == deployer:
        raise DeploymentError(
            f"CHAINFUND_ADMIN is the deployer {deployer}: name another account, a multisig, "
            "so that the deployer's key is worth nothing afterwards."
        )


def git_commit() -> str | None:
    """The commit that is checked out, None outside a repository."""
    return _git("rev-parse", "HEAD")


def _has_transient_storage() -> bool:
    # Not web3.eth.call: a node that does not know the opcode answers with an error, of whatever kind.
    response: Any = web3.provider.make_request("eth_call", [{"data": TRANSIENT_STORAGE_PROBE}, "latest"])
    return int(response.get("result") or "0x0", 16) == 1


def _require_folder_of_its_own(node: Node) -> None:
    """A local copy of a public chain has that chain's id, whose registry is none of its business."""
    if node.chain_id in PUBLIC_CHAIN_IDS and not os.environ.get("CHAINFUND_DEPLOYMENTS_DIR"):
        raise DeploymentError(
            f"this anvil has the chain id {node.chain_id} of a public network: set CHAINFUND_DEPLOYMENTS_DIR "
            "to a folder for the copy, so that the network's own file stays as it is."
        )


def _require_multisig(node: Node, settings: Settings) -> None:
    if settings.admin and code_hash(settings.admin) is None:
        found = f"CHAINFUND_ADMIN {settings.admin} has no code on {node.network}"
        if not node.is_test_network:
            raise DeploymentError(f"{found}: name a multisig that is deployed on this very chain.")
        print(f"note: {found}; where money is real it has to be a multisig")


def _git(*arguments: str) -> str | None:
    home = pwd.getpwuid(os.getuid()).pw_dir  # tools/brownie sets HOME to Brownie's own
    result = subprocess.run(
        ["git", *arguments],
        cwd=ROOT,
        env={**os.environ, "HOME": home},
        capture_output=True,
        text=True,
        check=False,
    )
    return result.stdout.strip() if result.returncode == 0 else None
