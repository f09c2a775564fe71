"""What every model is: built from a config and sizes, given a context, asked for scores."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict
from torch import nn

from recommender.data.dataset import Dataset, Floats, Ints, Pairs
from recommender.text.cache import TextVectors
from recommender.training.config import TrainingConfig

TextNeed = Literal["none", "pooled", "tokens"]


class ModelConfig(BaseModel):
    """Settings of a model; training settings are apart."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Sizes(BaseModel):
    """How many of each there are, the numbers 0 for `unknown` included; items have none."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    users: int
    items: int
    publishers: int
    categories: int
    languages: int
    text: int
    """Dimensions of a text vector, 0 without texts."""


@dataclass(frozen=True)
class Context:
    """What a model may look at beside its weights: the items' features and what users did so far."""

    pairs: Pairs
    publisher: torch.Tensor
    category: torch.Tensor
    language: torch.Tensor
    texts: tuple[str, ...]
    vectors: TextVectors | None
    now: float
    """Seconds since 1970."""
    sizes: Sizes


def context_of(dataset: Dataset, vectors: TextVectors | None) -> Context:
    """The context a dataset gives; `vectors` are of its items' texts, in their order."""
    items = dataset.items
    return Context(
        dataset.pairs,
        torch.from_numpy(items.publisher),
        torch.from_numpy(items.category),
        torch.from_numpy(items.language),
        items.texts,
        vectors,
        dataset.now,
        Sizes(
            users=len(dataset.users),
            items=len(dataset.item_ids),
            publishers=len(dataset.publishers),
            categories=len(dataset.categories),
            languages=len(dataset.languages),
            text=vectors.dims if vectors else 0,
        ),
    )


@dataclass(frozen=True)
class Batch:
    """Rows of observed (user, item) pairs for one step. Tensors of one length, but for `negatives`."""

    user: torch.Tensor
    item: torch.Tensor
    contributed: torch.Tensor
    """Bool."""
    weight: torch.Tensor
    """How much the row says that the user likes the item, 0 to 1."""
    minutes: torch.Tensor
    """NaN where nobody measured."""
    negatives: torch.Tensor
    """Items drawn at random, for the whole batch."""


class Recommender(nn.Module, ABC):
    """Base of all models. The state dict holds all that was learnt; what `bind` sets is not in it."""

    name: ClassVar[str]
    text: ClassVar[TextNeed] = "none"
    config_type: ClassVar[type[ModelConfig]] = ModelConfig
    is_personal: ClassVar[bool] = True
    """False where everybody gets the same list, which may not be called `for you`."""

    def __init__(self, config: Any, sizes: Sizes) -> None:
        super().__init__()
        self.config = config
        self.sizes = sizes

    def fit(self, context: Context) -> None:
        """Learn what has a closed form; models that train get ready for it."""

    def bind(self, context: Context) -> None:
        """Take the features and histories that scoring needs."""

    @abstractmethod
    def score(self, users: torch.Tensor, items: torch.Tensor) -> torch.Tensor:
        """How well each item suits each user: (users, items). Higher is better; scales differ by model."""

    def item_vectors(self) -> torch.Tensor | None:
        """(items, dims) whose cosines say which items are alike; None if the model has none."""
        return None

    def audience_scores(self, items: torch.Tensor) -> torch.Tensor | None:
        """How likely each user is to care for each item: (items, users); None: the model cannot say."""
        return None


class TrainableModel(Recommender):
    """A model that learns by gradient descent."""

    negatives: int = 0
    """Items to draw for each batch."""
    training_defaults: ClassVar[TrainingConfig] = TrainingConfig()
    by_vocabulary: ClassVar[dict[str, str]] = {}
    """Parameters whose first dimension is a vocabulary, for warm starts: parameter → vocabulary."""

    @abstractmethod
    def loss(self, batch: Batch) -> dict[str, torch.Tensor]:
        """The loss's terms by name, each a scalar."""

    @abstractmethod
    def freeze(self) -> None:
        """Training has ended: keep what ranking needs, so that it needs no text."""

    @abstractmethod
    def combine(self, terms: dict[str, torch.Tensor]) -> torch.Tensor:
        """The one number to descend, out of this step's terms."""


def pair_weights(pairs: Pairs, view_weight: float) -> Floats:
    """How much each pair says about taste: 1 for a contribution, less for attention alone.

    Attention counts `view_weight` at three minutes and more, and in proportion below; a visit that nobody
    timed counts as half a minute.
    """
    minutes = np.where(np.isnan(pairs.minutes), 0.5, pairs.minutes)
    return np.where(pairs.contributed, 1.0, view_weight * np.clip(minutes / 3.0, 0.0, 1.0))


def recency_weights(times: Floats, now: float, half_life_days: float) -> Floats:
    """Halves with every `half_life_days` of age."""
    return np.exp2(-np.maximum(now - times, 0.0) / 86_400 / half_life_days)


def popularity(pairs: Pairs, items: int) -> Ints:
    """Distinct backers of each item."""
    return np.bincount(pairs.backed.item, minlength=items)
