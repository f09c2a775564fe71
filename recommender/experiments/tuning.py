"""Chooses a model's settings on a split's validation part; the test part is never looked at."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias, cast

import numpy as np
import optuna

from recommender.config.search_space import TRAINING, OneOf, Real, SearchSpace, Whole
from recommender.data.dataset import CONTRIBUTE
from recommender.errors import ConfigError, DataError, RecommenderError
from recommender.evaluation.splits import Split
from recommender.fitters.fitting import validation_score
from recommender.interface import Plan
from recommender.models.registry import make_plan, model_type
from recommender.progress import Progress, silent
from recommender.text.cache import TextVectors

EPOCHS_BEFORE_PRUNING = 3

Value: TypeAlias = str | int | float | bool


@dataclass(frozen=True)
class TrialRecord:
    """One set of settings that was tried."""

    settings: dict[str, Value]
    value: float | None
    """None if it was broken off: behind the others at the same epoch, or its loss was not a number."""


@dataclass(frozen=True)
class Tuned:
    """What a search found."""

    model: str
    settings: dict[str, Any]
    """As a plan takes them: those of training stand under `training`."""
    value: float
    """The objective on the validation part with them."""
    default_value: float | None
    """The same with the model's own settings."""
    trials: list[TrialRecord]


def search_space(name: str, split: Split, settings: Mapping[str, Any] | None = None) -> SearchSpace:
    """The model's settings that are open: not among `settings`, and not a weight of views without views."""
    given = settings or {}
    held = {*given, *(f"{TRAINING}.{key}" for key in given.get(TRAINING, {}))}
    if (split.train.events.kind == CONTRIBUTE).all():
        held.add("view_weight")
    return {key: kind for key, kind in model_type(name).search_space.items() if key not in held}


def tune(
    name: str,
    split: Split,
    vectors: TextVectors | None,
    trials: int,
    *,
    settings: Mapping[str, Any] | None = None,
    seed: int = 0,
    progress: Progress = silent,
) -> Tuned:
    """Search for the settings with the best NDCG@10 on the split's validation part.

    What `settings` say is held; the rest is searched. The first trial has the model's own defaults, so the
    result is never worse than they are on the validation part. The sampler is Optuna's TPE (Bergstra et al.
    2011), seeded; a training behind the median of the earlier ones at the same epoch is broken off, and
    counts as a trial.

    Raises:
        ConfigError: an unknown model or setting, or one without settings to search. DataError: nobody to
            validate on. RecommenderError: no trial came to an end.
    """
    base = make_plan(name, settings)
    space = search_space(name, split, settings)
    if not space:
        raise ConfigError(f"{name} has no settings left to tune: measure it as it is")
    if not len(split.valid):
        raise DataError(f"the split {split.name} leaves nobody to validate on: it needs more contributions")
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(
        direction="maximize",
        sampler=optuna.samplers.TPESampler(seed=seed),
        pruner=optuna.pruners.MedianPruner(n_warmup_steps=EPOCHS_BEFORE_PRUNING),
    )
    study.enqueue_trial({key: _current(base, key) for key in space})
    objective = _objective(name, settings or {}, space, split, vectors, seed)
    for number in range(trials):
        study.optimize(objective, n_trials=1, catch=(RecommenderError, np.linalg.LinAlgError))
        progress(f"tuning {name}", (number + 1) / trials)
    return _result(name, settings or {}, study)


def _objective(
    name: str,
    settings: Mapping[str, Any],
    space: SearchSpace,
    split: Split,
    vectors: TextVectors | None,
    seed: int,
) -> Callable[[optuna.Trial], float]:
    def objective(trial: optuna.Trial) -> float:
        chosen = {key: _suggest(trial, key, kind) for key, kind in space.items()}

        def follow(epoch: int, value: float) -> None:
            trial.report(value, epoch)
            if trial.should_prune():
                raise optuna.TrialPruned

        plan = make_plan(name, nested(settings, chosen)).with_seed(seed)
        return validation_score(plan, split, vectors, follow)

    return objective


def _suggest(trial: optuna.Trial, key: str, kind: Real | Whole | OneOf) -> Value:
    if isinstance(kind, OneOf):
        return cast("Value", trial.suggest_categorical(key, kind.options))
    if isinstance(kind, Whole):
        return trial.suggest_int(key, kind.low, kind.high, log=kind.log)
    return trial.suggest_float(key, kind.low, kind.high, log=kind.log)


def _current(plan: Plan, key: str) -> Value:
    part, _, name = key.rpartition(".")
    value: Value = getattr(plan.training if part == TRAINING else plan.config, name)
    return value


def nested(settings: Mapping[str, Any], chosen: Mapping[str, Value]) -> dict[str, Any]:
    """`settings` with the chosen ones on top; `training.<name>` becomes a name under `training`."""
    merged: dict[str, Any] = {**settings, TRAINING: dict(settings.get(TRAINING, {}))}
    for key, value in chosen.items():
        part, _, name = key.rpartition(".")
        (merged[TRAINING] if part == TRAINING else merged)[name] = value
    if not merged[TRAINING]:
        del merged[TRAINING]
    return merged


def _result(name: str, settings: Mapping[str, Any], study: optuna.Study) -> Tuned:
    done = [trial for trial in study.trials if trial.state == optuna.trial.TrialState.COMPLETE]
    if not done:
        raise RecommenderError(f"no trial of {name} came to an end: its losses were not numbers")
    ended = {trial.number: float(trial.values[0]) for trial in done}
    return Tuned(
        name,
        nested(settings, study.best_params),
        study.best_value,
        ended.get(0),
        [TrialRecord(dict(trial.params), ended.get(trial.number)) for trial in study.trials],
    )
