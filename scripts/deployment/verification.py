"""Publishes sources to Etherscan (API v2) and Sourcify (API v2), both as the compiler's standard JSON input.

Brownie's own `publish_source` leaves the IR out of the settings: what it sends doesn't compile to what was
deployed.
"""

import json
import os
import subprocess
import time
from collections.abc import Callable, Iterable
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
    compiler = container._build["compiler"]  # noqa: SLF001
    config = container._project._compiler_config["solc"]  # noqa: SLF001
    settings = {
        "evmVersion": compiler["evm_version"],
        "optimizer": {key: compiler["optimizer"][key] for key in ("enabled", "runs")},
        "viaIR": config["viaIR"],
        "remappings": list(config["remappings"]),
        "outputSelection": {"*": {"*": ["abi", "evm.bytecode", "evm.deployedBytecode"]}},
    }
    own = _with_content([container._build["sourcePath"]])  # noqa: SLF001
    # Brownie knows only what our own files import; the compiler finds the rest on the disk and names
    # it all. Asked for no output it generates no code.
    used = _compile({"language": "Solidity", "sources": own, "settings": {**settings, "outputSelection": {}}})
    return {"language": "Solidity", "sources": _with_content(sorted(used["sources"])), "settings": settings}


def compile_again(container: Any, source: dict[str, Any]) -> dict[str, Any]:
    """What an explorer will get from the input: the compiler's `evm` output of the contract.

    Raises:
        DeploymentError: The input does not compile, or not by itself.
    """
    output = _compile(source)
    # The compiler here finds on the disk what the input lacks; an explorer's would not.
    if lacking := sorted(output["sources"].keys() - source["sources"].keys()):
        raise DeploymentError(f"the input for explorers lacks {', '.join(lacking)}.")
    compiled: dict[str, Any] = output["contracts"][container._build["sourcePath"]][container._name]  # noqa: SLF001
    return dict(compiled["evm"])


def _with_content(paths: Iterable[str]) -> dict[str, dict[str, str]]:
    return {path: {"content": (ROOT / path).read_text()} for path in paths}


def _compile(source: dict[str, Any]) -> dict[str, Any]:
    run = subprocess.run(
        [str(ROOT / "tools" / "solc"), "--standard-json"],
        input=json.dumps(source),
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    output: dict[str, Any] = json.loads(run.stdout) if run.returncode == 0 else {}
    errors = [error["message"] for error in output.get("errors", []) if error["severity"] == "error"]
    if errors or not output:
        raise DeploymentError(
            f"the input for explorers does not compile: {(errors or [run.stderr.strip()])[0]}"
        )
    return output


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
        """Publishes wherever the contract is not yet; says why where that failed.

        Returns:
            Where it is verified now, those of before included.
        """
        verified = list(submission.entry.verified)
        for name, publish in self._asked():
            if name in verified:
                continue
            try:
                publish(submission)
                verified.append(name)
            except ExplorerError as error:
                print(f"  {error}")
        return verified

    def remaining(self, entry: Entry) -> list[str]:
        """The explorers that would be asked for this contract."""
        return [name for name, _ in self._asked() if name not in entry.verified]

    def _asked(self) -> list[tuple[str, Callable[[Submission], None]]]:
        asked = [("Sourcify", self.to_sourcify)]
        return [*asked, ("Etherscan", self.to_etherscan)] if self.etherscan_key else asked

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
        answer = self._etherscan(
            "POST",
            submission,
            "verifysourcecode",
            data={
                "codeformat": "solidity-standard-json-input",
                "contractaddress": entry.address,
                "contractname": submission.identifier,
                "compilerversion": f"v{submission.compiler}",
                "sourceCode": json.dumps(submission.source),
                # The interface's own old spelling, and the one of its present documentation.
                "constructorArguements": submission.constructor_arguments,
                "constructorArguments": submission.constructor_arguments,
            },
        )
        result = str(answer.get("result", ""))
        if "already verified" in result.lower():
            return
        if str(answer.get("status")) != "1":
            raise ExplorerError(f"Etherscan refused {entry.name}: {result or answer}")
        for _ in range(POLLS):
            status = self._etherscan("GET", submission, "checkverifystatus", guid=result)
            verdict = str(status.get("result", "")).lower()
            if verdict.startswith("pass") or "already verified" in verdict:
                return
            if "pending" not in verdict and "in progress" not in verdict:
                raise ExplorerError(f"Etherscan did not verify {entry.name}: {status.get('result', status)}")
            self.wait(POLL_SECONDS)
        raise ExplorerError(f"Etherscan has not finished with {entry.name}: run verify again later.")

    def _etherscan(
        self,
        method: str,
        submission: Submission,
        action: str,
        *,
        data: dict[str, str] | None = None,
        **query: str,
    ) -> dict[str, Any]:
        chain = {"chainid": str(submission.chain_id), "module": "contract", "action": action}
        return self._call(
            "Etherscan",
            method,
            self.etherscan,
            params={**chain, "apikey": self.etherscan_key, **query},
            data=data,
        )

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
