"""Publishes sources to Etherscan (API v2) and Sourcify (API v2), both as the compiler's standard JSON input.

Brownie's own `publish_source` leaves the IR out of the settings: what it sends doesn't compile to what was
deployed.
"""

import json
import os
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import requests
from eth_abi import encode

from scripts.deployment.errors import DeploymentError
from scripts.deployment.registry import Entry
from scripts.deployment.settings import ROOT

ETHERSCAN = "https://api.etherscan.io/v2/api"
SOURCIFY = "https://sourcify.dev/server"
TIMEOUT_SECONDS = 30
POLL_SECONDS = 3.0
POLLS = 40


class ExplorerError(DeploymentError):
    """An explorer refused, or did not answer."""


def standard_json(container: Any) -> dict[str, Any]:
    """The compiler's input that made a contract: every source it needs, and the settings."""
    build = container._build  # noqa: SLF001
    sources = {path: {"content": (ROOT / path).read_text()} for path in build["allSourcePaths"].values()}
    compiler = build["compiler"]
    config = container._project._compiler_config["solc"]  # noqa: SLF001
    return {
        "language": "Solidity",
        "sources": dict(sorted(sources.items())),
        "settings": {
            "evmVersion": compiler["evm_version"],
            "optimizer": {key: compiler["optimizer"][key] for key in ("enabled", "runs")},
            "viaIR": config["viaIR"],
            "remappings": list(config["remappings"]),
            "outputSelection": {"*": {"*": ["abi", "evm.bytecode.object", "evm.deployedBytecode.object"]}},
        },
    }


def compile_again(container: Any, source: dict[str, Any]) -> str:
    """Creation code that an explorer will get from the input, as hex without 0x."""
    run = subprocess.run(
        [str(ROOT / "tools" / "solc"), "--standard-json"],
        input=json.dumps(source),
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )
    output = json.loads(run.stdout)
    compiled = output["contracts"][container._build["sourcePath"]][container._name]  # noqa: SLF001
    return str(compiled["evm"]["bytecode"]["object"])


@dataclass(frozen=True)
class Submission:
    """One deployed contract and what made it."""

    chain_id: int
    entry: Entry
    container: Any
    source: dict[str, Any]

    @property
    def identifier(self) -> str:
        return f"{self.container._build['sourcePath']}:{self.entry.name}"  # noqa: SLF001

    @property
    def compiler(self) -> str:
        """The version as explorers name it: `0.8.37+commit.…`."""
        return str(self.container._build["compiler"]["version"])  # noqa: SLF001

    @property
    def constructor_arguments(self) -> str:
        """ABI-encoded, as hex without 0x."""
        inputs = next((item["inputs"] for item in self.container.abi if item["type"] == "constructor"), [])
        return str(encode([item["type"] for item in inputs], self.entry.arguments).hex())


@dataclass
class Explorers:
    """Where sources are published; the addresses can be set to talk to one's own."""

    etherscan_key: str = field(default_factory=lambda: os.environ.get("ETHERSCAN_TOKEN", "").strip())
    etherscan: str = field(default_factory=lambda: os.environ.get("CHAINFUND_ETHERSCAN_URL") or ETHERSCAN)
    sourcify: str = field(default_factory=lambda: os.environ.get("CHAINFUND_SOURCIFY_URL") or SOURCIFY)
    wait: Callable[[float], None] = time.sleep

    def publish(self, submission: Submission) -> list[str]:
        """Publishes to both; returns where it is verified now.

        Raises:
            ExplorerError: neither took it; the message has both reasons.
        """
        done, reasons = [], []
        for name, publish in (("Sourcify", self.to_sourcify), ("Etherscan", self.to_etherscan)):
            try:
                publish(submission)
                done.append(name)
            except ExplorerError as error:
                reasons.append(str(error))
                print(f"  {error}")
        if not done:
            raise ExplorerError(f"{submission.entry.name} is not verified anywhere: {' '.join(reasons)}")
        return done

    def to_sourcify(self, submission: Submission) -> None:
        """Raises ExplorerError unless Sourcify says that source and code match."""
        entry = submission.entry
        answer = self._call(
            "Sourcify",
            "POST",
            f"{self.sourcify}/v2/verify/{submission.chain_id}/{entry.address}",
            json={
                "stdJsonInput": submission.source,
                "compilerVersion": submission.compiler,
                "contractIdentifier": submission.identifier,
                "creationTransactionHash": entry.txHash,
            },
        )
        if answer.get("customCode") == "already_verified":
            return
        if "verificationId" not in answer:
            raise ExplorerError(f"Sourcify refused {entry.name}: {answer.get('message', answer)}")
        for _ in range(POLLS):
            job = self._call("Sourcify", "GET", f"{self.sourcify}/v2/verify/{answer['verificationId']}")
            if job.get("isJobCompleted"):
                if (job.get("contract") or {}).get("match"):
                    return
                reason = (job.get("error") or {}).get("message", "no match")
                raise ExplorerError(f"Sourcify did not verify {entry.name}: {reason}")
            self.wait(POLL_SECONDS)
        raise ExplorerError(f"Sourcify has not finished with {entry.name}: run verify again later.")

    def to_etherscan(self, submission: Submission) -> None:
        """Raises ExplorerError unless Etherscan says that source and code match."""
        entry = submission.entry
        if not self.etherscan_key:
            raise ExplorerError("Etherscan was left out: set ETHERSCAN_TOKEN to an API key.")
        chain = {"chainid": str(submission.chain_id), "apikey": self.etherscan_key, "module": "contract"}
        answer = self._call(
            "Etherscan",
            "POST",
            self.etherscan,
            params=chain,
            data={
                "action": "verifysourcecode",
                "codeformat": "solidity-standard-json-input",
                "contractaddress": entry.address,
                "contractname": submission.identifier,
                "compilerversion": f"v{submission.compiler}",
                "sourceCode": json.dumps(submission.source),
                "constructorArguements": submission.constructor_arguments,  # Etherscan's own spelling
            },
        )
        result = str(answer.get("result", ""))
        if "already verified" in result.lower():
            return
        if str(answer.get("status")) != "1":
            raise ExplorerError(f"Etherscan refused {entry.name}: {result or answer}")
        for _ in range(POLLS):
            status = self._call(
                "Etherscan",
                "GET",
                self.etherscan,
                params={**chain, "action": "checkverifystatus", "guid": result},
            )
            verdict = str(status.get("result", ""))
            if verdict.lower().startswith("pass") or "already verified" in verdict.lower():
                return
            if "pending" not in verdict.lower():
                raise ExplorerError(f"Etherscan did not verify {entry.name}: {verdict}")
            self.wait(POLL_SECONDS)
        raise ExplorerError(f"Etherscan has not finished with {entry.name}: run verify again later.")

    def _call(self, name: str, method: str, url: str, **arguments: Any) -> dict[str, Any]:
        try:
            response = requests.request(method, url, timeout=TIMEOUT_SECONDS, **arguments)
            answer = response.json()
        except requests.ConnectionError as error:
            raise ExplorerError(
                f"{name} can't be reached from here: run verify where there is a network."
            ) from error
        except (requests.RequestException, ValueError) as error:
            raise ExplorerError(f"{name} gave no readable answer: {type(error).__name__}.") from error
        if not isinstance(answer, dict):
            raise ExplorerError(f"{name} gave no readable answer: {answer!r:.80}")
        return answer
