"""The deploy script as an operator runs it, and what it says when something is wrong."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from chain import ROOT, anvil, environment, free_port
from eth_utils import keccak
from web3 import HTTPProvider, Web3

from scripts.deployment.errors import DeploymentError
from scripts.deployment.node import Node, preflight
from scripts.deployment.registry import Entry, Registry, read_registry, write_registry
from scripts.deployment.settings import Settings

CHAIN_ID = 777_001
ADMIN = "0x00000000000000000000000000000000000ad313"


def brownie(script: str, url: str, folder: Path, network: str = "anvil", **variables: str) -> Any:
    return subprocess.run(
        [str(ROOT / "tools" / "brownie"), "run", script, "--network", network],
        env=environment(CHAINFUND_RPC_URL=url, CHAINFUND_DEPLOYMENTS_DIR=str(folder), **variables),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def assert_refused(result: Any, *words: str) -> None:
    """One sentence, exit status 1, no traceback."""
    assert result.returncode == 1
    lines = result.stderr.strip().splitlines()
    assert len(lines) == 1, result.stderr
    assert lines[0].startswith("error: ")
    assert [word for word in words if word not in lines[0]] == []
    assert "Traceback" not in result.stdout + result.stderr


@pytest.fixture(scope="module")
def chain() -> Iterator[str]:
    with anvil(CHAIN_ID) as url:
        yield url


@pytest.fixture(scope="module")
def folder(chain: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the registry of a first deployment."""
    folder = tmp_path_factory.mktemp("deployments")
    result = brownie("deploy", chain, folder, CHAINFUND_ADMIN=ADMIN)
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
        assert node.eth.get_transaction_receipt(entry["txHash"])["blockNumber"] == entry["deployBlock"]
        assert json.loads((ROOT / "abis" / f"{entry['abiHash']}.json").read_bytes())
    abi = json.loads((ROOT / "abis" / f"{contracts['CampaignFactory']['abiHash']}.json").read_bytes())
    factory = node.eth.contract(contracts["CampaignFactory"]["address"], abi=abi)
    assert factory.functions.implementation().call() == contracts["Campaign"]["address"]
    assert factory.functions.isTokenAllowed(contracts["TestToken"]["address"]).call()
    deployer = node.eth.accounts[0]
    for role in ("DEFAULT_ADMIN_ROLE", "FEE_MANAGER_ROLE", "TOKEN_LISTER_ROLE", "GUARDIAN_ROLE"):
        identifier = factory.functions[role]().call()
        assert factory.functions.hasRole(identifier, Web3.to_checksum_address(ADMIN)).call()
        assert not factory.functions.hasRole(identifier, deployer).call()


def test_second_run_changes_nothing(chain: str, registry: Path) -> None:
    node = Web3(HTTPProvider(chain))
    before = (node.eth.block_number, registry.read_bytes(), registry.stat().st_mtime_ns)
    result = brownie("deploy", chain, registry.parent)
    assert result.returncode == 0
    assert "nothing to do" in result.stdout
    assert (node.eth.block_number, registry.read_bytes(), registry.stat().st_mtime_ns) == before


def test_status_agrees(chain: str, registry: Path) -> None:
    result = brownie("status", chain, registry.parent)
    assert result.returncode == 0
    assert result.stdout.count(" ok") == 4
    assert f"guardian: {Web3.to_checksum_address(ADMIN)}\n" in result.stdout
    assert "fee 250 bps" in result.stdout


def test_corrupted_registry(chain: str, registry: Path) -> None:
    registry.write_text(registry.read_text()[:100])
    broken = registry.read_bytes()
    assert_refused(brownie("deploy", chain, registry.parent), str(registry), "restore it")
    assert registry.read_bytes() == broken
    assert [path.name for path in registry.parent.iterdir()] == [registry.name]


def test_registry_of_another_chain(chain: str, registry: Path) -> None:
    registry.write_text(registry.read_text().replace(str(CHAIN_ID), "5"))
    assert_refused(brownie("deploy", chain, registry.parent), "belongs to chain 5")


def test_other_code_than_was_deployed(chain: str, registry: Path) -> None:
    document = json.loads(registry.read_bytes())
    document["contracts"][1]["runtimeCodeHash"] = "0x" + "00" * 32
    registry.write_text(json.dumps(document))
    assert_refused(brownie("deploy", chain, registry.parent), "CampaignFactory", "should have code")
    assert_refused(brownie("status", chain, registry.parent), "CampaignFactory")


def test_new_code_supersedes_the_old(chain: str, registry: Path) -> None:
    document = json.loads(registry.read_bytes())
    document["contracts"][1]["creationCodeHash"] = "0x" + "00" * 32
    registry.write_text(json.dumps(document))
    assert brownie("deploy", chain, registry.parent).returncode == 0
    factory = read_registry(registry, CHAIN_ID).latest("CampaignFactory")
    assert (factory.version, factory.supersedes) == (2, document["contracts"][1]["address"])
    receipt = read_registry(registry, CHAIN_ID).latest("SupporterReceipt")
    assert (receipt.version, receipt.arguments[0]) == (2, factory.address)
    assert len(json.loads(registry.read_bytes())["contracts"]) == 7


def test_node_that_does_not_answer(tmp_path: Path) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    assert_refused(brownie("deploy", url, tmp_path), "no node answers", url)
    assert list(tmp_path.iterdir()) == []


def test_network_and_node_must_agree(chain: str, tmp_path: Path) -> None:
    assert_refused(brownie("deploy", chain, tmp_path, network="sepolia"), "network sepolia", "anvil")


def test_settings_out_of_range(chain: str, tmp_path: Path) -> None:
    assert_refused(brownie("deploy", chain, tmp_path, CHAINFUND_FEE_BPS="501"), "CHAINFUND_FEE_BPS", "500")


@pytest.mark.usefixtures("contracts")
def test_preflight_off_anvil_insists(monkeypatch: pytest.MonkeyPatch) -> None:
    node = Node(network="mainnet", chain_id=1, genesis_hash="0x00", is_local=False)
    with pytest.raises(DeploymentError, match="CHAINFUND_ALLOW_MAINNET"):
        preflight(node, Settings())
    monkeypatch.setenv("CHAINFUND_ALLOW_MAINNET", "1")
    for variable in ("CHAINFUND_ADMIN", "CHAINFUND_TREASURY", "CHAINFUND_DEPLOYER"):
        with pytest.raises(DeploymentError, match=variable):
            preflight(node, Settings())
        monkeypatch.setenv(variable, ADMIN)


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
