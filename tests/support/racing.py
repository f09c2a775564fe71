"""Two that write at once: threads with connections of their own, and whether one waits for the other."""

import threading
from collections.abc import Callable

from django.db import connection


def in_thread(work: Callable[[], object]) -> threading.Thread:
    """Run something beside the test, on a database connection of its own."""

    def run() -> None:
        try:
            work()
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def somebody_waits_for_a_lock() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
        return bool(cursor.fetchone()[0])
