"""The one writer of tables to take away, which people open in a spreadsheet: comma-separated, in UTF-8."""

import csv
import unicodedata
from collections.abc import Iterable, Iterator, Sequence

import regex

CONTENT_TYPE = "text/csv; charset=utf-8"
# Without it some spreadsheets take the file for another encoding.
BYTE_ORDER_MARK = "\N{ZERO WIDTH NO-BREAK SPACE}"
# What a cell begins with to be run as a formula.
FORMULA_SIGNS = ("=", "+", "-", "@")
# In compatibility form the full-width, small and raised signs are those above; spreadsheets of East Asian
# languages take them for such. The sign of subtraction is a character of its own.
_MINUS = "\N{MINUS SIGN}"
# Spaces and what nobody sees may be dropped on opening.
_BEFORE = regex.compile(r"^[\s\p{Default_Ignorable_Code_Point}\p{Cf}\p{Cc}]+")
_CONTROLS = regex.compile(r"\p{Cc}+")
# Where a spreadsheet goes by semicolons, the cell that would begin here.
_NEXT_CELL = regex.compile(r"(?<=;)(?=\s*[=+\-@＝＋－＠])")


def csv_lines(columns: Sequence[str], rows: Iterable[Iterable[object]]) -> Iterator[str]:
    """The table line by line, as rows come in; whatever a cell holds is read as text or as a number."""
    writer = csv.writer(_Echo())
    yield BYTE_ORDER_MARK + writer.writerow(columns)
    for row in rows:
        yield writer.writerow([harmless(str(cell)) for cell in row])


def harmless(cell: str) -> str:
    """The cell on one line, as text that no spreadsheet takes for a formula."""
    line = _NEXT_CELL.sub("'", _CONTROLS.sub(" ", cell))
    begins = unicodedata.normalize("NFKC", _BEFORE.sub("", cell)[:1]).replace(_MINUS, "-")
    return f"'{line}" if begins.startswith(FORMULA_SIGNS) else line


class _Echo:
    def write(self, line: str) -> str:
        return line
