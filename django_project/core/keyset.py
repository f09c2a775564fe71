"""Pages of a list that grows at its front: each begins behind a row, so that none is shown twice or lost."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Generic, TypeVar

from django.db.models import Model, Q, QuerySet

Row = TypeVar("Row")

_KEY = re.compile(r"([0-9]{1,18})-([0-9]{1,18})", re.ASCII)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Slice(Generic[Row]):
    """Some rows, the newest first. `older` is the key behind which more follow; empty where none does."""

    rows: tuple[Row, ...]
    older: str


def newest(found: QuerySet[Any], moment: str, size: int, before: str = "") -> tuple[list[Any], str]:
    """At most `size` rows by a time and the primary key, behind the row of a key; and the next page's key.

    What is no key stands for the beginning.
    """
    if (place := _read(before)) is not None:
        at, pk = place
        found = found.filter(Q(**{f"{moment}__lt": at}) | Q(**{moment: at, "pk__lt": pk}))
    rows = list(found.order_by(f"-{moment}", "-pk")[: size + 1])
    older = _key(rows[size - 1], moment) if len(rows) > size else ""
    return rows[:size], older


def is_key(text: str) -> bool:
    return _read(text) is not None


def _key(row: Model, moment: str) -> str:
    at: datetime = getattr(row, moment)
    return f"{(at - _EPOCH) // _MICROSECOND}-{row.pk}"


def _read(key: str) -> tuple[datetime, Any] | None:
    found = _KEY.fullmatch(key)
    if found is None:
        return None
    try:
        return _EPOCH + int(found[1]) * _MICROSECOND, int(found[2])
    except OverflowError:
        return None
