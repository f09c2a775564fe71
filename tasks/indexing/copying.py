"""Rows into tables by PostgreSQL's binary COPY, straight into place.

Only one worker can write a chain's rows at a time (see `lease`), and it writes each block once, so a row that
is already there is a contradiction: COPY raises, the transaction is undone and nothing is ever ignored.
"""

from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any

from django.db import connection
from django.db.models import Model
from psycopg import sql
from psycopg.types.json import Jsonb


def copy_rows(model: type[Model], columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Write rows whose values are in the order of `columns`; the caller holds the transaction."""
    statement, types = _plan(model, tuple(columns))
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        copy.set_types(types)
        write = copy.write_row
        for row in rows:
            write(row)


@cache
def _plan(model: type[Model], columns: tuple[str, ...]) -> tuple[sql.Composed, tuple[str, ...]]:
    """The statement, and the columns' types without their precision: a binary value is of just one type."""
    statement = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT BINARY)").format(
        sql.Identifier(model._meta.db_table), sql.SQL(", ").join(map(sql.Identifier, columns))
    )
    fields = {field.column: field for field in model._meta.concrete_fields}
    kinds = (fields[column].db_type(connection) or "" for column in columns)
    return statement, tuple(kind.partition("(")[0] for kind in kinds)


__all__ = ["Jsonb", "copy_rows"]
