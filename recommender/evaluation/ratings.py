"""The split `ratings`: a share of the rated pairs at random, each asked for its rating. Nothing is ranked."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol

import numpy as np
import torch

from recommender.data.dataset import Dataset, Floats, Pairs
from recommender.data.ratings import RatingScale, rated
from recommender.errors import DataError
from recommender.evaluation.evaluator import ALL, Report, Row
from recommender.evaluation.rows import OF_RATINGS, LabelledRows, measure
from recommender.evaluation.splits import SplitOptions, without

RATINGS = "ratings"
LEAST_RATED = 10
"""Pairs: with fewer there is nothing to tell models apart by."""
ROWS_PER_BLOCK = 100_000


class RatingPredictor(Protocol):
    """A model that can be asked for ratings."""

    name: ClassVar[str]

    def predict_ratings(self, users: torch.Tensor, items: torch.Tensor) -> torch.Tensor:
        """The ratings of pairs, row by row: (rows,) from numbers of users and of items."""


@dataclass(frozen=True)
class RatingSplit:
    """What to learn ratings from, and what to be asked for."""

    train: Dataset
    test: LabelledRows
    """On the scale that the training part gives."""
    scale: RatingScale
    protocol: dict[str, object]

    @property
    def train_rows(self) -> LabelledRows:
        return rows_of(self.train.pairs, self.scale)


def rows_of(pairs: Pairs, scale: RatingScale) -> LabelledRows:
    """The pairs that have an amount, with their ratings."""
    pairs = rated(pairs)
    return LabelledRows(pairs.user, pairs.item, pairs.first_time, scale.ratings(pairs.amount))


def ratings_split(dataset: Dataset, options: SplitOptions) -> RatingSplit:
    """Hold out `test_share` of the rated pairs at random, whoever's and whenever they are.

    Raises:
        DataError: too few pairs have an amount.
    """
    pairs = rated(dataset.pairs)
    if len(pairs) < LEAST_RATED:
        raise DataError(
            f"only {len(pairs)} pairs have an amount, which is their rating: {RATINGS} needs {LEAST_RATED}"
        )
    order = np.random.default_rng(options.seed).permutation(len(pairs))
    held = np.zeros(len(pairs), np.bool_)
    held[order[: max(round(options.test_share * len(pairs)), 1)]] = True
    train = dataset.with_events(without(dataset.events, pairs, held))
    scale = RatingScale.of(train.pairs)
    protocol: dict[str, object] = {
        "test_share": options.test_share,
        "seed": options.seed,
        "rating": scale.told,
        "train_rows": len(pairs) - int(held.sum()),
        "test_rows": int(held.sum()),
        "intervals": "95 %, bootstrap over users",
    }
    return RatingSplit(train, rows_of(pairs.where(held), scale), scale, protocol)


def predictions(model: RatingPredictor, rows: LabelledRows) -> Floats:
    """The model's rating of each row, (rows,)."""
    users, items = torch.from_numpy(rows.user), torch.from_numpy(rows.item)
    with torch.inference_mode():
        parts = [
            model.predict_ratings(mine, theirs).double()
            for mine, theirs in zip(
                torch.split(users, ROWS_PER_BLOCK), torch.split(items, ROWS_PER_BLOCK), strict=True
            )
        ]
    found: Floats = torch.cat(parts).numpy()
    return found


def evaluate_ratings(
    models: Sequence[str],
    fit: Callable[[str, int], RatingPredictor],
    split: RatingSplit,
    seeds: int,
    *,
    is_random: Callable[[str], bool],
) -> Report:
    """RMSE and MAE of each model on the test's rows; the value is the mean over the seeds."""
    rows = []
    for name in models:
        found = [predictions(fit(name, seed), split.test) for seed in range(seeds if is_random(name) else 1)]
        users = len(np.unique(split.test.user))
        for metric in OF_RATINGS:
            own = measure(split.test, found, metric)
            rows.append(Row(name, RATINGS, ALL, metric, own.mean, own.low, own.high, len(found), users))
    return Report({"split": RATINGS, "seeds": seeds, **split.protocol}, rows)
