"""Values of the site's own types as JSON, for the cache."""

import hashlib
from functools import cached_property
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from pydantic import TypeAdapter

T = TypeVar("T")


class Shape(Generic[T]):
    """How values of one type are kept, and read back.

    Args:
        kind: the type, made of dataclasses, named tuples, collections and what JSON has; numbers are finite.
    """

    def __init__(self, kind: Any) -> None:
        self._kind = kind

    def dump(self, value: T) -> bytes:
        return self._adapter.dump_json(value)

    def load(self, kept: object) -> T | None:
        """The value; None for what is no such value, such as what an earlier version of the code kept."""
        # Not every process that imports this reads something: pydantic takes a tenth of a second.
        from pydantic import ValidationError

        if not isinstance(kept, bytes):
            return None
        try:
            return self._adapter.validate_json(kept)
        except ValidationError:
            return None

    @cached_property
    def _adapter(self) -> "TypeAdapter[T]":
        from pydantic import TypeAdapter

        return TypeAdapter(self._kind)


class _Raw(Shape[bytes]):
    """Bytes as they are."""

    def __init__(self) -> None:
        super().__init__(bytes)

    def dump(self, value: bytes) -> bytes:
        return value

    def load(self, kept: object) -> bytes | None:
        return kept if isinstance(kept, bytes) else None


RAW = _Raw()


class Labelled(Shape[T]):
    """A value with the name of what it is of, so that several names can take turns under one key."""

    def __init__(self, shape: Shape[T], name: str) -> None:
        self._shape, self._label = shape, hashlib.sha256(name.encode()).digest()

    def dump(self, value: T) -> bytes:
        return self._label + self._shape.dump(value)

    def load(self, kept: object) -> T | None:
        """The value; None also for that of another name."""
        if not isinstance(kept, bytes) or not kept.startswith(self._label):
            return None
        return self._shape.load(kept[len(self._label) :])


def slot(name: str, slots: int) -> str:
    """One of so many keys, for names that strangers make up: `Labelled` tells them apart."""
    return str(int.from_bytes(hashlib.sha256(name.encode()).digest()[:8]) % slots)
