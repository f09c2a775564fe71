"""Generations of the catalog's cache: what everybody sees alike is worked out once for all of them.

A generation lasts a few seconds. Everything that is shared between visitors is kept under its name, so
lists, counts and pages that are seen together are of one age, and none is older than the generation. While
one process works out the next generation, all others go on with the last one. What is one visitor's own, and
any amount that somebody is about to act on, is read anew for each request instead.
"""

import uuid
from collections.abc import Callable
from contextvars import ContextVar
from typing import TypeVar

from django.core.cache import cache

from django_project.core.shapes import Shape

T = TypeVar("T")

# How old lists, counts and the amounts on cards may be before they are worked out anew.
GENERATION_SECONDS = 5
# How long the last generation stays on show while the next one is made.
KEPT_SECONDS = 15
# A failed attempt at the next one is repeated after this long, by one visitor; the others are spared it.
RETRY_SECONDS = 1
_KEY = "catalog:generation"
_FRESH = "catalog:generation:fresh"
_TURN = "catalog:generation:turn"

# What has to be ready before a generation is shown; called with its name.
_preparations: list[Callable[[str], object]] = []


# The generation that something is being worked out for: all that goes into it is of that generation as well.
_being_made: ContextVar[str] = ContextVar("generation_being_made", default="")


def prepare_with(preparation: Callable[[str], object]) -> None:
    """Have something ready before a generation is shown, which all would otherwise work out at once."""
    _preparations.append(preparation)


def current() -> str:
    """The generation that is on show. Whoever finds it too old makes the next one, one at a time."""
    if making := _being_made.get():
        return making
    found = cache.get_many([_KEY, _FRESH])
    name: str | None = found.get(_KEY)
    if name is None:
        cache.add(_KEY, uuid.uuid4().hex, KEPT_SECONDS)
        cache.set(_FRESH, 1, GENERATION_SECONDS)
        # Two processes may have been here at once: both take the name that was first.
        return cache.get(_KEY) or uuid.uuid4().hex
    following = uuid.uuid4().hex
    if _FRESH not in found and cache.add(_TURN, following, KEPT_SECONDS):
        _prepare(following)
        # It may have been ended meanwhile; what was prepared may then hold what must not be seen any more.
        return following if _put_on_show(following) else current()
    return name


def _prepare(name: str) -> None:
    """Get a generation ready. A failure is for whoever has the turn; the last one stays for all others."""
    try:
        for prepare in _preparations:
            prepare(name)
    except BaseException:
        if cache.get(_TURN) == name:
            cache.touch(_TURN, RETRY_SECONDS)
        raise


def _put_on_show(name: str) -> bool:
    """Hand over to a prepared generation, if it is still its turn."""
    if cache.get(_TURN) != name:
        return False
    cache.set(_KEY, name, KEPT_SECONDS)
    cache.set(_FRESH, 1, GENERATION_SECONDS)
    cache.delete(_TURN)
    return True


def end() -> None:
    """Begin a new generation with the next request: what moderators decide is seen at once.

    A generation that is in preparation is dropped.
    """
    cache.delete_many([_KEY, _FRESH, _TURN])


def shared(name: str, shape: Shape[T], work_out: Callable[[], T], generation: str = "") -> T:
    """What `work_out` gives, worked out once for a generation, by default the current one."""
    generation = generation or current()
    key = f"catalog:generation:{generation}:{name}"
    found = shape.load(cache.get(key))
    if found is None:
        making = _being_made.set(generation)
        try:
            found = work_out()
        finally:
            _being_made.reset(making)
        cache.set(key, shape.dump(found), 2 * KEPT_SECONDS)
    return found
