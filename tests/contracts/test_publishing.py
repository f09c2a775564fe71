"""Sources on their way to Sourcify and Etherscan, and what is said when one of them will not have them."""

import json
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from brownie import web3
from chain import free_port
from conftest import Suite
from scripting import Scripts
from servers import explorers
from test_deploy import assert_refused

from scripts.deployment.errors import DeploymentError
from scripts.deployment.registry import Entry
from scripts.deployment.verification import Explorers, Submission, compile_again, standard_json

SENT = (202, {"verificationId": "job-1"})
PENDING = (200, {"isJobCompleted": False})
MATCH = (200, {"isJobCompleted": True, "contract": {"match": "exact_match"}})
NO_MATCH = (200, {"isJobCompleted": True, "error": {"message": "bytecodes differ"}})
TAKEN = (200, {"status": "1", "result": "guid-1"})
QUEUED = (200, {"status": "0", "result": "Pending in queue"})
WORKING = (200, {"status": "0", "result": "In progress"})
PASSED = (200, {"status": "1", "result": "Pass - Verified"})
FAILED = (200, {"status": "0", "result": "Fail - Unable to verify"})


@pytest.fixture(scope="module")
def submission(deployed: Suite) -> Submission:
    container = deployed.contracts.SupporterReceipt
    entry = Entry(
        "SupporterReceipt", "receipt", "0x" + "11" * 20, 1, "0x" + "22" * 32,
        [deployed.factory.address, "uri"], "", "", "", {}, None, 1,
    )  # fmt: skip
    return Submission(11155111, entry, container, standard_json(container))


def publisher(url: str, key: str = "key") -> Explorers:
    return Explorers(
        etherscan_key=key, etherscan=f"{url}/etherscan", sourcify=f"{url}/sourcify", wait=lambda _: None
    )


def masked(code: str, evm: dict[str, Any]) -> str:
    """Deployed code with its immutable values blanked, as the compiler leaves them."""
    text = code.removeprefix("0x")
    for places in evm["deployedBytecode"]["immutableReferences"].values():
        for place in places:
            start, end = 2 * place["start"], 2 * (place["start"] + place["length"])
            text = text[:start] + "0" * (end - start) + text[end:]
    return text


@pytest.fixture(scope="module")
def compiled(contracts: Any) -> dict[str, dict[str, Any]]:
    """What each input for explorers compiles to, by the contract's name; slow, so all at once."""
    names = ("CampaignFactory", "Campaign", "SupporterReceipt")

    def compile_by_name(name: str) -> dict[str, Any]:
        return compile_again(contracts[name], standard_json(contracts[name]))

    with ThreadPoolExecutor() as pool:
        return dict(zip(names, pool.map(compile_by_name, names), strict=True))


def test_what_is_sent_compiles_to_what_is_on_the_chain(
    suite: Suite, receipt: Any, compiled: dict[str, dict[str, Any]]
) -> None:
    """By itself: compile_again() refuses an input that leaves out a source."""
    for name, address in (
        ("Campaign", suite.factory.implementation()),
        ("CampaignFactory", suite.factory.address),
        ("SupporterReceipt", receipt.address),
    ):
        evm = compiled[name]
        assert evm["bytecode"]["object"] == suite.contracts[name].bytecode
        code = web3.eth.get_code(address).hex()
        assert masked(code, evm) == masked(evm["deployedBytecode"]["object"], evm)
        assert evm["deployedBytecode"]["immutableReferences"] != {}


def test_an_input_that_is_not_whole(contracts: Any) -> None:
    container = contracts.TestToken
    source = standard_json(container)
    source["settings"]["outputSelection"] = {}
    del source["sources"]["node_modules/@openzeppelin/contracts/token/ERC20/ERC20.sol"]
    with pytest.raises(DeploymentError, match=r"lacks .*/ERC20\.sol"):
        compile_again(container, source)
    source["sources"] = {"a.sol": {"content": "contract {"}}
    with pytest.raises(DeploymentError, match="does not compile: Expected"):
        compile_again(container, source)


