"""The project's contracts on a test's own chain: compiled once, deployed and driven without Brownie.

`deploy_suite` writes a registry file of the shape that the deploy script writes, so that whatever reads
`deployments/` can be pointed at it.
"""

import json
import os
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from eth_typing import ChecksumAddress
from web3 import HTTPProvider, Web3
from web3.contract import Contract
from web3.contract.contract import ContractFunction
from web3.types import RPCEndpoint, TxReceipt

from devtools.servers import PROJECT_ROOT, Anvil
from tests.support.versions import FIRST, SECOND, Artifact, first_version

SOURCES = PROJECT_ROOT / "contracts"
ABIS = PROJECT_ROOT / "abis"
CACHE = PROJECT_ROOT / ".setup" / "test-contracts"
ROOT_SOURCES = (
    "contracts/CampaignFactory.sol",
    "contracts/SupporterReceipt.sol",
    "contracts/mocks/TestToken.sol",
)
CONTRACTS = ("CampaignFactory", "Campaign", "SupporterReceipt", "TestToken")
OPTIMIZER_RUNS = 200
# The factory's own bound: the tests' creators agree to any fee.
MAX_FEE_BPS = 500

NATIVE = "0x" + 40 * "0"
RECEIPT_URI = "https://chainfund.example/receipts/{id}.json"
NO_REFERENCE = bytes(32)


def compile_contracts() -> dict[str, Artifact]:
    """The project's artifacts by contract name."""
    return compile_sources(ROOT_SOURCES, CONTRACTS)


@lru_cache
def compile_sources(paths: tuple[str, ...], names: tuple[str, ...]) -> dict[str, Artifact]:
    """Artifacts by contract name; the compiler runs only when a source changed since the last time."""
    cached = CACHE / f"{sources_digest(paths)[:32]}.json"
    if not cached.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        partial = cached.with_suffix(f".{os.getpid()}.tmp")
        partial.write_text(json.dumps(_run_compiler(paths, names)))
        partial.rename(cached)
    output, published = json.loads(cached.read_text()), json.loads((ABIS / "index.json").read_text())
    return {
        name: Artifact(output[name]["abi"], output[name]["bytecode"], published.get(name, ""))
        for name in names
    }


def sources_digest(paths: tuple[str, ...]) -> str:
    """Changes with the named sources, with all of the project's, and with the compiler."""
    digest = sha256()
    for source in [*sorted(SOURCES.rglob("*.sol")), *(PROJECT_ROOT / path for path in paths)]:
        digest.update(source.read_bytes())
    digest.update((PROJECT_ROOT / "package-lock.json").read_bytes())
    return digest.hexdigest()


def _run_compiler(paths: tuple[str, ...], names: tuple[str, ...]) -> dict[str, dict[str, Any]]:
    request = {
        "language": "Solidity",
        "sources": {path: {"urls": [path]} for path in paths},
        "settings": {
            "evmVersion": "cancun",
            # Without the IR, which takes a minute; tuned for size, or the campaign would be above the limit.
            "optimizer": {"enabled": True, "runs": OPTIMIZER_RUNS},
            "remappings": ["@openzeppelin/=node_modules/@openzeppelin/"],
            "outputSelection": {"*": {"*": ["abi", "evm.bytecode.object"]}},
        },
    }
    run = subprocess.run(
        [str(PROJECT_ROOT / "tools" / "solc"), "--standard-json"],
        input=json.dumps(request),
        capture_output=True,
        text=True,
        check=True,
        cwd=PROJECT_ROOT,
    )
    output = json.loads(run.stdout)
    errors = [error for error in output.get("errors", []) if error["severity"] == "error"]
    if errors:
        raise RuntimeError("\n".join(error["formattedMessage"] for error in errors))
    return {
        name: {"abi": contract["abi"], "bytecode": contract["evm"]["bytecode"]["object"]}
        for contracts in output["contracts"].values()
        for name, contract in contracts.items()
        if name in names
    }


@dataclass
class Suite:
    """What one deployment left on the chain; every account is unlocked in the node."""

    web3: Web3
    url: str
    chain_id: int
    factory: Contract
    implementation: ChecksumAddress
    token: Contract
    receipt: Contract
    registry: Path
    accounts: list[ChecksumAddress]
    admin: ChecksumAddress
    treasury: ChecksumAddress
    version: int
    artifacts: Mapping[str, Artifact]
    launches: int = field(default=0)

    def campaign(self, address: ChecksumAddress) -> Contract:
        return self.web3.eth.contract(address, abi=self.artifacts["Campaign"].abi)

    def send(self, call: Any, sender: ChecksumAddress, *, value: int = 0) -> TxReceipt:
        """Send one call and wait until it is mined; raises when it reverts."""
        sent = call.transact({"from": sender, "value": value})
        receipt = self.web3.eth.wait_for_transaction_receipt(sent, poll_latency=0.01)
        if receipt["status"] != 1:
            raise RuntimeError(f"{call.fn_name} reverted in block {receipt['blockNumber']}")
        return receipt


