"""Why the contracts refuse a call, by name and values, before anything is sent."""

from typing import Any

from brownie import CampaignFactory, web3
from eth_abi import decode
from eth_utils import function_signature_to_4byte_selector


def reason_of(call: dict[str, Any]) -> str:
    """The custom error that a call would end with, such as `Factory_CampaignExists(0x…)`; empty when none."""
    response = web3.provider.make_request("eth_call", [call, "latest"])
    if "error" not in response:
        return ""
    data = bytes.fromhex(str(response["error"].get("data") or "0x").removeprefix("0x"))
    for entry in CampaignFactory.abi:
        if entry["type"] != "error":
            continue
        types = [value["type"] for value in entry["inputs"]]
        if function_signature_to_4byte_selector(f"{entry['name']}({','.join(types)})") == data[:4]:
            return f"{entry['name']}({', '.join(map(str, decode(types, data[4:])))})"
    return str(response["error"].get("message", "no reason given"))
