"""What several tasks learnt together gain and lose: `shared_bottom` beside one network for each target.

`python -m benchmarks.multitask site|synthetic --out DIR [--seeds 5] [--scale 1] [--trials 8]` trains on the
first 70 % of the rows by time, chooses settings and epochs on the next 10 %, and prints a table with a line
for each target on the rest: AUC of what happens or not, RMSE of numbers; beside it

* `linear`: logistic or ridge regression on the same features, its penalty chosen on the same part;
* `twin`: the same network with that target alone (`converted`: pCTR times pCVR of two trained apart);
* what else left its scores in DIR/scores, such as `benchmarks/peers/deepctr_shared_bottom.py` on the rows
  that lie in DIR: `python -m benchmarks.multitask table --out DIR` prints it again with all of them.

DIR/tables is a data directory for `python -m recommender`.

Differences are paired, over users. Of a see-saw (one task gains, another loses) the column `less twin`
tells. `dial` in the place of a source does the same for two regressions of chosen likeness: see
`benchmarks.dial`.
"""

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from benchmarks import dial, linear
from benchmarks.chain import CACHE
from benchmarks.multitask_sources import PASSED, SOURCES, Parts, parts_of
from benchmarks.peers.rows import read_scores, write_scores
from recommender.data.dataset import Floats
from recommender.data.reading import conform
from recommender.data.scenes import TARGETS, SceneRows, scene_rows
from recommender.data.writing import write_directory
from recommender.evaluation.rows import LabelledRows, difference, measure
from recommender.models.registry import make_plan
from recommender.models.scene_features import CODES, SceneFeatures, feature_names
from recommender.models.shared_bottom import NUMBERS, SharedBottom
from recommender.training.trainer import train

OURS, SCORES = "ours", "scores"
TRIALS: tuple[dict[str, Any], ...] = (
    {},
    {"target_weights": {"contributed": 2.0, "log_amount": 3.0}},
    {"dropout": 0.0},
    {"epochs": 12},
    {"epochs": 12, "dropout": 0.2},
    {"text_dims": 16},
    {"half_life_days": 365.0},
    {"wide": False},
)
"""Settings and training that are tried on the validation part, one after the other."""

Predicted = dict[str, Floats]


def limited(target: str, values: Floats) -> Floats:
    """Numbers as the model reads them: a page left open was not read."""
    config = make_plan("shared_bottom").config.model_dump()
    limits = {"dwell": config["max_dwell"], "minutes": config["max_minutes"]}
    cut: Floats = np.minimum(values, limits.get(target, np.inf))
    return cut


def losses(predicted: Predicted, rows: SceneRows, targets: Sequence[str]) -> Iterator[float]:
    """Cross-entropy of chances, share of the variance that is left of numbers."""
    for target in targets:
        label = limited(target, rows.targets[target])
        there = np.isfinite(label)
        if not there.any():
            continue
        y, p = label[there], predicted[target][there]
        if target in NUMBERS:
            yield float(((y - p) ** 2).mean() / max(y.var(), 1e-9))
        else:
            p = np.clip(p, 1e-7, 1 - 1e-7)
            yield float(-(y * np.log(p) + (1 - y) * np.log(1 - p)).mean())


def fitted(parts: Parts, seed: int, settings: dict[str, Any]) -> SharedBottom:
    """Trained to the end of its epochs, and bound to all that is known."""
    own = {name: value for name, value in settings.items() if name in SharedBottom.config_type.model_fields}
    training = {name: value for name, value in settings.items() if name not in own}
    plan = make_plan("shared_bottom", {"passed": PASSED, **own}, training).with_seed(seed)
    model = plan.build(parts.before.sizes)
    if not isinstance(model, SharedBottom):
        raise TypeError(plan.name)
    train(model, parts.before, plan.training)
    model.bind(parts.every)
    return model


def alone(target: str) -> dict[str, Any]:
    """Settings with which one target is learnt and nothing else."""
    weights = {name: float(name == target) for name in TARGETS}
    return {"target_weights": weights, "conversion": "visits"}


def twins(parts: Parts, seed: int, settings: dict[str, Any], targets: Sequence[str]) -> Predicted:
    found: Predicted = {}
    for target in targets:
        if target != "converted":
            model = fitted(parts, seed, {**settings, **alone(target)})
            found[target] = model.predict_rows(parts.test)[target]
            if target == "contributed":
                found["converted"] = found[target]
    if "converted" in found:
        found["converted"] = found["converted"] * found["clicked"]
    return found


def linear_scores(parts: Parts, model: SharedBottom, targets: Sequence[str]) -> Predicted:
    x, rows = designs(parts, model)
    found: Predicted = {}
    for target in targets:
        labels = {part: limited(target, each.targets[target]) for part, each in rows.items()}
        there = {part: np.isfinite(label) for part, label in labels.items()}
        cut = {part: (x[part][there[part]], labels[part][there[part]]) for part in ("train", "valid")}
        is_number = target in NUMBERS
        weights = linear.tuned(
            linear.ridge if is_number else linear.logistic,
            cut["train"],
            cut["valid"],
            (lambda odds, y: ((odds - y) ** 2).mean())
            if is_number
            else (lambda odds, y: (np.logaddexp(0, odds) - y * odds).mean()),
        )
        found[target] = x["test"] @ weights
    return found


