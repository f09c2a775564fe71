"""EIP-7702: a key whose account lets a contract act for it, so that somebody else can pay its fees.

https://eips.ethereum.org/EIPS/eip-7702
"""

from dataclasses import dataclass

from eth_account.messages import encode_defunct
from eth_account.signers.local import LocalAccount
from eth_typing import ChecksumAddress, Hash32
from hexbytes import HexBytes
from web3 import Web3

from tests.support.published import at, deploy
from tests.support.wallets.calls import Call
from tests.support.wallets.entry_point import EntryPoint, Operation

_ARTIFACT = "@account-abstraction/contracts/artifacts/Simple7702Account.json"


@dataclass(frozen=True)
class DelegatedKey:
    entry_point: EntryPoint
    key: LocalAccount

    @classmethod
    def delegate(cls, entry_point: EntryPoint, key: LocalAccount, sponsor: LocalAccount) -> "DelegatedKey":
        """Let the key's account act by the published contract; the sponsor sends that and pays all fees."""
        web3 = entry_point.web3
        target = deploy(web3, _ARTIFACT).address
        authorization = key.sign_authorization(
            {
                "chainId": web3.eth.chain_id,
                "address": target,
                "nonce": web3.eth.get_transaction_count(key.address),
            }
        )
        transaction = sponsor.sign_transaction(
            {
                "chainId": web3.eth.chain_id,
                "type": 4,
                "nonce": web3.eth.get_transaction_count(sponsor.address),
                "to": key.address,
                "value": 0,
                "gas": 200_000,
                "maxFeePerGas": web3.eth.gas_price * 2,
                "maxPriorityFeePerGas": 0,
                "authorizationList": [authorization],  # type: ignore[list-item]  # it knows access lists alone
            }
        )
        sent = web3.eth.send_raw_transaction(transaction.raw_transaction)
        web3.eth.wait_for_transaction_receipt(sent, poll_latency=0.01)
        account = Web3.to_checksum_address(key.address)
        if web3.eth.get_code(account) != HexBytes("0xef0100" + target[2:]):
            raise RuntimeError(f"{account} delegates to nobody")
        entry_point.sponsor(account)
        return cls(entry_point, key)

    @property
    def address(self) -> ChecksumAddress:
        return Web3.to_checksum_address(self.key.address)

    def sign(self, text: str) -> bytes:
        return bytes(self.key.sign_message(encode_defunct(text=text)).signature)

    def propose(self, call: Call) -> Operation:
        account = at(self.entry_point.web3, self.address, _ARTIFACT)
        executing = account.encode_abi("execute", [call.to, call.value, bytes(call.data)])
        operation = self.entry_point.operation(self.address, bytes(HexBytes(executing)))
        return operation.signed(bytes(self.key.unsafe_sign_hash(Hash32(operation.told_hash)).signature))
