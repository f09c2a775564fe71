"""Safe: accounts of several owners, who sign off chain or on it; anybody may send what enough of them signed.

https://docs.safe.global/advanced/smart-account-overview
"""

from dataclasses import dataclass, replace
from typing import Any

from eth_abi.abi import encode
from eth_account.messages import defunct_hash_message, encode_typed_data
from eth_account.signers.local import LocalAccount
from eth_typing import ChecksumAddress
from eth_utils.crypto import keccak
from hexbytes import HexBytes
from web3 import Web3
from web3.contract import Contract
from web3.types import TxReceipt

from tests.support.published import at, deploy
from tests.support.wallets.calls import Call, call_of, mined, node_account

NOBODY = Web3.to_checksum_address("0x" + 40 * "0")
CALL, DELEGATECALL = 0, 1
SIGNATURE_BYTES = 65
# What an ERC-6492 signature ends with.
WRAPPER_SUFFIX = bytes.fromhex("6492" * 16)

_V1_5_0 = "@safe-global/safe-smart-account/build/artifacts/contracts/"
_SIGN_MESSAGE_LIB = _V1_5_0 + "libraries/SignMessageLib.sol/SignMessageLib.json"
_SAFE_TX = [
    ("to", "address"),
    ("value", "uint256"),
    ("data", "bytes"),
    ("operation", "uint8"),
    ("safeTxGas", "uint256"),
    ("baseGas", "uint256"),
    ("gasPrice", "uint256"),
    ("gasToken", "address"),
    ("refundReceiver", "address"),
    ("nonce", "uint256"),
]


@dataclass(frozen=True)
class SafeContracts:
    """What the Safes of a chain have in common; `artifacts` is the folder of their release."""

    web3: Web3
    artifacts: str
    factory: Contract
    singleton: ChecksumAddress
    handler: ChecksumAddress
    sign_message_lib: ChecksumAddress

    @classmethod
    def deploy(cls, web3: Web3, artifacts: str = _V1_5_0) -> "SafeContracts":
        return cls(
            web3=web3,
            artifacts=artifacts,
            factory=deploy(web3, f"{artifacts}proxies/SafeProxyFactory.sol/SafeProxyFactory.json"),
            singleton=deploy(web3, f"{artifacts}Safe.sol/Safe.json").address,
            handler=deploy(
                web3, f"{artifacts}handler/CompatibilityFallbackHandler.sol/CompatibilityFallbackHandler.json"
            ).address,
            sign_message_lib=deploy(web3, _SIGN_MESSAGE_LIB).address,
        )

    def promise(
        self,
        owners: "tuple[Owner, ...]",
        threshold: int,
        *,
        salt: int = 0,
        setup: Call = Call(NOBODY, HexBytes(b"")),  # noqa: B008  # frozen
        handler: ChecksumAddress | None = None,
    ) -> "Safe":
        """A Safe at the address where it will be; `setup` is what it delegates to in its first moment."""
        singleton = at(self.web3, self.singleton, f"{self.artifacts}Safe.sol/Safe.json")
        addresses = [owner.address for owner in owners]
        setting_up = singleton.encode_abi(
            "setup",
            [addresses, threshold, setup.to, setup.data, handler or self.handler, NOBODY, 0, NOBODY],
        )
        creation = self.factory.functions.createProxyWithNonce(self.singleton, HexBytes(setting_up), salt)
        return Safe(
            contracts=self,
            address=Web3.to_checksum_address(creation.call()),
            owners=owners[:threshold],
            creation=call_of(creation),
        )


