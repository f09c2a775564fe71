"""Writes abis/<hash>.json and abis/index.json: `tools/brownie run export_abi`.

`tools/brownie run export_abi check` compares only.
"""

import json

from brownie import Campaign, CampaignFactory, TestToken

from scripts.deployment.artifacts import abi_hash, publish_abi
from scripts.deployment.errors import DeploymentError, exit_with_message
from scripts.deployment.registry import write_atomically
from scripts.deployment.settings import ABIS

CONTAINERS = {"Campaign": Campaign, "CampaignFactory": CampaignFactory, "TestToken": TestToken}
INDEX = ABIS / "index.json"


def main() -> None:
    with exit_with_message():
        index = {name: publish_abi(container) for name, container in sorted(CONTAINERS.items())}
        write_atomically(INDEX, json.dumps(index, indent=2) + "\n")
        for name, digest in index.items():
            print(f"{name}: abis/{digest}.json")


def check() -> None:
    with exit_with_message():
        compiled = {name: abi_hash(container) for name, container in CONTAINERS.items()}
        if json.loads(INDEX.read_bytes()) != compiled or not all(
            (ABIS / f"{digest}.json").exists() for digest in compiled.values()
        ):
            raise DeploymentError(
                "abis/ is not what the contracts compile to: run `tools/brownie run export_abi`."
            )
        print("abis/ is what the contracts compile to")
