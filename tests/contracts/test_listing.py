"""Which tokens are listed: what is found out about each kind, and what is written down."""

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from brownie import web3
from chain import ROOT, anvil, rpc
from conftest import Suite
from scripting import Scripts
from test_deploy import assert_done, assert_refused
from web3 import HTTPProvider, Web3

from scripts.deployment.errors import DeploymentError
from scripts.deployment.listing import examine
from scripts.deployment.registry import read_registry

KINDS = "tests/contracts/tokens/Kinds.sol"
ISSUER = Web3.to_checksum_address("0x00000000000000000000000000000000000155e3")
ERC1820_REGISTRY = "0x1820a4B7618BdE71Dce8cdc73aAB6C95905faD24"
ERC1820_CODE = "0x60005460005260206000f3"  # answers every question with what is in its first slot


@pytest.fixture(scope="module")
def kinds() -> dict[str, str]:
    """Creation codes by the contract's name."""
    request = {
        "language": "Solidity",
        "sources": {KINDS: {"urls": [KINDS]}},
        "settings": {
            "evmVersion": "cancun",
            "optimizer": {"enabled": True, "runs": 200},
            "outputSelection": {"*": {"*": ["evm.bytecode.object"]}},
        },
    }
    run = subprocess.run(
        [str(ROOT / "tools" / "solc"), "--standard-json"],
        input=json.dumps(request), capture_output=True, text=True, check=True, cwd=ROOT,
    )  # fmt: skip
    output = json.loads(run.stdout)
    assert [error for error in output.get("errors", []) if error["severity"] == "error"] == []
    return {name: found["evm"]["bytecode"]["object"] for name, found in output["contracts"][KINDS].items()}


Issue = Callable[[str], str]


@pytest.fixture
def issue(suite: Suite, kinds: dict[str, str]) -> Issue:
    """Deploys a token of some kind; the suite's owner is its issuer and has all of it."""

    def deploy(kind: str) -> str:
        return str(suite.owner.transfer(data=kinds[kind], silent=True).contract_address)

    return deploy


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("CentsCoin", "it has 2 decimals, not 6 to 18"),
        ("TinyUnitsCoin", "it has 24 decimals, not 6 to 18"),
        ("FeeCoin", "a transfer of what arrived of 500000 units brings 495000: it keeps a fee"),
        ("SenderFeeCoin", "a transfer of what arrived of 500000 units costs 505000: it takes a fee"),
        (
            "UnitShortCoin",
            "a transfer of 1000001 units brings 1000000: it keeps a fee, or moves other",
        ),
        ("SharesCoin", "as stETH does: it has sharesOf(address)"),
        ("RebasingCoin", "as AMPL does: it has rebase(uint256,int256)"),
        ("InterestCoin", "a balance is another 30 days later"),
        ("NoZeroApprovalCoin", "an approval of zero reverts"),
        ("FalseCoin", "a transfer by who was approved answers false"),
        ("Collectible", "a collection of collectibles (ERC-721)"),
        ("HookedCoin", "it calls whoever sends and receives (ERC-777)"),
    ],
)
def test_what_must_not_be_listed(suite: Suite, issue: Issue, kind: str, reason: str) -> None:
    report = examine(issue(kind), str(suite.owner))
    assert len(report.refusals) == 1, report.refusals
    assert reason in report.refusals[0]


