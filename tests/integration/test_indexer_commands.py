"""The commands, in this process: what they say, what they return, what they leave alone."""

import json
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from devtools.servers import Anvil, free_port
from django_project.ledger.models import Chain, Contribution, Cursor, RawLog, SuspectRange
from tasks.indexing.node import rpc
from tasks.indexing.operating.doctor import diagnose
from tasks.indexing.pipeline.lease import Lease
from tests.faults.proxy import Liar, Proxy
from tests.support.contracts import Suite, contribute, create_campaign, deploy_suite, mine, mine_at
from tests.support.indexing import index_once, picture

pytestmark = pytest.mark.django_db(transaction=True)


@dataclass
class Outcome:
    returncode: int
    stdout: str
    error: str


def manage(*arguments: str) -> Outcome:
    """As `manage.py` ends: a CommandError is its one sentence and exit status 1."""
    output = StringIO()
    try:
        call_command(*arguments, stdout=output)
    except CommandError as error:
        return Outcome(error.returncode, output.getvalue(), str(error))
    return Outcome(0, output.getvalue(), "")


@pytest.fixture
def suite(anvil: Anvil, deployments_dir: Path, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Suite:
    monkeypatch.setattr(rpc, "FIRST_BACKOFF_SECONDS", 0.001)
    suite = deploy_suite(anvil, deployments_dir)
    settings.RPC_URLS = {suite.chain_id: [suite.url]}
    settings.DEPLOYMENTS_DIR = deployments_dir
    return suite


def test_a_chain_that_was_restarted_halts_with_the_cure(
    suite: Suite, settings: Any, tmp_path: Path, deployments_dir: Path
) -> None:
    contribute(suite, create_campaign(suite))
    assert manage("indexer", "run", "--once").returncode == 0
    before = picture(suite.chain_id)
    other = Anvil(tmp_path / "other", arguments=["--timestamp", "1700000000"])
    try:
        settings.RPC_URLS = {suite.chain_id: [other.url]}
        run = manage("indexer", "run", "--once")
        assert run.returncode == 1
        assert "run `manage.py indexer reset-chain --chain 31337`" in run.error
        chain = Chain.objects.get()
        assert (chain.state, chain.halt_code) == (Chain.State.HALTED, Chain.Halt.IDENTITY)
        assert picture(suite.chain_id) == before

        # Back on the old chain it goes on by itself; on the new one after a reset and a deployment.
        settings.RPC_URLS = {suite.chain_id: [suite.url]}
        assert manage("indexer", "run", "--once").returncode == 0
        assert Chain.objects.get().state == Chain.State.OK
        settings.RPC_URLS = {suite.chain_id: [other.url]}
        assert manage("indexer", "reset-chain", "--chain=31337").returncode == 0
        again = deploy_suite(other, deployments_dir)
        contribute(again, create_campaign(again), amount=77)
        assert manage("indexer", "run", "--once").returncode == 0
    finally:
        other.stop()
    assert Contribution.objects.get().amount == 77


def test_a_command_with_a_wrong_node_does_not_halt_a_chain_that_is_followed(
    suite: Suite, settings: Any, tmp_path: Path
) -> None:
    assert manage("indexer", "run", "--once").returncode == 0
    follower = Lease(suite.chain_id, "a worker elsewhere")
    follower.acquire()
    other = Anvil(tmp_path / "other", chain_id=5)
    try:
        settings.RPC_URLS = {suite.chain_id: [other.url]}
        run = manage("indexer", "run", "--once", f"--chain={suite.chain_id}")
    finally:
        other.stop()
    assert (run.returncode, "is on chain 5, not on chain 31337" in run.error) == (1, True)
    assert Chain.objects.get().state == Chain.State.OK


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--rpc-url=http://127.0.0.1:{closed}"], "no RPC endpoint answers"),
        (["--rpc-url=ftp://127.0.0.1"], "has to begin with http"),
        (["--deployments={missing}"], "there is no deployment to index"),
        (["--deployments={damaged}"], "is damaged"),
        (["--deployments={empty}"], "names no factory"),
        (["--deployments={foreign}"], "is on chain 31337, not on chain 5"),
        (["--chain=5"], "no RPC URL is set for chain 5"),
        (["--chain=5", "--rpc-url={url}"], "there is no deployment to index"),
        (["--deployments={wrong_code}"], "is not the CampaignFactory that was deployed"),
        (["--deployments={wrong_receipt}"], "is not the SupporterReceipt that was deployed"),
        (["--deployments={no_code}"], "there is no contract at"),
        (["--deployments={wrong_genesis}"], "was written for another chain"),
        (["--deployments={wrong_abi}"], "the ABI of CampaignFactory is missing"),
    ],
)
def test_a_wrong_set_up_gives_one_sentence_and_writes_nothing(
    suite: Suite, tmp_path: Path, arguments: list[str], sentence: str
) -> None:
    places = {"closed": str(free_port()), "missing": str(tmp_path / "nothing.json"), "url": suite.url}
    places |= {name: str(path) for name, path in damaged_registries(suite, tmp_path).items()}
    filled = [argument.format(**places) for argument in arguments]
    if not any("--rpc-url" in argument or "--chain" in argument for argument in filled):
        filled.append(f"--rpc-url={suite.url}")

    run = manage("indexer", "run", "--once", *filled)

    assert run.returncode == 1
    assert sentence in run.error
    assert len(run.error.splitlines()) == 1
    assert not Chain.objects.exists()


