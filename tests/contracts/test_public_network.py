"""The scripts on networks that are not one's own, with an encrypted account: rehearse, broadcast, go on."""

import json
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import test_deploy
from chain import anvil
from eth_account import Account
from scripting import Result, Scripts
from servers import Proxy, explorers, proxied
from test_deploy import assert_done
from test_publishing import MATCH, SENT
from web3 import HTTPProvider, Web3

SEPOLIA = 11155111
CLIENT = "Geth/v1.15.0"
PASSWORD = "correct horse"
TREASURY = "0x00000000000000000000000000000000000ad313"
GIT_IDENTITY = ("-c", "user.name=n", "-c", "user.email=e@example.org")


def assert_refused(result: Result, *words: str) -> None:
    """As there; without a terminal the question for the password goes to standard error too."""
    test_deploy.assert_refused(replace(result, stderr=result.stderr.rpartition('": ')[2]), *words)


@dataclass(frozen=True)
class Operator:
    """Encrypted accounts of a deployer and of an admin, and a clean work tree."""

    deployer: str
    admin: str
    tree: Path

    def environment(self) -> dict[str, str]:
        return {
            "CHAINFUND_DEPLOYER": "chainfund-test-deployer",
            "CHAINFUND_ADMIN": self.admin,
            "CHAINFUND_TREASURY": TREASURY,
            "GIT_DIR": str(self.tree / ".git"),
            "GIT_WORK_TREE": str(self.tree),
        }


@pytest.fixture(scope="module")
def operator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Operator]:
    # tools/brownie's home, where it links the operator's own accounts in when there are any.
    home = Path(os.environ["HOME"]) / ".brownie" / "accounts"
    home.mkdir(parents=True, exist_ok=True)
    addresses, files = [], []
    for name in ("deployer", "admin"):
        account = Account.create()
        addresses.append(account.address)
        files.append(home / f"chainfund-test-{name}.json")
        files[-1].write_text(json.dumps(Account.encrypt(account.key, PASSWORD, iterations=2)))
    tree = tmp_path_factory.mktemp("tree")
    for words in (["init", "-q"], [*GIT_IDENTITY, "commit", "-q", "--allow-empty", "-m", "m"]):
        subprocess.run(["git", *words], cwd=tree, check=True)
    yield Operator(*addresses, tree)
    for file in files:
        file.unlink()


@dataclass(frozen=True)
class Network:
    """A chain whose node does not say that it is anvil, and where the operator acts on it."""

    scripts: Scripts
    operator: Operator
    proxy: Proxy
    node: Web3
    folder: Path

    def act(self, script: str, *arguments: str, network: str = "sepolia", **variables: str) -> Result:
        settings = {**self.operator.environment(), "stdin": f"{PASSWORD}\n", **variables}
        return self.scripts.run(
            script, *arguments, url=self.proxy.url, folder=self.folder, network=network, **settings
        )

    def fund(self, address: str) -> None:
        self.node.provider.make_request("anvil_setBalance", [address, hex(10**20)])

    def registry(self) -> dict[str, Any]:
        return dict(json.loads((self.folder / f"{SEPOLIA}.json").read_bytes()))


@pytest.fixture(scope="module")
def network(
    scripts: Scripts, operator: Operator, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Network]:
    """Sepolia, to all appearances, with nothing deployed yet; the tests below go on from each other."""
    with anvil(SEPOLIA) as real, proxied(real, CLIENT) as proxy:
        yield Network(
            scripts, operator, proxy, Web3(HTTPProvider(real)), tmp_path_factory.mktemp("deployments")
        )


@pytest.fixture(scope="module")
def deployed(network: Network) -> Network:
    """The same with what a broadcast has left."""
    network.fund(network.operator.deployer)
    said = assert_done(network.act("deploy", CHAINFUND_BROADCAST="1"))
    assert f"every role of the factory belongs to {network.operator.admin} alone" in said
    assert "smoke campaign" in said
    assert "run verify --network sepolia" in said
    return network


