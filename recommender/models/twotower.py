"""`twotower`: the production model. A vector for each user, one for each item, and their product.

    item = LN(W·text + category + language + dropout(id + publisher)), of length 1
    user = LN(pooled + MLP(pooled) + dropout(id)), of length 1; pooled = Σ h(u, j) · itemⱼ / Σ h(u, j)
    score = user · item / τ + popularity bias

The text is the frozen encoder's, centred. Ids are dropped out so that new users and new items are scored by
what is known of them. A row's own item is taken out of the user's history before the user is asked for it.
"""

from typing import ClassVar

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 the name everybody knows
from pydantic import Field
from torch import nn

from recommender.config.model import ModelConfig, Sizes
from recommender.config.search_space import TRAINING_SPACE, OneOf, Real, SearchSpace
from recommender.config.training import TrainingConfig
from recommender.data.context import Context, log_rates, was_open
from recommender.data.dataset import Floats, Ints, Pairs
from recommender.data.history import History
from recommender.data.statistics import pair_weights
from recommender.fitters.gradient import GradientFitter
from recommender.interface import TextNeed
from recommender.losses.softmax import full_softmax, in_batch_softmax
from recommender.models.text_pca import principal_axes
from recommender.training.trainable import Batch, TrainableModel

FULL_SOFTMAX_ITEMS = 50_000
"""Below this many items the softmax runs over all of them; the batch's own items are for larger ones."""


class TwoTowerConfig(ModelConfig):
    dims: int = Field(64, ge=1)
    text_dims: int = Field(128, ge=1)
    """Text vectors are rotated into this many of their principal dimensions."""
    hidden: int = Field(128, ge=1)
    id_dropout: float = Field(0.5, ge=0, lt=1)
    dropout: float = Field(0.3, ge=0, lt=1)
    temperature: float = Field(0.15, gt=0)
    view_weight: float = Field(0.3, ge=0, le=1)
    in_batch: bool = False
    """Use the in-batch softmax also where the full one could be afforded."""


