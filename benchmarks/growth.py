"""How the recommender's work grows with users, items and text: processor seconds and memory at three sizes.

`python -m benchmarks.growth [--model twotower] [--model chainfund]` runs each size in a process of its own,
on one thread. Texts have vectors made by lot, 96 tokens each for `chainfund`; encoding real ones is measured
by `benchmarks.recommender`.
"""

import argparse
import itertools
import json
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

from benchmarks.measuring import run
from recommender import pipeline
from recommender.data.context import context_of
from recommender.data.dataset import build_dataset
from recommender.data.reading import conform
from recommender.data.synthetic import SyntheticConfig, synthesize
from recommender.device import THREADS_VARIABLE, seed_everything
from recommender.models.registry import make_model, make_plan
from recommender.text.cache import TextVectors
from recommender.training.trainable import TrainableModel
from recommender.training.trainer import Rows

SIZES = ((2_500, 1_000), (2_500, 10_000), (10_000, 1_000), (10_000, 10_000))
"""Users and items."""
EVENTS_PER_USER = 15
STEPS = 4
TOKENS, DIMS = 96, 384


def measure(name: str, users: int, items: int) -> dict[str, float]:
    """Processor seconds for a thousand rows of training and for a thousand users' lists of 200."""
    events = users * EVENTS_PER_USER
    shape = SyntheticConfig(
        users=users, items=items, views=events * 3 // 4, contributions=events // 4, words=1
    )
    dataset = build_dataset(conform(synthesize(shape)))
    rng = np.random.default_rng(0)
    length = TOKENS if name == "chainfund" else 1
    vectors = TextVectors([rng.normal(size=(length, DIMS)).astype(np.float16) for _ in range(items)], DIMS)
    context, plan = context_of(dataset, vectors), make_plan(name)
    seed_everything(0)
    model = make_model(name, plan.config, context.sizes)
    if not isinstance(model, TrainableModel):
        raise TypeError(f"{name} is not trained by steps")
    model.fit(context)
    model.bind(context)
    rows = Rows.of(model.observed(context), plan.training.max_user_weight, items)
    optimizer = torch.optim.AdamW(model.parameters(), fused=True)
    drawn = torch.Generator().manual_seed(0)
    started = 0.0
    for number, batch in enumerate(
        itertools.islice(
            rows.batches(plan.training.batch_size, model.negatives, drawn, torch.device("cpu")), STEPS + 1
        )
    ):
        if number == 1:  # the first step warms up
            started = time.process_time()
        optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(model.combine(model.loss(batch)))
        optimizer.step()
    training = (time.process_time() - started) / STEPS / plan.training.batch_size
    model.eval()
    model.freeze()
    started = time.process_time()
    lists = pipeline.rank_all(pipeline.Ranker(model, dataset, None), 200)
    return {
        "rows": len(context.pairs),
        "train_s_per_1000_rows": 1000 * training,
        "rank_s_per_1000_users": 1000 * (time.process_time() - started) / (len(lists) // 200 - 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", action="append")
    parser.add_argument("--size", type=int, nargs=2, help="One size alone, in this process.")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    models = options.model or ["twotower", "chainfund"]
    if options.size:
        options.out.write_text(json.dumps(measure(models[0], *options.size)))
        return
    print("| model | users | items | rows | s per 1,000 rows trained | s per 1,000 users ranked | peak MB |")
    print("|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory(prefix="chainfund-bench-") as name:
        out = Path(name) / "out.json"
        for model, (users, items) in itertools.product(models, SIZES):
            words = ["--model", model, "--size", str(users), str(items), "--out", str(out)]
            cost = run(
                [sys.executable, "-m", "benchmarks.growth", *words],
                {THREADS_VARIABLE: "1", "OMP_NUM_THREADS": "1"},
            )
            found = json.loads(out.read_text())
            print(
                f"| `{model}` | {users:,} | {items:,} | {found['rows']:,} "
                f"| {found['train_s_per_1000_rows']:.3f} | {found['rank_s_per_1000_users']:.2f} "
                f"| {cost.rss_mb:,.0f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
