"""`collab_nn`: collaborative filtering by a small network over both embeddings side by side.

    r̂ = low + (high − low) · sigmoid(w · ReLU(W · (user ⊕ item) + b) + c)

The two embeddings need not be of one size: each is as wide as its vocabulary asks for. It learns from
ratings alone, as `dot_product_bias` does, and ranks by them. Howard and Gugger 2020, Deep Learning for
Coders, chapter 8.
"""

import math
from typing import ClassVar

import torch
import torch.nn.functional as F  # noqa: N812 the name everybody knows
from pydantic import Field
from torch import nn

from recommender.config.model import ModelConfig, Sizes
from recommender.config.search_space import OneOf, Real, SearchSpace
from recommender.models.collaborative import CollaborativeFilter

WIDEST = 600


def embedding_dims(count: int) -> int:
    """How wide an embedding of so many names is, the unknown one counted: min(600, round(1.6 · count^.56)).

    fastai's rule of thumb, `emb_sz_rule`: 74 for 944 users, 102 for 1,656 films.
    """
    return min(WIDEST, round(1.6 * math.pow(count, 0.56)))


class CollabNNConfig(ModelConfig):
    activations: int = Field(100, ge=1)
    dropout: float = Field(0.0, ge=0, lt=1)
    """Of both embeddings."""


class CollabNN(CollaborativeFilter):
    name = "collab_nn"
    config_type = CollabNNConfig
    search_space: ClassVar[SearchSpace] = {
        "activations": OneOf((50, 100, 200)),
        "dropout": Real(0.0, 0.5),
        **CollaborativeFilter.search_space,
    }

    def __init__(self, config: CollabNNConfig, sizes: Sizes) -> None:
        users, items = embedding_dims(sizes.users), embedding_dims(sizes.items)
        super().__init__(config, sizes, users, items)
        self.dropout = nn.Dropout(config.dropout)
        self.hidden = nn.Linear(users + items, config.activations)
        self.output = nn.Linear(config.activations, 1)

    def tables(self, side: str) -> list[nn.Embedding]:
        return [self.user_factors if side == "user" else self.item_factors]

    @property
    def cells_per_pair(self) -> int:
        return self.hidden.out_features

    def item_biases(self) -> torch.Tensor:
        """Those of the mean user, who is the unknown one."""
        return self.all_logits(torch.zeros(1, dtype=torch.int64), torch.arange(self.sizes.items))[0]

    def matches(self, users: torch.Tensor, items: torch.Tensor) -> torch.Tensor:
        return self.logits(users, items) - self.item_biases()[items]

    def logits(self, users: torch.Tensor, items: torch.Tensor) -> torch.Tensor:
        both = torch.cat([self.user_factors.weight[users], self.item_factors.weight[items]], 1)
        return self._output(F.linear(self.dropout(both), self.hidden.weight, self.hidden.bias))

    def all_logits(self, users: torch.Tensor, items: torch.Tensor) -> torch.Tensor:
        # W · (user ⊕ item) is a sum of two parts: each is computed once, not once for each pair.
        width = self.user_factors.embedding_dim
        own, other = self.hidden.weight[:, :width], self.hidden.weight[:, width:]
        mine = self.user_factors.weight[users] @ own.T + self.hidden.bias
        theirs = self.item_factors.weight[items] @ other.T
        return self._output(mine.unsqueeze(1) + theirs)

    def _output(self, hidden: torch.Tensor) -> torch.Tensor:
        return F.linear(F.relu(hidden), self.output.weight, self.output.bias).squeeze(-1)
