"""Measures models on a split: full ranking, slices, seeds, intervals."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field

import numpy as np

from recommender.data.dataset import Bools, Dataset, Floats, Ints
from recommender.data.statistics import popularity
from recommender.evaluation.bootstrap import Interval, interval
from recommender.evaluation.metrics import (
    METRICS,
    Ranks,
    Targets,
    calibration_error,
    coverage,
    gini,
    mean_by_user,
    per_user,
    rank_targets,
    self_information,
)
from recommender.evaluation.scorer import Scorer
from recommender.evaluation.splits import Split

ALL = "all"
BY_USER = (*METRICS, "auc", "novelty@10")
"""Metrics with a value for each user, so that they have an interval over users."""


@dataclass(frozen=True)
class Row:
    """One line of a report."""

    model: str
    split: str
    slice: str
    metric: str
    mean: float
    low: float
    high: float
    seeds: int
    users: int


@dataclass(frozen=True)
class Report:
    """What was measured, and how."""

    protocol: dict[str, object]
    rows: list[Row]
    values: dict[str, dict[str, Floats]] = field(default_factory=dict)
    """Of each model, each metric by user in the slice `all`, mean over seeds; users are in one order."""

    def as_json(self) -> dict[str, object]:
        return {"protocol": self.protocol, "rows": [asdict(row) for row in self.rows]}

    def table(self, model: str) -> dict[str, dict[str, float]]:
        """The model's metrics in the slice `all`."""
        rows = [row for row in self.rows if row.model == model and row.slice == ALL]
        return {row.metric: {"mean": row.mean, "low": row.low, "high": row.high} for row in rows}

    def by_slice(self, model: str, metric: str) -> dict[str, Row]:
        """One of the model's metrics, by slice."""
        return {row.slice: row for row in self.rows if (row.model, row.metric) == (model, metric)}


Fit = Callable[[str, int], Scorer]
"""(model, seed) → a model fitted for the split's test and bound to its history."""


def evaluate(
    models: Sequence[str],
    fit: Fit,
    dataset: Dataset,
    split: Split,
    seeds: int,
    *,
    is_random: Callable[[str], bool],
) -> Report:
    """Fit each model for each seed and measure it. Models without randomness are fitted once.

    Intervals are over users, each user's value being the mean over the seeds; those of coverage, Gini and
    ECE are the smallest and the largest over the seeds. ECE is there for models whose scores are logits, and
    where each user wants one item.
    """
    slices = make_slices(dataset, split)
    backed = split.refit.pairs.backed
    bits = self_information(popularity(backed, len(dataset.item_ids)), len(np.unique(backed.user)))
    rows: list[Row] = []
    values: dict[str, dict[str, Floats]] = {}
    for name in models:
        runs = [_measure(fit(name, seed), split) for seed in range(seeds if is_random(name) else 1)]
        for slice_name, mask in slices.items():
            if not mask.any():
                continue
            users, means = _mean_over_runs(runs, mask, bits)
            if slice_name == ALL:
                values[name] = means
            for metric in BY_USER:
                found = interval(means[metric])
                rows.append(_row(name, split, slice_name, metric, found, len(runs), len(users)))
        rows.extend(_list_rows(name, split, runs, slices[ALL]))
    return Report(
        {"split": split.name, "seeds": seeds, "ranking": "full", **split.protocol, **_counts(split)},
        rows,
        values,
    )


def make_slices(dataset: Dataset, split: Split) -> dict[str, Bools]:
    """Which targets belong to which slice.

    `all`: users with a contribution before. `cold-user`: those without. `cold-item`: items without backers
    before. `popular-low`, `-mid`, `-high`: thirds of the items with backers, by their number.
    """
    targets = split.test
    known = np.zeros(len(dataset.users), np.bool_)
    known[split.seen.user] = True
    backers = popularity(split.refit.pairs, len(dataset.item_ids))
    with_backers = np.sort(backers[split.candidates][backers[split.candidates] > 0])
    returning = known[targets.user]
    slices = {ALL: returning, "cold-user": ~returning, "cold-item": returning & (backers[targets.item] == 0)}
    if len(with_backers) >= 3:
        low, high = np.quantile(with_backers, [1 / 3, 2 / 3])
        mine = backers[targets.item]
        slices["popular-low"] = returning & (mine > 0) & (mine <= low)
        slices["popular-mid"] = returning & (mine > low) & (mine <= high)
        slices["popular-high"] = returning & (mine > high)
    if not returning.any():
        # Nobody has a history: then newcomers are all there is.
        slices[ALL] = slices.pop("cold-user")
    return slices


def _measure(model: Scorer, split: Split) -> Ranks:
    return rank_targets(model, split.test, split.candidates, split.seen, split.windows)


def _mean_over_runs(runs: Sequence[Ranks], mask: Bools, bits: Floats) -> tuple[Ints, dict[str, Floats]]:
    """The users of the masked targets and their metrics, of BY_USER."""
    targets: Targets = runs[0].targets.where(mask)
    users = np.unique(targets.user)
    measured = [
        per_user(targets, run.rank[mask], users)
        | {
            "auc": mean_by_user(targets, run.auc[mask], users),
            "novelty@10": bits[run.top[np.isin(run.users, users)]].mean(1),
        }
        for run in runs
    ]
    return users, {metric: np.mean([m[metric] for m in measured], axis=0) for metric in BY_USER}


def _list_rows(name: str, split: Split, runs: Sequence[Ranks], mask: Bools) -> list[Row]:
    """What is measured of all lists together."""
    users = np.unique(runs[0].targets.user[mask])
    lists = [run.top[np.isin(run.users, users)] for run in runs]
    found = {
        "coverage@10": [coverage(top, len(split.candidates)) for top in lists],
        "gini@10": [gini(top, split.candidates) for top in lists],
    }
    errors = [_calibration(run, run.chance, mask) for run in runs if run.chance is not None]
    # The chances are of being the next one: where several are wanted, they must not come true as told.
    if errors and np.count_nonzero(mask) == len(users):
        found["ece@10"] = errors
    return [
        _row(name, split, ALL, metric, Interval(float(np.mean(v)), min(v), max(v)), len(runs), len(users))
        for metric, v in found.items()
    ]


def _calibration(run: Ranks, chance: Floats, mask: Bools) -> float:
    """ECE of the chances told for the ten items shown, against whether they were wanted."""
    targets, items = run.targets.where(mask), int(max(run.top.max(), run.targets.item.max())) + 1
    asked = np.isin(run.users, targets.user)
    shown = run.users[asked, None] * items + run.top[asked]
    return calibration_error(chance[asked], np.isin(shown, targets.user * items + targets.item))


def _row(
    model: str, split: Split, slice_name: str, metric: str, found: Interval, seeds: int, users: int
) -> Row:
    return Row(model, split.name, slice_name, metric, found.mean, found.low, found.high, seeds, users)


def _counts(split: Split) -> dict[str, object]:
    return {
        "candidates": len(split.candidates),
        "targets": len(split.test),
        "users": len(np.unique(split.test.user)),
        "train_pairs": len(split.refit.pairs.backed),
        "intervals": "95 %, bootstrap over users",
    }
