"""The steps of a refresh, as tasks and the command line call them."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.conf import settings

from django_project.discovery.models import ModelVersion, RankingPublication
from django_project.discovery.selectors import IMPERSONAL_MODELS
from recommender.config.settings_entries import settings as model_settings
from recommender.errors import ConfigError, RecommenderError
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
from recommender.registry.gates import PromotionDecision
from tasks.recommending import interpreting, publishing, versions
from tasks.recommending.jobs import SkippedError
from tasks.recommending.publishing import ALL
from tasks.recommending.tables import erased_users, is_anything_new, left_out, provenance, tables, texts

MODELS = ("chainfund", "twotower", "hybrid")
"""Trained at each refresh; the best that passes the gates is taken further."""
SHADOW = RankingPublication.Stage.SHADOW.value


@dataclass(frozen=True)
class Decision:
    """What the gates said, and which runs are ranked where."""

    promotion: PromotionDecision
    placements: list[tuple[str, str]]
    """(run id, stage), in order."""

    @property
    def sentence(self) -> str:
        return " ".join(self.promotion.sentences)


def take_snapshot(*, force: bool = False, full: bool = False) -> str:
    """Freeze the tables; returns the snapshot's name.

    Raises:
        SkippedError: nothing came in since the newest run's snapshot, or with `full` since the newest one
            that was trained from nothing; not with `force`.
    """
    if not force and (last := _last_snapshot(full=full)) and not is_anything_new(last.manifest.provenance):
        raise SkippedError(f"nothing is new since snapshot {last.path.name}")
    key = provenance()
    frozen = build_snapshot(tables(key), key, snapshots_root(versions.root()), left_out(key))
    return frozen.path.name


def embed(progress: Progress) -> int:
    """Encode every stored text ahead of the training that will ask for it; returns how many there are."""
    return encode_texts(texts(), versions.root(), settings.RECOMMENDER_TEXT_ENCODER, progress)


def train(
    snapshot_name: str,
    progress: Progress,
    *,
    models: Sequence[str] = (),
    seed: int = 0,
    warm: bool = False,
) -> list[str]:
    """Train, measure, register and interpret models, by default MODELS; returns the runs' ids, `pop` first.

    The live model's kind is always among them: candidates are compared with it on the same snapshot. A `warm`
    training begins from each model's newest run.

    Raises:
        ConfigError: an unknown model, or a setting that it does not have.
    """
    given = model_settings(settings.RECOMMENDER_SETTINGS, "CHAINFUND_RECOMMENDER_SETTINGS:")
    snapshot = open_snapshot(snapshots_root(versions.root()) / snapshot_name)
    live = versions.live_version()
    wanted = list(dict.fromkeys([*(models or MODELS), *([live.model] if live else [])]))
    runs = train_candidates(
        snapshot,
        [name for name in wanted if name not in IMPERSONAL_MODELS or name in models],
        versions.root(),
        seed=seed,
        encoder=settings.RECOMMENDER_TEXT_ENCODER,
        settings=given,
        warm=versions.warm_start_runs(wanted) if warm else (),
        progress=progress,
    )
    for run in runs:
        interpreting.interpret_run(run, versions.register(run))
    return [run.id for run in runs]


def decide(run_ids: Sequence[str]) -> Decision:
    """Ask the gates, write down what they said, and say which runs go where."""
    runs = [versions.run_of(_version(run_id)) for run_id in run_ids]
    live = versions.live_version()
    promotion = decide_promotion(runs, versions.run_of(live) if live else None, erased_users())
    versions.record_decision(promotion, runs)
    return Decision(promotion, _placements(promotion))


def _placements(promotion: PromotionDecision) -> list[tuple[str, str]]:
    """A newer run of what is live replaces it; another kind of model goes through the stages.

    Where nothing personal is live there is nothing to protect: the first model that passes is shown to all.
    """
    publication = RankingPublication.objects.select_related("version", "candidate").first()
    chosen = promotion.run
    if chosen is None:
        return []
    live = publication.version if publication else None
    if publication is None or live is None or live.model in {*IMPERSONAL_MODELS, chosen.model}:
        return [(chosen.id, ALL)]
    candidate = publication.candidate
    stage = publication.stage if candidate and candidate.model == chosen.model else SHADOW
    fresh = promotion.accepted(live.model)
    return [*([(fresh.id, ALL)] if fresh else []), (chosen.id, stage)]


def publish(run_id: str, progress: Progress, stage: str = ALL) -> publishing.Published:
    """Rank with a run and show its lists, or stage them, whatever the gates said of it."""
    version = _version(run_id)
    run = versions.run_of(version)
    ranker = open_ranker(run, run_snapshot(run, versions.root()), versions.root(), progress)
    published = publishing.publish_run(version, ranker, progress, stage)
    publishing.forget_old(versions.root())
    return published


def _version(run_id: str) -> ModelVersion:
    version = ModelVersion.objects.filter(run_id=run_id).first()
    if version is None:
        raise ConfigError(f"no run {run_id!r}: `manage.py recommend status` lists those there are")
    return version


def _last_snapshot(*, full: bool) -> SnapshotInfo | None:
    """What the newest run was made from, if its files are sound and its lists are what the site shows.

    With `full` only runs that were trained from nothing count.
    """
    runs = ModelVersion.objects.filter(warm_from="").exclude(model="pop") if full else ModelVersion.objects
    newest = runs.order_by("-trained_at", "-pk").first()
    if newest is None or not RankingPublication.objects.exists():
        return None
    try:
        return open_snapshot(snapshots_root(versions.root()) / newest.snapshot_hash[:16])
    except RecommenderError:
        return None
