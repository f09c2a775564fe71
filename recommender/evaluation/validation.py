"""The part of a split that settings and epochs are chosen by."""

import numpy as np

from recommender.evaluation.metrics import DECIDING, Targets, per_user, rank_targets
from recommender.evaluation.scorer import Scorer
from recommender.evaluation.splits import Split

VALIDATION_USERS = 2_000
"""Enough to choose the number of epochs by; more would only be slower."""


def validate(model: Scorer, split: Split) -> float:
    """Mean NDCG@10 of the validation part's users."""
    targets = validation_targets(split)
    ranks = rank_targets(model, targets, split.valid_candidates, split.train.pairs.backed, split.windows)
    return float(np.nanmean(per_user(targets, ranks.rank, ranks.users)[DECIDING]))


def validation_targets(split: Split) -> Targets:
    """The validation part for users with a history, at most VALIDATION_USERS of them, the same each time."""
    known = np.zeros(len(split.train.users), np.bool_)
    known[split.train.pairs.backed.user] = True
    targets = split.valid.where(known[split.valid.user])
    users = np.unique(targets.user)
    if len(users) <= VALIDATION_USERS:
        return targets
    chosen = np.random.default_rng(0).choice(users, VALIDATION_USERS, replace=False)
    return targets.where(np.isin(targets.user, chosen))
