"""The Celery application: `celery -A tasks.celery worker -Q indexing`, and others for the other queues.

Followers of chains hold their processes, so they have a queue, and workers, to themselves: docs/indexer.md.
"""

import os
from datetime import timedelta

from celery import Celery
from django.conf import settings

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "django_project.settings")

app = Celery("chainfund")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.conf.update(
    # Tasks are safe to run twice, so one that a dying worker held is given to another.
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    worker_prefetch_multiplier=1,
    task_ignore_result=True,
    # Whoever may write to the broker names a task and its arguments, and brings no code along.
    accept_content=["json"],
    result_accept_content=["json"],
    task_serializer="json",
    broker_connection_retry_on_startup=True,
    timezone="UTC",
    # Entries expire before their next turn: a queue that nobody serves must not fill up with them.
    beat_schedule={
        "revive the indexer": {
            "task": "tasks.indexing.revive",
            "schedule": 5.0,
            "options": {"expires": 5.0},
        },
        "deliver the outbox": {
            "task": "tasks.upkeep.deliver_outbox",
            "schedule": 5.0,
            "options": {"expires": 5.0},
        },
        "settle what time changes": {
            "task": "tasks.upkeep.settle",
            "schedule": 10.0,
            "options": {"expires": 10.0},
        },
        "look for missing pledges": {
            "task": "tasks.pledging.look_for_missing",
            "schedule": 30.0,
            "options": {"expires": 30.0},
        },
        "tell backers": {
            "task": "tasks.notifying.tell",
            "schedule": 30.0,
            "options": {"expires": 30.0},
        },
        "remind backers of their money": {
            "task": "tasks.notifying.remind",
            "schedule": timedelta(days=1),
            "options": {"expires": timedelta(days=1).total_seconds()},
        },
        "learn from what is new": {
            "task": "tasks.recommending.snapshot",
            "schedule": settings.RECOMMENDER_REFRESH_INTERVAL,
            "options": {"expires": settings.RECOMMENDER_REFRESH_INTERVAL.total_seconds()},
        },
        "learn everything anew": {
            "task": "tasks.recommending.snapshot",
            "schedule": settings.RECOMMENDER_FULL_INTERVAL,
            "kwargs": {"full": True},
            "options": {"expires": settings.RECOMMENDER_FULL_INTERVAL.total_seconds()},
        },
        "take a candidate further or back": {
            "task": "tasks.rollout.watch",
            "schedule": timedelta(minutes=5),
            "options": {"expires": 300.0},
        },
        "forget delivered messages": {
            "task": "tasks.upkeep.clean",
            "schedule": timedelta(hours=1),
            "options": {"expires": 3600.0},
        },
    },
)
# A task's name is what messages carry from one version to the next: it outlives the place of its module.
for room in ("indexing", "recommending", "engagement"):
    app.autodiscover_tasks([f"tasks.{room}"])
