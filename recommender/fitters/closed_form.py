"""Fits models whose weights follow from the data in one step."""

from collections.abc import Mapping
from typing import Any

from recommender.data.context import context_of
from recommender.data.dataset import Dataset
from recommender.interface import Checkpoint, Fitter, Plan, Recommender
from recommender.progress import Progress, silent
from recommender.text.cache import TextVectors


class ClosedFormFitter(Fitter):
    """`fit`, then `bind`: nothing is drawn, nothing is chosen on a validation part."""

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
        model = plan.build(context.sizes, start)
        model.fit(context)
        model.bind(context)
        return model.eval()
