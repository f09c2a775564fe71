"""What the training loop asks of a model."""

from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch

from recommender.data.context import Context
from recommender.data.dataset import Floats, Ints, Pairs
from recommender.interface import Recommender


@dataclass(frozen=True)
class Batch:
    """Observed rows for one step. Tensors of one length, but for `negatives`."""

    user: torch.Tensor
    item: torch.Tensor
    weight: torch.Tensor
    """How much the row says that the user likes the item, 0 to 1."""
    minutes: torch.Tensor
    """NaN where nobody measured."""
    time: torch.Tensor
    """When the user first turned to the item; seconds since 1970, float64, always on the CPU."""
    negatives: torch.Tensor
    """Items drawn at random, for the whole batch."""
    row: torch.Tensor
    """Which of the model's `observed` rows these are."""


@dataclass(frozen=True)
class Observed:
    """What an epoch goes through once, row by row. Arrays of one length."""

    user: Ints
    item: Ints
    weight: Floats
    """0 to 1."""
    minutes: Floats
    time: Floats

    @classmethod
    def of(cls, pairs: Pairs, weights: Floats) -> "Observed":
        """A row for each (user, item) pair."""
        return cls(pairs.user, pairs.item, weights, pairs.minutes, pairs.first_time)


class TrainableModel(Recommender):
    """A model that learns by gradient descent."""

    negatives: int = 0
    """Items to draw for each batch."""
    terms: ClassVar[tuple[str, ...]] = ()
    """All terms `loss` may have, for training by several processes; empty: the model cannot."""
    has_confidence = True

    def row_weights(self, pairs: Pairs) -> Floats:
        """How much each observed pair counts, 0 to 1: contributions alone, unless a model says otherwise."""
        return pairs.contributed.astype(np.float64)

    def observed(self, context: Context) -> Observed:
        """The rows to learn from: the observed pairs, unless a model says otherwise."""
        return Observed.of(context.pairs, self.row_weights(context.pairs))

    @abstractmethod
    def loss(self, batch: Batch) -> dict[str, torch.Tensor]:
        """The loss's terms by name, each a scalar."""

    def mass(self, term: str, batch: Batch) -> torch.Tensor:
        """What the term is a mean over: the rows' weights, unless a model says otherwise."""
        return batch.weight.sum()

    @abstractmethod
    def freeze(self) -> None:
        """Training has ended: keep what ranking needs, so that it needs no text."""

    @abstractmethod
    def combine(self, terms: dict[str, torch.Tensor]) -> torch.Tensor:
        """The one number to descend, out of this step's terms."""