def deploy_suite(anvil: Anvil, deployments_dir: Path, *, fee_bps: int = 250) -> Suite:
    """Deploy token, factory and receipts, allow the token, and write `deployments_dir/<chain id>.json`."""
    web3 = Web3(HTTPProvider(anvil.url))
    token, token_receipt = _deploy(web3, compile_contracts()["TestToken"], web3.eth.accounts[0])
    registry = deployments_dir / f"{anvil.chain_id}.json"
    document = {
        "chainId": anvil.chain_id,
        "network": "anvil",
        "genesisHash": Web3.to_hex(web3.eth.get_block(0)["hash"]),
        "contracts": [],
    }
    deployments_dir.mkdir(parents=True, exist_ok=True)
    registry.write_text(json.dumps(document))
    suite = _deploy_version(anvil.url, registry, token, SECOND, compile_contracts(), fee_bps)
    _register(suite, "TestToken", "token", token, token_receipt, [])
    return suite


def deploy_first_version(suite: Suite, *, fee_bps: int = 250) -> Suite:
    """Deploy the first version beside `suite`: into its registry, with its accounts and its token."""
    return _deploy_version(suite.url, suite.registry, suite.token, FIRST, first_version(), fee_bps)


def _deploy_version(
    url: str, registry: Path, token: Contract, version: int, artifacts: Mapping[str, Artifact], fee_bps: int
) -> Suite:
    web3 = token.w3
    accounts = list(web3.eth.accounts)
    admin, treasury = accounts[0], accounts[1]
    arguments: list[Any] = [admin, 0, treasury, fee_bps, [token.address]]
    factory, factory_receipt = _deploy(web3, artifacts["CampaignFactory"], admin, *arguments)
    implementation = factory.functions.implementation().call()
    of_receipts = [factory.address, RECEIPT_URI]
    receipt, receipts_receipt = _deploy(web3, artifacts["SupporterReceipt"], admin, *of_receipts)
    suite = Suite(
        web3=web3,
        url=url,
        chain_id=web3.eth.chain_id,
        factory=factory,
        implementation=implementation,
        token=token,
        receipt=receipt,
        registry=registry,
        accounts=accounts,
        admin=admin,
        treasury=treasury,
        version=version,
        artifacts=artifacts,
    )
    campaign = suite.campaign(implementation)
    _register(suite, "CampaignFactory", "factory", factory, factory_receipt, arguments)
    _register(suite, "Campaign", "implementation", campaign, factory_receipt, [factory.address])
    _register(suite, "SupporterReceipt", "receipt", receipt, receipts_receipt, of_receipts)
    return suite


def _deploy(
    web3: Web3, artifact: Artifact, sender: ChecksumAddress, *arguments: object
) -> tuple[Contract, TxReceipt]:
    sent = web3.eth.contract(abi=artifact.abi, bytecode=artifact.bytecode).constructor(*arguments)
    receipt = web3.eth.wait_for_transaction_receipt(sent.transact({"from": sender}), poll_latency=0.01)
    address = receipt["contractAddress"]
    if receipt["status"] != 1 or address is None:
        raise RuntimeError(f"a deployment by {sender} reverted in block {receipt['blockNumber']}")
    return web3.eth.contract(address, abi=artifact.abi), receipt


def _register(
    suite: Suite, name: str, kind: str, contract: Contract, receipt: TxReceipt, arguments: list[Any]
) -> None:
    document = json.loads(suite.registry.read_text())
    artifact = suite.artifacts[name]
    entry = {
        "name": name,
        "kind": kind,
        "address": contract.address,
        "deployBlock": receipt["blockNumber"],
        "txHash": Web3.to_hex(receipt["transactionHash"]),
        "arguments": arguments,
        "abiHash": artifact.abi_hash,
        "creationCodeHash": Web3.to_hex(Web3.keccak(hexstr=artifact.bytecode)),
        "runtimeCodeHash": Web3.to_hex(Web3.keccak(suite.web3.eth.get_code(contract.address))),
        "compiler": {"version": "0.8.37", "evmVersion": "cancun", "optimizerRuns": OPTIMIZER_RUNS},
        "gitCommit": "",
        "verified": [],
        "version": suite.version,
        "supersedes": None,
    }
    document["contracts"].append(entry)
    suite.registry.write_text(json.dumps(document, indent=2))


