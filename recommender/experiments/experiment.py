"""What people who measure call: evaluate, tune and compare models on a data directory.

experiment = open_experiment(data, root)
experiment.evaluate("last-out", ["pop", "ease"], seeds=1)
experiment.tune("last-out", "ease", trials=30)
compare(experiment, ["last-out", "temporal"], ["pop", "ease", "twotower"], seeds=5, trials=30)
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

from recommender.config.settings_files import Settings
from recommender.data.dataset import Dataset, build_dataset
from recommender.data.reading import read_directory
from recommender.data.rules import exclude
from recommender.errors import ConfigError
from recommender.evaluation.comparison import Difference, best_of, differences
from recommender.evaluation.evaluator import Report, evaluate
from recommender.evaluation.metrics import DECIDING
from recommender.evaluation.ratings import RatingPredictor, evaluate_ratings, ratings_split
from recommender.evaluation.splits import Split, SplitOptions, make_split
from recommender.experiments.tuning import Tuned, search_space, tune
from recommender.fitters.fitting import fit_all, fit_split, needs_text
from recommender.interface import Recommender
from recommender.models.registry import MODELS, make_plan, model_type
from recommender.pipeline import EMBEDDINGS
from recommender.progress import Progress, silent
from recommender.text.cache import EmbeddingCache, TextVectors
from recommender.text.names import DEFAULT_ENCODER

SettingsBySplit = Mapping[str, Settings]


@dataclass(frozen=True)
class Experiment:
    """A data directory, numbered once, and how to split it."""

    dataset: Dataset
    excluded: dict[str, int]
    """Rows each rule took out."""
    options: SplitOptions
    root: Path
    """Holds the cache of encoded texts."""
    encoder: str
    progress: Progress
    _splits: dict[str, Split] = field(default_factory=dict)
    _vectors: dict[str, TextVectors] = field(default_factory=dict)

    @property
    def vectors(self) -> TextVectors:
        """Of the items' texts, by the experiment's own encoder."""
        return self.vectors_of(self.encoder)

    def vectors_of(self, encoder: str) -> TextVectors:
        """Of the items' texts, by a named encoder; encoded when they are first asked for."""
        if encoder not in self._vectors:
            cache = EmbeddingCache(self.root / EMBEDDINGS, encoder)
            self._vectors[encoder] = cache.vectors(self.dataset.items.texts, self.progress)
        return self._vectors[encoder]

    def split(self, name: str) -> Split:
        if name not in self._splits:
            self._splits[name] = make_split(name, self.dataset, self.options)
        return self._splits[name]

    def evaluate(
        self, split_name: str, models: Sequence[str], seeds: int, settings: Settings | None = None
    ) -> Report:
        """Measure models on one split by full ranking.

        Raises:
            DataError, ConfigError: what is wrong with the data, the split, a name or a setting.
        """
        given = {name: (settings or {}).get(name, {}) for name in models}
        plans = {name: make_plan(name, given[name]) for name in models}
        split = self.split(split_name)
        vectors = self.vectors if needs_text(list(plans.values())) else None

        def fit(name: str, seed: int) -> Recommender:
            return fit_split(plans[name].with_seed(seed), split, vectors, progress=self.progress)[0]

        report = evaluate(
            list(plans), fit, self.dataset, split, seeds, is_random=lambda name: plans[name].has_seed
        )
        report.protocol.update(
            encoder=self.encoder if vectors else "",
            excluded=self.excluded,
            settings={name: dict(own) for name, own in given.items() if own},
        )
        return report

    def evaluate_ratings(self, models: Sequence[str], seeds: int, settings: Settings | None = None) -> Report:
        """Measure models by how well they predict held-out ratings.

        Raises:
            DataError, ConfigError: what is wrong with the data, a name or a setting; a model without ratings.
        """
        given = {name: (settings or {}).get(name, {}) for name in models}
        plans = {name: make_plan(name, given[name]) for name in models}
        for name, plan in plans.items():
            if not hasattr(plan.model, "predict_ratings"):
                able = ", ".join(other for other, kind in MODELS.items() if hasattr(kind, "predict_ratings"))
                raise ConfigError(f"{name} ranks and predicts no ratings: choose from {able}")
        split = ratings_split(self.dataset, self.options)

        def fit(name: str, seed: int) -> RatingPredictor:
            return cast("RatingPredictor", fit_all(plans[name].with_seed(seed), split.train, None))

        report = evaluate_ratings(list(plans), fit, split, seeds, is_random=lambda name: plans[name].has_seed)
        report.protocol.update(
            excluded=self.excluded, settings={name: dict(own) for name, own in given.items() if own}
        )
        return report

    def tune(
        self,
        split_name: str,
        model: str,
        trials: int,
        seed: int = 0,
        settings: Mapping[str, Any] | None = None,
    ) -> Tuned:
        """Choose a model's settings on the split's validation part."""
        plan = make_plan(model, settings)
        split = self.split(split_name)
        vectors = self.vectors if needs_text([plan]) else None
        return tune(model, split, vectors, trials, settings=settings, seed=seed, progress=self.progress)


