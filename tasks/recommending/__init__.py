"""The recommender's work in the background, one task a step: snapshot → train → promote → rank.

Each step names the next by what it made, so that a step delivered twice makes the same thing again. The
recommender itself is imported when a task runs: it brings torch, which the other queues' workers do without.
"""

from celery import shared_task

from django_project.core.jobs import enqueue
from tasks.recommending.jobs import work

SNAPSHOT = "tasks.recommending.snapshot"
TRAIN = "tasks.recommending.train"
PROMOTE = "tasks.recommending.promote"
RANK = "tasks.recommending.rank"


@shared_task(name=SNAPSHOT)
def snapshot(*, force: bool = False) -> None:
    """Freeze what is final and consented; skipped, with the reason, if nothing is new."""
    with work(SNAPSHOT) as job:
        from tasks.recommending import steps

        name = steps.take_snapshot(force=force)
        job.message = f"snapshot {name}"
        enqueue(TRAIN, name)


@shared_task(name=TRAIN)
def train(snapshot_name: str) -> None:
    """Train the candidates on a snapshot and register their runs."""
    with work(TRAIN) as job:
        from tasks.recommending import steps

        run_ids = steps.train(snapshot_name, job)
        job.message = f"runs {', '.join(run_ids)}"
        enqueue(PROMOTE, run_ids)


@shared_task(name=PROMOTE)
def promote(run_ids: list[str]) -> None:
    """Ask the gates about the runs of one snapshot."""
    with work(PROMOTE) as job:
        from tasks.recommending import steps

        decision = steps.decide(run_ids)
        job.message = " ".join(decision.sentences)
        if decision.run is not None:
            enqueue(RANK, decision.run.id)


@shared_task(name=RANK)
def rank(run_id: str) -> None:
    """Rank with a run and publish its lists."""
    with work(RANK) as job:
        from tasks.recommending import steps

        published = steps.publish(run_id, job)
        job.message = published.sentence
