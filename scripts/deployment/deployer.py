"""Sends creation transactions and writes down what came of them."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from brownie import accounts, web3
from eth_utils import from_wei, keccak

from scripts.deployment.artifacts import compiler_settings, creation_code_hash, publish_abi
from scripts.deployment.errors import DeploymentError
from scripts.deployment.node import Node, code_hash, gas_fees
from scripts.deployment.pending import (
    Creation,
    Pending,
    find_creation,
    pending_path,
    read_pending,
    write_pending,
)
from scripts.deployment.preflight import git_commit
from scripts.deployment.refusals import reason_of
from scripts.deployment.registry import TOKEN, Entry, Registry, write_registry
from scripts.deployment.settings import Settings
from scripts.deployment.tokens import currency_of


def load_account(node: Node, settings: Settings) -> Any:
    """The account that pays: anvil's first one, or one of Brownie's encrypted ones.

    Raises:
        DeploymentError: There is no such account, or the password is another.
    """
    if node.is_local and not settings.deployer:
        if not web3.eth.accounts:
            raise DeploymentError("the local node has no unlocked accounts: start anvil with its own.")
        return accounts[0]
    if not settings.deployer:
        raise DeploymentError("off anvil CHAINFUND_DEPLOYER must be set.")
    try:
        return accounts.load(settings.deployer)
    except FileNotFoundError as error:
        raise DeploymentError(
            f"there is no account {settings.deployer!r}: "
            f"make it with `tools/brownie accounts new {settings.deployer}`."
        ) from error
    except (ValueError, EOFError) as error:
        raise DeploymentError(f"the password does not open the account {settings.deployer!r}.") from error


@dataclass
class Deployer:
    """Deploys contracts one by one and adds them to the registry in memory, until `save` writes it."""

    account: Any
    node: Node
    registry: Registry
    path: Path

    def require_funds(self, creation_codes: Sequence[str]) -> None:
        """Raises a DeploymentError when a creation would fail, or the account might be unable to pay."""
        gas = sum(self._estimate(code) for code in creation_codes)
        cost = from_wei(gas * gas_fees()["max_fee"], "ether")
        balance = from_wei(web3.eth.get_balance(self.account.address), "ether")
        print(f"estimated gas {gas:,}, at most {cost} should the base fee double; balance {balance}")
        if balance < cost:
            raise DeploymentError(f"{self.account.address} has {balance} and may need {cost}: fund it first.")

    def create(self, container: Any, arguments: list[Any]) -> Creation:
        """Deploys a contract, or finds the one that an interrupted run has sent.

        Raises:
            DeploymentError: The transaction failed, or an earlier one is something else.
        """
        name = container._name  # noqa: SLF001
        data = container.deploy.encode_input(*arguments)
        if found := self._resume(name, data):
            print(f"{name} of an interrupted run found at {found.address} in block {found.block}")
            return found
        nonce = web3.eth.get_transaction_count(self.account.address, "pending")
        address = str(self.account.get_deployment_address(nonce))
        write_pending(
            pending_path(self.path),
            Pending(
                name, address, self.account.address, nonce, _hash(data),
                web3.eth.block_number, self.node.genesis_hash,
            ),
        )  # fmt: skip
        # Not container.deploy(): it would keep a second registry in build/deployments.
        receipt = self.account.transfer(data=data, nonce=nonce, silent=True, **gas_fees())
        if receipt.status != 1 or receipt.contract_address != address:
            raise DeploymentError(f"the creation of {name} failed in {receipt.txid}.")
        return Creation(address, receipt.txid, receipt.block_number)

    def register(
        self,
        container: Any,
        kind: str,
        creation: Creation,
        address: str,
        arguments: list[Any],
        *,
        version: int,
    ) -> Entry:
        """Adds a contract that a transaction has created to the registry in memory."""
        name = container._name  # noqa: SLF001
        runtime = code_hash(address)
        if runtime is None:
            raise DeploymentError(
                f"{name} has no code at {address} after {creation.transaction}: is the node in sync?"
            )
        previous = self.registry.latest(name)
        entry = Entry(
            name=name,
            kind=kind,
            address=address,
            deployBlock=creation.block,
            txHash=creation.transaction,
            arguments=arguments,
            abiHash=publish_abi(container),
            creationCodeHash=creation_code_hash(container),
            runtimeCodeHash=runtime,
            compiler=compiler_settings(container),
            gitCommit=git_commit(),
            version=version,
            supersedes=previous.address if previous else None,
            **(asdict(currency_of(address)) if kind == TOKEN else {}),
        )
        self.registry.contracts.append(entry)
        print(f"deployed {name} version {entry.version} at {address} in block {entry.deployBlock}")
        return entry

    def save(self) -> None:
        """Writes the registry; only then is the note of what was sent no longer needed."""
        write_registry(self.path, self.registry)
        pending_path(self.path).unlink(missing_ok=True)

    def _estimate(self, code: str) -> int:
        call = {"from": self.account.address, "data": code}
        if refusal := reason_of(call):
            raise DeploymentError(f"the chain would refuse the creation: {refusal}.")
        return int(web3.eth.estimate_gas(call))

    def _resume(self, name: str, data: str) -> Creation | None:
        path = pending_path(self.path)
        pending = read_pending(path)
        if pending is None or pending.genesisHash != self.node.genesis_hash:
            return None
        found = find_creation(pending)
        if found is not None and (pending.name, pending.dataHash) != (name, _hash(data)):
            raise DeploymentError(
                f"an interrupted run has put {pending.name} at {pending.address}, from other sources or "
                f"settings than these: run it again as it was, or remove {path} to leave that one unused."
            )
        return found


def _hash(data: str) -> str:
    return "0x" + keccak(hexstr=data).hex()
