"""What every model is: built from a config and sizes, given a context, asked for scores."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict
from torch import nn

from recommender.config.search_space import SearchSpace
from recommender.config.training import TrainingConfig
from recommender.data.dataset import Dataset, Floats, Ints, Items, Pairs
from recommender.text.cache import TextVectors

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
    opened: torch.Tensor
    """Seconds since 1970, by item; −∞ for items without a deadline, see `open_windows`."""
    closed: torch.Tensor
    """The deadline; ∞ where there is none."""
    created: torch.Tensor
    """When each item was launched: the given time, else its first backing in `pairs`, else NaN."""
    now: float
    """Seconds since 1970."""
    sizes: Sizes

    def to(self, device: torch.device) -> "Context":
        """The same with its features on a device. Times stay on the CPU: not every device has float64."""
        names = ("publisher", "category", "language")
        return replace(self, **{name: getattr(self, name).to(device) for name in names})


def open_windows(items: Items) -> tuple[torch.Tensor, torch.Tensor]:
    """When each item could be backed: from its creation until its deadline.

    An item without a deadline counts as open at all times: its `created_at` is then often no more than the
    first event somebody saw.
    """
    created = np.where(np.isnan(items.deadline), np.nan, items.created)
    opened, closed = np.nan_to_num(created, nan=-np.inf), np.nan_to_num(items.deadline, nan=np.inf)
    return torch.from_numpy(opened), torch.from_numpy(closed)


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
        *open_windows(items),
        _launched(dataset),
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


def _launched(dataset: Dataset) -> torch.Tensor:
    backed = dataset.pairs.backed
    first = np.full(len(dataset.item_ids), np.nan)
    np.fmin.at(first, backed.item, backed.first_time)
    declared = dataset.items.declared
    return torch.from_numpy(np.where(np.isnan(declared), first, declared))


@dataclass(frozen=True)
class Batch:
    """Rows of observed (user, item) pairs for one step. Tensors of one length, but for `negatives`."""

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


class Recommender(nn.Module, ABC):
    """Base of all models. The state dict holds all that was learnt; what `bind` sets is not in it."""

    name: ClassVar[str]
    text: ClassVar[TextNeed] = "none"
    config_type: ClassVar[type[ModelConfig]] = ModelConfig
    search_space: ClassVar[SearchSpace] = {}
    """What tuning varies; what is not in it stays as it is."""
    is_baseline: ClassVar[bool] = False
    """Whether the others have to beat it to be worth their trouble."""
    scores_are_logits: ClassVar[bool] = False
    """Whether a softmax over what can be shown gives each item's chance of being the next."""
    is_personal: ClassVar[bool] = True
    """False where everybody gets the same list, which may not be called `for you`."""

    def __init__(self, config: Any, sizes: Sizes) -> None:
        super().__init__()
        self.config = config
        self.sizes = sizes
        self._context: Context | None = None

    @property
    def context(self) -> Context:
        """What the model is bound to."""
        if self._context is None:
            raise RuntimeError(f"{self.name}: bind() comes first")
        return self._context

    def fit(self, context: Context) -> None:
        """Learn what has a closed form; models that train get ready for it."""

    def bind(self, context: Context) -> None:
        """Take the features and histories that scoring needs, to where the weights are."""
        device = next((weights.device for weights in self.parameters()), torch.device("cpu"))
        self._context = context.to(device)

    @abstractmethod
    def score(self, users: torch.Tensor, items: torch.Tensor) -> torch.Tensor:
        """How well each item suits each user: (users, items). Higher is better; scales differ by model."""

    def item_vectors(self) -> torch.Tensor | None:
        """(items, dims) whose cosines say which items are alike; None if the model has none."""
        return None

    def audience_scores(self, items: torch.Tensor) -> torch.Tensor | None:
        """How likely each user is to care for each item: (items, users); None: the model cannot say."""
        return None


@dataclass(frozen=True)
class EvalQuery:
    """What users turned out to want, and what could be known before: a lesson for `StackedModel`."""

    context: Context
    """Without what is asked for."""
    user: Ints
    item: Ints
    """What each of these users wanted."""
    time: Floats
    """When; seconds since 1970."""
    candidates: Ints
    """The items to choose from, ascending; what is wanted is among them."""
    seen: Pairs
    """What users had backed: nobody is asked for it."""
    among_open: bool
    """Ask only for what was open at each user's last time."""


class StackedModel(Recommender):
    """A model that learns how to weigh its parts from queries with known answers."""

    @abstractmethod
    def fit_stacked(self, context: Context, queries: Sequence[EvalQuery]) -> None:
        """Learn from the queries what to trust, and everything else from the context; ends bound to it."""


class TrainableModel(Recommender):
    """A model that learns by gradient descent."""

    negatives: int = 0
    """Items to draw for each batch."""
    training_defaults: ClassVar[TrainingConfig] = TrainingConfig()
    terms: ClassVar[tuple[str, ...]] = ()
    """All terms `loss` may have, for training by several processes; empty: the model cannot."""
    by_vocabulary: ClassVar[dict[str, str]] = {}
    """Parameters whose first dimension is a vocabulary, for warm starts: parameter → vocabulary."""

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


def was_open(
    context: Context, times: torch.Tensor, device: torch.device, items: torch.Tensor | None = None
) -> torch.Tensor:
    """Which items, or which of `items`, could be backed at each moment: (times, items).

    What was closed was not turned down.
    """
    moments, chosen = times.unsqueeze(1), slice(None) if items is None else items.cpu()
    return ((context.opened[chosen] <= moments) & (moments < context.closed[chosen])).to(device)


def log_rates(context: Context) -> torch.Tensor:
    """Log of the items' backers, by day open where a deadline is known; the items' mean for those without.

    An item that nobody has backed yet is unknown, not unpopular.
    """
    backers = torch.from_numpy(popularity(context.pairs, context.sizes.items)).double()
    days = (context.closed.clamp(max=context.now) - context.opened).clamp(min=86_400.0) / 86_400.0
    rates = torch.log((backers + 0.5) / torch.where(torch.isfinite(days), days, torch.ones_like(days)))
    known = backers > 0
    if not known.any():
        return torch.zeros(len(backers))
    return torch.where(known, rates - rates[known].mean(), torch.zeros_like(rates)).float()
