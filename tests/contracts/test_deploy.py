"""The deploy script as an operator runs it, and what it says when something is wrong."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from chain import ROOT, anvil, environment, free_port
from eth_utils import keccak
from scripting import Result, Scripts
from servers import proxied
from web3 import HTTPProvider, Web3

from scripts.deployment.errors import DeploymentError
from scripts.deployment.node import Node
from scripts.deployment.preflight import preflight
from scripts.deployment.registry import Entry, Registry, read_registry, write_registry
from scripts.deployment.settings import Settings

CHAIN_ID = 777_001
ADMIN = "0x00000000000000000000000000000000000ad313"


def assert_refused(result: Result, *words: str) -> None:
    """One sentence, exit status 1, no traceback."""
    assert result.returncode == 1, result.stdout + result.stderr
    lines = result.stderr.strip().splitlines()
    assert len(lines) == 1, result.stdout + result.stderr
    assert lines[0].startswith("error: ")
    assert [word for word in words if word not in lines[0]] == [], lines[0]
    assert "Traceback" not in result.stdout + result.stderr


def assert_done(result: Result) -> str:
    """What it said."""
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


@pytest.fixture(scope="module")
def chain() -> Iterator[str]:
    with anvil(CHAIN_ID) as url:
        yield url


@pytest.fixture(scope="module")
def folder(chain: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the registry of a first deployment, made by the command that the documentation names."""
    folder = tmp_path_factory.mktemp("deployments")
    result = subprocess.run(
        [str(ROOT / "tools" / "brownie"), "run", "deploy"],
        env=environment(
            CHAINFUND_RPC_URL=chain, CHAINFUND_DEPLOYMENTS_DIR=str(folder), CHAINFUND_ADMIN=ADMIN
        ),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return folder


@pytest.fixture
def registry(folder: Path) -> Iterator[Path]:
    """The registry's file, as it was again after the test."""
    path = folder / f"{CHAIN_ID}.json"
    content = path.read_bytes()
    yield path
    path.write_bytes(content)


def test_registry_says_what_is_on_the_chain(chain: str, registry: Path) -> None:
    node = Web3(HTTPProvider(chain))
    document = json.loads(registry.read_bytes())
    assert document["chainId"] == CHAIN_ID
    assert document["genesisHash"] == "0x" + node.eth.get_block(0)["hash"].hex().removeprefix("0x")
    contracts = {entry["name"]: entry for entry in document["contracts"]}
    assert {name: entry["kind"] for name, entry in contracts.items()} == {
        "TestToken": "token",
        "CampaignFactory": "factory",
        "Campaign": "implementation",
        "SupporterReceipt": "receipt",
    }
    assert contracts["SupporterReceipt"]["arguments"] == [
        contracts["CampaignFactory"]["address"],
        "chainfund:receipt:{id}",
    ]
    for entry in contracts.values():
        assert entry["runtimeCodeHash"] == "0x" + keccak(node.eth.get_code(entry["address"])).hex()
        receipt = node.eth.get_transaction_receipt(entry["txHash"])
        assert (receipt["blockNumber"], receipt["status"]) == (entry["deployBlock"], 1)
        assert json.loads((ROOT / "abis" / f"{entry['abiHash']}.json").read_bytes())
        version = 1 if entry["name"] == "TestToken" else 2
        assert (entry["version"], entry["supersedes"], entry["verified"]) == (version, None, [])
        assert entry["compiler"]["version"].startswith("0.8.37")
    abi = json.loads((ROOT / "abis" / f"{contracts['CampaignFactory']['abiHash']}.json").read_bytes())
    factory = node.eth.contract(contracts["CampaignFactory"]["address"], abi=abi)
    assert factory.functions.implementation().call() == contracts["Campaign"]["address"]
    assert factory.functions.VERSION().call() == contracts["CampaignFactory"]["version"]
    assert factory.functions.isTokenAllowed(contracts["TestToken"]["address"]).call()
    deployer = node.eth.accounts[0]
    for role in ("DEFAULT_ADMIN_ROLE", "FEE_MANAGER_ROLE", "TOKEN_LISTER_ROLE", "GUARDIAN_ROLE"):
        identifier = factory.functions[role]().call()
        assert factory.functions.hasRole(identifier, Web3.to_checksum_address(ADMIN)).call()
        assert not factory.functions.hasRole(identifier, deployer).call()
    assert list(registry.parent.iterdir()) == [registry]


def test_second_run_changes_nothing(scripts: Scripts, chain: str, registry: Path) -> None:
    node = Web3(HTTPProvider(chain))
    before = (node.eth.block_number, registry.read_bytes(), registry.stat().st_mtime_ns)
    assert "nothing to do" in assert_done(scripts.run("deploy", url=chain, folder=registry.parent))
    assert (node.eth.block_number, registry.read_bytes(), registry.stat().st_mtime_ns) == before


def test_smoke_campaign_when_asked_for(scripts: Scripts, chain: str, registry: Path) -> None:
    """On a local chain only then: nobody wants it in every demo."""
    node = Web3(HTTPProvider(chain))
    before = node.eth.block_number
    said = assert_done(scripts.run("deploy", "smoke", url=chain, folder=registry.parent))
    address = said.split("smoke campaign ")[1].split(":")[0]
    assert node.eth.block_number == before + 4
    assert node.eth.get_balance(address) == 0
    status = assert_done(scripts.run("status", url=chain, folder=registry.parent))
    assert f"{address} Cancelled, raised 0 ETH" in status


def test_corrupted_registry(scripts: Scripts, chain: str, registry: Path) -> None:
    registry.write_text(registry.read_text()[:100])
    broken = registry.read_bytes()
    result = scripts.run("deploy", url=chain, folder=registry.parent)
    assert_refused(result, str(registry), "restore it")
    assert registry.read_bytes() == broken
    assert [path.name for path in registry.parent.iterdir()] == [registry.name]


def test_registry_of_another_chain(scripts: Scripts, chain: str, registry: Path) -> None:
    registry.write_text(registry.read_text().replace(str(CHAIN_ID), "5"))
    assert_refused(scripts.run("deploy", url=chain, folder=registry.parent), "belongs to chain 5")


def test_other_code_than_was_deployed(scripts: Scripts, chain: str, registry: Path) -> None:
    document = json.loads(registry.read_bytes())
    document["contracts"][1]["runtimeCodeHash"] = "0x" + "00" * 32
    registry.write_text(json.dumps(document))
    result = scripts.run("deploy", url=chain, folder=registry.parent)
    assert_refused(result, "CampaignFactory", "should have code")
    assert_refused(scripts.run("status", url=chain, folder=registry.parent), "CampaignFactory")


def test_new_code_supersedes_the_old(scripts: Scripts, chain: str, registry: Path) -> None:
    document = json.loads(registry.read_bytes())
    document["contracts"][1] |= {"creationCodeHash": "0x" + "00" * 32, "version": 1}
    registry.write_text(json.dumps(document))
    assert_done(scripts.run("deploy", url=chain, folder=registry.parent))
    found = read_registry(registry, CHAIN_ID)
    factory, receipt = found.latest("CampaignFactory"), found.latest("SupporterReceipt")
    assert (factory.version, factory.supersedes) == (2, document["contracts"][1]["address"])
    assert (receipt.version, receipt.arguments[0]) == (2, factory.address)
    assert len(found.contracts) == 7
    # Both have a say: campaigns of the old one run on.
    status = assert_done(scripts.run("status", url=chain, folder=registry.parent))
    assert status.index(f"factory v2 {factory.address}") < status.index(f"factory v1 {factory.supersedes}")


def test_receipts_alone_are_made_anew(scripts: Scripts, chain: str, registry: Path) -> None:
    document = json.loads(registry.read_bytes())
    document["contracts"][3]["creationCodeHash"] = "0x" + "00" * 32
    registry.write_text(json.dumps(document))
    uri = "https://example.org/receipts/{id}"
    result = scripts.run("deploy", url=chain, folder=registry.parent, CHAINFUND_RECEIPT_URI=uri)
    assert "CampaignFactory" not in assert_done(result)
    receipt = read_registry(registry, CHAIN_ID).latest("SupporterReceipt")
    assert (receipt.version, receipt.arguments) == (2, [document["contracts"][1]["address"], uri])
    assert receipt.supersedes == document["contracts"][3]["address"]


# --- interrupted ---


def creations(node: Web3) -> int:
    """How many transactions the deployer has sent; on these chains each is a creation."""
    return int(node.eth.get_transaction_count(node.eth.accounts[0]))


@pytest.mark.parametrize(
    ("number", "passed_on"),
    [(1, False), (2, False), (2, True), (3, True)],
    ids=["token, not sent", "factory, not sent", "factory, sent", "receipt, sent"],
)
def test_connection_is_lost(scripts: Scripts, tmp_path: Path, number: int, passed_on: bool) -> None:
    """The run after it takes up what was sent: nothing is deployed twice, nothing is lost."""
    with anvil(CHAIN_ID) as real, proxied(real) as proxy:
        node = Web3(HTTPProvider(real))
        proxy.cuts.append(("eth_sendTransaction", number, passed_on))
        assert_refused(scripts.run("deploy", url=proxy.url, folder=tmp_path), "run the same again")
        assert creations(node) == number - 1 + passed_on
        note = json.loads((tmp_path / f"{CHAIN_ID}.pending.json").read_bytes())
        assert note["name"] == ["TestToken", "CampaignFactory", "SupporterReceipt"][number - 1]
        saved = read_registry(tmp_path / f"{CHAIN_ID}.json", CHAIN_ID)
        kept = ["TestToken", "CampaignFactory", "Campaign"]
        assert [entry.name for entry in (saved.contracts if saved else [])] == kept[: [0, 1, 3][number - 1]]

        said = assert_done(scripts.run("deploy", url=proxy.url, folder=tmp_path))
        assert ("of an interrupted run found" in said) is passed_on
        assert creations(node) == 3
        contracts = read_registry(tmp_path / f"{CHAIN_ID}.json", CHAIN_ID).contracts
        assert [(entry.name, entry.version) for entry in contracts] == [
            ("TestToken", 1), ("CampaignFactory", 2), ("Campaign", 2), ("SupporterReceipt", 2),
        ]  # fmt: skip
        for entry in contracts:
            receipt = node.eth.get_transaction_receipt(entry.txHash)
            assert receipt["blockNumber"] == entry.deployBlock
            assert entry.name == "Campaign" or receipt["contractAddress"] == entry.address
        assert [path.name for path in tmp_path.iterdir()] == [f"{CHAIN_ID}.json"]


def test_what_waits_to_be_mined_is_not_sent_again(scripts: Scripts, tmp_path: Path) -> None:
    with anvil(CHAIN_ID) as real, proxied(real) as proxy:
        node = Web3(HTTPProvider(real))
        node.provider.make_request("evm_setAutomine", [False])
        proxy.cuts.append(("eth_sendTransaction", 1, True))
        assert_refused(scripts.run("deploy", url=proxy.url, folder=tmp_path), "stopped answering")
        assert_refused(scripts.run("deploy", url=proxy.url, folder=tmp_path), "waits to be mined")
        node.provider.make_request("evm_mine", [])
        node.provider.make_request("evm_setAutomine", [True])
        assert_done(scripts.run("deploy", url=proxy.url, folder=tmp_path))
        assert creations(node) == 3


def test_other_settings_after_an_interruption(scripts: Scripts, tmp_path: Path) -> None:
    with anvil(CHAIN_ID) as real, proxied(real) as proxy:
        node = Web3(HTTPProvider(real))
        proxy.cuts.append(("eth_sendTransaction", 2, True))
        assert_refused(scripts.run("deploy", url=proxy.url, folder=tmp_path), "stopped answering")
        changed = scripts.run("deploy", url=proxy.url, folder=tmp_path, CHAINFUND_FEE_BPS="100")
        assert_refused(changed, "CampaignFactory", "other sources or settings", "remove")
        assert creations(node) == 2
        (tmp_path / f"{CHAIN_ID}.pending.json").write_text("{")
        assert_refused(scripts.run("deploy", url=proxy.url, folder=tmp_path), "pending.json", "can't be read")


def test_nothing_is_sent_where_nothing_can_be_written(scripts: Scripts, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with anvil(CHAIN_ID) as url:
        result = scripts.run("deploy", url=url, folder=tmp_path / "file" / "deployments")
        assert_refused(result, "can't be", "Not a directory")
        assert creations(Web3(HTTPProvider(url))) == 0


# --- refused ---


def test_node_that_does_not_answer(scripts: Scripts, tmp_path: Path) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    assert_refused(scripts.run("deploy", url=url, folder=tmp_path), "no node answers", url)
    assert list(tmp_path.iterdir()) == []


def test_network_and_node_must_agree(scripts: Scripts, chain: str, tmp_path: Path) -> None:
    result = scripts.run("deploy", url=chain, folder=tmp_path, network="sepolia")
    assert_refused(result, "network sepolia", "anvil")


def test_chain_without_transient_storage(scripts: Scripts, tmp_path: Path) -> None:
    with anvil(CHAIN_ID, "--hardfork", "shanghai") as url:
        assert_refused(scripts.run("deploy", url=url, folder=tmp_path), "EIP-1153")


@pytest.mark.parametrize(
    ("variable", "value", "words"),
    [
        ("CHAINFUND_FEE_BPS", "501", ["CHAINFUND_FEE_BPS", "500"]),
        ("CHAINFUND_FEE_BPS", "2.5", ["CHAINFUND_FEE_BPS", "whole number"]),
        ("CHAINFUND_ADMIN", "vitalik.eth", ["CHAINFUND_ADMIN is not an address"]),
        ("CHAINFUND_ADMIN", "0x" + "00" * 20, ["AccessControlInvalidDefaultAdmin"]),
        ("CHAINFUND_TREASURY", "0x" + "00" * 20, ["Factory_InvalidTreasury"]),
        ("CHAINFUND_TOKENS", f"{ADMIN},0x12", ["CHAINFUND_TOKENS", "'0x12'"]),
        ("CHAINFUND_TOKENS", ADMIN, ["no contract at", Web3.to_checksum_address(ADMIN)]),
        ("CHAINFUND_DEPLOYER", "nobody", ["no account 'nobody'", "accounts new nobody"]),
    ],
)
def test_settings_that_make_no_sense(
    scripts: Scripts, chain: str, tmp_path: Path, variable: str, value: str, words: list[str]
) -> None:
    assert_refused(scripts.run("deploy", url=chain, folder=tmp_path, **{variable: value}), *words)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("contracts")
def test_local_copy_of_a_public_chain(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Its registry would be mistaken for the public one's."""
    monkeypatch.delenv("CHAINFUND_DEPLOYMENTS_DIR", raising=False)
    copy = Node(network="anvil", chain_id=1, genesis_hash="0x00", is_local=True)
    with pytest.raises(DeploymentError, match="CHAINFUND_DEPLOYMENTS_DIR"):
        preflight(copy, Settings())
    monkeypatch.setenv("CHAINFUND_DEPLOYMENTS_DIR", str(tmp_path))
    preflight(copy, Settings())


def test_failed_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "5.json"
    write_registry(path, Registry(5, "anvil", "0x00"))
    before = path.read_bytes()

    def refuse(_self: Path, _target: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", refuse)
    entry = Entry("A", "token", ADMIN, 1, "0x", [], "", "", "", {}, None, 1)
    with pytest.raises(DeploymentError, match="No space left"):
        write_registry(path, Registry(5, "anvil", "0x00", [entry]))
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["5.json"]
