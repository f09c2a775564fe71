"""What there is to type in a draft, by the names that forms and the API have for it.

    title                       a text of its own
    rewards.3f9a1c2e.price      a text of one row of a list

A row's texts are fields of their own, so that two people can write on two of them at once. Texts may be
longer than a campaign takes: what is too long for now is kept, and said (`studio.checks`).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from django_project.campaigns.documents import (
    PUBLISHER_LENGTH,
    REWARD_LENGTH,
    STORY_LENGTH,
    TAGLINE_LENGTH,
    TITLE_LENGTH,
)

ROOM = 2
"""How many times as long as a campaign takes it a text may be in a draft."""
_SHORT = 100

TEXTS: Mapping[str, int] = {
    "title": ROOM * TITLE_LENGTH,
    "tagline": ROOM * TAGLINE_LENGTH,
    "story": ROOM * STORY_LENGTH,
    "publisher": ROOM * PUBLISHER_LENGTH,
    **dict.fromkeys(
        (
            "category", "language", "currency", "mode", "goal", "minimum", "cap", "deadline",
            "objection_days", "objection_percent",
        ),
        _SHORT,
    ),
}  # fmt: skip
"""Each text's greatest length, in characters."""

REWARDS, MILESTONES = "rewards", "milestones"
ROWS: Mapping[str, Mapping[str, int]] = {
    REWARDS: {
        "title": ROOM * TITLE_LENGTH,
        "description": ROOM * REWARD_LENGTH,
        "price": _SHORT,
        "supply": _SHORT,
    },
    MILESTONES: {"share": _SHORT, "due": _SHORT},
}
"""The same of a row of each list."""
ROWS_MOST: Mapping[str, int] = {REWARDS: 32, MILESTONES: 10}
"""As many as the contract takes."""

_ROW_FIELD = re.compile(r"(\w{1,20})\.([0-9a-f]{8})\.(\w{1,20})")
# PostgreSQL's JSON holds no NUL and no half of a surrogate pair; the other ones have no glyph.
_UNSTORABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class RowField:
    """One text of one row."""

    rows: str
    key: str
    name: str


def row_field(field: str) -> RowField | None:
    """The parts of a row's field; None for any other name."""
    found = _ROW_FIELD.fullmatch(field)
    if found is None or found[3] not in ROWS.get(found[1], {}):
        return None
    return RowField(found[1], found[2], found[3])


def longest(field: str) -> int | None:
    """How many characters a field holds; None where there is no such field."""
    row = row_field(field)
    return ROWS[row.rows][row.name] if row else TEXTS.get(field)


def storable(text: str) -> str:
    """A text as a draft keeps it: with the line ends of the web, without what cannot be seen or kept."""
    return _UNSTORABLE.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))
