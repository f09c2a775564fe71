"""What workers call: snapshot → train → decide → rank.

    snapshot = build_snapshot(tables, provenance, snapshots_root(root))
    runs = train_candidates(snapshot, ["chainfund", "twotower"], root)
    decision = decide_promotion(runs, live)
    ranker = open_ranker(decision.run, snapshot, root)
    rank_all(ranker, 200), similar_items(ranker, 12), audiences(ranker, 50)

`root` holds snapshots, runs and the embedding cache.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from recommender.data.dataset import Dataset, build_dataset
from recommender.data.reading import read_directory
from recommender.data.rules import exclude
from recommender.data.schema import Tables
from recommender.data.snapshot import (
    ChainHead,
    Provenance,
    SnapshotInfo,
    build_snapshot,
    load_snapshot,
    open_snapshot,
)
from recommender.errors import ConfigError, DamagedError, DataError
from recommender.evaluation.bootstrap import paired
from recommender.evaluation.evaluator import Report, evaluate
from recommender.evaluation.splits import SplitOptions, make_split
from recommender.files import sha256_hex, to_json
from recommender.life.gates import BASELINE, DECIDING, PromotionDecision, Verdict, decide_promotion, judge
from recommender.life.runs import Measured, RunInfo, RunMetrics, load_model, open_run, save_run
from recommender.life.warm import warm_weights
from recommender.models.base import Recommender, context_of
from recommender.progress import Progress, silent
from recommender.ranking.lists import ANYBODY, Ranker, audiences, digest, rank_all, similar_items
from recommender.text.cache import EmbeddingCache, TextVectors
from recommender.text.names import DEFAULT_ENCODER
from recommender.training.fitting import Plan, fit_all, fit_split, make_plan, needs_text

__all__ = [
    "ANYBODY",
    "ChainHead",
    "PromotionDecision",
    "Provenance",
    "Ranker",
    "RunInfo",
    "SnapshotInfo",
    "Tables",
    "Verdict",
    "audiences",
    "build_snapshot",
    "decide_promotion",
    "digest",
    "embed",
    "evaluate_directory",
    "judge",
    "open_ranker",
    "open_run",
    "open_snapshot",
    "rank_all",
    "run_snapshot",
    "similar_items",
    "snapshots_root",
    "train_candidates",
]

BASELINES = (BASELINE, "recent_pop")
"""Fitted and measured beside every candidate; `pop` is also saved, as what is shown when nothing passes."""
SNAPSHOTS = "snapshots"
EMBEDDINGS = "embeddings"


def snapshots_root(root: Path) -> Path:
    return root / SNAPSHOTS


@dataclass(frozen=True)
class _Work:
    """A snapshot opened for work."""

    snapshot: SnapshotInfo
    root: Path
    encoder: str

    @cached_property
    def dataset(self) -> Dataset:
        tables = load_snapshot(self.snapshot)
        return build_dataset(tables, now=self.snapshot.manifest.provenance.behaviour_until)

    def vectors(self, progress: Progress = silent) -> TextVectors:
        return EmbeddingCache(self.root / EMBEDDINGS, self.encoder).vectors(
            self.dataset.items.texts, progress
        )


def embed(
    texts: Sequence[str], root: Path, encoder: str = DEFAULT_ENCODER, progress: Progress = silent
) -> int:
    """Put texts' vectors into the cache ahead of training; returns how many texts there were."""
    EmbeddingCache(root / EMBEDDINGS, encoder).vectors(texts, progress)
    return len(texts)


