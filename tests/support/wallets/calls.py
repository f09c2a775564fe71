"""What all contract wallets have in common for those who ask them to do something."""

from dataclasses import dataclass
from typing import Any, Protocol

from eth_account import Account
from eth_account.signers.local import LocalAccount
from eth_typing import ChecksumAddress
from hexbytes import HexBytes
from web3 import Web3
from web3.contract.contract import ContractFunction
from web3.types import Nonce, TxReceipt, Wei


@dataclass(frozen=True)
class Call:
    """A call for the wallet to make; `value` is in wei."""

    to: ChecksumAddress
    data: HexBytes
    value: int = 0


class Proposal(Protocol):
    """A call that the wallet's owners have signed, and nobody has sent yet."""

    @property
    def told_hash(self) -> HexBytes:
        """What the wallet tells a page that asked for a transaction: a hash that no node ever knows."""

    def execute(self) -> TxReceipt:
        """Send it in a transaction of somebody else, which is mined with status 1 whatever the call does."""

    def succeeded(self, receipt: TxReceipt) -> bool:
        """Whether the wallet says in this transaction that its call went through."""


class Wallet(Protocol):
    @property
    def address(self) -> ChecksumAddress: ...

    def sign(self, text: str) -> bytes:
        """`personal_sign`, as the owners of the wallet do it."""

    def propose(self, call: Call) -> Proposal: ...


def call_of(function: ContractFunction, *, value: int = 0) -> Call:
    """A function of a contract as a call, for instance `campaign.functions.refund()`."""
    built = function.build_transaction({"chainId": 0, "nonce": Nonce(0), "gas": 0, "gasPrice": Wei(0)})
    return Call(Web3.to_checksum_address(function.address), HexBytes(built["data"]), value)


def do(wallet: Wallet, function: ContractFunction, *, value: int = 0) -> TxReceipt:
    """Have a wallet call a function.

    Raises:
        RuntimeError: the call reverted inside of the wallet's transaction.
    """
    proposal = wallet.propose(call_of(function, value=value))
    receipt = proposal.execute()
    if not proposal.succeeded(receipt):
        raise RuntimeError(f"{function.fn_name} reverted when {wallet.address} called it")
    return receipt


def node_account(web3: Web3, number: int) -> ChecksumAddress:
    """One of the accounts whose keys the node has."""
    return list(web3.eth.accounts)[number]


def key(number: int) -> LocalAccount:
    """An owner's key, a different one for each number from 1; no account of the node has it."""
    account: LocalAccount = Account.from_key((0x5AFE << 32 | number).to_bytes(32))
    return account


def mined(web3: Web3, function: Any, sender: ChecksumAddress) -> TxReceipt:
    """Send a call of a contract from one of the node's accounts.

    Raises:
        RuntimeError: the transaction reverts.
    """
    # A node's estimate leaves a wallet's inner call too little: of what is left, 1/64 stays outside of each.
    sent = function.transact({"from": sender, "gas": 5_000_000})
    receipt = web3.eth.wait_for_transaction_receipt(sent, poll_latency=0.01)
    if receipt["status"] != 1:
        raise RuntimeError(f"{function.fn_name} reverted")
    return receipt
