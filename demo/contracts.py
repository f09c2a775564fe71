"""The project's contracts as the demo calls them: what is deployed where, and calls in bytes."""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from eth_abi.abi import decode, encode
from eth_utils.crypto import keccak

from devtools.servers import PROJECT_ROOT

ABIS = PROJECT_ROOT / "abis"
NATIVE = "0x" + "00" * 20


class DeploymentMissingError(RuntimeError):
    """The deployments file lacks what the demo needs; the message says what."""


@dataclass(frozen=True, slots=True)
class Deployment:
    """Addresses of what the deploy script put on the chain."""

    chain_id: int
    factory: str
    token: str

    @classmethod
    def read(cls, directory: Path, chain_id: int) -> "Deployment":
        """Raises DeploymentMissingError when the file is not there or lacks a contract."""
        path = directory / f"{chain_id}.json"
        try:
            contracts = json.loads(path.read_text())["contracts"]
            newest = {entry["name"]: str(entry["address"]) for entry in contracts}
            return cls(chain_id, newest["CampaignFactory"], newest["TestToken"])
        except (OSError, ValueError, KeyError) as error:
            raise DeploymentMissingError(f"{path} is not what a deployment leaves: {error!r}") from error


class Interface:
    """One contract's functions, by the ABI in `abis/`."""

    def __init__(self, name: str) -> None:
        digest = json.loads((ABIS / "index.json").read_text())[name]
        entries = json.loads((ABIS / f"{digest}.json").read_text())
        self._functions = {entry["name"]: entry for entry in entries if entry["type"] == "function"}
        self._events = [entry for entry in entries if entry["type"] == "event"]

    def encode(self, function: str, *arguments: object) -> str:
        """Calldata as 0x hex: the selector and the arguments."""
        selector, inputs, _ = self._signature(function)
        return "0x" + (selector + encode(inputs, arguments)).hex()

    def decode(self, function: str, result: str) -> Any:
        """What the function returned, from 0x hex; one value or a tuple of them."""
        values = decode(self._signature(function)[2], bytes.fromhex(result[2:]))
        return values[0] if len(values) == 1 else values

    def numbered_events(self) -> list[str]:
        """First topics of the events that carry the contract's running number: what an index has to hold."""
        return [
            "0x" + keccak(text=f"{event['name']}({','.join(map(_type_of, event['inputs']))})").hex()
            for event in self._events
            if any(parameter["name"] == "seq" for parameter in event["inputs"])
        ]

    @cache  # noqa: B019  lives as long as the two interfaces of a run
    def _signature(self, function: str) -> tuple[bytes, list[str], list[str]]:
        entry = self._functions[function]
        inputs = [_type_of(parameter) for parameter in entry["inputs"]]
        outputs = [_type_of(parameter) for parameter in entry["outputs"]]
        return keccak(text=f"{function}({','.join(inputs)})")[:4], inputs, outputs


def _type_of(parameter: dict[str, Any]) -> str:
    kind = str(parameter["type"])
    if not kind.startswith("tuple"):
        return kind
    inner = ",".join(_type_of(part) for part in parameter["components"])
    return f"({inner}){kind.removeprefix('tuple')}"
