"""What a token would do, without a transaction: calls by anybody, one after the other (eth_simulateV1)."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from brownie import web3
from eth_abi import encode
from eth_utils import function_signature_to_4byte_selector

from scripts.deployment.errors import DeploymentError

WORD = 32
UNKNOWN_METHOD = -32601


@dataclass(frozen=True)
class Outcome:
    """How one call ended."""

    ok: bool
    data: bytes

    @property
    def number(self) -> int:
        """Raises a DeploymentError when it is not one word."""
        if not self.ok or len(self.data) != WORD:
            raise DeploymentError("the token does not say balances: is it an ERC-20?")
        return int.from_bytes(self.data, "big")

    @property
    def refusal(self) -> str:
        """Why the token did not do as it was told, as far as it said; empty when it did."""
        if not self.ok:
            return "reverts"
        # Nothing at all is what tokens before the standard's last version answer.
        return "" if not self.data or int.from_bytes(self.data, "big") == 1 else "answers false"


@dataclass
class Rehearsal:
    """Calls to one token, written down first and run together; what each came to is found by its number."""

    token: str
    _blocks: list[dict[str, Any]] = field(default_factory=lambda: [{"calls": []}])
    _count: int = 0

    def send(self, sender: str, signature: str, *arguments: Any) -> int:
        """Adds a call; returns its number."""
        self._blocks[-1]["calls"].append(
            {"from": sender, "to": self.token, "data": encode_call(signature, *arguments)}
        )
        self._count += 1
        return self._count - 1

    def balance(self, account: str) -> int:
        """Adds a question for an account's balance; returns its number."""
        return self.send(account, "balanceOf(address)", account)

    def travel_to(self, moment: int) -> None:
        """What follows happens at that time, in seconds since 1970."""
        self._blocks.append({"blockOverrides": {"time": hex(moment)}, "calls": []})

    def run(self) -> Sequence[Outcome]:
        """Raises a DeploymentError when the node does not know how."""
        answer: Any = web3.provider.make_request(
            "eth_simulateV1", [{"blockStateCalls": self._blocks}, "latest"]
        )
        if "error" in answer:
            reason = answer["error"].get("message", "no reason given")
            if answer["error"].get("code") == UNKNOWN_METHOD:
                reason = "it does not know eth_simulateV1; ask another node, or a fork (anvil --fork-url …)"
            raise DeploymentError(f"the node can't try {self.token} out: {reason}.")
        return [
            Outcome(call["status"] == "0x1", bytes.fromhex(call["returnData"].removeprefix("0x")))
            for block in answer["result"]
            for call in block["calls"]
        ]


def encode_call(signature: str, *arguments: Any) -> str:
    """Call data in hex."""
    types = signature.partition("(")[2].removesuffix(")")
    selector = bytes(function_signature_to_4byte_selector(signature))
    return "0x" + (selector + encode(types.split(",") if types else [], arguments)).hex()


def ask(contract: str, signature: str, *arguments: Any) -> bytes | None:
    """What a view answers; None when it refuses, which a function that is not there does."""
    call = {"to": contract, "data": encode_call(signature, *arguments)}
    answer: Any = web3.provider.make_request("eth_call", [call, "latest"])
    return None if "error" in answer else bytes.fromhex(answer["result"].removeprefix("0x"))
