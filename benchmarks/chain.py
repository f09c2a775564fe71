"""A chain full of contributions, generated once and kept in an ignored folder.

The contributions are calls of `contributeFor` by a contract that makes many in a transaction, so the
campaigns' own totals say whether an index of them is right.
"""

import hashlib
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
from web3.contract import Contract
from web3.types import Wei

from devtools.servers import PROJECT_ROOT, Anvil
from tests.support.contracts import Suite, compile_sources, create_campaign, deploy_suite, sources_digest

CACHE = PROJECT_ROOT / ".setup" / "benchmarks"
SOURCE = "benchmarks/contracts/LoadGenerator.sol"
CAMPAIGNS = 200
# Blocks without events above the last one, so that it is final for the indexer.
QUIET_BLOCKS = 16
PURSE = 10**24
# Without the state of every old block, which anvil would write to the disk: tens of gigabytes.
GENESIS_ARGUMENTS = ["--accounts", "10", "--balance", "10000000", "--gas-limit", "300000000"]
ANVIL_ARGUMENTS = [*GENESIS_ARGUMENTS, "--prune-history"]
FORK_ARGUMENTS = ["--no-rate-limit", "--no-storage-caching"]


@dataclass(frozen=True)
class Shape:
    """How much is on the chain."""

    events: int
    blocks: int

    @property
    def name(self) -> str:
        digest = hashlib.sha256(sources_digest((SOURCE,)).encode() + Path(__file__).read_bytes())
        return f"{self.events}-{self.blocks}-{digest.hexdigest()[:12]}"


@dataclass(frozen=True)
class LoadedChain:
    """A running node with the contributions on it."""

    anvil: Anvil
    registry: Path
    events: int
    first_block: int
    last_block: int
    campaigns: list[str]


@contextmanager
def loaded_chain(shape: Shape, logs: Path) -> Iterator[LoadedChain]:
    """The chain of this shape, from the cache when there is one."""
    directory = CACHE / shape.name
    if not (directory / "chain.json").exists():
        _generate(shape, directory, logs)
    about = json.loads((directory / "chain.json").read_text())
    anvil = Anvil(logs, arguments=[*ANVIL_ARGUMENTS, "--load-state", str(directory / "state.json")])
    try:
        yield LoadedChain(anvil, directory / "31337.json", **about)
    finally:
        anvil.stop()


@contextmanager
def passing_chain(shape: Shape, directory: Path) -> Iterator[LoadedChain]:
    """The chain of this shape, made anew and not kept.

    The node continues another one's genesis block. A node of its own would compute the root of the whole
    state for each block, a second of hashing when there are a million contributions in it; one that continues
    a chain whose state it does not have writes zero there. Logs, transactions and receipts are the same.
    """
    genesis = Anvil(directory / "genesis", arguments=GENESIS_ARGUMENTS)
    try:
        anvil = Anvil(directory, arguments=[*ANVIL_ARGUMENTS, "--fork-url", genesis.url, *FORK_ARGUMENTS])
        try:
            about = _fill(anvil, shape, directory / shape.name)
            yield LoadedChain(anvil, directory / shape.name / "31337.json", **about)
        finally:
            anvil.stop()
    finally:
        genesis.stop()


def _generate(shape: Shape, directory: Path, logs: Path) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    state = directory / "state.json"
    state.unlink(missing_ok=True)
    anvil = Anvil(logs, arguments=[*ANVIL_ARGUMENTS, "--dump-state", str(state)])
    try:
        about = _fill(anvil, shape, directory)
    finally:
        anvil.stop()
    partial = directory / "chain.json.tmp"
    partial.write_text(json.dumps(about))
    partial.replace(directory / "chain.json")


def _fill(anvil: Anvil, shape: Shape, deployments: Path) -> dict[str, Any]:
    """Deploy, create the campaigns and contribute to them; what `LoadedChain` says of it."""
    suite = deploy_suite(anvil, deployments)
    campaigns = [create_campaign(suite, goal=10**30).address for _ in range(CAMPAIGNS)]
    generator = deploy_generator(suite, campaigns, PURSE)
    first_block = suite.web3.eth.block_number + 1
    anvil.request("evm_setAutomine", *[False])
    _contribute(suite.url, generator, suite.admin, shape)
    about = {
        "events": shape.events,
        "first_block": first_block,
        "last_block": suite.web3.eth.block_number,
        "campaigns": campaigns,
    }
    anvil.request("anvil_mine", hex(QUIET_BLOCKS))
    return about


def deploy_generator(suite: Suite, campaigns: Sequence[str], purse: int) -> Contract:
    """The contract that contributes to the campaigns, with so much money to do it."""
    artifact = compile_sources((SOURCE,), ("LoadGenerator",))["LoadGenerator"]
    factory = suite.web3.eth.contract(abi=artifact.abi, bytecode=artifact.bytecode)
    sent = factory.constructor(campaigns).transact({"from": suite.admin, "value": Wei(purse)})
    receipt = suite.web3.eth.wait_for_transaction_receipt(sent, poll_latency=0.01)
    address = receipt["contractAddress"]
    if receipt["status"] != 1 or address is None:
        raise RuntimeError("the deployment of the load generator reverted")
    return suite.web3.eth.contract(address, abi=artifact.abi)


def _contribute(url: str, generator: Any, sender: str, shape: Shape) -> None:
    """One transaction a block."""
    bounds = [shape.events * block // shape.blocks for block in range(shape.blocks + 1)]
    with httpx.Client(timeout=60) as client:
        for first, after in pairwise(bounds):
            transaction = {
                "from": sender,
                "to": generator.address,
                "data": generator.encode_abi("contribute", [first, after - first]),
                "gas": hex(300_000 * (after - first) + 100_000),
            }
            _ask(client, url, "eth_sendTransaction", transaction)
            _ask(client, url, "evm_mine")


def _ask(client: httpx.Client, url: str, method: str, *parameters: object) -> None:
    reply = client.post(url, json={"jsonrpc": "2.0", "id": 1, "method": method, "params": parameters}).json()
    if "error" in reply:
        raise RuntimeError(f"anvil refused {method}: {reply['error']}")
