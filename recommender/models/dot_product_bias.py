"""`dot_product_bias`: matrix factorization of ratings, with biases.

    r̂ = low + (high − low) · sigmoid(user factors · item factors + user bias + item bias)

An item's bias is how well it is rated whoever rates it; the factors are what tastes have in common. It learns
from ratings alone, so it says how much somebody would give to what they back, not whether they would: as a
ranking it is for reading (`python -m recommender interpret`), not for showing. Koren, Bell and Volinsky 2009;
the range and the training are fastai's.

With `unbacked` it is told whether as well: items that somebody left alone count as rated at the bottom of the
range. Its factors then hold tastes where amounts tell none, which is what newcomers' lists are made of (Hu,
Koren and Volinsky 2008, with the unobserved pairs drawn anew for each batch instead of all of them weighed).
"""

from typing import ClassVar

import numpy as np
import torch
from pydantic import Field
from torch import nn

from recommender.config.model import ModelConfig, Sizes
from recommender.config.search_space import OneOf, SearchSpace
from recommender.data.context import Context
from recommender.data.history import History
from recommender.losses.ratings import squared_error
from recommender.models.collaborative import BELOW, CollaborativeFilter, embedding
from recommender.training.trainable import Batch


class DotProductBiasConfig(ModelConfig):
    factors: int = Field(50, ge=1)
    unbacked: int = Field(0, ge=0)
    """Items drawn for each batch, which count as rated lowest by its users who have not backed them."""


class DotProductBias(CollaborativeFilter):
    name = "dot_product_bias"
    config_type = DotProductBiasConfig
    terms = ("squared_error", "unbacked")
    search_space: ClassVar[SearchSpace] = {
        "factors": OneOf((20, 50, 100)),
        **CollaborativeFilter.search_space,
    }
    by_vocabulary: ClassVar[dict[str, str]] = {
        **CollaborativeFilter.by_vocabulary,
        "user_bias.weight": "users",
        "item_bias.weight": "items",
    }

    def __init__(self, config: DotProductBiasConfig, sizes: Sizes) -> None:
        super().__init__(config, sizes, config.factors, config.factors)
        self.user_bias = embedding(sizes.users, 1)
        self.item_bias = embedding(sizes.items, 1)
        self.negatives = config.unbacked
        self._backed: History | None = None

    def bind(self, context: Context) -> None:
        super().bind(context)
        backed = context.pairs.backed
        self._backed = History.of(backed, np.ones(len(backed)), self.sizes)

    def loss(self, batch: Batch) -> dict[str, torch.Tensor]:
        terms = super().loss(batch)
        if self.negatives:
            found = self._in_range(self.all_logits(batch.user, batch.negatives))
            lowest = torch.full_like(found, float(self.bounds[0]) - BELOW)
            terms["unbacked"] = squared_error(found, lowest, self._left_alone(batch))
        return terms

    def mass(self, term: str, batch: Batch) -> torch.Tensor:
        return self._left_alone(batch).sum() if term == "unbacked" else super().mass(term, batch)

    def combine(self, terms: dict[str, torch.Tensor]) -> torch.Tensor:
        return torch.stack(list(terms.values())).sum()

    def _left_alone(self, batch: Batch) -> torch.Tensor:
        """Each row's weight for each item drawn, 0 where its user has backed it: (rows, items)."""
        if self._backed is None:
            raise RuntimeError(f"{self.name}: bind() comes first")
        known = self._backed.contains(batch.user.unsqueeze(1), batch.negatives)
        return batch.weight.unsqueeze(1) * (~known)

    def tables(self, side: str) -> list[nn.Embedding]:
        if side == "user":
            return [self.user_factors, self.user_bias]
        return [self.item_factors, self.item_bias]

    def item_biases(self) -> torch.Tensor:
        return self.item_bias.weight[:, 0]

    def matches(self, users: torch.Tensor, items: torch.Tensor) -> torch.Tensor:
        own = self.user_factors.weight[users] - self.user_factors.weight[0]
        return (own * self.item_factors.weight[items]).sum(1)

    def logits(self, users: torch.Tensor, items: torch.Tensor) -> torch.Tensor:
        matched = (self.user_factors.weight[users] * self.item_factors.weight[items]).sum(1)
        return matched + self.user_bias.weight[users, 0] + self.item_bias.weight[items, 0]

    def all_logits(self, users: torch.Tensor, items: torch.Tensor) -> torch.Tensor:
        matched = self.user_factors.weight[users] @ self.item_factors.weight[items].T
        return matched + self.user_bias.weight[users] + self.item_bias.weight[items].T
