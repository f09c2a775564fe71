"""Amounts of a currency as people read them."""

from dataclasses import dataclass

NATIVE = "0x" + "00" * 20


@dataclass(frozen=True)
class Currency:
    """The chain's own or a token, named by its symbol."""

    symbol: str
    decimals: int

    def text(self, units: int) -> str:
        """Base units as whole ones, with every digit: `12.5 USDC`."""
        whole, rest = divmod(units, 10**self.decimals)
        fraction = f".{rest:0{self.decimals}d}".rstrip("0") if rest else ""
        return f"{whole}{fraction} {self.symbol}"
