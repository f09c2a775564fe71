"""Fits a plan as its model declares."""

from collections.abc import Iterable, Mapping
from typing import Any

from recommender.data.dataset import Dataset
from recommender.evaluation.splits import Split
from recommender.interface import Checkpoint, Follow, Plan, Recommender, TrainingLog
from recommender.progress import Progress, silent
from recommender.text.cache import TextVectors


def needs_text(plans: Iterable[Plan]) -> bool:
    """Whether any of the models reads the items' texts."""
    return any(plan.model.text != "none" for plan in plans)


def fit_all(
    plan: Plan,
    data: Dataset,
    vectors: TextVectors | None,
    *,
    epochs: int | None = None,
    start: Mapping[str, Any] | None = None,
    checkpoint: Checkpoint | None = None,
    progress: Progress = silent,
) -> Recommender:
    """See `Fitter.fit_all`."""
    return plan.fitter.fit_all(
        plan, data, vectors, epochs=epochs, start=start, checkpoint=checkpoint, progress=progress
    )


def fit_split(
    plan: Plan,
    split: Split,
    vectors: TextVectors | None,
    *,
    checkpoint: Checkpoint | None = None,
    progress: Progress = silent,
) -> tuple[Recommender, TrainingLog | None]:
    """See `Fitter.fit_split`."""
    return plan.fitter.fit_split(plan, split, vectors, checkpoint=checkpoint, progress=progress)


def validation_score(
    plan: Plan, split: Split, vectors: TextVectors | None, follow: Follow | None = None
) -> float:
    """See `Fitter.validation_score`."""
    return plan.fitter.validation_score(plan, split, vectors, follow)
