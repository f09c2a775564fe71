"""Exact amounts: integers in a token's base units, turned into text without ever becoming a float."""

import re
from typing import Literal

UINT256_MAX = 2**256 - 1
# Of a whole: what fees and shares of milestones are counted in.
BASIS_POINTS = 10_000
# What stands in a table in place of an amount in a currency that is not known.
UNKNOWN_AMOUNT = "—"
# Of what somebody typed, without the blanks around it.
MAX_LENGTH = 100

_PLAIN = re.compile(r"[0-9]+\.?[0-9]*|\.[0-9]+")
_GROUPED = re.compile(r"[1-9][0-9]{0,2}(?:(?:,[0-9]{3})+|(?: [0-9]{3})+)(?:\.[0-9]*)?")
_WITH_A_DECIMAL_COMMA = re.compile(
    r"(?:[0-9]*|[1-9][0-9]{0,2}(?:(?:\.[0-9]{3})+|(?: [0-9]{3})+))(?:,[0-9]*)?"
)
_BLANKS = re.compile("[\u00a0\u2000-\u200a\u202f\u205f\u3000\t\r\n]")
# Full-width digits, commas and stops, and the Chinese full stop.
_ASCII = str.maketrans("０１２３４５６７８９，．。｡", "0123456789,...")
_NUMERIC = frozenset("0123456789., ")

AmountProblem = Literal["empty", "not-a-number", "unclear", "too-many-decimals", "too-large", "too-long"]


class AmountTextError(ValueError):
    """An amount that cannot be read. `readings`, in plain decimals, are what an unclear text could mean."""

    def __init__(self, problem: AmountProblem, readings: tuple[str, ...] = ()) -> None:
        super().__init__(f"the amount is {problem}")
        self.problem, self.readings = problem, readings


def parse_units(text: str, decimals: int, symbol: str = "") -> int:
    """Read an amount that somebody typed into base units of a token with so many decimals.

    tests/amounts.json has the rules and their examples; frontend/amounts.ts reads by the same. The currency's
    own symbol may stand behind the number.

    Raises:
        AmountTextError: it is no number, could be two different ones, has more decimal places than the token,
            or is more than a uint256 holds.
    """
    typed = _without(symbol, _BLANKS.sub(" ", text.translate(_ASCII)).strip(" "))
    if not typed:
        raise AmountTextError("empty")
    if len(typed) > MAX_LENGTH:
        raise AmountTextError("too-long")
    if _GROUPED.fullmatch(typed):
        return _in_units(typed.replace(",", "").replace(" ", ""), decimals)
    if _PLAIN.fullmatch(typed):
        return _in_units(typed, decimals)
    readings = _readings(typed)
    raise AmountTextError("unclear" if readings else "not-a-number", readings)


def _without(symbol: str, typed: str) -> str:
    """The text without the symbol behind it. What could be a part of the number is none."""
    number, end = typed[: -len(symbol)], typed[-len(symbol) :]
    if not symbol or _NUMERIC.issuperset(symbol) or end.lower() != symbol.lower():
        return typed
    return typed if symbol[0] in _NUMERIC and not number.endswith(" ") else number.rstrip(" ")


def _readings(typed: str) -> tuple[str, ...]:
    """With the comma as the decimal mark, then with commas left out."""
    candidates = []
    if _WITH_A_DECIMAL_COMMA.fullmatch(typed):
        candidates.append(typed.replace(".", "").replace(" ", "").replace(",", "."))
    if "," in typed:
        candidates.append(typed.replace(",", "").replace(" ", ""))
    return tuple(dict.fromkeys(_shortest(each) for each in candidates if _PLAIN.fullmatch(each)))


def _shortest(plain: str) -> str:
    whole, _, fraction = plain.partition(".")
    places = fraction.rstrip("0")
    return f"{whole.lstrip('0') or '0'}{places and f'.{places}'}"


def _in_units(plain: str, decimals: int) -> int:
    whole, _, fraction = plain.partition(".")
    if len(fraction.rstrip("0")) > decimals:
        raise AmountTextError("too-many-decimals")
    amount = int(whole + fraction[:decimals].ljust(decimals, "0") or "0")
    if amount > UINT256_MAX:
        raise AmountTextError("too-large")
    return amount


def format_units(amount: int, decimals: int, *, grouping: bool = False) -> str:
    """Write base units as the exact decimal number, without trailing zeros: 1250000, 6 -> "1.25"."""
    sign = "-" if amount < 0 else ""
    whole, fraction = divmod(abs(amount), 10**decimals)
    digits = f"{fraction:0{decimals}d}".rstrip("0") if decimals else ""
    text = f"{whole:,}" if grouping else str(whole)
    return f"{sign}{text}.{digits}" if digits else f"{sign}{text}"


def percent_text(part: int, whole: int) -> str:
    """A share of `whole` in percent, rounded down; something is never told as nothing: 1, 200 -> "<1".

    Of nothing, anything is all.
    """
    if not whole:
        return "100" if part else "0"
    percent = part * 100 // whole
    return "<1" if part > 0 and not percent else str(percent)