def damaged_registries(suite: Suite, directory: Path) -> dict[str, Path]:
    text = suite.registry.read_text()
    document = json.loads(text)
    factory = document["contracts"][0]
    receipt = next(entry for entry in document["contracts"] if entry["kind"] == "receipt")
    zeros = "0x" + 64 * "0"
    versions: dict[str, object] = {
        "empty": {**document, "contracts": []},
        "foreign": {**document, "chainId": 5},
        "wrong_genesis": {**document, "genesisHash": zeros},
        "wrong_code": {**document, "contracts": [{**factory, "runtimeCodeHash": zeros}]},
        "wrong_receipt": {**document, "contracts": [factory, {**receipt, "runtimeCodeHash": zeros}]},
        "no_code": {**document, "contracts": [{**factory, "address": "0x" + 40 * "1"}]},
        "wrong_abi": {**document, "contracts": [{**factory, "abiHash": 64 * "0"}]},
    }
    paths = {name: directory / f"{name}.json" for name in versions}
    for name, version in versions.items():
        paths[name].write_text(json.dumps(version))
    paths["damaged"] = directory / "damaged.json"
    paths["damaged"].write_text(text[: len(text) // 2])
    return paths


def test_status_verify_and_ledger_check_agree_with_the_chain(suite: Suite) -> None:
    campaign = create_campaign(suite, tiers=((1, 0),))
    contribute(suite, campaign, amount=5)
    assert manage("indexer", "run", "--once").returncode == 0

    status = manage("indexer", "status", "--json")
    (entry,) = json.loads(status.stdout)
    assert (entry["state"], entry["indexed"], entry["lag_blocks"]) == ("ok", suite.web3.eth.block_number, 0)
    assert entry["events"] == RawLog.objects.count()
    verdict = manage("indexer", "verify", "--json")
    assert verdict.returncode == 0, verdict.stdout
    assert json.loads(verdict.stdout)["holds"] is True
    check = manage("ledger", "check")
    assert check.returncode == 0
    assert "FAILS" not in check.stdout

    Contribution.objects.update(amount=6)
    verdict = manage("indexer", "verify", "--json")
    assert verdict.returncode == 1
    problems = " ".join(json.loads(verdict.stdout)["problems"])
    assert "event 2, Contributed: backerTotal is 5, the events before it lead to 6" in problems
    assert "Contribution rows of blocks" in problems
    assert manage("ledger", "check").returncode == 1


def test_the_doctor_counts_finality_as_it_is_set(suite: Suite) -> None:
    mine(suite, 20)
    index_once(suite)
    Chain.objects.update(finality_depth=3)
    [told] = [
        finding.observation
        for finding in diagnose(suite.chain_id, suite.registry, [suite.url])
        if finding.subject.startswith("endpoint")
    ]
    head = suite.web3.eth.block_number
    assert f"block {head:,}, final {head - 3:,}," in told


def test_the_doctor_names_cause_and_cure(suite: Suite, settings: Any) -> None:
    # The tests' chain is wound back after each, its clock too, and the doctor wonders at that.
    mine_at(suite, int(timezone.now().timestamp()))
    healthy = manage("indexer", "run", "--once")
    assert healthy.returncode == 0, healthy.error
    assert manage("indexer", "doctor").returncode == 0

    closed = f"http://127.0.0.1:{free_port()}"
    with Proxy(suite.url, Liar(0, 0.0)) as behind:
        mine(suite, 20)
        behind.lag = 15
        settings.RPC_URLS = {suite.chain_id: [suite.url, closed, behind.url]}
        sick = manage("indexer", "doctor")
    assert sick.returncode == 1
    assert "does not answer" in sick.stdout
    assert "15 blocks behind the others" in sick.stdout


def test_blocks_are_read_again_when_asked(suite: Suite) -> None:
    contribute(suite, create_campaign(suite), amount=5)
    index_once(suite)
    head = suite.web3.eth.block_number
    expected = picture(suite.chain_id)
    assert "are suspect now" in manage("indexer", "backfill", "--from=1", f"--to={head}").stdout
    assert SuspectRange.objects.filter(resolved_at=None).count() == 1
    index_once(suite)
    assert not SuspectRange.objects.filter(resolved_at=None).exists()
    assert f"ends at block {head - 1:,}" in manage("indexer", "reindex", f"--from={head}").stdout
    assert picture(suite.chain_id) != expected
    index_once(suite)
    assert picture(suite.chain_id) == expected
    assert "not all in the index" in manage("indexer", "backfill", "--from=1", "--to=99999").error
    assert "not all in the index" in manage("indexer", "backfill", "--from=5", "--to=4").error


def test_rewind_and_reset_say_what_they_took(suite: Suite) -> None:
    campaign = create_campaign(suite)
    kept = suite.web3.eth.block_number
    contribute(suite, campaign)
    manage("indexer", "run", "--once")

    run = manage("indexer", "rewind", f"--to-block={kept}")
    assert run.stdout.strip() == f"took back 1 blocks with 1 events; the index ends at block {kept:,}"
    assert Cursor.objects.get().next_block == kept + 1
    assert "outside of the index" in manage("indexer", "rewind", "--to-block=99999").error
    manage("indexer", "run", "--once")
    assert Contribution.objects.count() == 1

    assert "is forgotten" in manage("indexer", "reset-chain", f"--chain={suite.chain_id}").stdout
    # What operators have set in the chain's own row stays.
    assert Chain.objects.exists()
    assert not Cursor.objects.exists()
    assert not RawLog.objects.exists()
    assert "is not indexed yet" in manage("indexer", "verify").error


def test_several_chains_have_to_be_told_apart(suite: Suite, settings: Any) -> None:
    settings.RPC_URLS = {suite.chain_id: [suite.url], 5: ["http://127.0.0.1:1"]}
    (settings.DEPLOYMENTS_DIR / "5.json").write_text("{}")
    assert "add --chain with one of 5, 31337" in manage("indexer", "run", "--once").error
    assert manage("indexer", "run", "--once", f"--chain={suite.chain_id}").returncode == 0
