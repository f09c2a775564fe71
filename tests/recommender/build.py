"""Tables written by hand, a row at a time."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import polars as pl

from recommender.data.context import Context, context_of
from recommender.data.dataset import Dataset, build_dataset
from recommender.data.reading import conform
from recommender.data.schema import EVENTS, ITEMS, TableFormat, Tables
from recommender.interface import Recommender
from recommender.models.registry import make_config, make_model
from recommender.text.cache import TextVectors

START = datetime(2026, 1, 1, tzinfo=UTC)


def frame(form: TableFormat, rows: Sequence[Mapping[str, Any]]) -> pl.DataFrame:
    columns = {name for row in rows for name in row} or set(form.required)
    schema = {name: kind for name, kind in form.columns.items() if name in columns}
    return pl.DataFrame([{name: row.get(name) for name in schema} for row in rows], schema=schema)


def event(user: str, item: str, hour: float, kind: str = "contribute", **more: Any) -> dict[str, Any]:
    return {
        "user_id": user,
        "item_id": item,
        "timestamp": START + timedelta(hours=hour),
        "kind": kind,
        **more,
    }


def item(name: str, **more: Any) -> dict[str, Any]:
    return {"item_id": name, "title": f"Title of {name}", **more}


def tables(events: Sequence[Mapping[str, Any]], items: Sequence[Mapping[str, Any]]) -> Tables:
    return Tables(frame(EVENTS, events), frame(ITEMS, items))


def dataset(events: Sequence[Mapping[str, Any]], items: Sequence[Mapping[str, Any]]) -> Dataset:
    return build_dataset(conform(tables(events, items)))


def from_matrix(matrix: np.ndarray) -> Dataset:
    """User u backed item i where the matrix has a 1; in order of users, then of items."""
    users, items = matrix.shape
    rows = [
        event(f"u{u:03d}", f"i{i:03d}", u * items + i)
        for u in range(users)
        for i in range(items)
        if matrix[u, i]
    ]
    return dataset(rows, [item(f"i{i:03d}") for i in range(items)])


def fitted(name: str, context: Context, **settings: Any) -> Recommender:
    """A model without training, fitted and bound."""
    model = make_model(name, make_config(name, settings), context.sizes)
    model.fit(context)
    model.bind(context)
    return model.eval()


def fitted_to(name: str, data: Dataset, vectors: TextVectors | None = None, **settings: Any) -> Recommender:
    return fitted(name, context_of(data, vectors), **settings)