def test_both_explorers(submission: Submission) -> None:
    with explorers([SENT, PENDING, MATCH], [TAKEN, QUEUED, WORKING, PASSED]) as (url, asked):
        assert publisher(url).publish(submission) == ["Sourcify", "Etherscan"]
    path, sent = asked[0]
    assert path == f"/v2/verify/11155111/{submission.entry.address}"
    assert sent["contractIdentifier"] == "contracts/SupporterReceipt.sol:SupporterReceipt"
    assert sent["creationTransactionHash"] == submission.entry.txHash
    assert sent["stdJsonInput"] == submission.source
    assert asked[1][0] == asked[2][0] == "/v2/verify/job-1"
    form = asked[3][1]
    assert (form["chainid"], form["apikey"]) == ("11155111", "key")
    assert (form["module"], form["action"]) == ("contract", "verifysourcecode")
    assert json.loads(form["sourceCode"]) == submission.source
    assert form["compilerversion"].startswith("v0.8.37+commit.")
    assert form["constructorArguements"].startswith("0" * 24 + submission.entry.arguments[0][2:].lower())
    assert form["constructorArguements"] == form["constructorArguments"]
    assert (asked[4][1]["action"], asked[4][1]["guid"]) == ("checkverifystatus", "guid-1")


def test_what_is_verified_already(submission: Submission) -> None:
    known = (409, {"customCode": "already_verified", "message": "Contract is already verified"})
    with explorers([known], [(200, {"status": "0", "result": "Contract source code already verified"})]) as (
        url,
        _,
    ):
        assert publisher(url).publish(submission) == ["Sourcify", "Etherscan"]


def test_each_explorer_is_asked_until_it_has_it(submission: Submission) -> None:
    with explorers([SENT, NO_MATCH], [TAKEN, PASSED]) as (url, _):
        assert publisher(url).publish(submission) == ["Etherscan"]
    half = replace(submission, entry=replace(submission.entry, verified=["Etherscan"]))
    with explorers([SENT, MATCH], []) as (url, asked):
        assert publisher(url).remaining(half.entry) == ["Sourcify"]
        assert publisher(url).publish(half) == ["Etherscan", "Sourcify"]
        assert len(asked) == 2
    with explorers([SENT, MATCH], []) as (url, _):
        assert publisher(url, key="").publish(submission) == ["Sourcify"]


@pytest.mark.parametrize(
    ("sourcify", "etherscan", "reasons"),
    [
        (
            [(400, {"customCode": "unsupported_chain", "message": "unsupported chain"})],
            [(200, {"status": "0", "result": "Invalid API Key"})],
            ["unsupported chain", "Invalid API Key"],
        ),
        ([SENT, NO_MATCH], [TAKEN, FAILED], ["bytecodes differ", "Unable to verify"]),
        ([SENT] + [PENDING] * 40, [TAKEN] + [QUEUED] * 40, ["run verify again later"] * 2),
        ([(502, "bad gateway")], [(200, [])], ["no readable answer"] * 2),
        ([(429, {"message": "slow down"})], [TAKEN, (200, {})], ["slow down", "Etherscan did not verify"]),
    ],
    ids=["refused", "no match", "never done", "nonsense", "hurried"],
)
def test_refusals_are_told(
    submission: Submission,
    capsys: pytest.CaptureFixture[str],
    sourcify: list[Any],
    etherscan: list[Any],
    reasons: list[str],
) -> None:
    with explorers(sourcify, etherscan) as (url, _):
        assert publisher(url).publish(submission) == []
    said = capsys.readouterr().out.splitlines()
    assert len(said) == 2
    assert [reason for reason, line in zip(reasons, said, strict=True) if reason not in line] == []
    assert "key" not in "".join(said).replace("API Key", "")


def test_without_a_network(submission: Submission, capsys: pytest.CaptureFixture[str]) -> None:
    assert publisher(f"http://127.0.0.1:{free_port()}").publish(submission) == []
    assert capsys.readouterr().out.count("can't be reached from here") == 2


@pytest.mark.usefixtures("contracts")
def test_not_on_a_local_chain(scripts: Scripts, tmp_path: Any) -> None:
    result = scripts.run("verify", url=os.environ["CHAINFUND_RPC_URL"], folder=tmp_path)
    assert_refused(result, "local chain", "--network")
