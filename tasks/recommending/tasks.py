"""The recommender's work in the background, one task a step: snapshot → train → promote → rank.

Each step names the next by what it made, so that a step delivered twice makes the same thing again. The
recommender itself is imported when a task runs: it brings torch, which the other queues' workers do without.
"""

from datetime import timedelta

from celery import shared_task
from django.utils import timezone

from tasks.recommending import rollout
from tasks.recommending.jobs import only_one, work
from tasks.recommending.thompson import update_arms

SNAPSHOT = "tasks.recommending.snapshot"
TRAIN = "tasks.recommending.train"
PROMOTE = "tasks.recommending.promote"
RANK = "tasks.recommending.rank"

PATIENCE = timedelta(minutes=30)
"""How long a step waits for another refresh's: what was begun is ended, and a full training is not lost
because a nightly one runs at its hour. A nightly snapshot does not wait: the other one is as new."""


@shared_task(name=SNAPSHOT)
def snapshot(*, force: bool = False, full: bool = False) -> None:
    """Freeze what is final and consented; skipped, with the reason, if nothing is new.

    What follows is a warm training, begun from the weights before, or with `full` one from nothing.
    """
    with work(SNAPSHOT) as job, only_one(PATIENCE if full else timedelta(0)):
        from tasks.recommending import steps

        name = steps.take_snapshot(force=force, full=full)
        job.ends_with(f"snapshot {name}", TRAIN, name, full)


@shared_task(name=TRAIN)
def train(snapshot_name: str, full: bool = True) -> None:  # a message's argument
    """Train the candidates on a snapshot and register their runs."""
    with work(TRAIN) as job, only_one(PATIENCE):
        from tasks.recommending import steps

        run_ids = steps.train(snapshot_name, job, warm=not full)
        job.ends_with(f"runs {', '.join(run_ids)}", PROMOTE, run_ids)


@shared_task(name=PROMOTE)
def promote(run_ids: list[str]) -> None:
    """Ask the gates about the runs of one snapshot."""
    with work(PROMOTE) as job, only_one(PATIENCE):
        from tasks.recommending import steps

        decision = steps.decide(run_ids)
        following = (RANK, decision.placements) if decision.placements else ()
        job.ends_with(decision.sentence, *following)


@shared_task(name=RANK)
def rank(placements: list[tuple[str, str]]) -> None:
    """Rank with runs and put their lists where they belong: (run id, stage)."""
    with work(RANK) as job, only_one(PATIENCE):
        from tasks.recommending import steps

        done = [steps.publish(run_id, job, stage).sentence for run_id, stage in placements]
        job.ends_with("; ".join(done))


@shared_task(name="tasks.rollout.watch")
def watch() -> None:
    """Look at the candidate, at what is live and at what is new; needs no torch."""
    rollout.review()
    update_arms(timezone.now())
