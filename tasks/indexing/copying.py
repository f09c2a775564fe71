"""Rows into tables by PostgreSQL's COPY, straight into place.

Only one worker can write a chain's rows at a time (see `lease`), and it writes each block once, so a row that
is already there is a contradiction: COPY raises, the transaction is undone and nothing is ever ignored.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from django.db import connection
from django.db.models import Model
from psycopg import sql
from psycopg.types.json import Jsonb


def copy_rows(model: type[Model], columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Write rows whose values are in the order of `columns`; the caller holds the transaction."""
    statement = sql.SQL("COPY {} ({}) FROM STDIN").format(
        sql.Identifier(model._meta.db_table), sql.SQL(", ").join(map(sql.Identifier, columns))
    )
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        for row in rows:
            copy.write_row(row)


__all__ = ["Jsonb", "copy_rows"]
