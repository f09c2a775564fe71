"""Measures candidates on a split and fits them to everything."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from recommender.data.dataset import Dataset
from recommender.errors import DataError
from recommender.evaluation.bootstrap import paired
from recommender.evaluation.evaluator import Report, evaluate
from recommender.evaluation.metrics import DECIDING
from recommender.evaluation.probes import Probes, probe, top_users_share
from recommender.evaluation.splits import Split, SplitOptions, make_split
from recommender.files import sha256_hex, to_json
from recommender.fitters.fitting import fit_all, fit_split
from recommender.interface import Checkpoint, Plan, Recommender, TrainingLog
from recommender.models.registry import make_plan
from recommender.progress import Progress
from recommender.registry.metric_gates import BASELINE, BASELINES, COLD_BASELINE, MIN_COLD_ITEMS
from recommender.registry.runs import RunInfo
from recommender.registry.schema import Measured, MeasuredSlice, RunMetrics
from recommender.registry.warm_start import warm_weights
from recommender.text.cache import TextVectors


@dataclass(frozen=True)
class Fitted:
    """A model fitted to everything, with how its kind did on the split."""

    model: Recommender
    metrics: RunMetrics


@dataclass
class CandidateTrainer:
    """All candidates of one snapshot."""

    dataset: Dataset
    vectors: TextVectors
    snapshot_hash: str
    checkpoints: Path
    progress: Progress
    logs: dict[str, TrainingLog] = field(default_factory=dict)
    probes: dict[str, Probes] = field(default_factory=dict)

    def run(self, plans: Mapping[str, Plan], warm: Mapping[str, RunInfo]) -> Iterator[tuple[str, Fitted]]:
        """Measure on the last-out split and on new campaigns alone, then fit to everything.

        Last-out ranks among what was open at the time. Of the baselines only `pop` is kept, as what is shown
        when nothing passes.

        A model begins its final fit from its run in `warm`, but is measured from nothing: the older run may
        have learnt from what the split asks for.
        """
        try:
            split = make_split("last-out", self.dataset, SplitOptions(core=1, among_open=True))
        except DataError as reason:
            yield BASELINE, self._unmeasured(plans[BASELINE], str(reason))
            return
        report = self._measure(plans, split)
        cold = self._measure_cold(plans)
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
                checkpoint=self._checkpoint(plan, f"final {warm[name].id if name in warm else ''}"),
                progress=self.progress,
            )
            metrics = _metrics(name, report, log).model_copy(
                update=vars(self.probes[name]) | _cold_figures(name, cold) | self._concentration(plan, model)
            )
            yield name, Fitted(model, metrics)

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
            self.probes[name] = probe(model, split)
            return model

        return evaluate(list(plans), fit, self.dataset, split, 1, is_random=lambda name: plans[name].has_seed)

    def _measure_cold(self, plans: Mapping[str, Plan]) -> Report | str:
        """On the cold-items split, the personal models alone; or why there is none."""
        try:
            split = make_split("cold-items", self.dataset, SplitOptions())
        except DataError as reason:
            return str(reason)
        hidden = len(split.candidates)
        if hidden < MIN_COLD_ITEMS:
            return (
                f"{hidden} could be hidden to measure them, fewer than the {MIN_COLD_ITEMS} it takes to tell"
            )
        asked = {name: plan for name, plan in plans.items() if name not in BASELINES}
        if not asked:
            return "nothing personal was trained"
        asked |= {COLD_BASELINE: plans.get(COLD_BASELINE) or make_plan(COLD_BASELINE)}

        def fit(name: str, _: int) -> Recommender:
            checkpoint = self._checkpoint(asked[name], "cold items")
            return fit_split(asked[name], split, self.vectors, checkpoint=checkpoint, progress=self.progress)[
                0
            ]

        return evaluate(list(asked), fit, self.dataset, split, 1, is_random=lambda name: asked[name].has_seed)

    def _concentration(self, plan: Plan, model: Recommender) -> dict[str, float]:
        """How much of what was learnt from is the most active users', before the cap on each and after."""
        pairs = self.dataset.pairs
        weights, limited = plan.fitter.learnt_weights(plan, model, pairs)
        return {
            "top_users_share": top_users_share(pairs, limited),
            "top_users_share_uncapped": top_users_share(pairs, weights),
        }

    def _unmeasured(self, plan: Plan, reason: str) -> Fitted:
        metrics = RunMetrics(protocol={"unmeasured": reason}, metrics={}, better_than={}, users=0)
        return Fitted(fit_all(plan, self.dataset, self.vectors), metrics)

    def _checkpoint(self, plan: Plan, stage: str) -> Checkpoint:
        settings = [plan.name, plan.config.model_dump(mode="json"), plan.training.model_dump()]
        key = sha256_hex(to_json([self.snapshot_hash, stage, *settings]))
        return Checkpoint(self.checkpoints / f"{key[:16]}.safetensors", key)


def _cold_figures(name: str, cold: Report | str) -> dict[str, object]:
    if isinstance(cold, str):
        return {"cold_items_unmeasured": cold}
    if name not in cold.values:
        return {}
    gain = paired(cold.values[name][DECIDING], cold.values[COLD_BASELINE][DECIDING])
    return {
        "cold_items": Measured(**cold.table(name)[DECIDING]),
        "cold_items_gain": Measured(**vars(gain)),
    }


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
