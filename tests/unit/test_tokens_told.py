"""What a token is: told by its contract or an operator, and marked where another could be meant."""

from datetime import timedelta

import pytest
from django.utils import timezone

from django_project.accounts.models import User
from django_project.core.addresses import ZERO_ADDRESS, format_address
from django_project.core.models import AuditEntry
from django_project.ledger import services
from django_project.ledger.errors import UnusableTokenError
from django_project.ledger.models import Chain, Token
from tests.factories import CHAIN_ID, TOKEN, World

pytestmark = pytest.mark.django_db

OTHER = CHAIN_ID + 1
ONE, TWO = b"\x11" * 20, b"\x22" * 20
MARKED_ONE, MARKED_TWO = "0x1111…1111", "0x2222…2222"


@pytest.fixture(autouse=True)
def _chains() -> None:
    """Both pay in ETH and have a TUSD."""
    for chain in (CHAIN_ID, OTHER):
        World(chain)


@pytest.fixture
def operator() -> User:
    return User.objects.create_superuser("operator")


def tell(at: bytes, symbol: str, decimals: int = 6, chain: int = CHAIN_ID, block: int | None = 9) -> None:
    services.create_tokens(chain, {at})
    services.keep_token(chain, at, symbol, decimals, block)


def row(at: bytes, chain: int = CHAIN_ID) -> Token:
    return Token.objects.get(chain=chain, address=at)


def symbols(chain: int = CHAIN_ID) -> dict[bytes, str]:
    rows = Token.objects.filter(chain=chain).values_list("address", "symbol")
    return {bytes(at): symbol for at, symbol in rows}


def test_a_token_is_named_once_and_the_chains_own_currency_is_none() -> None:
    tell(ONE, "ODD")
    services.create_tokens(CHAIN_ID, {ONE, TWO, ZERO_ADDRESS})
    assert symbols() == {TOKEN: "TUSD", ONE: "ODD", TWO: ""}
    assert symbols(OTHER) == {TOKEN: "TUSD"}


def test_what_a_contract_told_is_kept_with_block_and_time() -> None:
    services.create_tokens(CHAIN_ID, {ONE})
    services.doubt_token(CHAIN_ID, ONE, "its symbol is no text")
    before = timezone.now()
    tell(ONE, "ODD", decimals=3, block=12)
    told = row(ONE)
    assert (told.symbol, told.plain_symbol, told.decimals) == ("ODD", "ODD", 3)
    assert (told.source, told.read_block, told.problem, told.needs_mark) == ("chain", 12, "", False)
    assert told.asked_at is not None
    assert before <= told.asked_at <= timezone.now()
    tell(ONE, "ODD", block=None)
    assert row(ONE).read_block is None


def test_a_contract_that_stops_telling_is_not_known_any_more() -> None:
    tell(ONE, "O D\u200bD", decimals=3)
    tell(TWO, "tusd")
    assert row(ONE).needs_mark
    Token.objects.update(asked_at=timezone.now() - timedelta(days=1))
    services.doubt_token(CHAIN_ID, ONE, "it has no decimals")
    doubted = row(ONE)
    assert (doubted.symbol, doubted.plain_symbol, doubted.source) == ("", "", "")
    assert (doubted.decimals, doubted.read_block, doubted.needs_mark) == (None, None, False)
    assert doubted.problem == "it has no decimals"
    assert doubted.asked_at is not None
    assert timezone.now() - doubted.asked_at < timedelta(hours=1)
    # The one that was a rival's is not any more.
    assert symbols()[TOKEN].startswith("TUSD (0x70")
    services.doubt_token(CHAIN_ID, TWO, "neither")
    assert symbols() == {TOKEN: "TUSD", ONE: "", TWO: ""}


@pytest.mark.parametrize(("decimals", "is_usable"), [(-1, False), (0, True), (36, True), (37, False)])
def test_so_many_decimals_can_be_read(decimals: int, *, is_usable: bool) -> None:
    if is_usable:
        tell(ONE, "ODD", decimals)
    else:
        with pytest.raises(UnusableTokenError, match=f"it has {decimals} decimals: an amount could not"):
            tell(ONE, "ODD", decimals)
    assert row(ONE).decimals == (decimals if is_usable else None)


def test_a_symbol_that_shows_nothing_is_refused() -> None:
    with pytest.raises(UnusableTokenError, match="its symbol shows nothing that can be read"):
        tell(ONE, "\u200b")


