"""Launching campaigns, handing out roles, and a deployment to a network that is not one's own."""

import json
import os
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from chain import ROOT, anvil, environment
from eth_account import Account
from servers import node_of_another_make
from test_deploy import ADMIN, assert_refused
from web3 import HTTPProvider, Web3

from scripts.deployment.campaign_file import CampaignFile
from scripts.deployment.errors import DeploymentError
from scripts.deployment.roles import role_named

SEPOLIA = 11155111
PASSWORD = "correct horse"
TERMS = """
goal = "12.5"
deadline = {deadline}
mode = "all-or-nothing"
document = "story.json"
objection_window_days = 7
objection_threshold_bps = 2000
[[tiers]]
price = "0.5"
supply = 3
[[milestones]]
share_bps = 4000
due = {first}
[[milestones]]
share_bps = 6000
due = {second}
"""


def run(script: str, *arguments: str, url: str, folder: Path, network: str = "anvil", **more: Any) -> Any:
    stdin = more.pop("stdin", None)
    return subprocess.run(
        [str(ROOT / "tools" / "brownie"), "run", script, *arguments, "--network", network],
        env=environment(CHAINFUND_RPC_URL=url, CHAINFUND_DEPLOYMENTS_DIR=str(folder), **more),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        input=stdin,
    )


@pytest.fixture(scope="module")
def chain() -> Iterator[str]:
    with anvil() as url:
        yield url


@pytest.fixture(scope="module")
def folder(chain: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("deployments")
    assert run("deploy", url=chain, folder=folder).returncode == 0
    return folder


@pytest.fixture
def terms(chain: str, tmp_path: Path) -> Path:
    """A campaign's file, with its document beside it."""
    start = Web3(HTTPProvider(chain)).eth.get_block("latest")["timestamp"]
    (tmp_path / "story.json").write_text('{"schema":1}')
    path = tmp_path / "campaign.toml"
    times = {
        name: datetime.fromtimestamp(start + days * 86_400, UTC).isoformat()
        for name, days in (("deadline", 30), ("first", 60), ("second", 90))
    }
    path.write_text(TERMS.format(**times))
    return path


def test_a_campaign_from_its_file(chain: str, folder: Path, terms: Path) -> None:
    result = run("create_campaign", "main", str(terms), url=chain, folder=folder)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "goal 12.5" in result.stdout
    assert "milestone 2: 6000 bps" in result.stdout
    address = result.stdout.split("launched ")[1].split()[0]
    assert f"address {address}" in result.stdout
    entries = json.loads((folder / "31337.json").read_bytes())["contracts"]
    digest = next(entry["abiHash"] for entry in entries if entry["name"] == "Campaign")
    abi = json.loads((ROOT / "abis" / f"{digest}.json").read_bytes())
    campaign = Web3(HTTPProvider(chain)).eth.contract(address, abi=abi)
    assert campaign.functions.tier(1).call() == (5 * 10**17, 3, 0)
    assert campaign.functions.milestone(1).call()[0] == 4_000
    again = run("create_campaign", "main", str(terms), url=chain, folder=folder)
    assert_refused(again, "Factory_CampaignExists")


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ('goal = "12.5"', "goal = 12.5", ["goal", "decimal text"]),
        ('goal = "12.5"', 'goal = "-1"', ["goal", "decimal text"]),
        ('goal = "12.5"', 'goal = "0.0000000000000000001"', ["at most 18 decimals"]),
        ('goal = "12.5"', 'gaol = "12.5"', ["lacks goal"]),
        ('goal = "12.5"', "goal = ", ["not TOML"]),
        ('mode = "all-or-nothing"', 'mode = "all"', ["all-or-nothing or keep-what-you-raise"]),
        ('mode = "all-or-nothing"', 'mode = "all-or-nothing"\ncolour = "red"', ["'colour'", "no term"]),
        ('mode = "all-or-nothing"', 'mode = "all-or-nothing"\ntoken = "0x12"', ["not an address"]),
        ('"story.json"', '"nowhere.json"', ["nowhere.json", "can't be read"]),
        ("objection_window_days = 7", "objection_window_days = 31", ["objection_window_days", "30"]),
        ("+00:00\nmode", "\nmode", ["deadline must be a time with its zone"]),
        ("[[tiers]]", "[tiers]", ["[[tiers]]"]),
    ],
)
def test_what_a_file_may_not_say(terms: Path, before: str, after: str, words: list[str]) -> None:
    text = terms.read_text()
    assert before in text
    terms.write_text(text.replace(before, after))
    with pytest.raises(DeploymentError) as caught:
        CampaignFile.read(terms).params(18)
    assert [word for word in words if word not in str(caught.value)] == []


def test_what_the_factory_refuses_is_not_sent(chain: str, folder: Path, terms: Path) -> None:
    node = Web3(HTTPProvider(chain))
    block = node.eth.block_number
    terms.write_text(terms.read_text().replace("share_bps = 6000", "share_bps = 6001"))
    result = run("create_campaign", "main", str(terms), url=chain, folder=folder)
    assert_refused(result, "Factory_MilestoneSharesNotWhole(10001, 10000)")
    assert node.eth.block_number == block


