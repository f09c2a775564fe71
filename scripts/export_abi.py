"""Writes abis/<hash>.json and abis/index.json: `tools/brownie run export_abi`."""

import json

from brownie import Campaign, CampaignFactory, SupporterReceipt, TestToken

from scripts.deployment.artifacts import publish_abi
from scripts.deployment.errors import exit_with_message
from scripts.deployment.registry import write_atomically
from scripts.deployment.settings import ABIS

CONTAINERS = {
    "Campaign": Campaign,
    "CampaignFactory": CampaignFactory,
    "SupporterReceipt": SupporterReceipt,
    "TestToken": TestToken,
}
INDEX = ABIS / "index.json"


def main() -> None:
    with exit_with_message():
        index = {name: publish_abi(container) for name, container in sorted(CONTAINERS.items())}
        write_atomically(INDEX, json.dumps(index, indent=2) + "\n")
        for name, digest in index.items():
            print(f"{name}: abis/{digest}.json")