class TwoTower(TrainableModel):
    name = "twotower"
    fitter = GradientFitter()
    text: ClassVar[TextNeed] = "pooled"
    config_type = TwoTowerConfig
    scores_are_logits = True
    training_defaults = TrainingConfig(learning_rate=1e-3, batch_size=512)
    search_space: ClassVar[SearchSpace] = {
        "dims": OneOf((32, 64, 128, 256)),
        "hidden": OneOf((64, 128, 256, 512)),
        "id_dropout": Real(0.0, 0.9),
        "dropout": Real(0.0, 0.7),
        "temperature": Real(0.03, 0.5, log=True),
        "view_weight": Real(0.0, 1.0),
        **TRAINING_SPACE,
    }
    terms = ("softmax",)
    by_vocabulary: ClassVar[dict[str, str]] = {
        "user_id.weight": "users",
        "item_id.weight": "items",
        "publisher.weight": "publishers",
        "category.weight": "categories",
        "language.weight": "languages",
        "log_rate": "items",
        "item_known": "items",
        "user_known": "users",
        "vectors": "items",
        "biases": "items",
    }

    def __init__(self, config: TwoTowerConfig, sizes: Sizes) -> None:
        super().__init__(config, sizes)
        dims = config.dims
        self.user_id = nn.Embedding(sizes.users, dims)
        self.item_id = nn.Embedding(sizes.items, dims)
        self.publisher = nn.Embedding(sizes.publishers, dims)
        self.category = nn.Embedding(sizes.categories, dims)
        self.language = nn.Embedding(sizes.languages, dims)
        self.text_layer = nn.Linear(config.text_dims, dims)
        self.item_norm = nn.LayerNorm(dims)
        self.user_norm = nn.LayerNorm(dims)
        self.user_layer = nn.Sequential(
            nn.Linear(dims, config.hidden),
            nn.GELU(),
            nn.Dropout(config.dropout),
            nn.Linear(config.hidden, dims),
        )
        self.dropout = nn.Dropout(config.dropout)
        self.popularity_weight = nn.Parameter(torch.tensor(0.5))
        self.log_temperature = nn.Parameter(torch.tensor(config.temperature).log())
        for table in (self.user_id, self.item_id, self.publisher, self.category, self.language):
            nn.init.normal_(table.weight, std=0.05)
        self.register_buffer("text_mean", torch.zeros(sizes.text))
        self.register_buffer("text_basis", torch.zeros(sizes.text, config.text_dims))
        self.register_buffer("log_rate", torch.zeros(sizes.items))
        self.register_buffer("item_known", torch.zeros(sizes.items))
        self.register_buffer("user_known", torch.zeros(sizes.users))
        self.register_buffer("vectors", torch.zeros(sizes.items, dims))
        self.register_buffer("biases", torch.zeros(sizes.items))
        self.text_mean: torch.Tensor
        self.text_basis: torch.Tensor
        self.log_rate: torch.Tensor
        """Of backers, centred; see `log_rates`."""
        self.item_known: torch.Tensor
        """1 for items that somebody touched in training: the others' ids were never learnt."""
        self.user_known: torch.Tensor
        self.vectors: torch.Tensor
        """The items' vectors once training has ended: ranking needs no text."""
        self.biases: torch.Tensor
        self._text = torch.zeros(0)
        self._history: History | None = None

    def row_weights(self, pairs: Pairs) -> Floats:
        return pair_weights(pairs, self.config.view_weight)

    def fit(self, context: Context) -> None:
        if context.vectors is None:
            raise RuntimeError("twotower needs text vectors")
        if not self.text_basis.any():
            mean, basis = principal_axes(context.vectors, self.config.text_dims, of_tokens=False)
            spread = (torch.from_numpy(context.vectors.pooled) - mean).norm(dim=1).mean()
            self.text_mean, self.text_basis = mean, basis / spread.clamp(min=1e-6)
        self.log_rate = log_rates(context)
        pairs = context.pairs
        self.item_known = _is_among(pairs.item, self.sizes.items)
        self.user_known = _is_among(pairs.user, self.sizes.users)

    def bind(self, context: Context) -> None:
        super().bind(context)
        self._history = History.of(context.pairs, self.row_weights(context.pairs), self.sizes)
        if context.vectors is not None:
            pooled = torch.from_numpy(context.vectors.pooled).to(self.text_mean.device)
            self._text = (pooled - self.text_mean) @ self.text_basis

    def freeze(self) -> None:
        """Keep the items' vectors for ranking."""
        with torch.no_grad():
            self.vectors, self.biases = self._items()

    def _items(self) -> tuple[torch.Tensor, torch.Tensor]:
        """All items' vectors (items, dims) and biases (items,)."""
        publisher, category, language = self.context.publisher, self.context.category, self.context.language
        own = self.item_id.weight + self.publisher(publisher)
        bias = self.popularity_weight * self.log_rate
        keep = self._kept(self.item_known)
        described = (
            self.text_layer(self.dropout(self._text)) + self.category(category) + self.language(language)
        )
        return F.normalize(self.item_norm(described + keep.unsqueeze(1) * own), dim=1), bias * keep

    def _kept(self, known: torch.Tensor) -> torch.Tensor:
        """1 where an id may be seen: a known one, and in training only if it is not dropped out."""
        if self.training:
            known = known * (torch.rand(len(known), device=known.device) >= self.config.id_dropout)
        return known

    def _users(self, users: torch.Tensor, history: torch.Tensor, vectors: torch.Tensor) -> torch.Tensor:
        """(users, dims) from their histories (users, items)."""
        pooled = (history @ vectors) / history.sum(1, keepdim=True).clamp(min=1e-6)
        own = self._kept(self.user_known[users]).unsqueeze(1) * self.user_id(users)
        return F.normalize(self.user_norm(pooled + self.user_layer(pooled) + own), dim=1)

    def _rows(self, users: torch.Tensor) -> torch.Tensor:
        if self._history is None:
            raise RuntimeError("bind() comes first")
        return self._history.rows(users)

    def loss(self, batch: Batch) -> dict[str, torch.Tensor]:
        vectors, biases = self._items()
        history = self._rows(batch.user)
        known = (history > 0) | ~was_open(self.context, batch.time, batch.user.device)
        user = self._users(batch.user, history.scatter(1, batch.item.unsqueeze(1), 0.0), vectors)
        scale = torch.exp(-self.log_temperature)
        if self.sizes.items < FULL_SOFTMAX_ITEMS and not self.config.in_batch:
            logits = scale * user @ vectors.T + biases
            return {"softmax": full_softmax(logits, batch.item, known, batch.weight)}
        logits = scale * user @ vectors[batch.item].T + biases[batch.item]
        share = torch.bincount(batch.item, minlength=self.sizes.items)[batch.item] / len(batch.item)
        return {
            "softmax": in_batch_softmax(logits, batch.item, share.log(), known[:, batch.item], batch.weight)
        }

    def combine(self, terms: dict[str, torch.Tensor]) -> torch.Tensor:
        return terms["softmax"]

    def score(self, users: torch.Tensor, items: torch.Tensor) -> torch.Tensor:
        user = self._users(users, self._rows(users), self.vectors)
        return torch.exp(-self.log_temperature) * user @ self.vectors[items].T + self.biases[items]

    def item_vectors(self) -> torch.Tensor:
        return self.vectors

    def audience_scores(self, items: torch.Tensor) -> torch.Tensor:
        every = torch.arange(self.sizes.users, device=self.vectors.device)
        user = torch.cat(
            [self._users(part, self._rows(part), self.vectors) for part in torch.split(every, 4096)]
        )
        return self.vectors[items] @ user.T


def _is_among(numbers: Ints, count: int) -> torch.Tensor:
    """1 at each of the numbers, 0 elsewhere, as (count,)."""
    return torch.from_numpy(np.bincount(numbers, minlength=count) > 0).float()
