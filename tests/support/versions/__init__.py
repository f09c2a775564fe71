"""The contracts' earlier versions, as they stand behind campaigns that run on: ABIs and creation code.

`first.json` is the first version as the deploy script made it (compiled with Brownie's settings); the
factory's code holds the campaign's. The ABIs are those that `abis/` keeps under their hashes.
"""

import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from devtools.servers import PROJECT_ROOT

FIRST, SECOND = 1, 2


@dataclass(frozen=True)
class Artifact:
    abi: list[dict[str, Any]]
    bytecode: str
    abi_hash: str


@lru_cache
def first_version() -> dict[str, Artifact]:
    """Campaign, CampaignFactory and SupporterReceipt of the first version, by name."""
    stored = json.loads(Path(__file__).with_name("first.json").read_text())
    return {name: _read(entry["abiHash"], entry["bytecode"]) for name, entry in stored.items()}


def _read(abi_hash: str, bytecode: str) -> Artifact:
    abi = json.loads((PROJECT_ROOT / "abis" / f"{abi_hash}.json").read_text())
    return Artifact(abi=abi, bytecode=bytecode, abi_hash=abi_hash)
