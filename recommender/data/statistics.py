"""What pairs of users and items say when they are counted: taste, recency, popularity."""

import numpy as np

from recommender.data.dataset import Floats, Ints, Pairs


def pair_weights(pairs: Pairs, view_weight: float) -> Floats:
    """How much each pair says about taste: 1 for a contribution, less for attention alone.

    Attention counts `view_weight` at three minutes and more, and in proportion below; a visit that nobody
    timed counts as half a minute.
    """
    minutes = np.where(np.isnan(pairs.minutes), 0.5, pairs.minutes)
    return np.where(pairs.contributed, 1.0, view_weight * np.clip(minutes / 3.0, 0.0, 1.0))


def recency_weights(times: Floats, now: float, half_life_days: float) -> Floats:
    """Halves with every `half_life_days` of age."""
    return np.exp2(-np.maximum(now - times, 0.0) / 86_400 / half_life_days)


def popularity(pairs: Pairs, items: int) -> Ints:
    """Distinct backers of each item."""
    return np.bincount(pairs.backed.item, minlength=items)
