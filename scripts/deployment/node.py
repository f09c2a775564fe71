"""The node that Brownie is connected to, and whether it is fit to deploy to."""

import os
import pwd
import subprocess
from dataclasses import dataclass

from brownie import network, web3
from eth_utils import keccak

from scripts.deployment.errors import DeploymentError
from scripts.deployment.settings import ROOT, Settings

LOCAL_NETWORK = "anvil"
# Sepolia and Base Sepolia.
TEST_CHAIN_IDS = frozenset({11155111, 84532})
# tstore(0, 1); return tload(0): as creation code it yields 32 bytes that end in 1 where EIP-1153 is known.
TRANSIENT_STORAGE_PROBE = "0x60015f5d5f5c5f5260205ff3"


@dataclass(frozen=True)
class Node:
    """What has to be known about the chain before anything is sent to it."""

    network: str
    chain_id: int
    genesis_hash: str
    is_local: bool

    @property
    def is_test_network(self) -> bool:
        """Whether its currency is worth nothing, and the chain is not one's own."""
        return self.chain_id in TEST_CHAIN_IDS and not self.is_local


def connect_node() -> Node:
    """Asks the node who it is.

    Raises:
        DeploymentError: No node answers, or it is not the network that was named.
    """
    name = network.show_active()
    if not web3.is_connected():
        raise DeploymentError(
            f"no node answers at {os.environ['CHAINFUND_RPC_URL']}: start one, or set CHAINFUND_RPC_URL."
        )
    client = web3.client_version
    is_local = client.lower().startswith("anvil/")
    if (name == LOCAL_NETWORK) != is_local:
        raise DeploymentError(
            f"network {name} was asked for, but the node is {client}: "
            f"name the right network, or set CHAINFUND_RPC_URL to a node of {name}."
        )
    node = Node(
        name, web3.eth.chain_id, "0x" + web3.eth.get_block(0)["hash"].hex().removeprefix("0x"), is_local
    )
    expected = int(network.main.CONFIG.active_network["chainid"])
    if not is_local and node.chain_id != expected:
        raise DeploymentError(f"network {name} has chain id {expected}, but the node says {node.chain_id}.")
    return node


def code_hash(address: str) -> str | None:
    """keccak256 of the code at an address, None where there is none."""
    code = bytes(web3.eth.get_code(address))
    return "0x" + keccak(code).hex() if code else None


def git_commit() -> str | None:
    """The commit that is checked out, None outside a repository."""
    return _git("rev-parse", "HEAD")


def preflight(node: Node, settings: Settings) -> None:
    """Refuses chains that can't run the contracts and, off anvil, what can't be traced back to a commit.

    Raises:
        DeploymentError: Naming the first check that failed.
    """
    probe = bytes(web3.eth.call({"data": TRANSIENT_STORAGE_PROBE}))
    if int.from_bytes(probe, "big") != 1:
        raise DeploymentError("the chain has no transient storage (EIP-1153), which the contracts need.")
    if node.is_local:
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
    if git_commit() is None or _git("status", "--porcelain"):
        raise DeploymentError(
            "the work tree differs from its commit: commit first, then deploy what is committed."
        )


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
