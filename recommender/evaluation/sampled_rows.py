"""Labelled rows out of contributions: each against items that were open and that its user never backed."""

import numpy as np

from recommender.data.context import open_windows
from recommender.data.dataset import Dataset
from recommender.evaluation.metrics import Targets
from recommender.evaluation.rows import LabelledRows


def sampled_rows(dataset: Dataset, wanted: Targets, seed: int, negatives: int = 1) -> LabelledRows:
    """Each wanted row with label 1, followed by `negatives` rows of its user and time with label 0.

    Items are drawn evenly; one may stand beside several wanted rows of a user. Rows of users for whom nothing
    is left to draw have none.

    Args:
        dataset: everything that is known, so that nothing wanted later counts as not wanted.
        wanted: what came true.
        seed: of the draw: the same rows each time.
        negatives: for each wanted row, at least 1.
    """
    rng = np.random.default_rng(seed)
    opened, closed = (each.numpy() for each in open_windows(dataset.items))
    backed = dataset.pairs.backed
    known = np.searchsorted(backed.user, np.arange(len(dataset.users) + 1))
    chosen = np.full((len(wanted), 1 + negatives), -1)
    chosen[:, 0] = wanted.item
    for row, (user, time) in enumerate(zip(wanted.user, wanted.time, strict=True)):
        can_be_drawn = (opened <= time) & (time < closed)
        can_be_drawn[backed.item[known[user] : known[user + 1]]] = False
        left = np.flatnonzero(can_be_drawn)
        if len(left):
            chosen[row, 1:] = rng.choice(left, negatives)
    label = np.zeros((len(wanted), 1 + negatives))
    label[:, 0] = 1.0
    there = chosen.ravel() >= 0
    place = np.repeat(np.arange(len(wanted)), 1 + negatives)[there]
    return LabelledRows(wanted.user[place], chosen.ravel()[there], wanted.time[place], label.ravel()[there])
