"""`bias_only`: the mean rating, how well each item is rated, and how well each user rates.

    r̂ = μ + b_u + b_i, the b's of least Σ (r − r̂)² + λ (Σ b_u² + Σ b_i²)

What is left when tastes are taken out of a model of ratings: the baseline of all of them. Koren, Bell and
Volinsky 2009.
"""

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
import torch
from pydantic import Field

from recommender.config.model import ModelConfig, Sizes
from recommender.config.search_space import Real, SearchSpace
from recommender.data.context import Context
from recommender.data.ratings import RatingScale, rated
from recommender.fitters.closed_form import ClosedFormFitter
from recommender.interface import Recommender

ROUNDS = 15
"""Users and items in turn: what is left to change after them is below a thousandth of a star."""


class BiasOnlyConfig(ModelConfig):
    regularization: float = Field(4.0, gt=0)
    """λ."""


class BiasOnly(Recommender):
    name = "bias_only"
    fitter = ClosedFormFitter()
    config_type = BiasOnlyConfig
    search_space: ClassVar[SearchSpace] = {"regularization": Real(0.1, 100.0, log=True)}
    by_vocabulary: ClassVar[Mapping[str, str]] = {"user_bias": "users", "item_bias": "items"}
    is_baseline = True
    is_personal = False

    def __init__(self, config: BiasOnlyConfig, sizes: Sizes) -> None:
        super().__init__(config, sizes)
        self.register_buffer("mean", torch.zeros((), dtype=torch.float64))
        self.register_buffer("user_bias", torch.zeros(sizes.users, dtype=torch.float64))
        self.register_buffer("item_bias", torch.zeros(sizes.items, dtype=torch.float64))
        self.mean: torch.Tensor
        self.user_bias: torch.Tensor
        self.item_bias: torch.Tensor

    def fit(self, context: Context) -> None:
        pairs, strength = rated(context.pairs), self.config.regularization
        if not len(pairs):
            return
        ratings = RatingScale.of(context.pairs).ratings(pairs.amount)
        mean = ratings.mean()
        user, item = np.zeros(self.sizes.users), np.zeros(self.sizes.items)
        by_user = np.bincount(pairs.user, minlength=len(user)) + strength
        by_item = np.bincount(pairs.item, minlength=len(item)) + strength
        for _ in range(ROUNDS):
            item = np.bincount(pairs.item, ratings - mean - user[pairs.user], len(item)) / by_item
            user = np.bincount(pairs.user, ratings - mean - item[pairs.item], len(user)) / by_user
        self.mean = torch.tensor(mean, dtype=torch.float64)
        self.user_bias, self.item_bias = torch.from_numpy(user), torch.from_numpy(item)

    def predict_ratings(self, users: torch.Tensor, items: torch.Tensor) -> torch.Tensor:
        """The ratings of pairs, row by row: (rows,) from numbers of users and of items."""
        return self.mean + self.user_bias[users] + self.item_bias[items]

    def score(self, users: torch.Tensor, items: torch.Tensor) -> torch.Tensor:
        return self.mean + self.user_bias[users].unsqueeze(1) + self.item_bias[items]
