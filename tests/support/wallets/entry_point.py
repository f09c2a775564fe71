"""ERC-4337: operations that accounts sign, and a bundler that puts each into a transaction of its own.

The entry point is where it is on every chain: accounts have its address in their code.
https://eips.ethereum.org/EIPS/eip-4337
"""

from dataclasses import dataclass, replace

from eth_abi.packed import encode_packed
from eth_typing import ChecksumAddress
from hexbytes import HexBytes
from web3 import Web3
from web3.contract import Contract
from web3.logs import DISCARD
from web3.types import TxReceipt, Wei

from tests.support.published import at, published
from tests.support.wallets.calls import mined, node_account

ENTRY_POINT = Web3.to_checksum_address("0x4337084D9E255Ff0702461CF8895CE9E3b5Ff108")
# The deployer that every chain has at one address, anvil's included, and the salt that its authors chose.
_DEPLOYER = Web3.to_checksum_address("0x4e59b44847b379578588920cA78FbF26c0B4956C")
_SALT = bytes.fromhex("0a59dbff790c23c976a548690c27297883cc66b4c67024f9117b0238995e35e9")
_ARTIFACT = "@account-abstraction/contracts/artifacts/EntryPoint.json"

VALIDATION_GAS, CALL_GAS, OVERHEAD_GAS = 500_000, 700_000, 60_000
MAX_FEE = 10 * 10**9
# Enough for a hundred operations at that fee.
DEPOSIT = 10**18


@dataclass(frozen=True)
class Operation:
    """A `PackedUserOperation`; who pays its fee is whoever made the deposit for its account."""

    entry_point: "EntryPoint"
    sender: ChecksumAddress
    nonce: int
    call_data: bytes
    init_code: bytes = b""
    signature: bytes = b""

    @property
    def packed(self) -> tuple[object, ...]:
        gas = encode_packed(["uint128", "uint128"], [VALIDATION_GAS, CALL_GAS])
        fees = encode_packed(["uint128", "uint128"], [0, MAX_FEE])
        identity = (self.sender, self.nonce, self.init_code, self.call_data)
        return (*identity, gas, OVERHEAD_GAS, fees, b"", self.signature)

    @property
    def told_hash(self) -> HexBytes:
        """The `userOpHash`, which leaves the signature out."""
        return HexBytes(self.entry_point.contract.functions.getUserOpHash(self.packed).call())

    def signed(self, signature: bytes) -> "Operation":
        return replace(self, signature=signature)

    def execute(self) -> TxReceipt:
        return self.entry_point.bundle([self])

    def succeeded(self, receipt: TxReceipt) -> bool:
        event = self.entry_point.contract.events.UserOperationEvent()
        told = [each["args"] for each in event.process_receipt(receipt, errors=DISCARD)]
        return any(each["userOpHash"] == self.told_hash and each["success"] for each in told)


@dataclass(frozen=True)
class EntryPoint:
    web3: Web3
    contract: Contract

    @classmethod
    def deploy(cls, web3: Web3) -> "EntryPoint":
        code = _SALT + bytes.fromhex(published(_ARTIFACT).bytecode.removeprefix("0x"))
        sent = web3.eth.send_transaction(
            {"from": web3.eth.accounts[0], "to": _DEPLOYER, "data": HexBytes(code)}
        )
        web3.eth.wait_for_transaction_receipt(sent, poll_latency=0.01)
        if not web3.eth.get_code(ENTRY_POINT):
            raise RuntimeError("the published bytecode is not the one at the entry point's known address")
        return cls(web3, at(web3, ENTRY_POINT, _ARTIFACT))

    @property
    def bundler(self) -> ChecksumAddress:
        return node_account(self.web3, 9)

    def sponsor(self, account: ChecksumAddress) -> None:
        """Pay for the account's operations from somebody else's pocket."""
        sent = self.contract.functions.depositTo(account).transact(
            {"from": self.bundler, "value": Wei(DEPOSIT)}
        )
        self.web3.eth.wait_for_transaction_receipt(sent, poll_latency=0.01)

    def bundle(self, operations: list[Operation]) -> TxReceipt:
        """Send operations together: one that fails takes none of the others with it."""
        packed = [operation.packed for operation in operations]
        return mined(self.web3, self.contract.functions.handleOps(packed, self.bundler), self.bundler)

    def operation(self, sender: ChecksumAddress, call_data: bytes, init_code: bytes = b"") -> Operation:
        """The account's next operation, for it to sign."""
        nonce = self.contract.functions.getNonce(sender, 0).call()
        return Operation(self, sender, nonce, call_data, init_code)
