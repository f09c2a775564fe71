"""Intervals by resampling users (Efron 1979; paired as in Koehn 2004)."""

from dataclasses import dataclass

import numpy as np

from recommender.data.dataset import Floats

RESAMPLES = 1_000
LEVEL = 0.95


@dataclass(frozen=True)
class Interval:
    """A mean with its percentile interval."""

    mean: float
    low: float
    high: float


def interval(values: Floats, seed: int = 0) -> Interval:
    """Mean over users and its 95 % interval. `values` has a number for each user, NaN where there is none."""
    known = values[~np.isnan(values)]
    if not len(known):
        return Interval(float("nan"), float("nan"), float("nan"))
    rng = np.random.default_rng(seed)
    picks = rng.multinomial(len(known), np.full(len(known), 1 / len(known)), size=RESAMPLES)
    means = picks @ known / len(known)
    low, high = np.quantile(means, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Interval(float(known.mean()), float(low), float(high))


def paired(ours: Floats, theirs: Floats, seed: int = 0) -> Interval:
    """How much better ours is than theirs for the same users."""
    return interval(ours - theirs, seed)
