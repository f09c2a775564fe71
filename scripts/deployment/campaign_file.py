"""A campaign's terms as a creator writes them down, and as the factory takes them.

TOML, or JSON with the same keys and times as texts. Amounts are decimal texts in whole units of the currency:
`goal = "12.5"`. docs/contracts.md has an example.
"""

import json
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal, Inexact, InvalidOperation, localcontext
from pathlib import Path
from typing import Any

from eth_utils import is_address, keccak, to_checksum_address

from scripts.deployment.amounts import NATIVE
from scripts.deployment.errors import DeploymentError

MODES = {"all-or-nothing": 0, "keep-what-you-raise": 1}
REQUIRED = ("goal", "deadline", "mode", "document")
OPTIONAL = (
    "token", "min_contribution", "cap", "metadata_uri", "metadata_hash", "tiers", "milestones",
    "objection_window_days", "objection_threshold_bps", "max_fee_bps", "nonce",
)  # fmt: skip
# Of a tier and of a milestone; all are needed but a tier's supply, unlimited when it is left out, and
# the time before which no evidence is taken.
ROWS = {"tiers": ("price", "supply"), "milestones": ("share_bps", "due", "not_before")}
ROW_OPTIONAL = frozenset({"supply", "not_before"})
MAX_UINT256 = 2**256 - 1
MAX_NONCE = 2**64 - 1
# More than such a number has; the default of 28 would round large amounts of 18 decimals.
DIGITS = 100


@dataclass(frozen=True)
class CampaignFile:
    """Read and checked for form; whether the terms are within bounds is the factory's to say."""

    path: Path
    values: Mapping[str, Any]

    @classmethod
    def read(cls, path: Path) -> "CampaignFile":
        """Raises a DeploymentError that names what is wrong with the file."""
        kind = "JSON" if path.suffix == ".json" else "TOML"
        try:
            values = (json if kind == "JSON" else tomllib).loads(path.read_text())
        except OSError as error:
            raise DeploymentError(f"{path} can't be read: {error.strerror}.") from error
        except ValueError as error:
            raise DeploymentError(f"{path} is not {kind}: {error}.") from error
        if not isinstance(values, dict):
            raise DeploymentError(f"{path} has no terms: write them as keys and values.")
        if missing := [key for key in REQUIRED if key not in values]:
            raise DeploymentError(f"{path} lacks {', '.join(missing)}.")
        if unknown := sorted(values.keys() - {*REQUIRED, *OPTIONAL}):
            raise DeploymentError(
                f"{path} has {unknown[0]!r}, which is no term: {', '.join(REQUIRED + OPTIONAL)}."
            )
        return cls(path, values)

    @property
    def token(self) -> str:
        """Address of the currency; the zero address for the chain's own."""
        text = str(self.values.get("token", NATIVE))
        if not is_address(text):
            raise DeploymentError(f"{self.path}: token is not an address: {text!r}.")
        return str(to_checksum_address(text))

    @property
    def document(self) -> bytes:
        """The text that the campaign is bound to, as it is in its file."""
        path = self.path.parent / str(self.values["document"])
        try:
            return path.read_bytes()
        except OSError as error:
            raise DeploymentError(
                f"{path}, the campaign's document, can't be read: {error.strerror}."
            ) from error

    def params(self, decimals: int, fee_bps: int) -> tuple[Any, ...]:
        """The factory's CampaignParams, with amounts in base units of a currency with so many decimals.

        `fee_bps`, the factory's fee of now, is the highest that is agreed to unless the file names another.
        """
        digest = self._digest()
        mode = MODES.get(str(self.values["mode"]))
        if mode is None:
            raise DeploymentError(f"{self.path}: mode must be {' or '.join(MODES)}.")
        return (
            self.token,
            mode,
            self._amount(self.values, "goal", decimals),
            self._time(self.values, "deadline"),
            self._amount(self.values, "min_contribution", decimals),
            self._amount(self.values, "cap", decimals),
            str(self.values.get("metadata_uri") or f"chainfund:metadata:0x{digest.hex()}"),
            digest,
            [
                (self._amount(row, "price", decimals), self._whole(row, "supply", 2**32 - 1))
                for row in self._rows("tiers")
            ],
            [
                (
                    self._whole(row, "share_bps", 10_000),
                    self._time(row, "due"),
                    self._time(row, "not_before") if "not_before" in row else 0,
                )
                for row in self._rows("milestones")
            ],
            int(timedelta(days=self._whole(self.values, "objection_window_days", 30)).total_seconds()),
            self._whole(self.values, "objection_threshold_bps", 10_000),
            self._whole({"max_fee_bps": fee_bps, **self.values}, "max_fee_bps", 10_000),
            self._whole(self.values, "nonce", MAX_NONCE),
        )

    def _digest(self) -> bytes:
        """keccak256 of the document, which must be what the file says it is, if it says so."""
        digest = bytes(keccak(self.document))
        wanted = self.values.get("metadata_hash")
        if wanted is not None and str(wanted).lower() != f"0x{digest.hex()}":
            raise DeploymentError(
                f"{self.path}: metadata_hash is {wanted}, but {self.values['document']} hashes to "
                f"0x{digest.hex()}: it is not the document that was meant."
            )
        return digest

    def _rows(self, key: str) -> Sequence[Mapping[str, Any]]:
        rows = self.values.get(key, [])
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise DeploymentError(f"{self.path}: write {key} as [[{key}]] tables.")
        for number, row in enumerate(rows, start=1):
            # A misspelt supply would be an unlimited one, for good.
            if not set(ROWS[key]) - ROW_OPTIONAL <= row.keys() <= set(ROWS[key]):
                raise DeploymentError(
                    f"{self.path}: number {number} of {key} has {', '.join(sorted(row))}; "
                    f"it should have {', '.join(ROWS[key])}."
                )
        return rows

    def _amount(self, row: Mapping[str, Any], key: str, decimals: int) -> int:
        text = row.get(key, "0")
        try:
            with localcontext(prec=DIGITS, traps=[InvalidOperation, Inexact]):
                # A float has lost digits already; an amount is a text.
                amount = Decimal(text if isinstance(text, str) else "NaN").scaleb(decimals)
                if 0 <= amount <= MAX_UINT256 and amount == amount.to_integral_value():
                    return int(amount)
        except (InvalidOperation, Inexact):
            pass  # not a number, compared or scaled; said below like every other text that is no amount
        raise DeploymentError(
            f'{self.path}: {key} must be a decimal text such as "12.5" with at most {decimals} decimals, '
            f"not {text!r}."
        )

    def _whole(self, row: Mapping[str, Any], key: str, most: int) -> int:
        value = row.get(key, 0)
        if type(value) is not int or not 0 <= value <= most:
            raise DeploymentError(
                f"{self.path}: {key} must be a whole number from 0 to {most}, not {value!r}."
            )
        return value

    def _time(self, row: Mapping[str, Any], key: str) -> int:
        value = row.get(key)
        try:
            time = datetime.fromisoformat(value) if isinstance(value, str) else value
        except ValueError:
            time = None
        if not isinstance(time, datetime) or time.tzinfo is None or time.timestamp() < 0:
            raise DeploymentError(
                f"{self.path}: {key} must be a time with its zone, such as 2030-01-31T18:00:00Z, "
                f"not {value!r}."
            )
        return int(time.timestamp())
