"""Models against a reference, user by user."""

from collections.abc import Iterable
from dataclasses import dataclass

from recommender.evaluation.bootstrap import paired
from recommender.evaluation.evaluator import ALL, BY_USER, Report
from recommender.evaluation.metrics import DECIDING


@dataclass(frozen=True)
class Difference:
    """How much better a model is than the reference for the same users; 95 % paired bootstrap."""

    model: str
    reference: str
    split: str
    slice: str
    metric: str
    mean: float
    low: float
    high: float
    users: int

    @property
    def is_certain(self) -> bool:
        """Whether the interval leaves 0 out."""
        return self.low > 0 or self.high < 0


def best_of(report: Report, names: Iterable[str]) -> str | None:
    """Of these models the one with the highest NDCG@10 in the report; None if there are none."""
    return max(names, key=lambda name: report.table(name)[DECIDING]["mean"], default=None)


def differences(report: Report, reference: str) -> list[Difference]:
    """Each other model less the reference, by metric, over the users of the slice `all`."""
    theirs = report.values[reference]
    split = str(report.protocol["split"])
    found = []
    for name, ours in report.values.items():
        for metric in BY_USER if name != reference else ():
            gap = paired(ours[metric], theirs[metric])
            found.append(
                Difference(
                    name, reference, split, ALL, metric, gap.mean, gap.low, gap.high, len(ours[metric])
                )
            )
    return found
