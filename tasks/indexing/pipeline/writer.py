"""Commits one range while the next is matched: Python and PostgreSQL then work at the same time."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Self

from django.db import connection


def _close_connection() -> None:
    """Of the thread that calls it."""
    connection.close()


class Writer:
    """Runs jobs one after the other in a thread with a database connection of its own, one ahead at most.

    A context in which jobs may be submitted; leaving it waits for the last one.
    """

    def __init__(self) -> None:
        self._thread: ThreadPoolExecutor | None = None
        self._pending: Future[None] | None = None

    def __enter__(self) -> Self:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="commit")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Wait for the last job; raises its error, above one that has ended the context."""
        thread, self._thread = self._thread, None
        try:
            self.drain()
        finally:
            if thread is not None:
                thread.submit(_close_connection)
                thread.shutdown()

    def submit(self, job: Callable[[], None]) -> None:
        """Begin a job once the one before it is done; raises what that one has raised."""
        self.drain()
        if self._thread is None:
            raise RuntimeError("a writer takes jobs only as a context")
        self._pending = self._thread.submit(job)

    def drain(self) -> None:
        """Wait until everything submitted is committed; raises what the last job has raised."""
        pending, self._pending = self._pending, None
        if pending is not None:
            pending.result()
