"""The Celery application: `celery -A tasks.celery worker -Q indexing,default,gpu,notifications`."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "django_project.settings")

app = Celery("chainfund")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.conf.update(
    # Tasks are safe to run twice, so one that a dying worker held is given to another.
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    worker_prefetch_multiplier=1,
    task_ignore_result=True,
    broker_connection_retry_on_startup=True,
    timezone="UTC",
)
app.autodiscover_tasks(["tasks"], related_name="indexing.tasks")
app.autodiscover_tasks(["tasks"], related_name="recommending")
app.autodiscover_tasks(["tasks"], related_name="notifying")
app.autodiscover_tasks(["tasks"], related_name="upkeep")
