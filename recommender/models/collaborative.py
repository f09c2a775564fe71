"""What collaborative filtering by ratings shares: see `dot_product_bias` and `collab_nn`."""

from abc import abstractmethod
from typing import ClassVar

import numpy as np
import torch
from torch import nn

from recommender.config.model import ModelConfig, Sizes
from recommender.config.search_space import Real, SearchSpace, Whole
from recommender.config.training import TrainingConfig
from recommender.data.context import Context
from recommender.data.dataset import Floats, Ints, Pairs
from recommender.data.ratings import LEVELS, RatingScale, rated
from recommender.fitters.gradient import GradientFitter
from recommender.losses.ratings import squared_error
from recommender.training.trainable import Batch, Observed, TrainableModel

BELOW, ABOVE = 1.0, 0.5
"""How far the sigmoid's range reaches beyond the lowest and the highest rating, as its ends never do."""
CELLS_PER_BLOCK = 4_000_000
"""Numbers held at a time when everybody is scored."""
FIRST_SPREAD = 0.01
"""Standard deviation of the embeddings before training."""


class CollaborativeFilter(TrainableModel):
    """Predicts what a user would rate an item from embeddings of the two and nothing else.

    r̂ = low + (high − low) · sigmoid(f(user, item)); what `f` is, the subclasses say. Whoever gave no rating
    is the mean user, and an item that got none the mean item.
    """

    fitter = GradientFitter()
    has_confidence = False
    terms: ClassVar[tuple[str, ...]] = ("squared_error",)
    search_space: ClassVar[SearchSpace] = {
        "training.learning_rate": Real(1e-3, 2e-2, log=True),
        "training.weight_decay": Real(1e-3, 1.0, log=True),
        "training.epochs": Whole(3, 15),
    }
    training_defaults = TrainingConfig(
        epochs=5,
        batch_size=64,
        learning_rate=5e-3,
        schedule="one-cycle",
        adam_beta2=0.99,
        adam_epsilon=1e-5,
        weight_decay=0.1,
        max_user_weight=1_000.0,
    )
    by_vocabulary: ClassVar[dict[str, str]] = {
        "user_factors.weight": "users",
        "item_factors.weight": "items",
        "user_known": "users",
        "item_known": "items",
    }

    def __init__(self, config: ModelConfig, sizes: Sizes, user_dims: int, item_dims: int) -> None:
        super().__init__(config, sizes)
        self.user_factors = embedding(sizes.users, user_dims)
        self.item_factors = embedding(sizes.items, item_dims)
        self.register_buffer("edges", torch.zeros(LEVELS - 1, dtype=torch.float64))
        self.register_buffer("bounds", torch.tensor([1.0, LEVELS], dtype=torch.float64))
        self.register_buffer("in_buckets", torch.ones(()))
        self.register_buffer("user_known", torch.zeros(sizes.users))
        self.register_buffer("item_known", torch.zeros(sizes.items))
        self.edges: torch.Tensor
        """Of the rating's buckets, see `RatingScale`; 0 where there are none."""
        self.in_buckets: torch.Tensor
        """1 or 0."""
        self.bounds: torch.Tensor
        """The lowest and the highest rating."""
        self.user_known: torch.Tensor
        """1 for users with a rating in training."""
        self.item_known: torch.Tensor
        self._rating = torch.zeros(0)

    @property
    def scale(self) -> RatingScale:
        lowest, highest = self.bounds.tolist()
        edges = self.edges.cpu().numpy()
        return RatingScale(edges if self.in_buckets > 0 else edges[:0], lowest, highest)

    def fit(self, context: Context) -> None:
        scale, pairs = RatingScale.of(context.pairs), rated(context.pairs)
        self.in_buckets = torch.tensor(0.0 if scale.are_amounts else 1.0)
        self.edges = torch.zeros(LEVELS - 1, dtype=torch.float64)
        self.edges[: len(scale.edges)] = torch.from_numpy(scale.edges)
        self.bounds = torch.tensor([scale.lowest, scale.highest], dtype=torch.float64)
        self.user_known = _is_among(pairs.user, self.sizes.users)
        self.item_known = _is_among(pairs.item, self.sizes.items)

    def bind(self, context: Context) -> None:
        super().bind(context)
        ratings = self.scale.ratings(rated(context.pairs).amount)
        self._rating = torch.from_numpy(ratings).float().to(self.user_factors.weight.device)

    def row_weights(self, pairs: Pairs) -> Floats:
        return (pairs.contributed & (pairs.amount > 0)).astype(np.float64)

    def observed(self, context: Context) -> Observed:
        pairs = rated(context.pairs)
        return Observed.of(pairs, self.row_weights(pairs))

    def loss(self, batch: Batch) -> dict[str, torch.Tensor]:
        found = self.predict_ratings(batch.user, batch.item)
        return {"squared_error": squared_error(found, self._rating[batch.row], batch.weight)}

    def combine(self, terms: dict[str, torch.Tensor]) -> torch.Tensor:
        return terms["squared_error"]

    def freeze(self) -> None:
        """Strangers become the mean of those who are known."""
        with torch.no_grad():
            for name, known in (("user", self.user_known > 0), ("item", self.item_known > 0)):
                for table in self.tables(name):
                    if known.any():
                        table.weight[~known] = table.weight[known].mean(0)

    @abstractmethod
    def tables(self, side: str) -> list[nn.Embedding]:
        """All embeddings of a side, `user` or `item`."""

    @abstractmethod
    def item_biases(self) -> torch.Tensor:
        """How well each item is rated whoever rates it, in logits: (items,)."""

    @abstractmethod
    def matches(self, users: torch.Tensor, items: torch.Tensor) -> torch.Tensor:
        """How much better items suit these users than the mean user, in logits, row by row: (rows,)."""

    @abstractmethod
    def logits(self, users: torch.Tensor, items: torch.Tensor) -> torch.Tensor:
        """What the sigmoid is of, row by row: (rows,) from numbers of users and of items."""

    @abstractmethod
    def all_logits(self, users: torch.Tensor, items: torch.Tensor) -> torch.Tensor:
        """The same for all users with all items: (users, items)."""

    @property
    def cells_per_pair(self) -> int:
        """Numbers that one pair takes in `all_logits`."""
        return 1

    def predict_ratings(self, users: torch.Tensor, items: torch.Tensor) -> torch.Tensor:
        """The ratings of pairs, row by row: (rows,) from numbers of users and of items."""
        return self._in_range(self.logits(users, items))

    def score(self, users: torch.Tensor, items: torch.Tensor) -> torch.Tensor:
        """The predicted rating: how much, if they back it; whether they back it is never asked."""
        step = max(CELLS_PER_BLOCK // max(len(items) * self.cells_per_pair, 1), 1)
        parts = [self._in_range(self.all_logits(part, items)) for part in torch.split(users, step)]
        return torch.cat(parts) if parts else torch.zeros(0, len(items))

    def _in_range(self, logits: torch.Tensor) -> torch.Tensor:
        low, high = (self.bounds[0] - BELOW).float(), (self.bounds[1] + ABOVE).float()
        return low + (high - low) * torch.sigmoid(logits)

    def item_vectors(self) -> torch.Tensor:
        return self.item_factors.weight

    def audience_scores(self, items: torch.Tensor) -> torch.Tensor:
        return self.score(torch.arange(self.sizes.users, device=items.device), items).T


def embedding(count: int, dims: int) -> nn.Embedding:
    """A table drawn from a normal distribution cut at two standard deviations."""
    table = nn.Embedding(count, dims)
    nn.init.trunc_normal_(table.weight, std=FIRST_SPREAD, a=-2 * FIRST_SPREAD, b=2 * FIRST_SPREAD)
    return table


def _is_among(numbers: Ints, count: int) -> torch.Tensor:
    """1 at each of the numbers, 0 elsewhere, as (count,)."""
    return torch.from_numpy(np.bincount(numbers, minlength=count) > 0).float()
