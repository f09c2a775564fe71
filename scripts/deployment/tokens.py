"""What currencies say of themselves and of accounts."""

from brownie import web3
from eth_abi import decode
from eth_abi.exceptions import DecodingError

from scripts.deployment.amounts import NATIVE, Currency
from scripts.deployment.errors import DeploymentError
from scripts.deployment.simulation import WORD, ask

MAX_SYMBOL_LENGTH = 32


def currency_of(token: str) -> Currency:
    """Raises a DeploymentError for an address that does not answer as a token."""
    if token == NATIVE:
        return Currency("ETH", 18)
    symbol, decimals = _text(ask(token, "symbol()") or b""), ask(token, "decimals()") or b""
    if not symbol or len(decimals) != WORD or int.from_bytes(decimals, "big") > 255:
        raise DeploymentError(f"{token} does not say its symbol and decimals: is it a token on this chain?")
    return Currency(symbol, int.from_bytes(decimals, "big"))


def currency_known(token: str) -> Currency | None:
    """As `currency_of`, None for what does not answer as a token."""
    try:
        return currency_of(token)
    except DeploymentError:
        return None


def balance_of(token: str, account: str) -> int:
    """What an account has, in base units; a token that does not say has none."""
    if token == NATIVE:
        return int(web3.eth.get_balance(account))
    return int.from_bytes((ask(token, "balanceOf(address)", account) or b"")[:WORD], "big")


def _text(answer: bytes) -> str:
    """A symbol as a string, or as the bytes32 of older tokens; empty unless it can be shown as it is."""
    try:
        text = answer.rstrip(b"\0").decode() if len(answer) == WORD else str(decode(["string"], answer)[0])
    except (DecodingError, UnicodeDecodeError):
        return ""
    return text if text.isprintable() and text.strip() == text and len(text) <= MAX_SYMBOL_LENGTH else ""