def train_candidates(
    snapshot: SnapshotInfo,
    models: Sequence[str],
    root: Path,
    *,
    seed: int = 0,
    encoder: str = DEFAULT_ENCODER,
    settings: Mapping[str, Mapping[str, Any]] | None = None,
    warm: Sequence[RunInfo] = (),
    progress: Progress = silent,
) -> list[RunInfo]:
    """Measure each model on the snapshot's last-out split, fit it to everything, and save it as a run.

    The baselines are measured beside them and a run of `pop` is always among the results. `settings` are the
    models' own, by name. A run in `warm` lends its weights to the new model of its kind. A killed call goes
    on from its last epoch when it is made again.

    Raises:
        DataError: the snapshot has too little to learn from. ConfigError: an unknown model or setting.
    """
    work = _Work(snapshot, root, encoder)
    dataset = work.dataset
    if not dataset.pairs.contributed.any():
        raise DataError("the snapshot has no contributions: there is nothing to learn from yet")
    plans = _plans(models, settings or {}, seed)
    vectors = work.vectors(progress)
    split = make_split("last-out", dataset, SplitOptions(core=1))
    starts = {run.model: warm_weights(run, dataset, vectors) for run in warm if run.config.encoder == encoder}
    epochs: dict[str, int] = {}
    curves: dict[str, list[dict[str, float]]] = {}

    def fit(name: str, _: int) -> Recommender:
        plan = plans[name]
        key = sha256_hex(
            to_json([snapshot.hash, name, plan.config.model_dump(mode="json"), plan.training.model_dump()])
        )
        model, log = fit_split(
            plan,
            split,
            vectors,
            start=starts.get(name),
            checkpoint=root / "checkpoints" / f"{key[:16]}.safetensors",
            key=key,
            progress=progress,
        )
        if log:
            epochs[name], curves[name] = log.best_epoch, log.curve
        return model

    report = evaluate(list(plans), fit, dataset, split, 1, is_random=lambda name: plans[name].is_trained)
    runs = []
    for name, plan in plans.items():
        if name in BASELINES and name != BASELINE:
            continue
        model = fit_all(
            plan, dataset, vectors, epochs=epochs.get(name), start=starts.get(name), progress=progress
        )
        metrics = _metrics(name, report, epochs.get(name, 0), curves.get(name, []))
        runs.append(
            save_run(root, model, dataset, snapshot, training=plan.training, encoder=encoder, metrics=metrics)
        )
    return runs


def evaluate_directory(
    data: Path,
    split_name: str,
    models: Sequence[str],
    options: SplitOptions,
    seeds: int,
    root: Path,
    *,
    encoder: str = DEFAULT_ENCODER,
    settings: Mapping[str, Mapping[str, Any]] | None = None,
    progress: Progress = silent,
) -> Report:
    """Measure models on the tables of a directory, after the exclusion rules, by full ranking.

    Raises:
        DataError, ConfigError: what is wrong with the tables, the split or a name.
    """
    plans = {name: make_plan(name, (settings or {}).get(name)) for name in models}
    tables, excluded = exclude(read_directory(data), until=datetime.now(UTC))
    dataset = build_dataset(tables)
    split = make_split(split_name, dataset, options)
    vectors = None
    if needs_text(list(plans.values())):
        vectors = EmbeddingCache(root / EMBEDDINGS, encoder).vectors(dataset.items.texts, progress)

    def fit(name: str, seed: int) -> Recommender:
        return fit_split(plans[name].with_seed(seed), split, vectors, progress=progress)[0]

    report = evaluate(list(plans), fit, dataset, split, seeds, is_random=lambda name: plans[name].has_seed)
    report.protocol.update(encoder=encoder if vectors else "", excluded=excluded)
    return report


def open_ranker(run: RunInfo, snapshot: SnapshotInfo, root: Path, progress: Progress = silent) -> Ranker:
    """A run's model, bound to its snapshot and ready to rank.

    Raises:
        ConfigError: the run was made from another snapshot. DamagedError: its weights do not fit.
    """
    if run.manifest.snapshot_hash != snapshot.hash:
        raise ConfigError(
            f"run {run.id} was made from snapshot {run.manifest.snapshot_hash[:16]}, not from "
            f"{snapshot.hash[:16]}: rank that snapshot, or train on this one"
        )
    work = _Work(snapshot, root, run.config.encoder)
    model = load_model(run)
    if model.sizes.items != len(work.dataset.item_ids) or model.sizes.users != len(work.dataset.users):
        raise DamagedError(f"run {run.id} does not have the users and items of its snapshot: train again")
    vectors = None if model.item_vectors() is not None else work.vectors(progress)
    model.bind(context_of(work.dataset, vectors if model.text == "none" else None))
    return Ranker(model, work.dataset, vectors)


def run_snapshot(run: RunInfo, root: Path) -> SnapshotInfo:
    """The snapshot a run was made from, verified."""
    return open_snapshot(root / run.manifest.snapshot_path)


def _plans(models: Sequence[str], settings: Mapping[str, Mapping[str, Any]], seed: int) -> dict[str, Plan]:
    names = dict.fromkeys([*BASELINES, *models])
    return {name: make_plan(name, settings.get(name)).with_seed(seed) for name in names}


def _metrics(name: str, report: Report, best_epoch: int, curve: list[dict[str, float]]) -> RunMetrics:
    ours = report.values[name][DECIDING]
    return RunMetrics(
        protocol=report.protocol,
        metrics={
            model: {metric: Measured(**figures) for metric, figures in report.table(model).items()}
            for model in dict.fromkeys([name, *BASELINES])
        },
        better_than={
            other: Measured(**vars(paired(ours, report.values[other][DECIDING])))
            for other in BASELINES
            if other != name
        },
        users=len(ours),
        best_epoch=best_epoch,
        curve=curve,
    )
