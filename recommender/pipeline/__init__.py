"""What workers call: snapshot → train → decide → rank.

    snapshot = build_snapshot(tables, provenance, snapshots_root(root))
    runs = train_candidates(snapshot, ["chainfund", "twotower"], root)
    decision = decide_promotion(runs, live)
    ranker = open_ranker(decision.run, snapshot, root)
    rank_all(ranker, 200), similar_items(ranker, 12), audiences(ranker, 50)
    newcomer_scores(ranker.dataset, 200)

`root` holds snapshots, runs and the embedding cache.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pyarrow as pa

from recommender.data.context import context_of
from recommender.data.dataset import Dataset, build_dataset
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
from recommender.interface import Plan
from recommender.models.registry import make_plan
from recommender.pipeline.candidates import CandidateTrainer
from recommender.processes import processes
from recommender.progress import Progress, silent
from recommender.ranking.lists import ANYBODY, Ranker, audiences, digest, rank_all, similar_items
from recommender.ranking.newcomers import NEWCOMERS, Factors, newcomers_plan, newcomers_table
from recommender.ranking.newcomers_choice import choose
from recommender.registry.gates import PromotionDecision, Verdict, decide_promotion, judge
from recommender.registry.metric_gates import BASELINES
from recommender.registry.runs import MANIFEST, RunInfo, load_model, open_run, save_run
from recommender.text.cache import EmbeddingCache
from recommender.text.names import DEFAULT_ENCODER

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
    "encode_texts",
    "judge",
    "newcomer_scores",
    "open_ranker",
    "open_run",
    "open_snapshot",
    "peers_of",
    "rank_all",
    "run_snapshot",
    "similar_items",
    "snapshots_root",
    "train_candidates",
]

SNAPSHOTS = "snapshots"
EMBEDDINGS = "embeddings"
CHECKPOINTS = "checkpoints"


def snapshots_root(root: Path) -> Path:
    return root / SNAPSHOTS


def encode_texts(
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
    """Measure each model on the snapshot, fit it to everything, and save it as a run.

    The baselines are measured beside them, and a run of `pop` is the first of the results; with too few
    contributions to measure anything it is the only one. `settings` are the models' own, by name, with those
    of training under `training`. A run in `warm` lends its weights to the final fit of its kind, if that has
    the same settings and texts by the same encoder. A killed call goes on from its last epoch when it is made
    again. Of several processes (see `recommender.processes`) the first alone saves and returns runs.

    Raises:
        DataError: the snapshot has no contributions. ConfigError: an unknown model or setting.
    """
    dataset = snapshot_dataset(snapshot)
    if not dataset.pairs.contributed.any():
        raise DataError("the snapshot has no contributions: there is nothing to learn from yet")
    # All of them, so that a slip in a name does not leave a model as it was.
    given = {name: make_plan(name, own) for name, own in (settings or {}).items()}
    plans = {
        name: (given.get(name) or make_plan(name)).with_seed(seed)
        for name in dict.fromkeys([*BASELINES, *models])
    }
    vectors = EmbeddingCache(root / EMBEDDINGS, encoder).vectors(dataset.items.texts, progress)
    trainer = CandidateTrainer(dataset, vectors, snapshot.hash, root / CHECKPOINTS, progress)
    starts = {run.model: run for run in warm if run.config.encoder == encoder and _fits(run, plans)}
    return [
        save_run(
            root,
            fitted.model,
            dataset,
            snapshot,
            training=plans[name].training,
            encoder=encoder,
            metrics=fitted.metrics,
            warm_from=starts[name].id if name in starts else "",
        )
        for name, fitted in trainer.run(plans, starts)
        if processes().is_main
    ]


def _fits(run: RunInfo, plans: Mapping[str, Plan]) -> bool:
    """Whether the run is of a model that is planned, with the settings that are planned."""
    plan = plans.get(run.model)
    if plan is None:
        return False
    try:
        before = make_plan(run.model, run.config.settings)
    except ConfigError:
        # An older version's: it has a setting that is no more.
        return False
    return before.with_seed(plan.training.seed).config == plan.config


def peers_of(run: RunInfo, root: Path) -> list[RunInfo]:
    """The sound runs of the same snapshot, newest first; for the gates to compare with."""
    peers = []
    for path in root.glob(f"*-{run.manifest.snapshot_hash[:8]}-*/{MANIFEST}"):
        # What is damaged cannot be compared with; `doctor` names it.
        with suppress(DamagedError):
            peers.append(open_run(path.parent))
    peers = [peer for peer in peers if peer.manifest.snapshot_hash == run.manifest.snapshot_hash]
    return sorted(peers, key=lambda peer: peer.manifest.trained_at, reverse=True)


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
    dataset, model = snapshot_dataset(snapshot), load_model(run)
    if model.sizes.items != len(dataset.item_ids) or model.sizes.users != len(dataset.users):
        raise DamagedError(f"run {run.id} does not have the users and items of its snapshot: train again")
    vectors = None
    if model.item_vectors() is None:
        cache = EmbeddingCache(root / EMBEDDINGS, run.config.encoder)
        vectors = cache.vectors(dataset.items.texts, progress)
    model.bind(context_of(dataset, None))
    return Ranker(model, dataset, vectors)


def snapshot_dataset(snapshot: SnapshotInfo) -> Dataset:
    """The snapshot's rows as integers, as of its cut-off."""
    return build_dataset(load_snapshot(snapshot), now=snapshot.manifest.provenance.behaviour_until)


def newcomer_scores(dataset: Dataset, k: int, progress: Progress = silent) -> pa.Table:
    """What newcomers' answers say of open items, see `newcomers_table`; the same for the same data.

    Empty where there is too little to learn from, and where answers would not have suited those who came
    before.
    """
    plan = newcomers_plan(dataset)
    try:
        choice = choose(dataset, plan, progress=progress)
        return newcomers_table(choice.lists(dataset, Factors.learnt(dataset, plan)), k)
    except DataError:
        return NEWCOMERS.empty_table()


def run_snapshot(run: RunInfo, root: Path) -> SnapshotInfo:
    """The snapshot a run was made from, verified."""
    return open_snapshot(root / run.manifest.snapshot_path)
