"""The node that Brownie is connected to, and what is asked of it."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from brownie import network, web3
from eth_utils import keccak
from web3.exceptions import Web3RPCError

from scripts.deployment.errors import DeploymentError

LOCAL_NETWORK = "anvil"
# Sepolia and Base Sepolia.
TEST_CHAIN_IDS = frozenset({11155111, 84532})
# With those, the networks of scripts/networks.yaml: Ethereum and Base.
PUBLIC_CHAIN_IDS = TEST_CHAIN_IDS | {1, 8453}
# Nodes that limit the range of a question about events allow at least so many blocks.
LEAST_LOG_RANGE = 500


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


def gas_fees() -> dict[str, int]:
    """What a transaction offers for its gas (EIP-1559): the node's tip, and room for the base fee to double.

    Unlike with a gas price, what is offered and not asked for stays with the sender.
    """
    tip = web3.eth.max_priority_fee
    return {"priority_fee": tip, "max_fee": 2 * web3.eth.get_block("latest")["baseFeePerGas"] + tip}


def logs_of(address: str, topic: bytes, since_block: int) -> Sequence[Any]:
    """Every event of one kind from a contract, oldest first; asked for in parts where the node insists.

    Raises:
        Web3RPCError: The node does not answer for `LEAST_LOG_RANGE` blocks either.
    """
    return _logs(address, "0x" + topic.hex(), since_block, web3.eth.block_number)


def _logs(address: str, topic: str, first: int, last: int) -> list[Any]:
    try:
        return list(
            web3.eth.get_logs({"address": address, "topics": [topic], "fromBlock": first, "toBlock": last})
        )
    except Web3RPCError:
        if last - first < LEAST_LOG_RANGE:
            raise
    middle = (first + last) // 2
    return _logs(address, topic, first, middle) + _logs(address, topic, middle + 1, last)