@pytest.mark.parametrize(
    ("kind", "symbol", "decimals", "warnings"),
    [
        ("PlainCoin", "COIN", 6, []),
        ("YesCoin", "COIN", 6, []),
        ("DaiCoin", "DAI", 18, ["DAI's form"]),
        ("TetherCoin", "USDT", 6, [
            "stop all transfers, refunds and payouts in it too (pause(), paused())",
            "lock the money of an account, a campaign's too (addBlackList(address))",
            "set a fee on transfers; contributions would then be refused, and refunds short (basis",
            "no permit", "taken back before it is changed",
        ]),
        ("ProxiedTether", "USDT", 6, [
            "replace its code", "stop all", "lock the money", "set a fee", "no permit", "taken back",
        ]),
    ],
)  # fmt: skip
def test_what_may_be_listed(
    suite: Suite, issue: Issue, kind: str, symbol: str, decimals: int, warnings: list[str]
) -> None:
    block = web3.eth.block_number
    report = examine(issue(kind), str(suite.owner))
    assert (report.currency.symbol, report.currency.decimals, report.refusals) == (symbol, decimals, ())
    assert len(report.warnings) == len(warnings), report.warnings
    for found, words in zip(report.warnings, warnings, strict=True):
        assert words in found
    assert web3.eth.block_number == block + 1  # its creation: nothing else was sent


@pytest.mark.parametrize("kind", ["NamelessCoin", "BackwardsCoin"])
def test_what_has_no_name_that_can_be_shown(suite: Suite, issue: Issue, kind: str) -> None:
    with pytest.raises(DeploymentError, match="does not say its symbol and decimals"):
        examine(issue(kind), str(suite.owner))


def test_what_is_no_token(suite: Suite) -> None:
    with pytest.raises(DeploymentError, match=f"no contract at {ISSUER}"):
        examine(ISSUER, None)
    with pytest.raises(DeploymentError, match="does not say its symbol and decimals"):
        examine(suite.factory.address, None)


def test_hooks_that_only_their_registry_knows_of(suite: Suite, issue: Issue) -> None:
    token = issue("PlainCoin")
    rpc("anvil_setCode", ERC1820_REGISTRY, ERC1820_CODE)
    assert examine(token, str(suite.owner)).refusals == ()
    rpc("anvil_setStorageAt", ERC1820_REGISTRY, "0x0", "0x" + "01".rjust(64, "0"))
    assert "ERC-777" in examine(token, str(suite.owner)).refusals[0]


def test_a_token_whose_code_is_an_accounts_choice(suite: Suite, issue: Issue) -> None:
    token = issue("PlainCoin")
    rpc("anvil_setCode", ISSUER, "0xef0100" + token[2:])
    assert "delegation" in examine(ISSUER, str(suite.owner)).refusals[0]


def test_a_holder_is_found_or_named(suite: Suite, issue: Issue) -> None:
    """The newest receiver without code that has some; not a contract, nor who has given it away."""
    token = issue("PlainCoin")
    assert examine(token, None).refusals == ()
    with pytest.raises(DeploymentError, match=f"{suite.factory.address} has code"):
        examine(token, suite.factory.address)
    with pytest.raises(DeploymentError, match="less than 8 units"):
        examine(token, ISSUER)
    with pytest.raises(DeploymentError, match="CHAINFUND_TOKEN_HOLDER"):
        examine(issue("DaiCoin"), None)  # tells nobody of its transfers


# --- as an operator does it ---


@pytest.fixture(scope="module")
def chain() -> Iterator[str]:
    with anvil() as url:
        yield url


@pytest.fixture(scope="module")
def issued(chain: str, kinds: dict[str, str]) -> Callable[[str], str]:
    node = Web3(HTTPProvider(chain))

    def deploy(kind: str) -> str:
        sent = node.eth.send_transaction({"from": node.eth.accounts[0], "data": "0x" + kinds[kind]})
        return str(node.eth.wait_for_transaction_receipt(sent)["contractAddress"])

    return deploy


def written(folder: Path) -> list[dict[str, Any]]:
    entries = json.loads((folder / "31337.json").read_bytes())["contracts"]
    return [entry for entry in entries if entry["kind"] == "token"]


