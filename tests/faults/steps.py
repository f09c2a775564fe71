"""A forked indexer that is struck by a signal at a chosen step of its transactions.

A step is whatever the database is told: each statement, the beginning and the end of each COPY, each COMMIT,
and the moment after a COMMIT. Being struck before one statement is being struck after the one before it.
"""

import logging
import os
import signal
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any, NamedTuple

import psycopg
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created

from tests.support.contracts import Suite
from tests.support.indexing import index_once
from tests.support.processes import fork


class Struck(NamedTuple):
    """The process and the step at which it was struck; no step when it came through before."""

    process: BaseProcess
    step: str | None


class _Steps:
    """Counts the steps of this process's transactions and raises the signal at the chosen one."""

    def __init__(self, at: int | str, signal_number: int, report: Connection) -> None:
        self._at, self._signal, self._report = at, signal_number, report
        self._count = 0
        self._lock = threading.Lock()

    def install(self) -> None:
        psycopg.Cursor.copy = self._copying(psycopg.Cursor.copy)  # type: ignore[method-assign]
        # Each thread has a connection of its own.
        connection_created.connect(self._watch)

    def _watch(self, connection: BaseDatabaseWrapper, **_: object) -> None:
        if self._execute not in connection.execute_wrappers:
            connection.execute_wrappers.append(self._execute)
            connection.commit = self._committing(connection.commit)  # type: ignore[method-assign]

    def _reach(self, step: str) -> None:
        with self._lock:
            self._count += 1
            if self._count == self._at if isinstance(self._at, int) else step.startswith(self._at):
                self._report.send(step)
                os.kill(os.getpid(), self._signal)

    def _execute(
        self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: dict[str, Any]
    ) -> Any:
        if context["connection"].in_atomic_block:
            self._reach(" ".join(sql.split())[:80])
        return execute(sql, params, many, context)

    def _copying(self, original: Callable[..., Any]) -> Callable[..., Any]:
        @contextmanager
        def copy(cursor: Any, statement: Any, *arguments: Any, **options: Any) -> Generator[Any]:
            told = statement if isinstance(statement, str) else statement.as_string(cursor)
            self._reach(f"before {told[:60]}")
            with original(cursor, statement, *arguments, **options) as rows:
                yield rows
                self._reach(f"within {told[:60]}")

        return copy

    def _committing(self, original: Callable[[], None]) -> Callable[[], None]:
        def commit() -> None:
            self._reach("before COMMIT")
            original()
            self._reach("after COMMIT")

        return commit


def strike(
    suite: Suite,
    at: int | str,
    signal_number: int = signal.SIGKILL,
    prepare: Callable[[], None] | None = None,
) -> Struck:
    """Index in a process that is struck at a step; return once that has happened.

    Args:
        suite: what is indexed.
        at: the step's number, from 1, or how its name begins.
        signal_number: what it is struck by.
        prepare: called in the process before it begins.
    """
    ours, theirs = Pipe(duplex=False)
    child = fork(_index, suite, at, signal_number, prepare, theirs)
    # Only the child's end is left: it closes with the child.
    theirs.close()
    try:
        step = ours.recv()
    except EOFError:
        step = None
    if signal_number == signal.SIGKILL or step is None:
        child.join()
    return Struck(child, step)


def _index(
    suite: Suite, at: int | str, signal_number: int, prepare: Callable[[], None] | None, report: Connection
) -> None:
    logging.disable(logging.CRITICAL)
    _Steps(at, signal_number, report).install()
    if prepare is not None:
        prepare()
    index_once(suite)
