"""The steps of a refresh, as tasks and the command line call them."""

from collections.abc import Sequence

from django.conf import settings

from django_project.discovery.models import ModelVersion, RankingPublication
from recommender.errors import ConfigError, RecommenderError
from recommender.life.gates import PromotionDecision
from recommender.pipeline import (
    SnapshotInfo,
    build_snapshot,
    decide_promotion,
    encode_texts,
    open_ranker,
    open_snapshot,
    run_snapshot,
    snapshots_root,
    train_candidates,
)
from recommender.progress import Progress
from tasks.recommending import publishing, versions
from tasks.recommending.jobs import SkippedError
from tasks.recommending.tables import is_anything_new, provenance, tables, texts

MODELS = ("chainfund", "twotower")
"""Trained at each refresh; the best that passes the gates is shown."""


def take_snapshot(*, force: bool = False) -> str:
    """Freeze the tables; returns the snapshot's name.

    Raises:
        SkippedError: nothing came in since the newest run's snapshot; not with `force`.
    """
    if not force and (last := _last_snapshot()) and not is_anything_new(last.manifest.provenance):
        raise SkippedError(f"nothing is new since snapshot {last.path.name}")
    key = provenance()
    return build_snapshot(tables(key), key, snapshots_root(versions.root())).path.name


def embed(progress: Progress) -> int:
    """Encode every stored text ahead of the training that will ask for it; returns how many there are."""
    return encode_texts(texts(), versions.root(), settings.RECOMMENDER_TEXT_ENCODER, progress)


def train(
    snapshot_name: str, progress: Progress, *, models: Sequence[str] = MODELS, seed: int = 0
) -> list[str]:
    """Train, measure and register the models; returns the runs' ids, `pop` first."""
    snapshot = open_snapshot(snapshots_root(versions.root()) / snapshot_name)
    runs = train_candidates(
        snapshot,
        models,
        versions.root(),
        seed=seed,
        encoder=settings.RECOMMENDER_TEXT_ENCODER,
        progress=progress,
    )
    for run in runs:
        versions.register(run)
    return [run.id for run in runs]


def decide(run_ids: Sequence[str]) -> PromotionDecision:
    """Ask the gates, and write down what they said."""
    runs = [versions.run_of(_version(run_id)) for run_id in run_ids]
    live = versions.live_version()
    decision = decide_promotion(runs, versions.run_of(live) if live else None)
    versions.note(decision, runs)
    return decision


def publish(run_id: str, progress: Progress) -> publishing.Published:
    """Rank with a run and show its lists, whatever the gates said of it."""
    version = _version(run_id)
    run = versions.run_of(version)
    ranker = open_ranker(run, run_snapshot(run, versions.root()), versions.root(), progress)
    published = publishing.publish_run(version, ranker, progress)
    publishing.forget_old(versions.root())
    return published


def _version(run_id: str) -> ModelVersion:
    version = ModelVersion.objects.filter(run_id=run_id).first()
    if version is None:
        raise ConfigError(f"no run {run_id!r}: `manage.py recommend status` lists those there are")
    return version


def _last_snapshot() -> SnapshotInfo | None:
    """What the newest run was made from, if its files are sound and its lists are what the site shows."""
    newest = ModelVersion.objects.order_by("-trained_at", "-pk").first()
    if newest is None or not RankingPublication.objects.exists():
        return None
    try:
        return open_snapshot(snapshots_root(versions.root()) / newest.snapshot_hash[:16])
    except RecommenderError:
        return None
