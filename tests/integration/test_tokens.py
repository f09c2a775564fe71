"""What tokens are is read from their own contracts, whatever those say, and never guessed."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone
from web3 import Web3

from devtools.servers import Anvil
from django_project.accounts.models import User
from django_project.campaigns import services as campaigns
from django_project.campaigns.models import Listing
from django_project.campaigns.selectors import cards_by_key, detail_of, listing_by_key
from django_project.core.addresses import parse_address
from django_project.core.metadata import canonical_json, metadata_hash
from django_project.ledger import services
from django_project.ledger.invariants import violations
from django_project.ledger.models import Chain, Cursor, FactoryEvent, SuspectRange, Token
from django_project.ledger.selectors import TokenInfo, index_health, token_of
from tasks.indexing.node.rpc import Pool
from tasks.indexing.operating.doctor import diagnose
from tasks.indexing.operating.registry import load_events, read_registry
from tasks.indexing.pipeline import tokens
from tasks.indexing.repair.verify import Verifier
from tests.factories import CATEGORIES
from tests.faults.providers import Habits, Provider, Refusal
from tests.support.contracts import Suite, create_campaign, deploy_suite, mine, node
from tests.support.indexing import index_once
from tests.support.tokens.answering import ENDLESS, answering, set_code, text, token_code, word
from tests.support.tokens.stock import UsdtLikeness

pytestmark = pytest.mark.django_db(transaction=True)

UNKNOWN = "every campaign's currency is known"


@pytest.fixture
def suite(anvil: Anvil, deployments_dir: Path) -> Suite:
    return deploy_suite(anvil, deployments_dir)


def allow(suite: Suite, token: str, *, allowed: bool = True) -> None:
    suite.send(suite.factory.functions.setTokenAllowed(token, allowed), suite.admin)


def odd_token(suite: Suite, number: int, code: bytes) -> str:
    """A token that is listed while it behaves, and then turns out to have this code."""
    address = Web3.to_checksum_address(f"0x{number:040x}")
    set_code(suite.web3, address, token_code(text(f"ODD{number}"), word(18)))
    allow(suite, address)
    set_code(suite.web3, address, code)
    return address


def known(suite: Suite, token: str) -> TokenInfo | None:
    return token_of(suite.chain_id, parse_address(token))


def row(token: str) -> Token:
    return Token.objects.get(address=parse_address(token))


def verify(suite: Suite) -> list[str]:
    with Pool((suite.url,)) as pool:
        chain = Chain.objects.get(pk=suite.chain_id)
        return Verifier(chain, pool, load_events(read_registry(suite.registry))).verify().problems


def listed(suite: Suite, campaign: str, document: dict[str, object]) -> Listing:
    campaigns.ensure_categories(CATEGORIES)
    campaigns.store_metadata(document)
    campaigns.sync_listings(suite.chain_id)
    return listing_by_key(suite.chain_id, parse_address(campaign))


def document(title: str) -> dict[str, object]:
    return {
        "schema": 1,
        "title": title,
        "tagline": "Bees above the tram depot",
        "story": "We keep **bees**.",
        "category": "food",
        "language": "en",
        "publisher": "Roof Apiary",
        "rewards": [],
    }


def test_an_allowed_token_that_the_registry_does_not_name_is_what_its_contract_says(suite: Suite) -> None:
    usdt = UsdtLikeness.deploy(suite.web3)
    allow(suite, usdt.contract.address)
    text_of = document("Honey in dollars")
    campaign = create_campaign(
        suite, token=usdt.contract.address, goal=25 * 10**6, metadata_hash=campaigns_hash(text_of)
    )
    backer = suite.accounts[3]
    usdt.give(backer, 1_250_000)
    suite.send(usdt.contract.functions.approve(campaign.address, 1_250_000), backer)
    suite.send(campaign.functions.contributeERC20(1_250_000, 0, bytes(32)), backer)
    index_once(suite)

    assert known(suite, usdt.contract.address) == TokenInfo("USDT", 6)
    token = row(usdt.contract.address)
    assert (token.source, token.problem) == (Token.Source.CHAIN, "")
    assert token.read_block == Cursor.objects.get().next_block - 1
    assert violations() == []
    assert verify(suite) == []
    listing = listed(suite, campaign.address, text_of)
    page = Client().get(f"/campaigns/{listing.slug}/").content.decode()
    assert '1.25 <span class="text-2xl">USDT</span>' in page
    assert "5% of the goal of 25 USDT" in page
    api = Client().get(f"/api/v1/campaigns/{suite.chain_id}/{campaign.address}").json()["campaign"]
    assert (api["token_symbol"], api["token_decimals"], api["raised"]) == ("USDT", 6, "1250000")


def campaigns_hash(text_of: dict[str, object]) -> bytes:
    return metadata_hash(canonical_json(text_of))


NONSENSE = {
    "nothing at its address": b"",
    "refuses everything": answering({}),
    "no decimals": answering({"symbol()": text("HALF")}),
    "no symbol": answering({"decimals()": word(6)}),
    "never answers": ENDLESS,
    "an empty symbol": token_code(text(""), word(6)),
    "a symbol that cannot be seen": token_code(text("\u200b\u202e"), word(6)),
    "a symbol that is no text": token_code(text(b"\xff\xfe\xfd"), word(6)),
    "a symbol that points nowhere": token_code(word(2**255) + word(1), word(6)),
    "a symbol longer than the answer": token_code(word(32) + word(2**64) + bytes(32), word(6)),
    "300 decimals": token_code(text("MANY"), word(300)),
    "37 decimals": token_code(text("MANY"), word(37)),
    "decimals in two words": token_code(text("MANY"), word(6) + word(6)),
    "a symbol as long as a book": token_code(text("A" * 40_000), word(6)),
}


def test_a_token_that_tells_nonsense_stops_nobody_and_is_not_known(suite: Suite) -> None:
    odd = {name: odd_token(suite, 0x1000 + n, code) for n, (name, code) in enumerate(NONSENSE.items())}
    campaign = create_campaign(suite, token=odd["no decimals"])
    index_once(suite)

    assert {name: known(suite, token) for name, token in odd.items()} == dict.fromkeys(odd)
    assert all(row(token).problem for token in odd.values())
    assert Cursor.objects.get().next_block - 1 == suite.web3.eth.block_number
    assert known(suite, suite.token.address) == TokenInfo("TUSD", 6)
    assert SuspectRange.objects.count() == 0

    # It is said wherever an operator looks.
    assert index_health()[0].unknown_tokens == len(odd)
    [violation] = violations()
    assert (violation.invariant, violation.campaigns) == (UNKNOWN, [campaign.address])
    problems = verify(suite)
    assert len(problems) == len(odd)
    assert f"token {odd['37 decimals']} is not known: it has 37 decimals" in " ".join(problems)
    told = list(diagnose(suite.chain_id, suite.registry, [suite.url]))
    cures = {finding.subject: finding.cure for finding in told if finding.cure}
    assert {f"token {token}" for token in odd.values()} <= cures.keys()
    assert "an operator can in the admin" in cures[f"token {odd['no symbol']}"]
    with pytest.raises(CommandError, match="1 of"):
        call_command("ledger", "check")


def test_symbols_in_a_padded_word_are_read_too(suite: Suite) -> None:
    old = odd_token(suite, 0x2001, token_code(b"MKR".ljust(32, b"\0"), word(18)))
    full = odd_token(suite, 0x2002, token_code(b"SIXTEENCHARACTER".ljust(32, b"\0"), word(0)))
    create_campaign(suite, token=old)
    index_once(suite)
    assert known(suite, old) == TokenInfo("MKR", 18)
    assert known(suite, full) == TokenInfo("SIXTEENCHARACTER", 0)
    assert verify(suite) == []


def test_symbols_that_are_not_one_tokens_own_are_marked(suite: Suite) -> None:
    ether = odd_token(suite, 0x3001, token_code(text("eth"), word(6)))
    twin = odd_token(suite, 0x3002, token_code(text("TUSD"), word(18)))
    hidden = odd_token(suite, 0x3003, token_code(text("US\u200bDC"), word(6)))
    index_once(suite)
    assert known(suite, ether) == TokenInfo("eth (0x0000…3001)", 6)
    assert known(suite, twin) == TokenInfo("TUSD (0x0000…3002)", 18)
    assert known(suite, hidden) == TokenInfo("USDC (0x0000…3003)", 6)
    first = suite.token.address
    assert known(suite, first) == TokenInfo(f"TUSD ({first[:6]}…{first[-4:]})", 6)


def test_a_token_that_comes_to_its_senses_is_asked_again(suite: Suite) -> None:
    token = odd_token(suite, 0x4001, answering({}))
    create_campaign(suite, token=token)
    index_once(suite)
    assert known(suite, token) is None
    asked = row(token).asked_at
    set_code(suite.web3, token, token_code(text("LATE"), word(8)))
    index_once(suite)
    assert row(token).asked_at == asked
    Token.objects.filter(pk=row(token).pk).update(asked_at=timezone.now() - tokens.AGAIN_AFTER)
    index_once(suite)
    assert known(suite, token) == TokenInfo("LATE", 8)
    assert violations() == []


def test_a_token_that_turns_into_another_is_found_by_verify(suite: Suite) -> None:
    token = odd_token(suite, 0x5001, token_code(text("CALM"), word(18)))
    index_once(suite)
    assert verify(suite) == []
    set_code(suite.web3, token, token_code(text("CALM"), word(6)))
    assert verify(suite) == [f"token {token} is CALM with 6 decimals, the index has CALM with 18"]
    set_code(suite.web3, token, answering({}))
    assert verify(suite) == [f"token {token} was CALM with 18 decimals, and now it refuses to say its symbol"]


def test_what_was_read_at_a_block_that_is_gone_is_read_again(suite: Suite) -> None:
    mine(suite, 3)
    snapshot = node(suite, "evm_snapshot")
    token = odd_token(suite, 0x6001, token_code(text("FORK"), word(18)))
    index_once(suite)
    assert known(suite, token) == TokenInfo("FORK", 18)
    node(suite, "evm_revert", snapshot)
    set_code(suite.web3, token, token_code(text("FORK"), word(6)))
    allow(suite, token)
    mine(suite, 4)
    index_once(suite)
    index_once(suite)
    assert known(suite, token) == TokenInfo("FORK", 6)


def test_a_token_is_known_while_its_index_is_behind_and_proven_when_it_is_level(suite: Suite) -> None:
    """Asked of a node that keeps no state but the latest."""
    token = odd_token(suite, 0x6101, token_code(text("SOON"), word(18)))
    mine(suite, 5)
    head = suite.web3.eth.block_number
    with Provider(
        suite.url, Habits(rules=[is_old_state]), words=Refusal(-32000, "state unavailable")
    ) as node:
        index_once(suite, node.url, until_block=head - 3)
        assert known(suite, token) == TokenInfo("SOON", 18)
        assert row(token).read_block is None
        index_once(suite, node.url, until_block=head - 2)
        assert row(token).read_block is None
    index_once(suite)
    assert row(token).read_block == head
    assert known(suite, token) == TokenInfo("SOON", 18)


def is_old_state(call: Any, _head: int) -> bool:
    return bool(call["method"] == "eth_call" and call["params"][1] != "latest")


def test_an_operator_says_what_a_contract_does_not(suite: Suite) -> None:
    token = odd_token(suite, 0x7001, answering({}))
    create_campaign(suite, token=token)
    index_once(suite)
    operator = User.objects.create_superuser("operator")
    services.mend_token(row(token), "OLDIE", 3, actor=operator, reason="its own site says so")
    assert known(suite, token) == TokenInfo("OLDIE", 3)
    assert violations() == []
    # Its contract is not asked over an operator's head.
    set_code(suite.web3, token, token_code(text("OTHER"), word(18)))
    Token.objects.filter(pk=row(token).pk).update(asked_at=timezone.now() - timedelta(days=9))
    index_once(suite)
    assert known(suite, token) == TokenInfo("OLDIE", 3)
    assert verify(suite) == []
    services.ask_token_again(row(token), actor=operator, reason="it was put right")
    assert known(suite, token) is None
    index_once(suite)
    assert known(suite, token) == TokenInfo("OTHER", 18)


def test_a_token_that_is_forbidden_and_never_used_is_no_worry(suite: Suite) -> None:
    token = Web3.to_checksum_address(f"0x{0x8001:040x}")
    allow(suite, token, allowed=False)
    index_once(suite)
    assert FactoryEvent.objects.filter(kind=FactoryEvent.Kind.TOKEN_ALLOWED).exists()
    assert not Token.objects.filter(address=parse_address(token)).exists()


def test_nothing_can_be_read_or_pledged_in_a_token_that_is_not_known(suite: Suite) -> None:
    token = odd_token(suite, 0x9001, answering({}))
    text_of = document("Honey in what?")
    campaign = create_campaign(suite, token=token, metadata_hash=campaigns_hash(text_of))
    index_once(suite)
    listing = listed(suite, campaign.address, text_of)
    card = cards_by_key([listing_key(suite, campaign.address)])[listing_key(suite, campaign.address)]
    assert (card.token, card.token_symbol, card.raised_text) == (None, "", "—")
    assert not detail_of(listing).accepts_contributions
    page = Client().get(f"/campaigns/{listing.slug}/").content.decode()
    assert "Amounts cannot be shown: the currency is not known yet." in page
    assert "ETH" not in page.split("</article>")[0].split("<article")[1]
    assert Client().get(f"/campaigns/{listing.slug}/pledge/").status_code == 409


def listing_key(suite: Suite, campaign: str) -> tuple[int, bytes]:
    return suite.chain_id, parse_address(campaign)