def test_what_is_allowed_is_written_down(
    scripts: Scripts, chain: str, issued: Callable[[str], str], tmp_path: Path
) -> None:
    first, second, cents = issued("PlainCoin"), issued("ProxiedTether"), issued("CentsCoin")
    holder = Web3(HTTPProvider(chain)).eth.accounts[0]

    def act(*words: str, **variables: str) -> Any:
        return scripts.run(*words, url=chain, folder=tmp_path, **variables)

    refused = act("deploy", CHAINFUND_TOKENS=f"{first},{cents}")
    assert_refused(refused, f"{cents} is against the listing policy: it has 2 decimals, not 6 to 18.")
    assert list(tmp_path.iterdir()) == []
    assert_done(act("deploy", CHAINFUND_TOKENS=f"{first},{first}"))
    own, listed = written(tmp_path)
    assert (own["name"], own["symbol"], own["decimals"]) == ("TestToken", "TUSD", 6)
    assert listed == {"name": "ERC20", "kind": "token", "address": first, "symbol": "COIN", "decimals": 6}
    assert "COIN " + first in assert_done(act("status"))

    assert_refused(act("list_token", "allow", second), "no holder", "CHAINFUND_TOKEN_HOLDER")
    said = assert_done(act("list_token", "allow", second, CHAINFUND_TOKEN_HOLDER=holder))
    assert f"USDT {second}, 6 decimals\n  warning: its issuer can replace its code\n" in said
    assert f"{second} is allowed for campaigns launched from now on" in said
    assert [token["address"] for token in written(tmp_path)] == [own["address"], first, second]
    assert_refused(act("list_token", "allow", second), f"nothing to do: {second} is allowed")
    assert_refused(act("list_token", "allow", cents), "against the listing policy")

    # Campaigns in it may be running: it stays in the file.
    assert f"{first} is forbidden" in assert_done(act("list_token", "forbid", first))
    assert first in [token["address"] for token in written(tmp_path)]
    assert_refused(act("list_token", "forbid", first), f"nothing to do: {first} is forbidden")
    assert first not in assert_done(act("status"))

    for bad in ("0x12", "0x" + "00" * 20):
        assert_refused(act("list_token", "allow", bad), "not the address of a token")
    assert_refused(act("list_token"), "probe|allow|forbid")
    assert_refused(act("list_token", "allow", first, "7"), "no factory of version '7'")
    probed = assert_done(act("list_token", "probe", first))
    assert "transfers, approvals and pulls move exactly what they say, also a month from now" in probed


def test_a_file_that_lacks_a_token(
    scripts: Scripts, chain: str, issued: Callable[[str], str], tmp_path: Path
) -> None:
    """As after a multisig has made the call that was printed for it."""
    token = issued("PlainCoin")
    multisig = ISSUER

    def act(*words: str) -> Any:
        return scripts.run(*words, url=chain, folder=tmp_path, CHAINFUND_ADMIN=multisig)

    assert_done(act("deploy"))
    proposed = assert_done(act("list_token", "allow", token))
    factory = read_registry(tmp_path / "31337.json", 31337).latest("CampaignFactory").address
    assert f"the token lister is {multisig}: have it call {factory} with\n" in proposed
    assert token not in [entry["address"] for entry in written(tmp_path)]

    node = Web3(HTTPProvider(chain))
    node.provider.make_request("anvil_setBalance", [multisig, hex(10**20)])
    node.provider.make_request("anvil_impersonateAccount", [multisig])
    sent = node.eth.send_transaction(
        {"from": multisig, "to": factory, "data": proposed.splitlines()[-1].strip()}
    )
    assert node.eth.wait_for_transaction_receipt(sent)["status"] == 1
    assert_refused(act("status"), f"lacks {token}, which a factory allows")
    before = (tmp_path / "31337.json").read_bytes()
    assert "wrote" in assert_done(act("list_token", "allow", token))
    after = (tmp_path / "31337.json").read_bytes()
    assert [entry["address"] for entry in written(tmp_path)][-1] == token
    (tmp_path / "31337.json").write_bytes(before)
    assert "tokens that the factory allows were missing" in assert_done(act("deploy"))
    assert (tmp_path / "31337.json").read_bytes() == after
    assert_done(act("status"))
