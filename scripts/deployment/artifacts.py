"""What the compiler made: ABIs by their hash, code hashes, compiler settings."""

import hashlib
import json
from typing import Any

from eth_utils import keccak

from scripts.deployment.registry import write_atomically
from scripts.deployment.settings import ABIS


def abi_text(container: Any) -> str:
    """The canonical text of a contract's ABI, whose bytes the hash is of: sorted in every way."""
    # Brownie gives the constructor a name, which the ABI has not.
    entries = [
        {key: value for key, value in entry.items() if (entry["type"], key) != ("constructor", "name")}
        for entry in container.abi
    ]
    entries.sort(key=lambda entry: (entry["type"], entry.get("name", ""), json.dumps(entry["inputs"])))
    return json.dumps(entries, sort_keys=True, separators=(",", ":")) + "\n"


def abi_hash(container: Any) -> str:
    return hashlib.sha256(abi_text(container).encode()).hexdigest()


def publish_abi(container: Any) -> str:
    """Writes abis/<hash>.json unless it is there; returns the hash."""
    digest = abi_hash(container)
    path = ABIS / f"{digest}.json"
    if not path.exists():
        write_atomically(path, abi_text(container))
    return digest


def creation_code_hash(container: Any) -> str:
    return "0x" + keccak(hexstr=container.bytecode).hex()


def compiler_settings(container: Any) -> dict[str, Any]:
    return {key: value for key, value in container._build["compiler"].items() if key != "remappings"}  # noqa: SLF001
