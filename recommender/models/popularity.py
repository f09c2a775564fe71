"""Lists that are the same for everybody, and the list drawn at random: what others have to beat."""

from typing import ClassVar

import numpy as np
import torch
from pydantic import Field

from recommender.config.model import ModelConfig, Sizes
from recommender.config.search_space import Real, SearchSpace
from recommender.data.context import Context
from recommender.data.statistics import popularity, recency_weights
from recommender.fitters.closed_form import ClosedFormFitter
from recommender.interface import Recommender


class Popularity(Recommender):
    """`pop`: distinct backers so far."""

    name = "pop"
    fitter = ClosedFormFitter()
    is_baseline = True
    is_personal = False

    def __init__(self, config: ModelConfig, sizes: Sizes) -> None:
        super().__init__(config, sizes)
        self.register_buffer("counts", torch.zeros(sizes.items, dtype=torch.float64))
        self.counts: torch.Tensor

    def fit(self, context: Context) -> None:
        self.counts = torch.from_numpy(popularity(context.pairs, self.sizes.items)).double()

    def score(self, users: torch.Tensor, items: torch.Tensor) -> torch.Tensor:
        return self.counts[items].expand(len(users), -1)


class RecentPopularityConfig(ModelConfig):
    half_life_days: float = Field(7.0, gt=0)


class RecentPopularity(Popularity):
    """`recent_pop`: distinct backers, each counting half as much with every `half_life_days`."""

    name = "recent_pop"
    config_type = RecentPopularityConfig
    search_space: ClassVar[SearchSpace] = {"half_life_days": Real(0.5, 730.0, log=True)}

    def fit(self, context: Context) -> None:
        backed = context.pairs.backed
        weights = recency_weights(backed.last_time, context.now, self.config.half_life_days)
        self.counts = torch.from_numpy(np.bincount(backed.item, weights, self.sizes.items))


class RandomConfig(ModelConfig):
    seed: int = 0


class RandomOrder(Recommender):
    """`random`: a fixed random order for each user; what no information gives."""

    name = "random"
    fitter = ClosedFormFitter()
    is_baseline = True
    config_type = RandomConfig

    def score(self, users: torch.Tensor, items: torch.Tensor) -> torch.Tensor:
        rows = []
        for user in users.tolist():
            generator = torch.Generator().manual_seed(self.config.seed * 1_000_003 + user)
            rows.append(torch.rand(self.sizes.items, generator=generator))
        return torch.stack(rows).to(items.device)[:, items] if rows else torch.zeros(0, len(items))
