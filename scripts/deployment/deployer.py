"""Sends creation transactions and writes down what came of them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from brownie import accounts, web3
from eth_utils import from_wei

from scripts.deployment.artifacts import compiler_settings, creation_code_hash, publish_abi
from scripts.deployment.errors import DeploymentError
from scripts.deployment.node import Node, code_hash, git_commit
from scripts.deployment.registry import Entry, Registry
from scripts.deployment.settings import Settings


def load_account(node: Node, settings: Settings) -> Any:
    """The account that pays: anvil's first one, or one of Brownie's encrypted ones.

    Raises:
        DeploymentError: There is no such account.
    """
    if node.is_local and not settings.deployer:
        if not web3.eth.accounts:
            raise DeploymentError("the local node has no unlocked accounts: start anvil with its own.")
        return accounts[0]
    try:
        return accounts.load(settings.deployer)
    except FileNotFoundError as error:
        raise DeploymentError(
            f"there is no account {settings.deployer!r}: "
            f"make it with `tools/brownie accounts new {settings.deployer}`."
        ) from error


@dataclass
class Deployer:
    """Deploys contracts one by one and adds them to the registry in memory; saving it is the caller's."""

    account: Any
    registry: Registry
    deployed: list[Entry] = field(default_factory=list)

    def require_funds(self, creation_codes: Sequence[str]) -> None:
        """Raises a DeploymentError when the account can't pay for the creations at twice today's price."""
        gas = sum(
            web3.eth.estimate_gas({"from": self.account.address, "data": code}) for code in creation_codes
        )
        cost = from_wei(2 * gas * web3.eth.gas_price, "ether")
        balance = from_wei(web3.eth.get_balance(self.account.address), "ether")
        print(f"estimated gas {gas:,}, at twice the current price {cost}; balance {balance}")
        if balance < cost:
            raise DeploymentError(f"{self.account.address} has {balance} and may need {cost}: fund it first.")

    def create(self, container: Any, kind: str, arguments: list[Any]) -> Entry:
        """Deploys a contract and registers it.

        Raises:
            DeploymentError: The transaction failed.
        """
        # Not container.deploy(): it would keep a second registry in build/deployments.
        receipt = self.account.transfer(
            data=container.deploy.encode_input(*arguments), gas_price=2 * web3.eth.gas_price, silent=True
        )
        if receipt.status != 1 or receipt.contract_address is None:
            raise DeploymentError(f"the creation of {container._name} failed in {receipt.txid}.")  # noqa: SLF001
        return self.register(container, kind, receipt.contract_address, receipt, arguments)

    def register(self, container: Any, kind: str, address: str, receipt: Any, arguments: list[Any]) -> Entry:
        """Adds a contract that a transaction has created to the registry."""
        name = container._name  # noqa: SLF001
        runtime = code_hash(address)
        if runtime is None:
            raise DeploymentError(
                f"{name} has no code at {address} after {receipt.txid}: is the node in sync?"
            )
        previous = self.registry.latest(name)
        entry = Entry(
            name=name,
            kind=kind,
            address=address,
            deployBlock=receipt.block_number,
            txHash=receipt.txid,
            arguments=arguments,
            abiHash=publish_abi(container),
            creationCodeHash=creation_code_hash(container),
            runtimeCodeHash=runtime,
            compiler=compiler_settings(container),
            gitCommit=git_commit(),
            version=previous.version + 1 if previous else 1,
            supersedes=previous.address if previous else None,
        )
        self.registry.contracts.append(entry)
        self.deployed.append(entry)
        print(f"deployed {name} version {entry.version} at {address} in block {entry.deployBlock}")
        return entry
