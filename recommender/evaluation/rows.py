"""Predictions held against labelled rows: of ratings, or of whether something happened.

Ranking metrics ask where the wanted items came; here every row has an answer of its own. A metric is made
once from labels and scores and then tells its value for any weights of the rows, so that a resample costs no
more than a sum. Intervals are over users: all rows of a user are drawn together, as they stand or fall
together.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from recommender.data.dataset import Bools, Floats, Ints
from recommender.errors import DataError
from recommender.evaluation.bootstrap import Interval, draws, interval_of

SMALLEST_CHANCE = 1e-7
"""Chances are kept this far from 0 and 1: one certain mistake would else cost infinitely much."""


@dataclass(frozen=True)
class LabelledRows:
    """Rows with a known answer. Arrays of one length."""

    user: Ints
    item: Ints
    time: Floats
    """Seconds since 1970: what came later was not known."""
    label: Floats
    """The rating, or 1 where it happened and 0 where it did not."""

    def __len__(self) -> int:
        return len(self.user)

    def where(self, mask: Bools) -> "LabelledRows":
        return LabelledRows(self.user[mask], self.item[mask], self.time[mask], self.label[mask])


Statistic = Callable[[Floats], float]
"""(rows,) weights → the metric's value; NaN where nothing with a weight can be measured."""


def auc(label: Floats, score: Floats) -> Statistic:
    """Chance that a row where it happened scores higher than one where it did not; equal scores count half.

    AUC = Σ_{p, n} w_p w_n ([s_p > s_n] + ½ [s_p = s_n]) / (Σ_p w_p · Σ_n w_n), over all rows p with label
    1 and n with label 0, whoever's they are.

    Args:
        label: (rows,), 1 or 0.
        score: (rows,), on any scale.

    Returns:
        0 to 1; NaN for weights on one kind of row alone.

    Source: Hanley and McNeil 1982, The Meaning and Use of the Area under a ROC Curve.
    """
    order = np.argsort(score, kind="stable")
    _, level = np.unique(score[order], return_inverse=True)
    happened = label[order] > 0
    levels = int(level.max(initial=-1)) + 1

    def value(weight: Floats) -> float:
        weight = weight[order]
        positive = np.bincount(level, weight * happened, levels)
        negative = np.bincount(level, weight * ~happened, levels)
        below = np.cumsum(negative) - negative
        pairs = positive.sum() * negative.sum()
        return float(positive @ (below + 0.5 * negative) / pairs) if pairs > 0 else float("nan")

    return value


def log_loss(label: Floats, chance: Floats) -> Statistic:
    """Mean surprise at what happened, in nats: −Σ w (y ln p + (1 − y) ln(1 − p)) / Σ w.

    Args:
        label: (rows,), 1 or 0.
        chance: (rows,), 0 to 1.
    """
    kept = np.clip(chance, SMALLEST_CHANCE, 1 - SMALLEST_CHANCE)
    return _mean(-(label * np.log(kept) + (1 - label) * np.log(1 - kept)))


def rmse(label: Floats, prediction: Floats) -> Statistic:
    """Root of the mean squared error: √(Σ w (y − ŷ)² / Σ w), in the label's unit."""
    mean = _mean((label - prediction) ** 2)
    return lambda weight: float(np.sqrt(mean(weight)))


def mae(label: Floats, prediction: Floats) -> Statistic:
    """Mean absolute error: Σ w |y − ŷ| / Σ w, in the label's unit."""
    return _mean(np.abs(label - prediction))


def _mean(values: Floats) -> Statistic:
    def value(weight: Floats) -> float:
        total = weight.sum()
        return float(weight @ values / total) if total > 0 else float("nan")

    return value


ROW_METRICS: dict[str, Callable[[Floats, Floats], Statistic]] = {
    "auc": auc,
    "log_loss": log_loss,
    "rmse": rmse,
    "mae": mae,
}
OF_RATINGS = ("rmse", "mae")
OF_CHANCES = ("auc", "log_loss")


def measure(rows: LabelledRows, scores: Sequence[Floats], metric: str) -> Interval:
    """A metric of ROW_METRICS over all rows, and its 95 % interval over users.

    Args:
        rows: with their answers.
        scores: (rows,) for each seed; the value is the mean of the seeds' values.
        metric: its name.

    Raises:
        DataError: scores of another length, or that are not numbers.
    """
    return _resampled(rows, _over_seeds(rows, scores, metric))


def difference(rows: LabelledRows, ours: Sequence[Floats], theirs: Sequence[Floats], metric: str) -> Interval:
    """How much larger our metric is than theirs on the same rows; both are resampled together.

    Of an error, less is better: ours is better where the interval lies below 0.
    """
    mine, other = _over_seeds(rows, ours, metric), _over_seeds(rows, theirs, metric)
    return _resampled(rows, lambda weight: mine(weight) - other(weight))


def _over_seeds(rows: LabelledRows, scores: Sequence[Floats], metric: str) -> Statistic:
    for each in scores:
        if each.shape != rows.label.shape or not np.isfinite(each).all():
            raise DataError(f"{len(rows)} rows need as many finite scores")
    made = [ROW_METRICS[metric](rows.label, each) for each in scores]
    return lambda weight: float(np.mean([value(weight) for value in made]))


def _resampled(rows: LabelledRows, statistic: Statistic) -> Interval:
    users, place = np.unique(rows.user, return_inverse=True)
    resampled = [statistic(drawn[place]) for drawn in draws(len(users))]
    return interval_of(statistic(np.ones(len(rows))), np.array(resampled))
