"""Collaborative filtering beside fastai's, on the same rows of MovieLens 100K.

    python -m venv peer && peer/bin/pip install fastai==2.8.12 polars      # an environment of its own
    python -m recommender movielens recbole-1.2.1-py3-none-any.whl ml
    python -m benchmarks.peers.fastai --data ml --peer peer/bin/python --seeds 5

Each share of test rows is split once, written with row ids, learnt from on both sides with the same number of
epochs, batch size, learning rate and weight decay, and measured here.
"""

import argparse
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.peers.rows import read_scores, table, write_rows
from recommender.data.dataset import Dataset, Floats
from recommender.evaluation.ratings import RatingSplit, predictions, ratings_split
from recommender.evaluation.rows import OF_RATINGS
from recommender.evaluation.splits import SplitOptions
from recommender.experiments.experiment import open_experiment
from recommender.fitters.fitting import fit_all
from recommender.models.bias_only import BiasOnly
from recommender.models.collaborative import CollaborativeFilter
from recommender.models.registry import make_plan

SIDE = Path(__file__).with_name("fastai_side.py")
PAIRS = {"dot_product_bias": "dot", "collab_nn": "nn"}
"""Ours → theirs."""


def ours(name: str, split: RatingSplit, seeds: int) -> list[Floats]:
    """Our scores of the test's rows, for each seed."""
    plan = make_plan(name)
    found = []
    for seed in range(seeds if plan.has_seed else 1):
        model = fit_all(plan.with_seed(seed), split.train, None)
        if not isinstance(model, CollaborativeFilter | BiasOnly):
            raise TypeError(name)
        found.append(predictions(model, split.test))
    return found


def theirs(peer: Path, folder: Path, model: str, split: RatingSplit, seeds: int) -> list[Floats]:
    """fastai's scores of the same rows."""
    # -P: this folder's fastai.py must not pass for the package.
    subprocess.run([peer, "-P", SIDE, folder, "--model", model, "--seeds", str(seeds)], check=True)
    return read_scores(folder / f"{model}.parquet", split.test)


def compare(dataset: Dataset, share: float, peer: Path, seeds: int) -> Iterator[str]:
    """A table for each pair of models."""
    split = ratings_split(dataset, SplitOptions(test_share=share))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_rows(folder, split.train_rows, split.test)
        for mine, other in PAIRS.items():
            reference = f"fastai, {other}"
            scores = {
                mine: ours(mine, split, seeds),
                reference: theirs(peer, folder, other, split, seeds),
                "bias_only": ours("bias_only", split, 1),
            }
            yield f"\n{share:.0%} of the rows are the test:\n"
            yield from table(split.test, scores, OF_RATINGS, reference)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--peer", type=Path, required=True, help="The Python of fastai's environment.")
    parser.add_argument("--shares", type=float, nargs="+", default=[0.2, 0.25])
    parser.add_argument("--seeds", type=int, default=5)
    given = parser.parse_args()
    dataset = open_experiment(given.data, Path("runs")).dataset
    for share in given.shares:
        for line in compare(dataset, share, given.peer, given.seeds):
            print(line, flush=True)


if __name__ == "__main__":
    main()
