"""What a stranger's token may call itself beside other people's money."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from django_project.ledger.symbols import LONGEST_SYMBOL, clean_symbol, marked, rival_key

ADDRESS = bytes.fromhex("12ab" + "00" * 16 + "9f3c")


@pytest.mark.parametrize("told", ["ETH", "USDC", "USDC.e", "stETH", "3CRV", "wst-ETH", "$PEOPLE", "A_B+C"])
def test_an_ordinary_symbol_stays_as_it_is(told: str) -> None:
    assert clean_symbol(told) == (told, False)


@pytest.mark.parametrize(
    ("told", "shown"),
    [
        ("E\u200bTH", "ETH"),  # zero width space
        ("\u202eHTE\u202c", "HTE"),  # drawn from right to left
        ("\u2066ETH\u2069", "ETH"),
        ("ET\u00adH", "ETH"),  # soft hyphen
        ("E\nT\tH\x00\x1b", "ETH"),
        ("ETH\ufeff", "ETH"),
        ("\u3164ETH\u115f\u2800", "ETH"),  # letters and signs that draw nothing
        ("ＥＴＨ", "ETH"),  # full width
        ("E\u0336T\u0336H\u0336", "ETH"),  # struck through
        ("  ETH  ", "ETH"),
        ("ETH\u00a0\u2003COIN", "ETH COIN"),
        ("USD\u05d0\u0628", "USD"),
        ("USD₮0", "USD₮0"),
        ("ЕТН", "ЕТН"),  # Cyrillic
        ("ETH (0x12AB…9f3C)", "ETH (0x12AB...9f"),
        ("X" * 40, "X" * LONGEST_SYMBOL),
        ("人民币", "人民币"),
        ("\U0001f680", "\U0001f680"),
        ("<b>", "<b>"),
    ],
)
def test_what_could_deceive_is_taken_out_or_marked(told: str, shown: str) -> None:
    assert clean_symbol(told) == (shown, True)


@pytest.mark.parametrize(
    "told", ["", " ", "\u200b", "\u202e\u202d", "\x00" * 32, "\u3164", "\u05d0", "\ue000"]
)
def test_a_symbol_of_which_nothing_is_seen_is_none(told: str) -> None:
    assert clean_symbol(told).text == ""


@given(st.text(max_size=60))
def test_what_is_shown_is_short_seen_and_runs_from_left_to_right(told: str) -> None:
    text, needs_mark = clean_symbol(told)
    assert len(text) <= LONGEST_SYMBOL
    assert text == text.strip()
    assert needs_mark or text == told
    for character in text:
        assert unicodedata.category(character)[0] != "C"
        assert unicodedata.bidirectional(character) not in {"R", "AL", "AN", "RLO", "LRO", "RLE", "LRE"}
    assert clean_symbol(text).text == text


def test_a_mark_is_the_short_address() -> None:
    assert marked("ETH", ADDRESS).lower() == "eth (0x12ab…9f3c)"
    assert len(marked("X" * LONGEST_SYMBOL, ADDRESS)) <= 32


def test_symbols_that_differ_in_case_are_rivals() -> None:
    assert rival_key("usdc") == rival_key("USDC") != rival_key("USDT")
