"""A step of the recommender's work: one at a time everywhere, its progress and its end in a row of `Job`."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection

from django_project.core.jobs import JobProgress
from django_project.core.models import Job

logger = logging.getLogger(__name__)

# Any number will do, as long as nothing else in this database locks it.
ADVISORY_LOCK = 0x5EC0_33E2D


class SkippedError(Exception):
    """There is nothing to do; the text says why."""


class Work(JobProgress):
    """A running step. `message` is what it says when it ended well."""

    message = ""


@contextmanager
def work(name: str) -> Iterator[Work]:
    """Run a block as a step: skipped when another one runs, and marked failed when it raises.

    What the recommender says about its data or files ends the step with that sentence; anything else is
    raised on, for Celery and whoever reads its log.
    """
    job = Work(name)
    try:
        with only_one():
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


@contextmanager
def only_one() -> Iterator[None]:
    """Hold the recommender's lock in the database; raises SkippedError if somebody else has it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [ADVISORY_LOCK])
        row = cursor.fetchone()
    if row is None or not row[0]:
        raise SkippedError("another step of the recommender is running")
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [ADVISORY_LOCK])


def _is_sentence(error: Exception) -> bool:
    from recommender.errors import RecommenderError

    return isinstance(error, RecommenderError)
