"""Launching campaigns, handing out roles, and asking how things stand."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from chain import ROOT, anvil
from conftest import DAY, Suite
from eth_utils import keccak
from scripting import Scripts
from test_deploy import ADMIN, assert_done, assert_refused
from web3 import HTTPProvider, Web3

from scripts.deployment.amounts import Currency
from scripts.deployment.campaign_file import CampaignFile
from scripts.deployment.errors import DeploymentError
from scripts.deployment.roles import require_handover, role_named

GUARDIAN = Web3.to_checksum_address(ADMIN)
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


@pytest.fixture(scope="module")
def chain() -> Iterator[str]:
    with anvil() as url:
        yield url


@pytest.fixture(scope="module")
def folder(scripts: Scripts, chain: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("deployments")
    assert_done(scripts.run("deploy", url=chain, folder=folder))
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


def contract(name: str, url: str, folder: Path, address: str | None = None) -> Any:
    """A contract by its registered ABI."""
    entries = json.loads((folder / "31337.json").read_bytes())["contracts"]
    entry = next(entry for entry in entries if entry["name"] == name)
    abi = json.loads((ROOT / "abis" / f"{entry['abiHash']}.json").read_bytes())
    return Web3(HTTPProvider(url)).eth.contract(address or entry["address"], abi=abi)


def test_a_campaign_from_its_file(scripts: Scripts, chain: str, folder: Path, terms: Path) -> None:
    said = assert_done(scripts.run("create_campaign", "main", str(terms), url=chain, folder=folder))
    document = (terms.parent / "story.json").read_bytes()
    for words in (
        "goal 12.5 ETH", "cap none", "tier 1: 0.5 ETH, 3 limit", "milestone 2: 6000 bps", "than 2000 bps",
        f"keccak256 0x{keccak(document).hex()}", f"{len(document)} bytes",
    ):  # fmt: skip
        assert words in said
    address = said.split("launched ")[1].split()[0]
    assert f"address {address}" in said
    campaign = contract("Campaign", chain, folder, address)
    assert campaign.functions.tier(1).call() == (5 * 10**17, 3, 0)
    assert campaign.functions.milestone(1).call()[0] == 4_000
    again = scripts.run("create_campaign", "main", str(terms), url=chain, folder=folder)
    assert_refused(again, "Factory_CampaignExists", "whatever became of it", "nonce")
    terms.write_text(f"nonce = 1\n{terms.read_text()}")
    once_more = scripts.run("create_campaign", "main", str(terms), url=chain, folder=folder)
    assert address not in assert_done(once_more)


def test_what_a_creator_agrees_to(scripts: Scripts, chain: str, folder: Path, terms: Path) -> None:
    """No fee above the one that is named, and no evidence before its date."""
    text = terms.read_text()
    opens = datetime.fromtimestamp(CampaignFile.read(terms).params(18, 0)[9][1][1] - 7 * 86_400, UTC)
    terms.write_text(f"max_fee_bps = 249\n{text}not_before = {opens.isoformat()}\n")
    refused = scripts.run("create_campaign", "main", str(terms), url=chain, folder=folder)
    assert_refused(refused, "Factory_FeeAboveMax(250, 249)", "raise that")
    terms.write_text(f"max_fee_bps = 250\n{text}not_before = {opens.isoformat()}\n")
    said = assert_done(scripts.run("create_campaign", "main", str(terms), url=chain, folder=folder))
    assert f"not before {opens.isoformat()}" in said
    assert "at most 250 bps of fee" in said


def test_the_same_campaign_as_json(terms: Path) -> None:
    """Times are texts there; everything else is what it was."""
    document = dict(CampaignFile.read(terms).values)
    path = terms.with_suffix(".json")
    path.write_text(json.dumps(document, default=datetime.isoformat))
    assert CampaignFile.read(path).params(18, 250) == CampaignFile.read(terms).params(18, 250)


def test_amounts_keep_every_digit(terms: Path) -> None:
    """Decimal's usual 28 digits would round this goal, without a word, in the last one."""
    goal = "12345678901.123456789012345678"
    terms.write_text(terms.read_text().replace('"12.5"', f'"{goal}"'))
    assert CampaignFile.read(terms).params(18, 250)[2] == 12345678901123456789012345678
    assert Currency("ETH", 18).text(12345678901123456789012345678) == f"{goal} ETH"
    assert [Currency("T", 6).text(units) for units in (0, 1, 1_500_000, 2 * 10**6)] == [
        "0 T", "0.000001 T", "1.5 T", "2 T",
    ]  # fmt: skip
    assert Currency("P", 0).text(7) == "7 P"


