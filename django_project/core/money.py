"""Exact amounts: integers in a token's base units, turned into text without ever becoming a float."""

import re

_AMOUNT = re.compile(r"([0-9]+)(?:\.([0-9]+))?")

UINT256_MAX = 2**256 - 1


def parse_units(text: str, decimals: int) -> int:
    """Read a decimal amount such as "1.25" into base units.

    Raises:
        ValueError: not a plain non-negative decimal, more decimal places than the token has, or
            more than a uint256 holds.
    """
    match = _AMOUNT.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is not an amount: write digits with at most one point, such as 1.25")
    whole, fraction = match.group(1), match.group(2) or ""
    if len(fraction.rstrip("0")) > decimals:
        raise ValueError(f"{text!r} has more than the {decimals} decimal places this token has")
    amount = int(whole + fraction[:decimals].ljust(decimals, "0"))
    if amount > UINT256_MAX:
        raise ValueError(f"{text!r} is more than any token amount can be")
    return amount


def format_units(amount: int, decimals: int, *, grouping: bool = False) -> str:
    """Write base units as the exact decimal number, without trailing zeros: 1250000, 6 -> "1.25"."""
    sign = "-" if amount < 0 else ""
    whole, fraction = divmod(abs(amount), 10**decimals)
    digits = f"{fraction:0{decimals}d}".rstrip("0") if decimals else ""
    text = f"{whole:,}" if grouping else str(whole)
    return f"{sign}{text}.{digits}" if digits else f"{sign}{text}"
