"""Fits a model to a split or to all data: closed forms at once, the others by training."""

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from pydantic import ValidationError

from recommender.config.search_space import TRAINING
from recommender.config.training import TrainingConfig
from recommender.data.dataset import Dataset
from recommender.errors import ConfigError
from recommender.evaluation.metrics import DECIDING, per_user, rank_targets
from recommender.evaluation.splits import Split
from recommender.fitters.queries import queries_within, split_queries, validation_targets
from recommender.models.base import (
    EvalQuery,
    ModelConfig,
    Recommender,
    StackedModel,
    TrainableModel,
    context_of,
)
from recommender.models.registry import make_config, make_model, model_type, wrong_setting
from recommender.progress import Progress, silent
from recommender.text.cache import TextVectors
from recommender.training.checkpoint import Checkpoint
from recommender.training.trainer import TrainingLog, seed_everything, train


@dataclass(frozen=True)
class Plan:
    """A model by name with its settings."""

    name: str
    config: ModelConfig
    training: TrainingConfig

    def with_seed(self, seed: int) -> "Plan":
        config = (
            self.config.model_copy(update={"seed": seed})
            if "seed" in type(self.config).model_fields
            else self.config
        )
        return Plan(self.name, config, self.training.model_copy(update={"seed": seed}))

    @property
    def is_trained(self) -> bool:
        return issubclass(model_type(self.name), TrainableModel)

    @property
    def has_seed(self) -> bool:
        """Whether another seed gives another model."""
        return self.is_trained or "seed" in type(self.config).model_fields


def make_plan(
    name: str, settings: Mapping[str, Any] | None = None, training: Mapping[str, Any] | None = None
) -> Plan:
    """A plan with the model's own defaults, changed by `settings` and `training`.

    `settings` are the model's own; those of training may stand in them under `training`.

    Raises:
        ConfigError: an unknown model or setting.
    """
    kind = model_type(name)
    base = kind.training_defaults if issubclass(kind, TrainableModel) else TrainingConfig()
    own = dict(settings or {})
    inner = own.pop(TRAINING, {})
    if not isinstance(inner, Mapping):
        raise ConfigError(f"{name}.{TRAINING} is {inner!r}: write its settings as {TRAINING}.name=value")
    try:
        chosen = TrainingConfig.model_validate(base.model_dump() | dict(inner) | dict(training or {}))
    except ValidationError as error:
        raise wrong_setting(TRAINING, error) from None
    return Plan(name, make_config(name, own), chosen)


def needs_text(plans: list[Plan]) -> bool:
    return any(model_type(plan.name).text != "none" for plan in plans)


def fit_all(
    plan: Plan,
    data: Dataset,
    vectors: TextVectors | None,
    *,
    epochs: int | None = None,
    start: Mapping[str, Any] | None = None,
    queries: Sequence[EvalQuery] | None = None,
    checkpoint: Checkpoint | None = None,
    progress: Progress = silent,
) -> Recommender:
    """Fit to all of `data`: for `epochs` epochs, without validation. `start` are weights to begin from.

    A model that is asked learns from `queries`, or from those that the data themselves can answer.
    """
    context = context_of(data, vectors)
    seed_everything(plan.training.seed)
    model = make_model(plan.name, plan.config, context.sizes)
    if start:
        model.load_state_dict(dict(start))
    if isinstance(model, TrainableModel):
        training = plan.training.model_copy(update={"epochs": epochs or plan.training.epochs})
        train(model, context, training, checkpoint=checkpoint, progress=progress)
    elif isinstance(model, StackedModel):
        asked = queries_within(data, vectors) if queries is None else queries
        model.fit_stacked(next((q.context for q in asked if q.context.pairs is data.pairs), context), asked)
    else:
        model.fit(context)
        model.bind(context)
    return model.eval()


def fit_split(
    plan: Plan,
    split: Split,
    vectors: TextVectors | None,
    *,
    checkpoint: Checkpoint | None = None,
    progress: Progress = silent,
) -> tuple[Recommender, TrainingLog | None]:
    """Fit for the split's test: choose the number of epochs on its validation part, then fit to `refit`."""
    if issubclass(model_type(plan.name), StackedModel):
        return fit_all(plan, split.refit, vectors, queries=split_queries(split, vectors)), None
    if not plan.is_trained:
        return fit_all(plan, split.refit, vectors), None
    model, log = _fit_validated(plan, split, vectors, checkpoint=checkpoint, progress=progress)
    if split.refit is split.train:
        return model.eval(), log
    return fit_all(plan, split.refit, vectors, epochs=log.best_epoch, progress=progress), log


def validation_score(
    plan: Plan, split: Split, vectors: TextVectors | None, follow: Callable[[int, float], None] | None = None
) -> float:
    """NDCG@10 on the validation part, learnt from `train` alone; of the best epoch where there are any.

    `follow` is told each epoch's number and value; what it raises ends the training.
    """
    if not plan.is_trained:
        return validate(fit_all(plan, split.train, vectors), split)
    _, log = _fit_validated(plan, split, vectors, follow=follow)
    return max(epoch["validation"] for epoch in log.curve)


def validate(model: Recommender, split: Split) -> float:
    """Mean NDCG@10 of the validation part's users."""
    targets = validation_targets(split)
    ranks = rank_targets(model, targets, split.valid_candidates, split.train.pairs.backed, split.windows)
    return float(np.nanmean(per_user(targets, ranks.rank, ranks.users)[DECIDING]))


def _fit_validated(
    plan: Plan,
    split: Split,
    vectors: TextVectors | None,
    *,
    follow: Callable[[int, float], None] | None = None,
    checkpoint: Checkpoint | None = None,
    progress: Progress = silent,
) -> tuple[TrainableModel, TrainingLog]:
    """Train on `train` with an eye on the validation part, if there is anybody in it."""
    context = context_of(split.train, vectors)
    seed_everything(plan.training.seed)
    model = make_model(plan.name, plan.config, context.sizes)
    if not isinstance(model, TrainableModel):
        raise TypeError(plan.name)
    epochs = itertools.count(1)

    def watch() -> float:
        value = validate(model, split)
        if follow:
            follow(next(epochs), value)
        return value

    check = watch if len(validation_targets(split)) else None
    log = train(model, context, plan.training, validate=check, checkpoint=checkpoint, progress=progress)
    return model, log