def test_roles_are_given_and_taken(chain: str, folder: Path) -> None:
    given = run("grant_roles", "grant", "guardian", ADMIN, url=chain, folder=folder)
    assert given.returncode == 0, given.stdout + given.stderr
    guardians = [line for line in given.stdout.splitlines() if line.startswith("  guardian: ")]
    assert Web3.to_checksum_address(ADMIN) not in guardians[0]
    assert Web3.to_checksum_address(ADMIN) in guardians[1]
    assert_refused(run("grant_roles", "grant", "guardian", ADMIN, url=chain, folder=folder), "nothing to do")
    taken = run("grant_roles", "revoke", "guardian", ADMIN, url=chain, folder=folder)
    assert Web3.to_checksum_address(ADMIN) not in taken.stdout.split("after:")[1]
    assert_refused(
        run("grant_roles", "grant", "guardian", "0x12", url=chain, folder=folder), "not an address"
    )
    with pytest.raises(DeploymentError, match=r"'king'.*guardian"):
        role_named("king")
    assert role_named("fee_manager") == role_named("Fee manager")


def test_verify_where_there_is_no_network(chain: str, folder: Path) -> None:
    before = (folder / "31337.json").read_bytes()
    nowhere = "http://127.0.0.1:1"
    result = run(
        "verify",
        "main",
        "SupporterReceipt",
        url=chain,
        folder=folder,
        CHAINFUND_SOURCIFY_URL=nowhere,
        CHAINFUND_ETHERSCAN_URL=nowhere,
    )
    assert result.returncode == 1
    assert "can't be reached from here" in result.stdout
    assert "not verified: SupporterReceipt" in result.stderr
    assert (folder / "31337.json").read_bytes() == before


# --- off anvil ---


@pytest.fixture(scope="module")
def operator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """An encrypted account, a clean work tree, and what an operator sets off anvil."""
    home = Path(os.environ["HOME"]) / ".brownie" / "accounts"
    home.mkdir(parents=True, exist_ok=True)
    keystore = home / "chainfund-test-operator.json"
    account = Account.create()
    keystore.write_text(json.dumps(Account.encrypt(account.key, PASSWORD, iterations=2)))
    tree = tmp_path_factory.mktemp("tree")
    for command in (
        ["init", "-q"],
        ["-c", "user.name=n", "-c", "user.email=e@example.org", "commit", "-q", "--allow-empty", "-m", "m"],
    ):
        subprocess.run(["git", *command], cwd=tree, check=True)
    yield {
        "address": account.address,
        "CHAINFUND_DEPLOYER": keystore.stem,
        "CHAINFUND_ADMIN": ADMIN,
        "CHAINFUND_TREASURY": ADMIN,
        "GIT_DIR": str(tree / ".git"),
        "GIT_WORK_TREE": str(tree),
    }
    keystore.unlink()


def test_a_network_that_is_not_ones_own(operator: dict[str, str], tmp_path: Path) -> None:
    settings = {key: value for key, value in operator.items() if key != "address"}
    with anvil(SEPOLIA) as real, node_of_another_make(real) as url:
        node = Web3(HTTPProvider(real))

        def act(script: str, *arguments: str, **more: str) -> Any:
            return run(
                script, *arguments, url=url, folder=tmp_path, network="sepolia",
                stdin=f"{PASSWORD}\n", **{**settings, **more},
            )  # fmt: skip

        poor = act("deploy", CHAINFUND_BROADCAST="1")
        assert poor.returncode == 1
        assert "fund it first" in poor.stderr
        node.provider.make_request("anvil_setBalance", [operator["address"], hex(10**20)])

        rehearsed = act("deploy")
        assert rehearsed.returncode == 0, rehearsed.stdout + rehearsed.stderr
        assert "nothing was sent" in rehearsed.stdout
        assert node.eth.block_number == 0
        assert list(tmp_path.iterdir()) == []

        (Path(settings["GIT_WORK_TREE"]) / "stray").touch()
        assert "commit first" in act("deploy", CHAINFUND_BROADCAST="1").stderr
        (Path(settings["GIT_WORK_TREE"]) / "stray").unlink()

        deployed = act("deploy", CHAINFUND_BROADCAST="1")
        assert deployed.returncode == 0, deployed.stdout + deployed.stderr
        assert (
            f"every role of the factory belongs to {Web3.to_checksum_address(ADMIN)} alone" in deployed.stdout
        )
        assert "smoke campaign" in deployed.stdout
        registry = json.loads((tmp_path / f"{SEPOLIA}.json").read_bytes())
        assert [entry["name"] for entry in registry["contracts"]] == [
            "CampaignFactory", "Campaign", "SupporterReceipt",
        ]  # fmt: skip
        assert all(entry["gitCommit"] for entry in registry["contracts"])

        block = node.eth.block_number
        assert "nothing to do" in act("deploy", CHAINFUND_BROADCAST="1").stdout
        proposed = act("grant_roles", "grant", "guardian", operator["address"])
        assert f"the admin is {Web3.to_checksum_address(ADMIN)}: have it call" in proposed.stdout
        assert "0x2f2ff15d" in proposed.stdout  # grantRole(bytes32,address)
        assert node.eth.block_number == block
