"""What amounts come to in ordinary money, about: only where the operator keeps a file of rates.

CHAINFUND_FIAT_RATES_FILE holds JSON that the operator's own job writes anew, such as

    {"currency": "USD", "date": "2026-11-26", "rates": {"1:native": "2950.12", "1:0xA0b8…": "1.00"}}

with one rate per whole token under `<chain id>:<token address, or "native">`: symbols are not unique, and a
test network's currency is worth nothing. A file that cannot be read is logged and shows no values; amounts in
tokens are exact with or without it.
"""

import datetime as dt
import json
import logging
import re
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal, localcontext
from functools import lru_cache
from pathlib import Path

from django.conf import settings

from django_project.core.addresses import ZERO_ADDRESS, parse_address

logger = logging.getLogger(__name__)

NATIVE = "native"
_RATE = re.compile(r"[0-9]{1,20}(?:\.[0-9]{1,20})?")
_CURRENCY = re.compile(r"[A-Z]{3}")
# Enough for the largest uint256 and the longest rate.
DIGITS = 120
# From here on, cents are more than "about".
WHOLE_FROM = Decimal(100)


@dataclass(frozen=True, slots=True)
class Rates:
    """`values` is {(chain id, token address): worth of one whole token}."""

    currency: str
    date: dt.date
    values: dict[tuple[int, bytes], Decimal]


@dataclass(frozen=True, slots=True)
class Approximation:
    """`value` is written with grouping, "< 0.01" for what rounds to nothing; `date` is the rate's own."""

    value: str
    currency: str
    date: dt.date


def approximation(chain_id: int, token: bytes, amount: int, decimals: int) -> Approximation | None:
    """What base units of a token come to; None where no rate is configured for it."""
    rates = current_rates()
    rate = rates.values.get((chain_id, token)) if rates else None
    if rates is None or rate is None:
        return None
    with localcontext(prec=DIGITS):
        worth = Decimal(amount).scaleb(-decimals) * rate
        step = Decimal(1) if worth >= WHOLE_FROM else Decimal("0.01")
        rounded = worth.quantize(step, ROUND_HALF_UP)
    is_lost = worth > 0 and not rounded
    return Approximation(f"< {step}" if is_lost else f"{rounded:,}", rates.currency, rates.date)


def current_rates() -> Rates | None:
    """The file as it is now; None without one, or when it cannot be read."""
    path: Path | None = settings.FIAT_RATES_FILE
    if path is None:
        return None
    try:
        changed = path.stat().st_mtime_ns
    except OSError as error:
        return _nothing(path, 0, str(error))
    return _read(path, changed)


def parse_rates(text: str) -> Rates:
    """Read the file's text.

    Raises:
        ValueError: it is not as the module's description says; the message names what is wrong.
    """
    try:
        data = json.loads(text)
        currency, date, rates = data["currency"], data["date"], data["rates"]
        entries = dict(rates.items())
    except (ValueError, TypeError, KeyError, AttributeError):
        raise ValueError('write {"currency": "USD", "date": "2026-11-26", "rates": {…}}') from None
    if not _CURRENCY.fullmatch(str(currency)):
        raise ValueError(f"{currency!r} is no currency: write three capitals, such as USD")
    values = {_token(key): _rate(key, rate) for key, rate in entries.items()}
    try:
        return Rates(currency, dt.date.fromisoformat(date), values)
    except (ValueError, TypeError):
        raise ValueError(f"{date!r} is no date: write it as 2026-11-26") from None


def _token(key: str) -> tuple[int, bytes]:
    chain, _, token = key.partition(":")
    try:
        return int(chain), ZERO_ADDRESS if token == NATIVE else parse_address(token)
    except ValueError:
        raise ValueError(f"{key!r} names no token: write `1:native` or `1:0x…`") from None


def _rate(key: str, rate: object) -> Decimal:
    """A rate is written as text: JSON's numbers are floats."""
    if not isinstance(rate, str) or not _RATE.fullmatch(rate):
        raise ValueError(f'the rate of {key} is {rate!r}: write digits in quotes, such as "2950.12"')
    return Decimal(rate)


@lru_cache(maxsize=1)
def _read(path: Path, _changed: int) -> Rates | None:
    try:
        return parse_rates(path.read_text())
    except (OSError, ValueError) as error:
        return _nothing(path, _changed, str(error))


@lru_cache(maxsize=1)
def _nothing(path: Path, _changed: int, problem: str) -> None:
    """Say once what is wrong with the file as it is."""
    logger.warning("No values in ordinary money, %s cannot be used: %s", path, problem)