def test_rivals_of_one_chain_are_marked_and_the_chains_currency_counts() -> None:
    tell(ONE, "ETH")
    assert symbols()[ONE] == f"ETH ({MARKED_ONE})"
    tell(ONE, "ODD")
    assert symbols()[ONE] == "ODD"
    tell(TWO, "odd")
    assert (symbols()[ONE], symbols()[TWO]) == (f"ODD ({MARKED_ONE})", f"odd ({MARKED_TWO})")
    tell(TWO, "O€D")
    assert (symbols()[ONE], symbols()[TWO]) == ("ODD", f"O€D ({MARKED_TWO})")
    # Another chain's tokens are nobody's rivals here, nor is its currency.
    tell(ONE, "ODD", chain=OTHER)
    Chain.objects.filter(pk=OTHER).update(currency_symbol="ODD")
    services.name_tokens_apart(CHAIN_ID)
    assert symbols()[ONE] == "ODD"
    assert symbols(OTHER)[ONE] == "ODD"
    services.name_tokens_apart(OTHER)
    assert symbols(OTHER)[ONE] == f"ODD ({MARKED_ONE})"


def test_what_is_not_known_is_nobodys_rival_and_nameless_rows_keep_what_they_show() -> None:
    tell(ONE, "ODD")
    services.create_tokens(CHAIN_ID, {TWO})
    Token.objects.filter(address=TWO).update(plain_symbol="ODD")
    services.name_tokens_apart(CHAIN_ID)
    assert symbols() == {TOKEN: "TUSD", ONE: "ODD", TWO: ""}
    Token.objects.filter(address=TWO).update(plain_symbol="", symbol="OLD", decimals=6)
    services.name_tokens_apart(CHAIN_ID)
    assert symbols() == {TOKEN: "TUSD", ONE: "ODD", TWO: "OLD"}


def test_an_operators_word_stands_against_the_contracts(operator: User) -> None:
    tell(ONE, "ODD", decimals=3)
    services.mend_token(row(ONE), "MEND", 8, actor=operator, reason="its own site says so")
    mended = row(ONE)
    assert (mended.symbol, mended.decimals, mended.source, mended.read_block) == ("MEND", 8, "operator", None)
    tell(ONE, "ODD", decimals=3)
    services.doubt_token(CHAIN_ID, ONE, "it has no decimals")
    assert (row(ONE).symbol, row(ONE).decimals, row(ONE).problem) == ("MEND", 8, "")
    [entry] = AuditEntry.objects.all()
    assert (entry.action, entry.actor) == ("ledger.token_mended", operator)
    assert entry.subject == f"{CHAIN_ID}:{format_address(ONE)}"
    assert entry.details == {
        "reason": "its own site says so",
        "symbol": "MEND",
        "decimals": 8,
        "before": {"symbol": "ODD", "decimals": 3, "source": "chain"},
    }
    # By it another becomes a rival's.
    services.mend_token(row(ONE), "tusd", 8, actor=operator, reason="as it is spelled now")
    assert symbols()[TOKEN].startswith("TUSD (0x70")


def test_a_word_taken_back_leaves_nothing_until_the_contract_has_told(operator: User) -> None:
    for at in (ONE, TWO):
        tell(at, "ODD", decimals=3)
        services.mend_token(row(at), "MEND", 8, actor=operator, reason="its own site says so")
    services.ask_token_again(row(ONE), actor=operator, reason="it was put right")
    asked = row(ONE)
    assert (asked.symbol, asked.decimals, asked.source, asked.asked_at) == ("", None, "", None)
    assert asked.problem == "asked again by an operator"
    assert (row(TWO).symbol, row(TWO).source) == ("MEND", "operator")
    assert row(TWO).asked_at is not None
    entry = AuditEntry.objects.latest("pk")
    assert (entry.action, entry.actor, entry.details) == (
        "ledger.token_asked_again",
        operator,
        {"reason": "it was put right"},
    )
    assert entry.subject == f"{CHAIN_ID}:{format_address(ONE)}"
    tell(ONE, "ODD", decimals=3)
    assert (row(ONE).symbol, row(ONE).source) == ("ODD", "chain")


def test_nothing_is_decided_without_a_reason(operator: User) -> None:
    tell(ONE, "ODD", decimals=3)
    with pytest.raises(ValueError, match="Say why"):
        services.mend_token(row(ONE), "MEND", 8, actor=operator, reason="  ")
    with pytest.raises(ValueError, match="Say why"):
        services.ask_token_again(row(ONE), actor=operator, reason="  ")
    assert (row(ONE).symbol, row(ONE).decimals) == ("ODD", 3)
    assert not AuditEntry.objects.exists()
