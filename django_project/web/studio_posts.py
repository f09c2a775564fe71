"""What a draft's form sends back, and what of it its writer has touched.

A form without a script sends every field, also those that nobody touched and that somebody else may have
written meanwhile. So each has its base beside it: the revision at which it was shown, and a digest of what it
showed. A text that still has this digest is no change of anybody's.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

from django.http import QueryDict

from django_project.core.numbers import whole_number
from django_project.studio.content import storable
from django_project.studio.services import Change

BASE = "base."
LARGEST_REVISION = 2**31 - 1
_DIGEST_LENGTH = 16


@dataclass(frozen=True, slots=True)
class Touched:
    """A field with another text than it was shown with, and its base as it was sent."""

    change: Change
    base: str


def base_of(shown: str, revision: int) -> str:
    """What stands beside a field that is shown with this text."""
    return f"{revision}-{_digest(shown)}"


def touched(data: QueryDict, fields: Iterable[str]) -> list[Touched]:
    """Which of these fields a form has changed. One without a base was written without having seen any."""
    found = []
    for name in fields:
        if name not in data:
            continue
        text, base = str(data[name]), str(data.get(BASE + name, ""))
        revision, _dash, digest = base.partition("-")
        if digest != _digest(text):
            seen = whole_number(revision, 0, LARGEST_REVISION)
            found.append(Touched(Change(name, text, seen), base))
    return found


def _digest(text: str) -> str:
    return hashlib.sha256(storable(text).encode()).hexdigest()[:_DIGEST_LENGTH]
