"""Tables to take away hold text and numbers, and run nothing when they are opened."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from django_project.web.spreadsheets import BYTE_ORDER_MARK, csv_lines, harmless

SIGNS = "=+-@＝＋－＠﹢﹣﹦﹫⁺⁻⁼−"


@pytest.mark.parametrize("sign", SIGNS)
@pytest.mark.parametrize(
    "before", ["", " ", "\t", "\r", "\n", "\u00a0", "\u3000", "\u200b", "\ufeff", "\x00"]
)
def test_what_begins_like_a_formula_is_text(before: str, sign: str) -> None:
    cell = harmless(f"{before}{sign}1+1")
    assert cell.startswith("'")
    assert cell.endswith(f"{sign}1+1")


@pytest.mark.parametrize("sign", "=+-@＝＋－＠")
def test_a_semicolon_begins_no_formula_either(sign: str) -> None:
    assert harmless(f"Tea;{sign}1+1") == f"Tea;'{sign}1+1"
    assert harmless(f"Tea; {sign}1+1") == f"Tea;' {sign}1+1"


@pytest.mark.parametrize(
    "cell", ["", "0", "1.5", "0x12ab", "2026-11-30T10:29:00+00:00", "Tea = 茶; a - b", "茶＝茶"]
)
def test_what_is_no_formula_stays_as_it_is(cell: str) -> None:
    assert harmless(cell) == cell


def test_a_cell_stays_on_its_line() -> None:
    assert harmless("a\r\n\tb\x00c\x85d") == "a b c d"


def test_a_table_tells_its_encoding_once_and_reads_back() -> None:
    text = "".join(csv_lines(("title", "amount"), [('Tea, "fine"', 5), ("茶", "0.1"), ("＝1", "-1")]))
    assert text.startswith(BYTE_ORDER_MARK)
    assert text.count(BYTE_ORDER_MARK) == 1
    assert list(csv.reader(io.StringIO(text.encode().decode("utf-8-sig")))) == [
        ["title", "amount"],
        ['Tea, "fine"', "5"],
        ["茶", "0.1"],
        ["'＝1", "'-1"],
    ]


@given(st.text(max_size=30))
def test_no_cell_of_any_text_begins_with_a_sign(text: str) -> None:
    cell = harmless(text)
    assert cell.lstrip()[:1] not in tuple("=+-@")
    assert len(cell.splitlines()) <= 1 or "\u2028" in cell or "\u2029" in cell
