"""`dot_product_bias`: matrix factorization of ratings, with biases.

    r̂ = low + (high − low) · sigmoid(user factors · item factors + user bias + item bias)

An item's bias is how well it is rated whoever rates it; the factors are what tastes have in common. It learns
from ratings alone, so it says how much somebody would give to what they back, not whether they would: as a
ranking it is for reading (`python -m recommender interpret`), not for showing. Koren, Bell and Volinsky 2009;
the range and the training are fastai's.
"""

from typing import ClassVar

import torch
from pydantic import Field
from torch import nn

from recommender.config.model import ModelConfig, Sizes
from recommender.config.search_space import OneOf, SearchSpace
from recommender.models.collaborative import CollaborativeFilter, embedding


class DotProductBiasConfig(ModelConfig):
    factors: int = Field(50, ge=1)


class DotProductBias(CollaborativeFilter):
    name = "dot_product_bias"
    config_type = DotProductBiasConfig
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
