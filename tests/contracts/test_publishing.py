"""Sources on their way to Sourcify and Etherscan, and what is said when one of them will not have them."""

import json
from typing import Any

import pytest
from chain import free_port
from conftest import Suite
from servers import explorers

from scripts.deployment.registry import Entry
from scripts.deployment.verification import ExplorerError, Explorers, Submission, compile_again, standard_json

SENT = (202, {"verificationId": "job-1"})
PENDING = (200, {"isJobCompleted": False})
MATCH = (200, {"isJobCompleted": True, "contract": {"match": "exact_match"}})
NO_MATCH = (200, {"isJobCompleted": True, "error": {"message": "bytecodes differ"}})
TAKEN = (200, {"status": "1", "result": "guid-1"})
QUEUED = (200, {"status": "0", "result": "Pending in queue"})
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


def test_what_is_sent_compiles_to_what_was_deployed(contracts: Any) -> None:
    """The input is whole: nothing but itself is needed, and the IR is asked for."""
    container = contracts.SupporterReceipt
    source = standard_json(container)
    assert compile_again(container, source) == container.bytecode
    assert source["settings"]["viaIR"] is True
    source["settings"]["viaIR"] = False
    assert compile_again(container, source) != container.bytecode


def test_both_explorers(submission: Submission) -> None:
    with explorers([SENT, PENDING, MATCH], [TAKEN, QUEUED, PASSED]) as (url, asked):
        assert publisher(url).publish(submission) == ["Sourcify", "Etherscan"]
    path, sent = asked[0]
    assert path == f"/v2/verify/11155111/{submission.entry.address}"
    assert sent["contractIdentifier"] == "contracts/SupporterReceipt.sol:SupporterReceipt"
    assert sent["creationTransactionHash"] == submission.entry.txHash
    assert sent["stdJsonInput"] == submission.source
    assert asked[1][0] == asked[2][0] == "/v2/verify/job-1"
    form = asked[3][1]
    assert (form["chainid"], form["apikey"], form["action"]) == ("11155111", "key", "verifysourcecode")
    assert json.loads(form["sourceCode"]) == submission.source
    assert form["compilerversion"].startswith("v0.8.37+commit.")
    assert form["constructorArguements"].startswith("0" * 24 + submission.entry.arguments[0][2:].lower())
    assert asked[4][1]["guid"] == "guid-1"


def test_what_is_verified_already(submission: Submission) -> None:
    known = (409, {"customCode": "already_verified", "message": "Contract is already verified"})
    with explorers([known], [(200, {"status": "0", "result": "Contract source code already verified"})]) as (
        url,
        _,
    ):
        assert publisher(url).publish(submission) == ["Sourcify", "Etherscan"]


def test_one_is_enough(submission: Submission, capsys: pytest.CaptureFixture[str]) -> None:
    with explorers([SENT, NO_MATCH], [TAKEN, PASSED]) as (url, _):
        assert publisher(url).publish(submission) == ["Etherscan"]
    assert "bytecodes differ" in capsys.readouterr().out
    with explorers([SENT, MATCH], []) as (url, asked):
        assert publisher(url, key="").publish(submission) == ["Sourcify"]
        assert len(asked) == 2
    assert "ETHERSCAN_TOKEN" in capsys.readouterr().out


def test_refusals_are_told(submission: Submission) -> None:
    refused = (400, {"customCode": "invalid_parameter", "message": "unsupported chain"})
    bad_key = (200, {"status": "0", "result": "Invalid API Key"})
    with explorers([refused], [bad_key]) as (url, _), pytest.raises(ExplorerError) as caught:
        publisher(url).publish(submission)
    assert "unsupported chain" in str(caught.value)
    assert "Invalid API Key" in str(caught.value)
    with explorers([SENT, NO_MATCH], [TAKEN, FAILED]) as (url, _), pytest.raises(ExplorerError) as caught:
        publisher(url).publish(submission)
    assert "Unable to verify" in str(caught.value)


def test_an_explorer_that_never_ends(submission: Submission) -> None:
    with (
        explorers([SENT] + [PENDING] * 40, [TAKEN] + [QUEUED] * 40) as (url, _),
        pytest.raises(ExplorerError, match="run verify again later"),
    ):
        publisher(url).publish(submission)


def test_without_a_network(submission: Submission) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    with pytest.raises(ExplorerError, match="can't be reached from here"):
        publisher(url).publish(submission)
