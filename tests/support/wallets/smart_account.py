"""An ERC-4337 account: a Safe of one owner, whose module takes operations from the entry point.

https://github.com/safe-global/safe-modules/tree/main/modules/4337
"""

from dataclasses import dataclass

from eth_account.signers.local import LocalAccount
from eth_typing import ChecksumAddress
from hexbytes import HexBytes
from web3.contract import Contract

from tests.support.published import at, deploy
from tests.support.wallets.calls import Call, call_of
from tests.support.wallets.entry_point import (
    CALL_GAS,
    ENTRY_POINT,
    MAX_FEE,
    OVERHEAD_GAS,
    VALIDATION_GAS,
    EntryPoint,
    Operation,
)
from tests.support.wallets.safe import CALL, Safe, SafeContracts

_PACKAGE = "@safe-global/safe-4337/build/artifacts/"
# The release of Safe that the module was made for.
_V1_4_1 = _PACKAGE + "@safe-global/safe-contracts/contracts/"
_MODULE = _PACKAGE + "contracts/Safe4337Module.sol/Safe4337Module.json"
_SETUP = _PACKAGE + "contracts/SafeModuleSetup.sol/SafeModuleSetup.json"
_SAFE_OP = [
    ("safe", "address"),
    ("nonce", "uint256"),
    ("initCode", "bytes"),
    ("callData", "bytes"),
    ("verificationGasLimit", "uint128"),
    ("callGasLimit", "uint128"),
    ("preVerificationGas", "uint256"),
    ("maxPriorityFeePerGas", "uint128"),
    ("maxFeePerGas", "uint128"),
    ("paymasterAndData", "bytes"),
    ("validAfter", "uint48"),
    ("validUntil", "uint48"),
    ("entryPoint", "address"),
]
# Before the owners' signatures: valid since and until when, six bytes each; zero is always.
_ALWAYS = bytes(12)


@dataclass(frozen=True)
class SmartAccountContracts:
    """What the accounts of a chain have in common."""

    entry_point: EntryPoint
    safes: SafeContracts
    module: Contract
    setup: Contract

    @classmethod
    def deploy(cls, entry_point: EntryPoint) -> "SmartAccountContracts":
        web3 = entry_point.web3
        safes = SafeContracts.deploy(web3, _V1_4_1)
        return cls(entry_point, safes, deploy(web3, _MODULE, ENTRY_POINT), deploy(web3, _SETUP))

    def promise(self, owner: LocalAccount, *, salt: int = 0) -> "SmartAccount":
        """An account at the address where its first operation will deploy it; somebody pays its fees."""
        safe = self.safes.promise(
            (owner,),
            1,
            salt=salt,
            setup=call_of(self.setup.functions.enableModules([self.module.address])),
            handler=self.module.address,
        )
        self.entry_point.sponsor(safe.address)
        return SmartAccount(self, safe)


@dataclass(frozen=True)
class SmartAccount:
    contracts: SmartAccountContracts
    safe: Safe

    @property
    def address(self) -> ChecksumAddress:
        return self.safe.address

    def is_deployed(self) -> bool:
        return bool(self.safe.web3.eth.get_code(self.address))

    def sign(self, text: str) -> bytes:
        return self.safe.sign(text) if self.is_deployed() else self.safe.sign_undeployed(text)

    def propose(self, call: Call) -> Operation:
        """Sign an operation that makes the call, and deploys the account if it is the first."""
        module = at(self.safe.web3, self.contracts.module.address, _MODULE)
        executing = module.encode_abi("executeUserOp", [call.to, call.value, bytes(call.data), CALL])
        creation = self.safe.creation
        init_code = b"" if self.is_deployed() else bytes.fromhex(creation.to[2:]) + bytes(creation.data)
        operation = self.contracts.entry_point.operation(self.address, bytes(HexBytes(executing)), init_code)
        return operation.signed(_ALWAYS + self._approval(operation))

    def _approval(self, operation: Operation) -> bytes:
        domain = {**self.safe.domain, "verifyingContract": self.contracts.module.address}
        identity = (self.address, operation.nonce, operation.init_code, operation.call_data)
        costs = (VALIDATION_GAS, CALL_GAS, OVERHEAD_GAS, 0, MAX_FEE)
        values = (*identity, *costs, b"", 0, 0, ENTRY_POINT)
        message = dict(zip((name for name, _ in _SAFE_OP), values, strict=True))
        return self.safe.approvals(domain, "SafeOp", _SAFE_OP, message)
