"""Contracts that nobody here wrote, from the npm packages in which their authors publish the bytecode."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from eth_typing import ChecksumAddress
from hexbytes import HexBytes
from web3 import Web3
from web3.contract import Contract

from devtools.servers import PROJECT_ROOT

NODE_MODULES = PROJECT_ROOT / "node_modules"
# A Solidity compiler's placeholders for libraries are of an address's length.
ADDRESS_DIGITS = 40


@dataclass(frozen=True)
class Published:
    """One compiled contract; `links` are where in the bytecode, in bytes, a library's address belongs."""

    abi: list[dict[str, Any]]
    bytecode: str
    links: Mapping[str, tuple[int, ...]]

    def linked(self, libraries: Mapping[str, ChecksumAddress]) -> str:
        """The creation code with its libraries' addresses filled in.

        Raises:
            KeyError: a library that it needs is not among them.
        """
        code = self.bytecode.removeprefix("0x")
        for library, starts in self.links.items():
            for start in starts:
                address = libraries[library].removeprefix("0x")
                code = code[: 2 * start] + address + code[2 * start + ADDRESS_DIGITS :]
        return code


@lru_cache
def published(path: str) -> Published:
    """The artifact at a path below `node_modules`, in the form that truffle and hardhat write."""
    artifact = json.loads(Path(NODE_MODULES / path).read_text())
    return Published(
        abi=artifact["abi"],
        bytecode=artifact["bytecode"],
        links={
            library: tuple(link["start"] for link in links)
            for libraries in artifact.get("linkReferences", {}).values()
            for library, links in libraries.items()
        },
    )


def deploy(
    web3: Web3,
    path: str,
    *arguments: object,
    libraries: Mapping[str, ChecksumAddress] | None = None,
) -> Contract:
    """Deploy a published contract from the node's first account.

    Raises:
        RuntimeError: its constructor reverts.
    """
    artifact = published(path)
    code = artifact.linked(libraries or {})
    constructor = web3.eth.contract(abi=artifact.abi, bytecode=code).constructor(*arguments)
    sent = constructor.transact({"from": web3.eth.accounts[0]})
    return web3.eth.contract(_deployed(web3, sent, path), abi=artifact.abi)


def at(web3: Web3, address: ChecksumAddress, path: str) -> Contract:
    """A published contract that is on the chain already."""
    return web3.eth.contract(address, abi=published(path).abi)


def _deployed(web3: Web3, sent: HexBytes, path: str) -> ChecksumAddress:
    receipt = web3.eth.wait_for_transaction_receipt(sent, poll_latency=0.01)
    address = receipt["contractAddress"]
    if receipt["status"] != 1 or address is None:
        raise RuntimeError(f"the deployment of {path} reverted")
    return address