def open_experiment(
    data: Path,
    root: Path,
    options: SplitOptions | None = None,
    encoder: str = DEFAULT_ENCODER,
    progress: Progress = silent,
) -> Experiment:
    """Read a data directory and apply the exclusion rules.

    Raises:
        DataError: what is wrong with the tables.
    """
    tables, excluded = exclude(read_directory(data), until=datetime.now(UTC))
    return Experiment(build_dataset(tables), excluded, options or SplitOptions(), root, encoder, progress)


def tuning_json(split: Split, tuned: Tuned, seed: int) -> dict[str, object]:
    """What `tune` writes; `settings` is the part that `--settings` reads."""
    return {
        "protocol": {
            "split": split.name,
            **split.protocol,
            "objective": f"{DECIDING} on the validation part",
            "trials": len(tuned.trials),
            "seed": seed,
            "validation_users": len(set(split.valid.user.tolist())),
        },
        "settings": {split.name: {tuned.model: tuned.settings}},
        "value": tuned.value,
        "default_value": tuned.default_value,
        "history": [{"settings": each.settings, "value": each.value} for each in tuned.trials],
    }


@dataclass(frozen=True)
class Comparison:
    """Models side by side on several splits."""

    reports: dict[str, Report]
    """By split."""
    differences: dict[str, list[Difference]]
    """By split: each model against the reference."""
    settings: dict[str, dict[str, dict[str, Any]]]
    """By split, by model: what they were measured with, where that is not the default."""
    trials: dict[str, dict[str, int]]
    """By split, by model: how many settings were tried."""

    def as_json(self) -> dict[str, object]:
        """The reports' rows in one list, in the format of a single report."""
        return {
            "protocol": {
                split: {**report.protocol, "tuning_trials": self.trials[split]}
                for split, report in self.reports.items()
            },
            "rows": [vars(row) for report in self.reports.values() for row in report.rows],
            "differences": [vars(each) for found in self.differences.values() for each in found],
            "settings": self.settings,
        }


def compare(
    experiment: Experiment,
    splits: Sequence[str],
    models: Sequence[str],
    seeds: int,
    *,
    trials: int = 0,
    settings: SettingsBySplit | None = None,
    reference: str | None = None,
    after_split: Callable[[Comparison], None] = lambda _: None,
) -> Comparison:
    """Tune each model with as many trials as the others (0: not at all), measure all, and compare in pairs.

    Settings that are given are held; models without any left to search are measured as they are. `reference`
    is the model the others are compared with; without it, the best baseline on each split. `after_split` is
    given what there is after each split, so that hours of work are not lost with the last one.

    Raises:
        DataError, ConfigError: what is wrong with the data, a split, a name or a setting.
    """
    if reference is not None and reference not in models:
        raise ConfigError(f"the reference {reference} is not measured: add it to --models")
    found = Comparison({}, {}, {}, {})
    for split_name in splits:
        # Every split and plan is made first, so that a mistake is told before hours of work.
        for name in models:
            make_plan(name, ((settings or {}).get(split_name) or {}).get(name))
        experiment.split(split_name)
    for split_name in splits:
        split = experiment.split(split_name)
        given = {name: dict(own) for name, own in ((settings or {}).get(split_name) or {}).items()}
        found.trials[split_name] = {}
        for name in models if trials else ():
            if search_space(name, split, given.get(name)):
                tuned = experiment.tune(split_name, name, trials, settings=given.get(name))
                given[name] = tuned.settings
                found.trials[split_name][name] = trials
        report = experiment.evaluate(split_name, models, seeds, given)
        baselines = [name for name in report.values if model_type(name).is_baseline]
        against = reference or best_of(report, baselines)
        found.reports[split_name] = report
        found.differences[split_name] = differences(report, against) if against else []
        found.settings[split_name] = {name: own for name, own in given.items() if name in models and own}
        after_split(found)
    return found
