"""A limit on what one user may teach: power users must not own everybody's list."""

import numpy as np

from recommender.data.dataset import Floats, Ints


def capped(users: Ints, weights: Floats, limit: float) -> Floats:
    """The weights of rows with each user's sum brought down to `limit` where it is above it."""
    totals = np.bincount(users, weights)
    return weights * np.minimum(1.0, limit / np.maximum(totals, limit))[users]