def test_the_document_is_the_one_that_was_meant(terms: Path) -> None:
    digest = keccak((terms.parent / "story.json").read_bytes()).hex()
    terms.write_text(f'metadata_hash = "0x{digest}"\n' + terms.read_text())
    assert CampaignFile.read(terms).params(18, 250)[7].hex() == digest
    (terms.parent / "story.json").write_text('{"schema":1} ')
    with pytest.raises(DeploymentError, match=f"metadata_hash is 0x{digest}"):
        CampaignFile.read(terms).params(18, 250)


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
        ("supply = 3", "suply = 3", ["number 1 of tiers", "suply", "price, supply"]),
        ('price = "0.5"\n', "", ["number 1 of tiers", "price"]),
        ("share_bps = 6000\n", "", ["number 2 of milestones", "share_bps, due"]),
        ("supply = 3", "supply = -3", ["supply", "not -3"]),
        ("supply = 3", "supply = true", ["supply", "not True"]),
        ('goal = "12.5"', 'goal = "1e80"', ["goal", "decimal text"]),
        ('goal = "12.5"', 'goal = "twelve"', ["goal", "not 'twelve'"]),
        ('goal = "12.5"', f'goal = "{"1" * 200}"', ["goal", "decimal text"]),
    ],
)
def test_what_a_file_may_not_say(terms: Path, before: str, after: str, words: list[str]) -> None:
    text = terms.read_text()
    assert before in text
    terms.write_text(text.replace(before, after))
    with pytest.raises(DeploymentError) as caught:
        CampaignFile.read(terms).params(18, 250)
    assert [word for word in words if word not in str(caught.value)] == []


def test_files_that_are_no_terms(tmp_path: Path) -> None:
    for name, content, words in (
        ("a.toml", "goal", "is not TOML"),
        ("a.json", "{", "is not JSON"),
        ("a.json", "[]", "has no terms"),
        (
            "a.json",
            '{"goal": "1", "deadline": "soon", "mode": "all-or-nothing", "document": "a.json"}',
            "zone",
        ),
        ("nowhere.toml", None, "can't be read"),
    ):
        if content is not None:
            (tmp_path / name).write_text(content)
        with pytest.raises(DeploymentError, match=words):
            CampaignFile.read(tmp_path / name).params(18, 250)


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ("share_bps = 6000", "share_bps = 6001", "Factory_MilestoneSharesNotWhole(10001, 10000)"),
        ("share_bps = 4000", "share_bps = 5001", "Factory_MilestoneShareOutOfBounds(1, 5001, 1, 5000)"),
        ('goal = "12.5"', 'goal = "0"', "Factory_GoalOutOfBounds(0, 1, "),
        ('goal = "12.5"', f'goal = "12.5"\ntoken = "{ADMIN}"', "is it a token on this chain?"),
        (
            'goal = "12.5"',
            'goal = "12.5"\nmetadata_uri = "a b"',
            "Factory_InvalidMetadataURICharacter(1, b' ')",
        ),
    ],
)
def test_what_the_factory_refuses_is_not_sent(
    scripts: Scripts, chain: str, folder: Path, terms: Path, before: str, after: str, words: str
) -> None:
    node = Web3(HTTPProvider(chain))
    block = node.eth.block_number
    terms.write_text(terms.read_text().replace(before, after))
    result = scripts.run("create_campaign", "main", str(terms), url=chain, folder=folder)
    assert_refused(result, words)
    assert node.eth.block_number == block


def test_words_that_are_missing(scripts: Scripts, chain: str, folder: Path, tmp_path: Path) -> None:
    assert_refused(scripts.run("create_campaign", url=chain, folder=folder), "name the campaign's file")
    assert_refused(scripts.run("grant_roles", url=chain, folder=folder), "grant|revoke", "guardian")
    for script in (("status",), ("create_campaign", "main", "x.toml"), ("deploy", "smoke")):
        result = scripts.run(*script, url=chain, folder=tmp_path)
        assert_refused(result, "x.toml" if script[0] == "create_campaign" else "31337.json")


