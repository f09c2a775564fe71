"""Intervals by resampling users (Efron 1979; paired as in Koehn 2004)."""

from collections.abc import Iterator
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


def draws(count: int, seed: int = 0) -> Iterator[Floats]:
    """How often each of `count` users is drawn, (count,), once for each resample."""
    rng = np.random.default_rng(seed)
    for _ in range(RESAMPLES if count else 0):
        yield rng.multinomial(count, np.full(count, 1 / count)).astype(np.float64)


def interval_of(value: float, resampled: Floats) -> Interval:
    """A statistic of everybody with the percentiles of its resamples; those that are NaN say nothing."""
    known = resampled[~np.isnan(resampled)]
    if not len(known):
        return Interval(value, float("nan"), float("nan"))
    low, high = np.quantile(known, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Interval(value, float(low), float(high))


def interval(values: Floats, seed: int = 0) -> Interval:
    """Mean over users and its 95 % interval. `values` has a number for each user, NaN where there is none."""
    known = values[~np.isnan(values)]
    if not len(known):
        return Interval(float("nan"), float("nan"), float("nan"))
    rng = np.random.default_rng(seed)
    picks = rng.multinomial(len(known), np.full(len(known), 1 / len(known)), size=RESAMPLES)
    return interval_of(float(known.mean()), picks @ known / len(known))


def paired(ours: Floats, theirs: Floats, seed: int = 0) -> Interval:
    """How much better ours is than theirs for the same users."""
    return interval(ours - theirs, seed)