def create_campaign(
    suite: Suite,
    *,
    creator: ChecksumAddress | None = None,
    token: str = NATIVE,
    mode: int = 0,
    goal: int = 10**19,
    duration: timedelta = timedelta(days=30),
    min_contribution: int = 0,
    cap: int = 0,
    tiers: tuple[tuple[int, int], ...] = (),
    milestones: tuple[tuple[int, timedelta], ...] = (),
    not_before: timedelta | None = None,
    objection_window: timedelta = timedelta(days=3),
    objection_threshold_bps: int = 2_000,
    metadata_uri: str | None = None,
    metadata_hash: bytes | None = None,
    send: Callable[[ContractFunction], TxReceipt] | None = None,
) -> Contract:
    """Launch a campaign; without metadata of its own it gets a hash that no other launch of the suite has.

    `milestones` are (share in basis points, due so long after the deadline); `not_before`, which the first
    version knows nothing of, is how long before it is due evidence for each is taken at the earliest; `send`
    lets a creator launch it who is no account of the node.
    """
    suite.launches += 1
    digest = metadata_hash or Web3.keccak(text=f"campaign {suite.launches}")
    deadline = suite.web3.eth.get_block("latest")["timestamp"] + int(duration.total_seconds())
    dues = [(share_bps, deadline + int(after.total_seconds())) for share_bps, after in milestones]
    parameters: tuple[Any, ...] = (
        token,
        mode,
        goal,
        deadline,
        min_contribution,
        cap,
        metadata_uri or f"chainfund:metadata:{Web3.to_hex(digest)}",
        digest,
        list(tiers),
        dues if suite.version == FIRST else [(*due, _opens(due[1], not_before)) for due in dues],
        int(objection_window.total_seconds()) if milestones else 0,
        objection_threshold_bps if milestones else 0,
    )
    if suite.version != FIRST:
        parameters += (MAX_FEE_BPS, 0)
    call = suite.factory.functions.createCampaign(parameters)
    receipt = send(call) if send else suite.send(call, creator or suite.accounts[2])
    topic = Web3.keccak(
        text="CampaignCreated(address,address,address,uint64,uint8,uint256,uint64,uint64,uint16,uint256,"
        "uint256,string,bytes32)"
    )
    created = next(log for log in receipt["logs"] if log["topics"][0] == topic)
    return suite.campaign(Web3.to_checksum_address(created["topics"][1][-20:]))


def _opens(due: int, not_before: timedelta | None) -> int:
    return 0 if not_before is None else due - int(not_before.total_seconds())


def contribute(
    suite: Suite,
    campaign: Contract,
    *,
    backer: ChecksumAddress | None = None,
    amount: int = 10**18,
    tier_id: int = 0,
    ref: bytes = NO_REFERENCE,
) -> TxReceipt:
    """Contribute in the native currency, mined at once unless the node's automine is off."""
    sender = backer or suite.accounts[3]
    return suite.send(campaign.functions.contribute(tier_id, ref), sender, value=amount)


def contribute_token(
    suite: Suite,
    campaign: Contract,
    *,
    backer: ChecksumAddress | None = None,
    amount: int = 10**6,
    tier_id: int = 0,
    ref: bytes = NO_REFERENCE,
) -> TxReceipt:
    """Mint test tokens to the backer, approve exactly `amount` and contribute it."""
    sender = backer or suite.accounts[3]
    suite.send(suite.token.functions.mint(sender, amount), sender)
    suite.send(suite.token.functions.approve(campaign.address, amount), sender)
    return suite.send(campaign.functions.contributeERC20(amount, tier_id, ref), sender)


def node(suite: Suite, method: str, *parameters: object) -> Any:
    """One of the node's own calls, such as `evm_snapshot`; raises when it refuses."""
    reply = suite.web3.provider.make_request(RPCEndpoint(method), list(parameters))
    if "error" in reply:
        raise RuntimeError(f"{method}: {reply['error']}")
    return reply["result"]


def mine(suite: Suite, blocks: int = 1) -> None:
    node(suite, "anvil_mine", hex(blocks))


def mine_at(suite: Suite, timestamp: int) -> None:
    """A block of this second, which the chain's clock goes on from."""
    node(suite, "evm_setNextBlockTimestamp", timestamp)
    mine(suite)


def set_automine(suite: Suite, *, on: bool) -> None:
    """Off: transactions wait until `mine`, so that several share a block."""
    node(suite, "evm_setAutomine", on)
