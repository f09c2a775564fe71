"""The small mistakes that can be made in SQL and Lua, which Python knows as texts."""

import re
from collections.abc import Iterator

_IS_CODE = re.compile(
    rb"\bSELECT\b.*\bFROM\b|\bWHERE\b|\bHAVING\b|\bUPDATE\b.*\bSET\b|redis\.call", re.DOTALL
)
# What an f-string puts in is code of its own.
_PUT_IN = re.compile(rb"\{[^{}]*\}")
_SWAPS: tuple[tuple[bytes, bytes], ...] = (
    (rb" < ", b" <= "),
    (rb" <= ", b" < "),
    (rb" > ", b" >= "),
    (rb" >= ", b" > "),
    (rb" <> ", b" = "),
    (rb" == ", b" ~= "),
    (rb" \+ ", b" - "),
    (rb" - ", b" + "),
    (rb" \* ", b" / "),
    (rb" / ", b" * "),
    (rb"\bAND\b", b"OR"),
    (rb"\bOR\b", b"AND"),
    (rb"\bNOT EXISTS\b", b"EXISTS"),
    (rb"(?<!NOT )\bEXISTS\b", b"NOT EXISTS"),
    (rb"\bIS NULL\b", b"IS NOT NULL"),
    (rb"\bIS NOT NULL\b", b"IS NULL"),
    (rb"\bIS DISTINCT FROM\b", b"IS NOT DISTINCT FROM"),
    (rb"\bmath\.min\b", b"math.max"),
    (rb"\bmath\.max\b", b"math.min"),
    (rb"(?<!\.)\bmin\(", b"max("),
    (rb"(?<!\.)\bmax\(", b"min("),
    (rb"\bDISTINCT(?! FROM)\b", b""),
    (rb"\bUNION ALL\b", b"UNION"),
    (rb"\bLEFT JOIN\b", b"JOIN"),
)
_NUMBER = re.compile(rb"(?<![\w.$%])\d+(?![\w.])")


def mistakes_in_text(literal: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Bytes of a string's source to replace, and by what; none where the text is no code."""
    text = _PUT_IN.sub(lambda match: b"\x00" * len(match[0]), literal)
    if not _IS_CODE.search(text):
        return
    for pattern, replacement in _SWAPS:
        for found in re.finditer(pattern, text):
            yield found.start(), found.end(), replacement
    for found in _NUMBER.finditer(text):
        yield found.start(), found.end(), str(int(found[0]) + 1).encode()
