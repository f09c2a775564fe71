"""What a token's symbol may look like on a page: it is a stranger's text beside other people's money.

It is shown without what nobody can see and without what would run into the text around it. Where it could be
read as another currency, it is marked with the token's address.
"""

import re
import unicodedata
from typing import NamedTuple

from django_project.core.addresses import shorten_address

LONGEST_SYMBOL = 16
# More than tokens have, and few enough for an amount to be read.
MOST_DECIMALS = 36

# Controls, formats (marks of direction are some), surrogates, private and unassigned characters; and marks
# that are drawn over their neighbours.
_UNSEEN = ("C", "Mn", "Me")
# Letters that are drawn from right to left take the digits before them along.
_RIGHT_TO_LEFT = frozenset({"R", "AL", "AN"})
# Letters and signs that are drawn as nothing: fillers of Hangul, an empty Braille pattern.
_BLANK = frozenset("\u115f\u1160\u2800\u3164\uffa0")
# What cannot be mistaken for other letters, nor for a mark.
_PLAIN = re.compile(r"[A-Za-z0-9$._+-]+")


class Symbol(NamedTuple):
    """`needs_mark`: the text alone could be taken for another token's, whatever the others are called."""

    text: str
    needs_mark: bool


def clean_symbol(told: str) -> Symbol:
    """A symbol as it may be shown; its text is empty when nothing of it may."""
    seen = "".join(map(_seen, unicodedata.normalize("NFKC", told)))
    text = " ".join(seen.split())[:LONGEST_SYMBOL].strip()
    return Symbol(text, needs_mark=text != told or _PLAIN.fullmatch(text) is None)


def _seen(character: str) -> str:
    kind = unicodedata.category(character)
    if character in _BLANK or kind.startswith(_UNSEEN):
        return ""
    if unicodedata.bidirectional(character) in _RIGHT_TO_LEFT:
        return ""
    return " " if kind.startswith("Z") else character


def marked(symbol: str, address: bytes) -> str:
    """A symbol with the short address of its token."""
    return f"{symbol} ({shorten_address(address)})"


def rival_key(symbol: str) -> str:
    """The same for symbols that people take for one another."""
    return symbol.casefold()
