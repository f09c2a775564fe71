"""What a second model's scores bring `hybrid`, which weighs them among its own signals.

    python -m benchmarks.rerankers dien --data DIR --split last-out --seeds 5
    python -m benchmarks.multitask site --out OUT     # writes OUT/tables
    python -m benchmarks.rerankers shared_bottom --data OUT/tables --split last-out --seeds 5

prints NDCG@10 by full ranking of `hybrid` alone and with each named model, with intervals over users and the
paired difference.
"""

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

from recommender.evaluation.bootstrap import interval, paired
from recommender.evaluation.evaluator import Report, evaluate
from recommender.evaluation.metrics import DECIDING
from recommender.experiments.experiment import Experiment, open_experiment
from recommender.fitters.fitting import fit_split
from recommender.interface import Recommender
from recommender.models.registry import make_plan
from recommender.models.rerankers import RERANKERS

ALONE = "hybrid"


def compare(experiment: Experiment, split_name: str, rerankers: Sequence[str], seeds: int) -> Report:
    """`hybrid` alone, then with one re-ranker at a time."""
    split = experiment.split(split_name)
    plans = {ALONE: make_plan(ALONE)}
    plans |= {f"with {name}": make_plan(ALONE, {"rerankers": [name]}) for name in rerankers}

    def fit(name: str, seed: int) -> Recommender:
        return fit_split(plans[name].with_seed(seed), split, experiment.vectors)[0]

    return evaluate(list(plans), fit, experiment.dataset, split, seeds, is_random=lambda _: True)


def lines(report: Report) -> Iterator[str]:
    """Markdown."""
    yield f"| model | {DECIDING} | less `{ALONE}` alone |"
    yield "|---|---|---|"
    alone = report.values[ALONE][DECIDING]
    for name, values in report.values.items():
        own, gap = interval(values[DECIDING]), paired(values[DECIDING], alone)
        told = "" if name == ALONE else f"{gap.mean:+.4f} ({gap.low:+.4f} to {gap.high:+.4f})"
        yield f"| {name} | {own.mean:.4f} ({own.low:.4f}–{own.high:.4f}) | {told} |"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("rerankers", nargs="+", choices=list(RERANKERS))
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--root", type=Path, default=Path("runs"), help="holds the cache of encoded texts")
    parser.add_argument("--split", default="last-out")
    parser.add_argument("--seeds", type=int, default=1)
    given = parser.parse_args()
    report = compare(open_experiment(given.data, given.root), given.split, given.rerankers, given.seeds)
    print(*lines(report), sep="\n")


if __name__ == "__main__":
    main()
