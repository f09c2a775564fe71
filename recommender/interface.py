"""What a model is and how it is fitted: all that evaluation, training, runs and ranking know of models.

A model's file declares its config, what is worth searching in it, and the fitter that knows how to fit it:

    class Ease(Recommender):
        name = "ease"
        config_type = EaseConfig
        search_space = {"regularization": Real(1.0, 5_000.0, log=True)}
        fitter = ClosedFormFitter()

and one line in `models.registry` makes it known to every command.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from torch import nn

from recommender.config.model import ModelConfig, Sizes
from recommender.config.search_space import SearchSpace
from recommender.config.training import TrainingConfig
from recommender.data.context import Context
from recommender.data.dataset import Dataset, Floats, Pairs
from recommender.device import seed_everything
from recommender.evaluation.splits import Split
from recommender.evaluation.validation import validate
from recommender.progress import Progress, silent
from recommender.text.cache import TextVectors

TextNeed = Literal["none", "pooled", "tokens"]

Follow = Callable[[int, float], None]
"""Given each epoch's number and its validation; what it raises ends the fit."""


class Recommender(nn.Module, ABC):
    """Base of all models. The state dict holds all that was learnt; what `bind` sets is not in it."""

    name: ClassVar[str]
    fitter: ClassVar["Fitter"]
    text: ClassVar[TextNeed] = "none"
    config_type: ClassVar[type[ModelConfig]] = ModelConfig
    training_defaults: ClassVar[TrainingConfig] = TrainingConfig()
    search_space: ClassVar[SearchSpace] = {}
    """What tuning varies; what is not in it stays as it is."""
    by_vocabulary: ClassVar[Mapping[str, str]] = {}
    """Parameters whose first dimension is a vocabulary, for warm starts: parameter → vocabulary."""
    is_baseline: ClassVar[bool] = False
    """Whether the others have to beat it to be worth their trouble."""
    is_personal: ClassVar[bool] = True
    """False where everybody gets the same list, which may not be called `for you`."""
    scores_are_logits: ClassVar[bool] = False
    """Whether a softmax over what can be shown gives each item's chance of being the next."""
    has_confidence: ClassVar[bool] = False
    """Whether that softmax is the model's confidence in its first choice, as the calibration gate asks."""

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
class Plan:
    """A model with its settings, before it is fitted."""

    model: type[Recommender]
    config: ModelConfig
    training: TrainingConfig

    @property
    def name(self) -> str:
        return self.model.name

    @property
    def fitter(self) -> "Fitter":
        return self.model.fitter

    @property
    def has_seed(self) -> bool:
        """Whether another seed gives another model."""
        return self.fitter.is_random or "seed" in type(self.config).model_fields

    def with_seed(self, seed: int) -> "Plan":
        """The same with this seed, for training and for the model's own draws."""
        config = self.config
        if "seed" in type(config).model_fields:
            config = config.model_copy(update={"seed": seed})
        return Plan(self.model, config, self.training.model_copy(update={"seed": seed}))

    def build(self, sizes: Sizes, start: Mapping[str, Any] | None = None) -> Recommender:
        """The model as it is drawn from the seed, or with the weights in `start`; not fitted yet."""
        seed_everything(self.training.seed)
        model = self.model(self.config, sizes)
        if start:
            model.load_state_dict(dict(start))
        return model


@dataclass(frozen=True)
class Checkpoint:
    """Where the state of a fit is kept, and whose it is."""

    path: Path
    key: str
    """Names data, model and settings: a state of something else is not taken."""


@dataclass(frozen=True)
class TrainingLog:
    """What came of a fit by epochs."""

    best_epoch: int
    """The epoch whose weights the model has now, from 1."""
    curve: list[dict[str, float]]
    """Mean of each loss term, and `validation`, by epoch."""


class Fitter(ABC):
    """How models of one kind are fitted. It holds no state: all models of its kind may share one.

    Only `fit_all` has to be written; the rest follows from it for whatever needs no validation of its own.
    """

    is_random: ClassVar[bool] = False
    """Whether another seed gives another model, whatever the settings."""

    @abstractmethod
    def fit_all(
        self,
        plan: Plan,
        data: Dataset,
        vectors: TextVectors | None,
        *,
        epochs: int | None = None,
        start: Mapping[str, Any] | None = None,
        checkpoint: Checkpoint | None = None,
        progress: Progress = silent,
    ) -> Recommender:
        """Fit to all of `data`, without validation; the model is bound to it and in `eval` mode.

        Args:
            plan: the model and its settings; its seed decides what is drawn.
            data: everything there is to learn from.
            vectors: of the items' texts, in their order; None where no text is read.
            epochs: how long to train, as a fit to a split has found; without it, as the settings say.
            start: weights to begin from, for all parameters.
            checkpoint: where to go on from when a fit was killed.
            progress: called with a stage and its share done, 0 to 1.
        """

    def fit_split(
        self,
        plan: Plan,
        split: Split,
        vectors: TextVectors | None,
        *,
        checkpoint: Checkpoint | None = None,
        progress: Progress = silent,
    ) -> tuple[Recommender, TrainingLog | None]:
        """Fit for the split's test, to `refit`; what is chosen on the validation part is in the log."""
        return self.fit_all(plan, split.refit, vectors), None

    def validation_score(
        self, plan: Plan, split: Split, vectors: TextVectors | None, follow: Follow | None = None
    ) -> float:
        """NDCG@10 on the validation part, learnt from `train` alone; of the best epoch if there are any."""
        return validate(self.fit_all(plan, split.train, vectors), split)

    def learnt_weights(self, plan: Plan, model: Recommender, pairs: Pairs) -> tuple[Floats, Floats]:
        """How much of what is learnt each pair is, (pairs,), before and after the limit on one user."""
        weights = pairs.contributed.astype(np.float64)
        return weights, weights