def test_what_stands_in_the_way(network: Network) -> None:
    """Each of these ends before anything is sent."""
    tree = network.operator.tree
    assert_refused(network.act("deploy", CHAINFUND_BROADCAST="1"), "fund it first")
    for variable in ("CHAINFUND_ADMIN", "CHAINFUND_TREASURY", "CHAINFUND_DEPLOYER"):
        assert_refused(network.act("deploy", **{variable: ""}), f"{variable} must be set")
    same = network.act("deploy", CHAINFUND_ADMIN=network.operator.deployer)
    assert_refused(same, "CHAINFUND_ADMIN is the deployer")
    (tree / "stray").touch()
    assert_refused(network.act("deploy", CHAINFUND_BROADCAST="1"), "commit first")
    (tree / "stray").unlink()
    assert_refused(network.act("deploy", stdin="wrong\n"), "the password does not open")
    assert_refused(network.act("deploy", network="base-sepolia"), "84532", str(SEPOLIA))
    assert_refused(network.act("deploy", network="anvil"), "network anvil", CLIENT)
    assert network.node.eth.block_number == 0
    assert list(network.folder.iterdir()) == []


def test_a_rehearsal_sends_nothing(network: Network) -> None:
    network.fund(network.operator.deployer)
    said = assert_done(network.act("deploy"))
    assert f"rehearsal on sepolia: CampaignFactory('{network.operator.admin}', 172800, " in said
    assert "note: CHAINFUND_ADMIN" in said  # has no code
    assert "nothing was sent" in said
    assert network.node.eth.block_number == 0
    assert list(network.folder.iterdir()) == []


def test_a_broadcast_and_its_second_run(deployed: Network) -> None:
    registry = deployed.registry()
    assert [(entry["name"], entry["kind"]) for entry in registry["contracts"]] == [
        ("CampaignFactory", "factory"), ("Campaign", "implementation"), ("SupporterReceipt", "receipt"),
    ]  # fmt: skip
    head = ["git", "rev-parse", "HEAD"]
    commit = subprocess.run(head, cwd=deployed.operator.tree, check=True, capture_output=True, text=True)
    assert {entry["gitCommit"] for entry in registry["contracts"]} == {commit.stdout.strip()}
    block = deployed.node.eth.block_number
    # The file that it has just written is no reason to refuse.
    written = deployed.operator.tree / "deployments" / "1.json"
    written.parent.mkdir()
    written.touch()
    assert "nothing to do" in assert_done(deployed.act("deploy", CHAINFUND_BROADCAST="1"))
    assert deployed.registry() == registry
    assert deployed.node.eth.block_number == block


def test_not_a_wei_more_than_the_block_asks_for(deployed: Network) -> None:
    """An offer of twice the base fee is not what is paid."""
    entry = deployed.registry()["contracts"][0]
    transaction = deployed.node.eth.get_transaction(entry["txHash"])
    receipt = deployed.node.eth.get_transaction_receipt(entry["txHash"])
    base = deployed.node.eth.get_block(entry["deployBlock"])["baseFeePerGas"]
    assert receipt["effectiveGasPrice"] == base + transaction["maxPriorityFeePerGas"]
    assert receipt["effectiveGasPrice"] < transaction["maxFeePerGas"]


def test_trying_out_again(deployed: Network) -> None:
    block = deployed.node.eth.block_number
    assert "nothing was sent" in assert_done(deployed.act("deploy", "smoke"))
    assert deployed.node.eth.block_number == block
    assert "taken back from" in assert_done(deployed.act("deploy", "smoke", CHAINFUND_BROADCAST="1"))
    assert deployed.node.eth.block_number == block + 4


def test_roles_of_a_multisig(deployed: Network) -> None:
    """Who is not the admin gets the call to propose; the admin rehearses and sends."""
    admin, deployer = deployed.operator.admin, deployed.operator.deployer
    factory = deployed.registry()["contracts"][0]["address"]
    block = deployed.node.eth.block_number
    proposed = assert_done(deployed.act("grant_roles", "grant", "guardian", deployer))
    assert f"the admin is {admin}: have it call {factory} with" in proposed
    call = proposed.splitlines()[-1].strip()
    assert call.startswith("0x2f2ff15d")  # grantRole(bytes32,address)
    as_admin = {"CHAINFUND_DEPLOYER": "chainfund-test-admin"}
    assert "nothing was sent" in assert_done(
        deployed.act("grant_roles", "grant", "guardian", deployer, **as_admin)
    )
    assert deployed.node.eth.block_number == block

    # What was proposed is what the admin's own transaction would be.
    deployed.fund(admin)
    deployed.node.provider.make_request("anvil_impersonateAccount", [admin])
    deployed.node.eth.send_transaction({"from": admin, "to": factory, "data": call})
    revoked = deployed.act("grant_roles", "revoke", "guardian", deployer, CHAINFUND_BROADCAST="1", **as_admin)
    before, after = assert_done(revoked).split("after:")
    assert f"guardian: {admin}, {deployer}\n" in before
    assert f"guardian: {admin}\n" in after


