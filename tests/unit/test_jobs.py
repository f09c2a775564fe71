"""Work is asked for by name, once the transaction is committed, and its progress is a row."""

import json

import pytest
import redis
from django.db import transaction

from django_project.core import audit, jobs
from django_project.core.models import AuditEntry, Job


@pytest.fixture
def queues(redis_url: str) -> redis.Redis:
    client = redis.Redis.from_url(redis_url)
    client.delete("default", "gpu", "indexing")
    return client


@pytest.mark.django_db(transaction=True)
def test_work_is_enqueued_on_commit_and_routed_by_name(queues: redis.Redis) -> None:
    with transaction.atomic():
        jobs.enqueue("tasks.recommending.refresh", 7, why="a test")
        assert queues.llen("gpu") == 0
    queued = queues.lindex("gpu", 0)
    assert queued is not None
    message = json.loads(queued)
    assert message["headers"]["task"] == "tasks.recommending.refresh"
    assert message["headers"]["argsrepr"] == "(7,)"


@pytest.mark.django_db(transaction=True)
def test_nothing_is_enqueued_when_the_transaction_fails(queues: redis.Redis) -> None:
    with transaction.atomic():
        jobs.enqueue("tasks.upkeep.deliver_outbox")
        transaction.set_rollback(True)
    assert queues.llen("default") == 0


@pytest.mark.django_db
def test_progress_is_kept_within_bounds_and_ends_full() -> None:
    progress = jobs.JobProgress("tasks.recommending.refresh")
    progress("training", 1.7)
    assert Job.objects.get().fraction == 1.0
    progress("ranking", 0.25)
    progress.finish(Job.State.DONE, "ranked 400 people")
    job = Job.objects.get()
    assert (job.state, job.stage, job.fraction, job.message) == ("done", "ranking", 1.0, "ranked 400 people")
    assert job.finished_at is not None


@pytest.mark.django_db(transaction=True)
def test_acts_are_recorded_with_what_they_do_or_not_at_all() -> None:
    with pytest.raises(transaction.TransactionManagementError, match="inside the transaction"):
        audit.record("campaigns.listing.hidden", "tern-46")
    with transaction.atomic():
        audit.record("campaigns.listing.hidden", "tern-46")
        transaction.set_rollback(True)
    assert not AuditEntry.objects.exists()
    with transaction.atomic():
        audit.record("campaigns.listing.hidden", "tern-46", reason="spam")
    assert AuditEntry.objects.get().details == {"reason": "spam"}
