"""What a deployment is told by environment variables."""

import os
from dataclasses import dataclass, field
from pathlib import Path

from eth_utils import is_address, to_checksum_address

from scripts.deployment.errors import DeploymentError

ROOT = Path(__file__).resolve().parents[2]
ABIS = ROOT / "abis"

DEFAULT_FEE_BPS = 250
# Where ERC-1155's `{id}` is replaced by the campaign's address as 64 hexadecimal digits.
DEFAULT_RECEIPT_URI = "chainfund:receipt:{id}"
DEFAULT_ADMIN_DELAY_SECONDS = 2 * 24 * 3600
YES = "1"


def deployments_dir() -> Path:
    """Folder of the registries, one file per chain."""
    return Path(os.environ.get("CHAINFUND_DEPLOYMENTS_DIR") or ROOT / "deployments")


def _address(name: str) -> str | None:
    text = os.environ.get(name, "").strip()
    if not text:
        return None
    if not is_address(text):
        raise DeploymentError(f"{name} is not an address: {text!r}.")
    return str(to_checksum_address(text))


def _integer(name: str, default: int, most: int) -> int:
    text = os.environ.get(name, "").strip() or str(default)
    if not text.isascii() or not text.isdigit() or int(text) > most:
        raise DeploymentError(f"{name} must be a whole number from 0 to {most}, not {text!r}.")
    return int(text)


def _addresses(name: str) -> tuple[str, ...]:
    texts = [text.strip() for text in os.environ.get(name, "").split(",") if text.strip()]
    if bad := [text for text in texts if not is_address(text)]:
        raise DeploymentError(f"{name} has something that is not an address: {bad[0]!r}.")
    return tuple(dict.fromkeys(str(to_checksum_address(text)) for text in texts))


@dataclass(frozen=True)
class Settings:
    """Wishes of the operator; None where the local defaults apply and other networks insist on a value."""

    admin: str | None = field(default_factory=lambda: _address("CHAINFUND_ADMIN"))
    treasury: str | None = field(default_factory=lambda: _address("CHAINFUND_TREASURY"))
    admin_delay: int = field(
        default_factory=lambda: _integer("CHAINFUND_ADMIN_DELAY", DEFAULT_ADMIN_DELAY_SECONDS, 30 * 24 * 3600)
    )
    fee_bps: int = field(default_factory=lambda: _integer("CHAINFUND_FEE_BPS", DEFAULT_FEE_BPS, 500))
    tokens: tuple[str, ...] = field(default_factory=lambda: _addresses("CHAINFUND_TOKENS"))
    token_holder: str | None = field(default_factory=lambda: _address("CHAINFUND_TOKEN_HOLDER"))
    receipt_uri: str = field(
        default_factory=lambda: os.environ.get("CHAINFUND_RECEIPT_URI", "").strip() or DEFAULT_RECEIPT_URI
    )
    deployer: str = field(default_factory=lambda: os.environ.get("CHAINFUND_DEPLOYER", "").strip())
    broadcast: bool = field(default_factory=lambda: os.environ.get("CHAINFUND_BROADCAST") == YES)
    allow_mainnet: bool = field(default_factory=lambda: os.environ.get("CHAINFUND_ALLOW_MAINNET") == YES)
