"""The recommender's work in the background, one task a step: snapshot → train → promote → rank.

Each step names the next by what it made, so that a step delivered twice makes the same thing again. The
recommender itself is imported when a task runs: it brings torch, which the other queues' workers do without.
"""

from celery import shared_task

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
        job.ends_with(f"snapshot {name}", TRAIN, name)


@shared_task(name=TRAIN)
def train(snapshot_name: str) -> None:
    """Train the candidates on a snapshot and register their runs."""
    with work(TRAIN) as job:
        from tasks.recommending import steps

        run_ids = steps.train(snapshot_name, job)
        job.ends_with(f"runs {', '.join(run_ids)}", PROMOTE, run_ids)


@shared_task(name=PROMOTE)
def promote(run_ids: list[str]) -> None:
    """Ask the gates about the runs of one snapshot."""
    with work(PROMOTE) as job:
        from tasks.recommending import steps

        decision = steps.decide(run_ids)
        following = (RANK, decision.run.id) if decision.run else ()
        job.ends_with(" ".join(decision.sentences), *following)


@shared_task(name=RANK)
def rank(run_id: str) -> None:
    """Rank with a run and publish its lists."""
    with work(RANK) as job:
        from tasks.recommending import steps

        job.ends_with(steps.publish(run_id, job).sentence)
