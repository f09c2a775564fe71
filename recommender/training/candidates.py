"""Measures candidates on a split and fits them to everything."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from recommender.data.dataset import Dataset
from recommender.errors import DataError
from recommender.evaluation.bootstrap import paired
from recommender.evaluation.evaluator import Report, evaluate
from recommender.evaluation.splits import Split, SplitOptions, make_split
from recommender.files import sha256_hex, to_json
from recommender.life.gates import BASELINE, DECIDING
from recommender.life.runs import Measured, MeasuredSlice, RunInfo, RunMetrics
from recommender.life.warm import warm_weights
from recommender.models.base import Recommender
from recommender.progress import Progress
from recommender.text.cache import TextVectors
from recommender.training.checkpoint import Checkpoint
from recommender.training.fitting import Plan, fit_all, fit_split
from recommender.training.trainer import TrainingLog

BASELINES = (BASELINE, "recent_pop")
"""Measured beside every candidate; only `pop` is kept, as what is shown when nothing passes."""


@dataclass(frozen=True)
class Fitted:
    """A model fitted to everything, with how its kind did on the split."""

    model: Recommender
    metrics: RunMetrics


@dataclass
class Trial:
    """All candidates of one snapshot."""

    dataset: Dataset
    vectors: TextVectors
    snapshot_hash: str
    checkpoints: Path
    progress: Progress
    logs: dict[str, TrainingLog] = field(default_factory=dict)

    def run(self, plans: Mapping[str, Plan], warm: Mapping[str, RunInfo]) -> Iterator[tuple[str, Fitted]]:
        """Measure on the last-out split, among what was open at the time, then fit to everything.

        A model begins its final fit from its run in `warm`, but is measured from nothing: the older run may
        have learnt from what the split asks for.
        """
        try:
            split = make_split("last-out", self.dataset, SplitOptions(core=1, among_open=True))
        except DataError as reason:
            yield BASELINE, self._unmeasured(plans[BASELINE], str(reason))
            return
        report = self._measure(plans, split)
        for name, plan in plans.items():
            if name in BASELINES and name != BASELINE:
                continue
            log = self.logs.get(name)
            model = fit_all(
                plan,
                self.dataset,
                self.vectors,
                epochs=log.best_epoch if log else None,
                start=warm_weights(warm[name], self.dataset, self.vectors) if name in warm else None,
                checkpoint=self._checkpoint(plan, "final"),
                progress=self.progress,
            )
            yield name, Fitted(model, _metrics(name, report, log))

    def _measure(self, plans: Mapping[str, Plan], split: Split) -> Report:
        def fit(name: str, _: int) -> Recommender:
            plan = plans[name]
            model, log = fit_split(
                plan,
                split,
                self.vectors,
                checkpoint=self._checkpoint(plan, "measured"),
                progress=self.progress,
            )
            if log:
                self.logs[name] = log
            return model

        return evaluate(list(plans), fit, self.dataset, split, 1, is_random=lambda name: plans[name].has_seed)

    def _unmeasured(self, plan: Plan, reason: str) -> Fitted:
        metrics = RunMetrics(protocol={"unmeasured": reason}, metrics={}, better_than={}, users=0)
        return Fitted(fit_all(plan, self.dataset, self.vectors), metrics)

    def _checkpoint(self, plan: Plan, stage: str) -> Checkpoint:
        settings = [plan.name, plan.config.model_dump(mode="json"), plan.training.model_dump()]
        key = sha256_hex(to_json([self.snapshot_hash, stage, *settings]))
        return Checkpoint(self.checkpoints / f"{key[:16]}.safetensors", key)


def _metrics(name: str, report: Report, log: TrainingLog | None) -> RunMetrics:
    ours = report.values[name][DECIDING]
    others = [other for other in BASELINES if other != name]
    return RunMetrics(
        protocol=report.protocol,
        metrics={
            model: {metric: Measured(**figures) for metric, figures in report.table(model).items()}
            for model in (name, *others)
        },
        better_than={
            other: Measured(**vars(paired(ours, report.values[other][DECIDING]))) for other in others
        },
        users=len(ours),
        best_epoch=log.best_epoch if log else 0,
        curve=log.curve if log else [],
        slices={
            slice_name: MeasuredSlice(mean=row.mean, low=row.low, high=row.high, users=row.users)
            for slice_name, row in report.by_slice(name, DECIDING).items()
        },
    )