def test_roles_are_given_and_taken(scripts: Scripts, chain: str, folder: Path) -> None:
    def act(*words: str) -> Any:
        return scripts.run("grant_roles", *words, url=chain, folder=folder)

    given = assert_done(act("grant", "guardian", ADMIN))
    guardians = [line for line in given.splitlines() if line.startswith("  guardian: ")]
    assert GUARDIAN not in guardians[0]
    assert GUARDIAN in guardians[1]
    assert GUARDIAN in assert_done(scripts.run("status", url=chain, folder=folder))
    assert_refused(act("grant", "guardian", ADMIN), "nothing to do", "has that role")
    taken = assert_done(act("revoke", "guardian", ADMIN, "2"))
    assert GUARDIAN not in taken.split("after:")[1]
    assert_refused(act("revoke", "guardian", ADMIN), "nothing to do", "lacks that role")
    assert_refused(act("revoke", "guardian", ADMIN, "1"), "no factory of version '1'", "only 2")
    assert_refused(act("grant", "guardian", "0x12"), "not an address")
    assert_refused(act("grant", "admin", ADMIN), "two steps")
    assert_refused(act("grant", "king", ADMIN), "'king'", "guardian")
    assert role_named("fee_manager") == role_named("Fee manager")


def test_status_says_how_things_stand(scripts: Scripts, chain: str, folder: Path) -> None:
    factory = contract("CampaignFactory", chain, folder)
    owner = Web3(HTTPProvider(chain)).eth.accounts[0]
    token = contract("TestToken", chain, folder)
    start = Web3(HTTPProvider(chain)).eth.get_block("latest")["timestamp"]
    for number in range(11):
        params = (
            token.address, 0, 10**7, start + 30 * DAY, 0, 0, "chainfund:x", (number + 1).to_bytes(32, "big"),
            [], [], 0, 0, 250, 0,
        )  # fmt: skip
        factory.functions.createCampaign(params).transact({"from": owner})
    newest = factory.functions.campaignAddress(owner, params).call()
    campaign = contract("Campaign", chain, folder, newest)
    token.functions.mint(owner, 10**9).transact({"from": owner})
    token.functions.approve(newest, 10**9).transact({"from": owner})
    campaign.functions.contributeERC20(2_500_000, 0, bytes(32)).transact({"from": owner})
    campaign.functions.setContributionsPaused(True).transact({"from": owner})
    factory.functions.pause().transact({"from": owner})
    factory.functions.beginDefaultAdminTransfer(GUARDIAN).transact({"from": owner})
    try:
        said = assert_done(scripts.run("status", url=chain, folder=folder))
    finally:
        factory.functions.unpause().transact({"from": owner})
        factory.functions.cancelDefaultAdminTransfer().transact({"from": owner})
    assert said.count(" ok not verified") == 4
    assert f"admin to be: {GUARDIAN}, who may accept from 20" in said
    assert f"tokens: ETH 0x{'0' * 40}, TUSD {token.address}" in said
    assert f"treasury {owner} has " in said
    assert ", 997.5 TUSD\n" in said
    assert "fee 250 bps, creation paused: True" in said
    assert f"{newest} Funding, raised 2.5 TUSD of 10 TUSD, holds 2.5 TUSD, contributions paused\n" in said
    count = factory.functions.campaignCount().call()
    assert f"and {count - 10} before these" in said


def test_handover_is_not_believed_but_seen(suite: Suite) -> None:
    """Whoever else holds a role is found in the events; who gave it back is not held against anybody."""
    factory, owner, other = suite.factory, suite.owner, suite.backers[0]
    require_handover(factory, 0, other.address, owner.address)
    factory.grantRole(role_named("guardian"), other, {"from": owner})
    with pytest.raises(DeploymentError, match=f"guardian of {factory.address}.*only {owner.address}"):
        require_handover(factory, 0, owner.address, owner.address)
    with pytest.raises(DeploymentError, match="the deployer is guardian"):
        require_handover(factory, 0, other.address, owner.address)
    factory.revokeRole(role_named("guardian"), other, {"from": owner})
    require_handover(factory, 0, other.address, owner.address)
    factory.revokeRole(role_named("guardian"), owner, {"from": owner})
    with pytest.raises(DeploymentError, match="guardian"):
        require_handover(factory, 0, other.address, owner.address)
