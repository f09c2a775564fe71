"""Baselines that score an item by its likeness to what the user did: history times an item-item matrix."""

from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from scipy.sparse import csr_matrix

from recommender.config.model import ModelConfig, Sizes
from recommender.config.search_space import Real, SearchSpace, Whole
from recommender.data.context import Context
from recommender.data.history import History
from recommender.data.statistics import pair_weights
from recommender.fitters.closed_form import ClosedFormFitter
from recommender.interface import Recommender, TextNeed

Matrix = NDArray[np.float32]


class ItemToItemConfig(ModelConfig):
    view_weight: float = Field(0.0, ge=0, le=1)
    """What three minutes of attention count beside a contribution; 0: views do not count."""


VIEWS: SearchSpace = {"view_weight": Real(0.0, 1.0)}


class ItemToItem(Recommender):
    """score(u, i) = Σⱼ h(u, j) · S(j, i) with the user's history h and a matrix S of likeness."""

    config_type: ClassVar[type[ModelConfig]] = ItemToItemConfig
    search_space: ClassVar[SearchSpace] = VIEWS
    fitter = ClosedFormFitter()
    is_baseline = True

    def __init__(self, config: ModelConfig, sizes: Sizes) -> None:
        super().__init__(config, sizes)
        self.register_buffer("likeness", torch.zeros(sizes.items, sizes.items))
        self.likeness: torch.Tensor
        self._history: History | None = None

    def history_of(self, context: Context) -> History:
        weights = pair_weights(context.pairs, self.config.view_weight)
        return History.of(context.pairs, weights, self.sizes)

    def fit(self, context: Context) -> None:
        self.likeness = torch.from_numpy(self.learn(self.history_of(context).matrix, context))

    def learn(self, history: csr_matrix, context: Context) -> Matrix:
        """S, (items, items), from histories (users, items) and the context."""
        raise NotImplementedError

    def bind(self, context: Context) -> None:
        super().bind(context)
        self._history = self.history_of(context)

    def score(self, users: torch.Tensor, items: torch.Tensor) -> torch.Tensor:
        if self._history is None:
            raise RuntimeError("bind() comes before score()")
        return self._history.rows(users) @ self.likeness[:, items]


class ItemKnnConfig(ItemToItemConfig):
    neighbours: int = Field(100, ge=1)
    shrink: float = Field(10.0, ge=0)
    """Added to the denominator, so that likeness seen in few histories counts less."""


class ItemKnn(ItemToItem):
    """`itemknn`: S(j, i) = xⱼ·xᵢ / (‖xⱼ‖‖xᵢ‖ + shrink) over the columns x, the k nearest of each item kept.

    Source: Deshpande and Karypis 2004, with the shrinkage of Bell and Koren 2007.
    """

    name = "itemknn"
    config_type = ItemKnnConfig
    search_space: ClassVar[SearchSpace] = {
        **VIEWS,
        "neighbours": Whole(5, 1_000, log=True),
        "shrink": Real(0.1, 1_000.0, log=True),
    }

    def learn(self, history: csr_matrix, context: Context) -> Matrix:
        common: Matrix = (history.T @ history).toarray().astype(np.float32)
        likeness = cosine_likeness(common, self.config.shrink)
        if self.config.neighbours < self.sizes.items:
            cut = np.partition(likeness, -self.config.neighbours, axis=0)[-self.config.neighbours]
            likeness = np.where(likeness >= cut, likeness, 0.0)
        kept: Matrix = likeness.astype(np.float32)
        return kept


class EaseConfig(ItemToItemConfig):
    regularization: float = Field(100.0, gt=0)


class Ease(ItemToItem):
    """`ease`: S = −P / diag(P) with a zero diagonal, P = (XᵀX + λI)⁻¹.

    Source: Steck 2019, Embarrassingly Shallow Autoencoders for Sparse Data.
    """

    name = "ease"
    config_type = EaseConfig
    search_space: ClassVar[SearchSpace] = {**VIEWS, "regularization": Real(1.0, 5_000.0, log=True)}

    def learn(self, history: csr_matrix, context: Context) -> Matrix:
        gram: Matrix = (history.T @ history).toarray().astype(np.float32)
        return ease_weights(gram, self.config.regularization)


class TextProfile(ItemToItem):
    """`profile`: S = cosines of the frozen encoder's centred vectors: the user is what they backed."""

    name = "profile"
    text: ClassVar[TextNeed] = "pooled"

    def learn(self, history: csr_matrix, context: Context) -> Matrix:
        if context.vectors is None:
            raise RuntimeError("profile needs text vectors")
        centred = context.vectors.pooled - context.vectors.pooled.mean(0)
        centred /= np.maximum(np.linalg.norm(centred, axis=1, keepdims=True), 1e-9)
        cosines: Matrix = (centred @ centred.T).astype(np.float32)
        return cosines


def cosine_likeness(gram: Matrix, shrink: float) -> Matrix:
    """Gⱼᵢ / (√Gⱼⱼ √Gᵢᵢ + shrink) with a zero diagonal, of a Gram matrix G: (items, items)."""
    norms = np.sqrt(np.diag(gram))
    likeness: Matrix = (gram / (np.outer(norms, norms) + shrink + 1e-9)).astype(np.float32)
    np.fill_diagonal(likeness, 0.0)
    return likeness


def ease_weights(gram: Matrix, regularization: float) -> Matrix:
    """−P / diag(P) with a zero diagonal, P = (G + λI)⁻¹, of a Gram matrix G: (items, items)."""
    regularized: NDArray[np.float64] = gram.astype(np.float64)
    regularized[np.diag_indices_from(regularized)] += regularization
    precision = np.linalg.inv(regularized)
    weights: Matrix = (-precision / np.diag(precision)).astype(np.float32)
    np.fill_diagonal(weights, 0.0)
    return weights
