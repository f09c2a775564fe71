"""Fits models that weigh the scores of their parts: stacked generalization (Wolpert 1992)."""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

from recommender.data.context import Context, context_of
from recommender.data.dataset import Dataset
from recommender.evaluation.splits import Split
from recommender.fitters.queries import EvalQuery, queries_within, split_queries
from recommender.interface import Checkpoint, Fitter, Plan, Recommender, TrainingLog
from recommender.progress import Progress, silent
from recommender.text.cache import TextVectors


class StackedModel(Recommender):
    """A model that learns how to weigh its parts from evaluation queries with known answers."""

    @abstractmethod
    def fit_stacked(self, context: Context, queries: Sequence[EvalQuery]) -> None:
        """Learn from the queries what to trust, and everything else from the context; ends bound to it."""


class StackedFitter(Fitter):
    """The weights are learnt on queries; in an evaluation these are the split's validation part."""

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
        """Without a split, the queries are those that the data themselves can answer."""
        return _fit(plan, data, vectors, queries_within(data, vectors), start)

    def fit_split(
        self,
        plan: Plan,
        split: Split,
        vectors: TextVectors | None,
        *,
        checkpoint: Checkpoint | None = None,
        progress: Progress = silent,
    ) -> tuple[Recommender, TrainingLog | None]:
        return _fit(plan, split.refit, vectors, split_queries(split, vectors)), None


def _fit(
    plan: Plan,
    data: Dataset,
    vectors: TextVectors | None,
    queries: Sequence[EvalQuery],
    start: Mapping[str, Any] | None = None,
) -> Recommender:
    context = context_of(data, vectors)
    model = plan.build(context.sizes, start)
    if not isinstance(model, StackedModel):
        raise TypeError(f"{plan.name} declares a stacked fitter, but is no StackedModel")
    # Parts that were fitted to this very data for a query are not fitted again.
    model.fit_stacked(next((q.context for q in queries if q.context.pairs is data.pairs), context), queries)
    return model.eval()
