"""Editions of the shop window: what everybody sees alike is worked out once for all of them.

An edition lasts a few seconds. Everything that is shared between visitors is kept under its name, so lists,
counts and pages that are seen together are of one age, and none is older than the edition. What is one
visitor's own, and any amount that somebody is about to act on, is read anew for each request instead.
"""

import uuid
from collections.abc import Callable
from typing import TypeVar

from django.core.cache import cache

T = TypeVar("T")

# How old lists, counts and the amounts on cards may be.
EDITION_SECONDS = 5
_KEY = "campaigns:edition"


def current() -> str:
    """The name of the edition that is on show; a new one when the last has run out."""
    name: str | None = cache.get(_KEY)
    if name is None:
        cache.add(_KEY, uuid.uuid4().hex, EDITION_SECONDS)
        # Two processes may have been here at once: both take the name that was first.
        name = cache.get(_KEY) or uuid.uuid4().hex
    return name


def end() -> None:
    """Begin a new edition with the next request: what moderators decide is seen at once."""
    cache.delete(_KEY)


def shared(name: str, work_out: Callable[[], T]) -> T:
    """What `work_out` gives, worked out once for each edition and kept under `name`."""
    key = f"campaigns:edition:{current()}:{name}"
    found: T | None = cache.get(key)
    if found is None:
        found = work_out()
        cache.set(key, found, EDITION_SECONDS)
    return found
