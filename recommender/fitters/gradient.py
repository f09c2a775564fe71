"""Fits models that learn by gradient descent; the number of epochs is chosen on a validation part."""

import itertools
from collections.abc import Mapping
from typing import Any

from recommender.config.model import Sizes
from recommender.data.context import context_of
from recommender.data.dataset import Dataset, Floats, Pairs
from recommender.evaluation.splits import Split
from recommender.evaluation.validation import validate, validation_targets
from recommender.interface import Checkpoint, Fitter, Follow, Plan, Recommender, TrainingLog
from recommender.progress import Progress, silent
from recommender.text.cache import TextVectors
from recommender.training.capping import capped
from recommender.training.trainable import TrainableModel
from recommender.training.trainer import train


class GradientFitter(Fitter):
    """The training loop of `training.trainer`."""

    is_random = True

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
        context = context_of(data, vectors)
        model = _trainable(plan, context.sizes, start)
        training = plan.training.model_copy(update={"epochs": epochs or plan.training.epochs})
        train(model, context, training, checkpoint=checkpoint, progress=progress)
        return model.eval()

    def fit_split(
        self,
        plan: Plan,
        split: Split,
        vectors: TextVectors | None,
        *,
        checkpoint: Checkpoint | None = None,
        progress: Progress = silent,
    ) -> tuple[Recommender, TrainingLog | None]:
        """Choose the number of epochs on the validation part, then fit to `refit` for as many."""
        model, log = _fit_validated(plan, split, vectors, checkpoint=checkpoint, progress=progress)
        if split.refit is split.train:
            return model.eval(), log
        return self.fit_all(plan, split.refit, vectors, epochs=log.best_epoch, progress=progress), log

    def validation_score(
        self, plan: Plan, split: Split, vectors: TextVectors | None, follow: Follow | None = None
    ) -> float:
        _, log = _fit_validated(plan, split, vectors, follow=follow)
        return max(epoch["validation"] for epoch in log.curve)

    def learnt_weights(self, plan: Plan, model: Recommender, pairs: Pairs) -> tuple[Floats, Floats]:
        if not isinstance(model, TrainableModel):
            raise TypeError(plan.name)
        weights = model.row_weights(pairs)
        return weights, capped(pairs.user, weights, plan.training.max_user_weight)


def _fit_validated(
    plan: Plan,
    split: Split,
    vectors: TextVectors | None,
    *,
    follow: Follow | None = None,
    checkpoint: Checkpoint | None = None,
    progress: Progress = silent,
) -> tuple[TrainableModel, TrainingLog]:
    """Train on `train` with an eye on the validation part, if there is anybody in it."""
    context = context_of(split.train, vectors)
    model = _trainable(plan, context.sizes)
    epochs = itertools.count(1)

    def watch() -> float:
        value = validate(model, split)
        if follow:
            follow(next(epochs), value)
        return value

    check = watch if len(validation_targets(split)) else None
    log = train(model, context, plan.training, validate=check, checkpoint=checkpoint, progress=progress)
    return model, log


def _trainable(plan: Plan, sizes: Sizes, start: Mapping[str, Any] | None = None) -> TrainableModel:
    model = plan.build(sizes, start)
    if not isinstance(model, TrainableModel):
        raise TypeError(f"{plan.name} declares a fitter by gradients, but is no TrainableModel")
    return model