def designs(parts: Parts, model: SharedBottom) -> tuple[dict[str, Floats], dict[str, SceneRows]]:
    features = SceneFeatures(parts.every, model.item_text.numpy())
    rows = {"train": scene_rows(parts.before, PASSED), "valid": parts.valid, "test": parts.test}
    dense = {part: features.of(each) for part, each in rows.items()}
    mean, scale = dense["train"].mean(0), dense["train"].std(0)
    sizes = (model.sizes.categories, model.sizes.languages, model.sizes.publishers)
    return {
        part: linear.design(dense[part], features.codes(each.item), mean, scale, sizes)
        for part, each in rows.items()
    }, rows


def export(parts: Parts, model: SharedBottom, folder: Path) -> None:
    """Rows with their standardised features: train, valid and test.parquet."""
    folder.mkdir(parents=True, exist_ok=True)
    features = SceneFeatures(parts.every, model.item_text.numpy())
    rows = {"train": scene_rows(parts.before, PASSED), "valid": parts.valid, "test": parts.test}
    mean, scale = model.feature_mean.numpy(), model.feature_scale.clamp(min=1e-6).numpy()
    for part, each in rows.items():
        dense = np.clip((features.of(each) - mean) / scale, -10, 10)
        known = {"row_user": each.user, "row_item": each.item, "row_time": each.time}
        columns = dict(zip(feature_names(model.config.text_dims), dense.T, strict=True))
        codes = dict(zip((f"code_{name}" for name in CODES), features.codes(each.item).T, strict=True))
        labels = {f"target_{name}": limited(name, values) for name, values in each.targets.items()}
        pl.DataFrame({**known, **columns, **codes, **labels}).write_parquet(folder / f"{part}.parquet")


def keep(folder: Path, name: str, seeds: Sequence[Predicted]) -> None:
    """Somebody's scores of the test's rows, a file for each target."""
    place = folder / SCORES / name
    place.mkdir(parents=True, exist_ok=True)
    for target in seeds[0]:
        write_scores(place / f"{target}.parquet", [seed[target] for seed in seeds])


def lines(folder: Path) -> Iterator[dict[str, Any]]:
    """For each target the value of everybody, and ours less theirs with its interval."""
    frame = pl.read_parquet(folder / "test.parquet")
    names = sorted((path.name for path in (folder / SCORES).iterdir()), key=lambda name: (name != OURS, name))
    for target in TARGETS:
        label = frame[f"target_{target}"].to_numpy()
        there = np.isfinite(label)
        user, item, time = (frame[f"row_{name}"].to_numpy() for name in ("user", "item", "time"))
        every = LabelledRows(user, item, time, label)
        scores = {
            name: [seed[there] for seed in read_scores(file, every)]
            for name in names
            if (file := folder / SCORES / name / f"{target}.parquet").exists()
        }
        if not scores:
            continue
        rows = every.where(there)
        metric = "rmse" if target in NUMBERS else "auc"
        line: dict[str, Any] = {"target": target, "metric": metric, "rows": len(rows)}
        for name, theirs in scores.items():
            line[name] = measure(rows, theirs, metric).mean
            if name != OURS:
                gap = difference(rows, scores[OURS], theirs, metric)
                line[f"less {name}"] = [gap.mean, gap.low, gap.high]
        yield line


def printed(table: Sequence[dict[str, Any]]) -> Iterator[str]:
    heads = list(dict.fromkeys(name for line in table for name in line))
    yield f"| {' | '.join(heads)} |"
    yield f"| {' | '.join('---' for _ in heads)} |"
    for line in table:
        yield f"| {' | '.join(_cell(line.get(head, '')) for head in heads)} |"


def _cell(value: object) -> str:
    if isinstance(value, list):
        return f"{value[0]:+.4f} ({value[1]:+.4f} to {value[2]:+.4f})"
    return f"{value:.4f}" if isinstance(value, float) else str(value)


def fit(options: argparse.Namespace) -> None:
    """Leave the source's tables, the rows and everybody's scores in the folder."""
    tables = conform(SOURCES[options.source](options.scale))
    write_directory(tables, options.out / "tables")
    parts = parts_of(tables)
    tried = [fitted(parts, 0, each) for each in TRIALS[: options.trials]]
    value = [sum(losses(model.predict_rows(parts.valid), parts.valid, model.learns)) for model in tried]
    best = int(np.argmin(value))
    model, chosen = tried[best], TRIALS[best]
    print(f"chosen of {len(tried)}: {chosen or 'the defaults'}", flush=True)
    known = scene_rows(parts.before, PASSED).targets
    targets = [name for name in TARGETS if np.isfinite(known[name]).any()]
    export(parts, model, options.out)
    keep(options.out, "linear", [linear_scores(parts, model, targets)])
    ours, apart = [], []
    for seed in range(options.seeds):
        told = (fitted(parts, seed, chosen) if seed else model).predict_rows(parts.test)
        ours.append({name: told[name] for name in targets})
        apart.append(twins(parts, seed, chosen, targets))
        keep(options.out, OURS, ours)
        keep(options.out, "twin", apart)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("source", choices=[*SOURCES, "dial", "table"])
    parser.add_argument("--out", type=Path, default=CACHE / "multitask", help="holds rows and scores")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--scale", type=float, default=1.0, help="of the source, 1 being the demo's size")
    parser.add_argument("--trials", type=int, default=len(TRIALS))
    options = parser.parse_args()
    if options.source == "dial":
        table = dial.compared(options.seeds, options.scale)
    else:
        if options.source != "table":
            fit(options)
        table = list(lines(options.out))
    print("\n".join(printed(table)))


if __name__ == "__main__":
    main()
