"""Background work, asked for by name: the site never imports the workers."""

from functools import lru_cache
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from django_project.core.models import Job

if TYPE_CHECKING:
    from celery import Celery


@lru_cache(maxsize=1)
def _producer() -> "Celery":
    # Not everybody who could ask does, and the import takes as long as indexing some thousand events.
    from celery import Celery

    producer = Celery("chainfund-producer", set_as_current=False)
    producer.conf.update(
        broker_url=settings.CELERY_BROKER_URL,
        task_routes=settings.CELERY_TASK_ROUTES,
        task_default_queue=settings.CELERY_TASK_DEFAULT_QUEUE,
        task_ignore_result=True,
        # Kombu would try for six seconds more than `retry` says; whoever waits here has better things to do.
        broker_transport_options={"max_retries": 0},
    )
    return producer


def enqueue(task_name: str, *args: object, **kwargs: object) -> None:
    """Ask a worker to run a task once the current transaction is committed; at once outside of one."""
    transaction.on_commit(lambda: _producer().send_task(task_name, args=args, kwargs=kwargs))


def request(task_name: str) -> None:
    """Ask a worker to run a task that another one would run later anyway: no second try when that fails.

    Raises:
        kombu.exceptions.OperationalError: the broker does not answer.
    """
    _producer().send_task(task_name, retry=False)


class JobProgress:
    """Keeps one `Job` row up to date while the work goes on; usable as a `(stage, fraction)` callback."""

    def __init__(self, name: str) -> None:
        self.job = Job.objects.create(name=name)

    def __call__(self, stage: str, fraction: float) -> None:
        self.job.stage, self.job.fraction = stage, min(max(fraction, 0.0), 1.0)
        self.job.save(update_fields=["stage", "fraction", "updated_at"])

    def finish(self, state: Job.State, message: str) -> None:
        self.job.state, self.job.message, self.job.finished_at = state, message, timezone.now()
        if state == Job.State.DONE:
            self.job.fraction = 1.0
        self.job.save(update_fields=["state", "message", "finished_at", "fraction", "updated_at"])
