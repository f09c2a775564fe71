"""Reads tables from a directory of Parquet files and makes them fit their formats, or says why not."""

from pathlib import Path

import polars as pl

from recommender.data.schema import (
    EVENTS,
    FORMATS,
    ITEMS,
    KINDS,
    MAX_TEXT_CHARACTERS,
    TIME,
    TableFormat,
    Tables,
)
from recommender.errors import DataError


def read_directory(directory: Path) -> Tables:
    """Read events.parquet and items.parquet, and users.parquet and impressions.parquet if they are there.

    Raises:
        DataError: a file or column is missing or of the wrong type, a key is empty, an item is listed twice.
    """
    if not directory.is_dir():
        raise DataError(
            f"{directory} is not a directory: give one that holds events.parquet and items.parquet"
        )
    frames: dict[str, pl.DataFrame] = {}
    for form in FORMATS:
        path = directory / f"{form.name}.parquet"
        if not path.exists():
            if form in (EVENTS, ITEMS):
                raise DataError(f"{path} is missing: a data directory holds events.parquet and items.parquet")
            continue
        try:
            frames[form.name] = pl.read_parquet(path)
        except (pl.exceptions.PolarsError, OSError) as error:
            raise DataError(f"{path} cannot be read as Parquet: {error}") from error
    return conform(Tables(**frames))


def conform(tables: Tables) -> Tables:
    """The same tables with exactly the columns of their formats, checked. Idempotent.

    Numbers that are not finite or negative become empty, text is cut at MAX_TEXT_CHARACTERS; everything
    else that is wrong is refused.
    """
    frames = {form.name: _conform(frame, form) for form, frame in tables.named()}
    events, items = frames["events"], frames["items"]
    unknown = events.filter(~pl.col("kind").is_in(KINDS))["kind"].unique().sort().to_list()
    if unknown:
        raise DataError(f"events.kind has {unknown[:5]}: write one of {', '.join(KINDS)}")
    if items.is_empty():
        raise DataError("items has no rows: there is nothing to recommend")
    twice = items.filter(items["item_id"].is_duplicated())["item_id"].unique().sort().to_list()
    if twice:
        raise DataError(
            f"items has more than one row for {len(twice)} ids, such as {twice[0]!r}: keep one each"
        )
    return Tables(**frames)


def _conform(frame: pl.DataFrame, form: TableFormat) -> pl.DataFrame:
    missing = [name for name in form.required if name not in frame.columns]
    if missing:
        raise DataError(
            f"{form.name} has no column {', '.join(missing)}: it needs {', '.join(form.required)}"
        )
    columns = []
    for name, wanted in form.columns.items():
        if name not in frame.columns:
            columns.append(pl.lit(None, dtype=wanted).alias(name))
            continue
        columns.append(_cast(frame, form, name, wanted))
    conformed = frame.select(columns)
    for name in form.keys:
        empty = conformed[name].is_null()
        if conformed.schema[name] == pl.String:
            empty = empty | (conformed[name] == "")
        if empty.any():
            raise DataError(f"{form.name}.{name} is empty in {empty.sum()} rows: fill it or drop them")
    return conformed


def _cast(
    frame: pl.DataFrame, form: TableFormat, name: str, wanted: pl.DataType | type[pl.DataType]
) -> pl.Expr:
    have = frame.schema[name]
    column = pl.col(name)
    if wanted == TIME:
        if not isinstance(have, pl.Datetime):
            raise DataError(f"{form.name}.{name} holds {have}: write timestamps in UTC")
        aware = column.dt.replace_time_zone("UTC") if have.time_zone is None else column
        return aware.dt.convert_time_zone("UTC").cast(TIME)
    if wanted == pl.String:
        if have not in (pl.String, pl.Categorical, pl.Null):
            raise DataError(f"{form.name}.{name} holds {have}: write text")
        text = column.cast(pl.String)
        return text.str.slice(0, MAX_TEXT_CHARACTERS) if name in ("title", "description") else text
    if wanted == pl.Float64:
        if not (have.is_numeric() or have == pl.Null):
            raise DataError(f"{form.name}.{name} holds {have}: write numbers")
        number = column.cast(pl.Float64)
        return pl.when(number.is_finite() & (number >= 0)).then(number).otherwise(None).alias(name)
    try:
        frame[name].cast(wanted)
    except pl.exceptions.PolarsError:
        raise DataError(f"{form.name}.{name} holds {have}: write {wanted}") from None
    return column.cast(wanted)