def test_a_node_that_limits_questions_about_events(deployed: Network) -> None:
    deployed.node.provider.make_request("anvil_mine", [hex(1_500)])
    deployed.proxy.log_range = 700
    try:
        assert f"guardian: {deployed.operator.admin}\n" in assert_done(deployed.act("status"))
        deployed.proxy.log_range = 10
        assert_refused(deployed.act("status"), "the node refused", "limited to 10 blocks")
    finally:
        deployed.proxy.log_range = None


def test_launching_from_a_file(deployed: Network, tmp_path: Path) -> None:
    (tmp_path / "story.json").write_text('{"schema":1}')
    deadline = datetime.fromtimestamp(deployed.node.eth.get_block("latest")["timestamp"], UTC)
    (tmp_path / "campaign.toml").write_text(
        'goal = "1"\nmode = "keep-what-you-raise"\ndocument = "story.json"\n'
        f"deadline = {(deadline + timedelta(days=10)).isoformat()}\n"
    )
    words = ("create_campaign", "main", str(tmp_path / "campaign.toml"))
    block = deployed.node.eth.block_number
    rehearsed = assert_done(deployed.act(*words))
    assert "nothing was sent" in rehearsed
    assert deployed.node.eth.block_number == block
    launched = assert_done(deployed.act(*words, CHAINFUND_BROADCAST="1"))
    address = rehearsed.split("address ")[1].split(",")[0]
    assert f"launched {address} in block {block + 1}" in launched


def test_sources_are_published_once(deployed: Network) -> None:
    def verify(url: str, **more: str) -> Result:
        return deployed.act(
            "verify", "main", "SupporterReceipt",
            CHAINFUND_SOURCIFY_URL=f"{url}/sourcify", CHAINFUND_ETHERSCAN_URL=f"{url}/etherscan", **more,
        )  # fmt: skip

    before = deployed.registry()
    away = verify("http://127.0.0.1:1", ETHERSCAN_TOKEN="key")
    assert away.stdout.count("can't be reached from here") == 2
    assert_refused(away, "not verified: SupporterReceipt")
    assert deployed.registry() == before

    with explorers([SENT, MATCH], []) as (url, asked):
        for _ in range(2):
            said = assert_done(verify(url))
            assert "Etherscan is left out" in said
            assert "verified by Sourcify\n" in said
            assert len(asked) == 2
    assert deployed.registry()["contracts"][2]["verified"] == ["Sourcify"]
    assert "ok verified by Sourcify\n" in assert_done(deployed.act("status"))
    assert_refused(deployed.act("verify", "main", "Nothing"), "'Nothing'", "SupporterReceipt")


def test_where_the_currency_is_worth_something(scripts: Scripts, operator: Operator, tmp_path: Path) -> None:
    with anvil(1) as real, proxied(real, CLIENT) as proxy:
        network = Network(scripts, operator, proxy, Web3(HTTPProvider(real)), tmp_path)

        def act(*words: str, **more: str) -> Result:
            return network.act(*words, network="mainnet", **more)

        network.fund(operator.deployer)
        assert_refused(act("deploy", CHAINFUND_BROADCAST="1"), "worth something", "CHAINFUND_ALLOW_MAINNET")
        allowed = {"CHAINFUND_ALLOW_MAINNET": "1"}
        assert_refused(act("deploy", CHAINFUND_BROADCAST="1", **allowed), "name a multisig", operator.admin)
        network.node.provider.make_request("anvil_setCode", [operator.admin, "0x00"])
        assert "nothing was sent" in assert_done(act("deploy", **allowed))
        assert network.node.eth.block_number == 0
        said = assert_done(act("deploy", CHAINFUND_BROADCAST="1", **allowed))
        assert "smoke campaign" not in said
        assert network.node.eth.block_number == 2
        assert_refused(act("deploy", "smoke", CHAINFUND_BROADCAST="1"), "worth something")
