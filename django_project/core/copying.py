"""Rows into tables by PostgreSQL's binary COPY, straight into place.

A row that is already there is a contradiction: COPY raises, the transaction is undone and nothing is ignored.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any

from django.db import connection
from django.db.models import Model
from psycopg import Copy, adapters, sql
from psycopg.types.string import BytesBinaryDumper

# A column's type alone names the dumper: of `bytea` the one of DB-API's `Binary`, in Python, unless this one,
# which is written in C, was registered last.
adapters.register_dumper(bytes, BytesBinaryDumper)


@contextmanager
def copying(statement: sql.Composed) -> Iterator[Copy]:
    """A COPY whose errors are Django's, as those of every other statement are."""
    with connection.cursor() as cursor, connection.wrap_database_errors, cursor.copy(statement) as copy:
        yield copy


def copy_rows(model: type[Model], columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Write rows whose values are in the order of `columns`; the caller holds the transaction."""
    statement, types = copy_plan(model, tuple(columns))
    with copying(statement) as copy:
        copy.set_types(types)
        write = copy.write_row
        for row in rows:
            write(row)


@cache
def copy_plan(model: type[Model], columns: tuple[str, ...]) -> tuple[sql.Composed, tuple[str, ...]]:
    """The statement, and the columns' types without their precision: a binary value is of just one type."""
    statement = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT BINARY)").format(
        sql.Identifier(model._meta.db_table), sql.SQL(", ").join(map(sql.Identifier, columns))
    )
    fields = {field.column: field for field in model._meta.concrete_fields}
    kinds = (fields[column].db_type(connection) or "" for column in columns)
    return statement, tuple(kind.partition("(")[0] for kind in kinds)