@dataclass(frozen=True)
class Safe:
    """One account; `owners` are as many as have to sign."""

    contracts: SafeContracts
    address: ChecksumAddress
    owners: "tuple[Owner, ...]"
    creation: Call

    @property
    def web3(self) -> Web3:
        return self.contracts.web3

    @property
    def contract(self) -> Contract:
        return at(self.web3, self.address, f"{self.contracts.artifacts}Safe.sol/Safe.json")

    @property
    def domain(self) -> dict[str, Any]:
        return {"chainId": self.web3.eth.chain_id, "verifyingContract": self.address}

    def deployed(self) -> "Safe":
        """The same account, now that its code is on the chain."""
        sent = self.web3.eth.send_transaction(
            {"from": self.web3.eth.accounts[0], "to": self.creation.to, "data": self.creation.data}
        )
        self.web3.eth.wait_for_transaction_receipt(sent, poll_latency=0.01)
        if not self.web3.eth.get_code(self.address):
            raise RuntimeError(f"no Safe came to be at {self.address}")
        return self

    def sign(self, text: str) -> bytes:
        return self.sign_hash(defunct_hash_message(text=text))

    def sign_hash(self, digest: bytes) -> bytes:
        message = encode(["bytes32"], [digest])
        return self.approvals(self.domain, "SafeMessage", [("message", "bytes")], {"message": message})

    def sign_undeployed(self, text: str) -> bytes:
        """The signature with what deploys the account first (ERC-6492)."""
        wrapped = encode(
            ["address", "bytes", "bytes"], [self.creation.to, bytes(self.creation.data), self.sign(text)]
        )
        return wrapped + WRAPPER_SUFFIX

    def sign_on_chain(self, text: str) -> bytes:
        """Have the account itself write down that it signs the text; its signature is empty then."""
        library = at(self.web3, self.contracts.sign_message_lib, _SIGN_MESSAGE_LIB)
        digest = encode(["bytes32"], [defunct_hash_message(text=text)])
        transaction = self.propose(call_of(library.functions.signMessage(digest)), operation=DELEGATECALL)
        if not transaction.succeeded(transaction.execute()):
            raise RuntimeError("the Safe did not sign")
        return b""

    def propose(
        self, call: Call, *, operation: int = CALL, inner_gas: int = 0, nonce: int | None = None
    ) -> "SafeTransaction":
        """Have the owners sign a call. With `inner_gas` a call that fails does not revert the transaction."""
        transaction = SafeTransaction(
            safe=self,
            call=call,
            operation=operation,
            inner_gas=inner_gas,
            nonce=self.contract.functions.nonce().call() if nonce is None else nonce,
            signatures=b"",
        )
        signatures = self.approvals(self.domain, "SafeTx", _SAFE_TX, transaction.message)
        return replace(transaction, signatures=signatures)

    def approvals(
        self, domain: dict[str, Any], name: str, fields: list[tuple[str, str]], message: dict[str, Any]
    ) -> bytes:
        """The owners' signatures over typed data (EIP-712), in the order of their addresses."""
        types = {name: [{"name": field, "type": of} for field, of in fields]}
        signable = encode_typed_data(domain, types, message)
        owners = sorted(self.owners, key=lambda owner: int(owner.address, 16))
        heads, tail = b"", b""
        for owner in owners:
            if isinstance(owner, Safe):
                # In the place of a key's signature: whose it is, where it is, and a zero for v.
                place = SIGNATURE_BYTES * len(owners) + len(tail)
                heads += encode(["address", "uint256"], [owner.address, place]) + b"\0"
                signature = owner.sign_hash(
                    keccak(b"\x19" + signable.version + signable.header + signable.body)
                )
                tail += len(signature).to_bytes(32) + signature
            else:
                heads += bytes(owner.sign_message(signable).signature)
        return heads + tail


Owner = LocalAccount | Safe


@dataclass(frozen=True)
class SafeTransaction:
    safe: Safe
    call: Call
    operation: int
    inner_gas: int
    nonce: int
    signatures: bytes

    @property
    def message(self) -> dict[str, Any]:
        values = (self.call.to, self.call.value, bytes(self.call.data), self.operation, self.inner_gas)
        return dict(
            zip((name for name, _ in _SAFE_TX), (*values, 0, 0, NOBODY, NOBODY, self.nonce), strict=True)
        )

    @property
    def told_hash(self) -> HexBytes:
        """The `safeTxHash`."""
        asked = self.safe.contract.functions.getTransactionHash(*self.message.values())
        return HexBytes(asked.call())

    def execute(self) -> TxReceipt:
        values = list(self.message.values())[:-1]
        web3 = self.safe.web3
        function = self.safe.contract.functions.execTransaction(*values, self.signatures)
        return mined(web3, function, node_account(web3, 9))

    def succeeded(self, receipt: TxReceipt) -> bool:
        executed = Web3.keccak(text="ExecutionSuccess(bytes32,uint256)")
        return any(
            log["address"] == self.safe.address and log["topics"][0] == executed for log in receipt["logs"]
        )
