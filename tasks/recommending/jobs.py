"""A step of the recommender's work: one at a time everywhere, its progress and its end in a row of `Job`."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from django.db import OperationalError, connection, transaction
from psycopg.errors import LockNotAvailable

from django_project.core.jobs import JobProgress, enqueue
from django_project.core.models import Job
from django_project.discovery.errors import RolloutError

logger = logging.getLogger(__name__)

# Any number will do, as long as nothing else in this database locks it.
ADVISORY_LOCK = 0x5EC0_33E2D


class SkippedError(Exception):
    """There is nothing to do; the text says why."""


class Work(JobProgress):
    """A running step."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.message = ""
        self.following: tuple[Any, ...] = ()

    def ends_with(self, message: str, *following: Any) -> None:
        """What to say when the step ended well, and the task, with its arguments, that comes after it."""
        self.message, self.following = message, following


@contextmanager
def work(name: str) -> Iterator[Work]:
    """Run a block as a step: skipped when it says so, and marked failed when it raises.

    What the recommender says about its data or files ends the step with that sentence; anything else is
    raised on, for Celery and whoever reads its log. The following task is asked for at the end, when the
    block's own `only_one` has given its lock back.
    """
    job = Work(name)
    try:
        yield job
    except SkippedError as reason:
        job.finish(Job.State.SKIPPED, str(reason))
    except Exception as error:
        job.finish(Job.State.FAILED, str(error))
        if not _is_sentence(error):
            raise
        logger.error("%s: %s", name, error)  # noqa: TRY400  # the sentence is the news
    else:
        job.finish(Job.State.DONE, job.message)
        if job.following:
            enqueue(*job.following)


@contextmanager
def only_one(patience: timedelta = timedelta(0)) -> Iterator[None]:
    """Hold the recommender's lock in the database; raises SkippedError if somebody else keeps it."""
    if not _lock(patience):
        raise SkippedError("another step of the recommender is running")
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [ADVISORY_LOCK])


def _lock(patience: timedelta) -> bool:
    with connection.cursor() as cursor:
        if not patience:
            cursor.execute("SELECT pg_try_advisory_lock(%s)", [ADVISORY_LOCK])
            row = cursor.fetchone()
            return bool(row and row[0])
        try:
            with transaction.atomic():
                cursor.execute(f"SET LOCAL lock_timeout = {int(patience.total_seconds() * 1000)}")
                cursor.execute("SELECT pg_advisory_lock(%s)", [ADVISORY_LOCK])
        except OperationalError as error:
            if isinstance(error.__cause__, LockNotAvailable):
                return False
            raise
    return True


def _is_sentence(error: Exception) -> bool:
    from recommender.errors import RecommenderError

    return isinstance(error, (RecommenderError, RolloutError))
