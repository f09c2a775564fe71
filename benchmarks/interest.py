"""What `dien` is worth on labelled rows, and what each part of it is worth.

`python -m benchmarks.interest rows --data DATA --out DIR [--split temporal] [--seeds 5] [--trials 4]` draws
for each contribution of the split's training, validation and test part an item that was open then and that
its user never backed, once for the split; learns, chooses settings and epochs by AUC on the validation part,
and prints a table of AUC and log loss on the test, with intervals over users and paired differences:

* `dien`, and `gru4rec`: the same without attention and evolution, the state after the last item;
* `logistic`: logistic regression on the numbers about the moment, the category, and how alike the item is to
  the history (cosine of co-occurrence), its penalty chosen on the validation part;
* what else left its scores in DIR/scores, such as `benchmarks/peers/deepctr_dien.py` on the rows that lie in
  DIR: `python -m benchmarks.interest table --out DIR` prints it again with all of them.

`parts` in the place of `rows` measures `dien` with one setting changed at a time: α, the auxiliary loss, the
evolution, the activation.

A row sees what its user did strictly before it, in the test part, too; weights are learnt from before.
"""

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import torch

from benchmarks import linear
from benchmarks.peers.rows import read_scores, table, write_rows, write_scores
from recommender.data.context import Context, context_of, contributions
from recommender.data.dataset import Dataset, Floats, Pairs
from recommender.data.history import History
from recommender.data.sequences import Before, Sequences
from recommender.evaluation.metrics import Targets
from recommender.evaluation.rows import OF_CHANCES, LabelledRows, auc
from recommender.evaluation.sampled_rows import sampled_rows
from recommender.evaluation.splits import Split
from recommender.experiments.experiment import open_experiment
from recommender.models.dien import Dien
from recommender.models.item_to_item import cosine_likeness
from recommender.models.moment_features import MomentFeatures
from recommender.models.registry import make_plan
from recommender.training.trainer import train

PARTS = ("train", "valid", "test")
OURS, SCORES = "dien", "scores"
EVEN: dict[str, Any] = {"hardness": 0.0, "negatives": 1}
"""As the rows are drawn."""
BATCH = 256
"""Contributions: with what stands beside them as many rows as the peer takes in a step."""
TRIALS: tuple[dict[str, Any], ...] = ({}, {"learning_rate": 1e-3}, {"dropout": 0.3}, {"weight_decay": 0.1})
"""Settings and training that are tried on the validation part, one after the other."""
VARIANTS: dict[str, dict[str, Any]] = {
    **{f"alpha {alpha}": {"alpha": alpha} for alpha in (0.0, 0.1, 0.5, 2.0)},
    "auxiliary seed": {"auxiliary": "seed"},
    "auxiliary none": {"auxiliary": "none"},
    "aigru": {"evolution": "aigru"},
    "agru": {"evolution": "agru"},
    "no evolution": {"evolution": "none"},
    "prelu": {"activation": "prelu"},
}


@dataclass(frozen=True)
class Parts:
    """A split's labelled rows, and what is known in training and at all."""

    before: Context
    every: Context
    rows: dict[str, LabelledRows]

    def seen(self, part: str, length: int) -> tuple[Floats, Before]:
        """What each row of a part may look at: numbers about its moment, (rows, numbers), and its history."""
        context, rows = self.before if part == "train" else self.every, self.rows[part]
        given = contributions(context)
        user, item, time = (torch.from_numpy(each) for each in (rows.user, rows.item, rows.time))
        numbers = MomentFeatures(given).of(user, item.unsqueeze(1), time).squeeze(1)
        history = Sequences.of(given, context.sizes).before(user, time, length)
        return numbers.double().numpy(), history


def parts_of(dataset: Dataset, split: Split, seed: int = 0) -> Parts:
    """The same rows each time."""
    learnt = split.train.pairs.backed
    wanted = {"train": _targets(learnt), "valid": split.valid, "test": split.test}
    rows = {
        part: sampled_rows(dataset, each, seed + place) for place, (part, each) in enumerate(wanted.items())
    }
    return Parts(context_of(split.train, None), context_of(dataset, None), rows)


def _targets(pairs: Pairs) -> Targets:
    return Targets(pairs.user, pairs.item, pairs.first_time)


def fitted(parts: Parts, seed: int, settings: dict[str, Any], epochs: int) -> tuple[Dien, float]:
    """Trained until the validation part's AUC no longer rises; and that AUC."""
    own = {name: value for name, value in settings.items() if name in Dien.config_type.model_fields}
    training = {"epochs": epochs, "patience": 2, "batch_size": BATCH} | {
        n: v for n, v in settings.items() if n not in own
    }
    plan = make_plan("dien", EVEN | own, training).with_seed(seed)
    model = plan.build(parts.before.sizes)
    if not isinstance(model, Dien):
        raise TypeError(plan.name)
    valid = parts.rows["valid"]

    def validate() -> float:
        model.bind(parts.every)
        value = auc(valid.label, model.chances(valid))(np.ones(len(valid)))
        model.bind(parts.before)
        return value

    log = train(model, parts.before, plan.training, validate=validate)
    model.bind(parts.every)
    return model, max(epoch["validation"] for epoch in log.curve)


def logistic(parts: Parts) -> Floats:
    """Scores of the test's rows."""
    pairs, sizes = parts.before.pairs.backed, parts.before.sizes
    matrix = History.of(pairs, np.ones(len(pairs)), sizes).matrix
    likeness = cosine_likeness((matrix.T @ matrix).toarray().astype(np.float32), 10.0)
    dense, codes = {}, {}
    for part, rows in parts.rows.items():
        numbers, history = parts.seen(part, 50)
        alike = likeness[history.items.numpy(), rows.item[:, None]] * history.mask.numpy()
        dense[part] = np.column_stack([numbers, alike.max(1, initial=0.0), np.log1p(alike.sum(1))])
        codes[part] = parts.before.category.numpy()[rows.item][:, None]
    mean, scale = dense["train"].mean(0), dense["train"].std(0)
    x = {p: linear.design(dense[p], codes[p], mean, scale, (sizes.categories,)) for p in PARTS}
    labels = {part: rows.label for part, rows in parts.rows.items()}
    weights = linear.tuned(
        linear.logistic,
        (x["train"], labels["train"]),
        (x["valid"], labels["valid"]),
        lambda odds, y: (np.logaddexp(0, odds) - y * odds).mean(),
    )
    chances: Floats = 1 / (1 + np.exp(-(x["test"] @ weights)))
    return chances


def export(parts: Parts, folder: Path, length: int) -> None:
    """The rows with what each may see: its history, oldest first, and the numbers about its moment."""
    write_rows(folder, parts.rows["train"], parts.rows["test"])
    for part, rows in parts.rows.items():
        numbers, history = parts.seen(part, length)
        pl.DataFrame(
            {
                "row_id": np.arange(len(rows)),
                **vars(rows),
                "category": parts.before.category.numpy()[rows.item],
                "history": [
                    items[mask].tolist() for items, mask in zip(history.items, history.mask, strict=True)
                ],
                "numbers": numbers.tolist(),
            },
            schema_overrides={"history": pl.List(pl.Int64)},
        ).write_parquet(folder / f"{part}.parquet")
    pl.DataFrame({"category": parts.before.category.numpy()}).write_parquet(folder / "items.parquet")


def measure_rows(parts: Parts, folder: Path, seeds: int, trials: int, epochs: int) -> None:
    """Scores of the test's rows by each model, into the folder."""
    place = folder / SCORES
    place.mkdir(parents=True, exist_ok=True)
    write_scores(place / "logistic.parquet", [logistic(parts)])
    for name, settings in ((OURS, {}), ("gru4rec", {"evolution": "none"})):
        tried = [{**settings, **trial} for trial in TRIALS[:trials]]
        values = [fitted(parts, 0, trial, epochs)[1] if trials > 1 else 0.0 for trial in tried]
        chosen = tried[int(np.argmax(values))]
        print(f"{name}: chosen of {len(tried)} {chosen or 'the defaults'}", flush=True)
        models = [fitted(parts, seed, chosen, epochs)[0] for seed in range(seeds)]
        write_scores(place / f"{name}.parquet", [model.chances(parts.rows["test"]) for model in models])


def rows_table(folder: Path, reference: str = OURS) -> Iterator[str]:
    """All that left its scores, less the reference."""
    frame = pl.read_parquet(folder / "test.parquet")
    test = LabelledRows(*(frame[name].to_numpy() for name in ("user", "item", "time", "label")))
    scores = {path.stem: read_scores(path, test) for path in sorted((folder / SCORES).glob("*.parquet"))}
    if reference not in scores:
        raise SystemExit(f"{folder / SCORES} has no scores of {reference}: choose from {', '.join(scores)}")
    yield from table(test, scores, OF_CHANCES, reference)


def parts_table(parts: Parts, seeds: int, epochs: int, names: Sequence[str]) -> Iterator[str]:
    """`dien` with one setting changed at a time, less `dien`."""
    chosen: dict[str, dict[str, Any]] = {OURS: {}} | {name: VARIANTS[name] for name in names}
    scores = {}
    for name, settings in chosen.items():
        models = [fitted(parts, seed, settings, epochs)[0] for seed in range(seeds)]
        scores[name] = [model.chances(parts.rows["test"]) for model in models]
        print(f"{name} done", flush=True)
    yield from table(parts.rows["test"], scores, OF_CHANCES, OURS)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=("rows", "table", "parts"))
    parser.add_argument("--data", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--split", default="temporal")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--trials", type=int, default=len(TRIALS))
    parser.add_argument("--reference", default=OURS, help="rows, table: whom the others are held against.")
    parser.add_argument("--epochs", type=int, default=15)
    parser.add_argument("--variants", nargs="+", choices=VARIANTS, default=list(VARIANTS))
    given = parser.parse_args()
    torch.set_num_threads(1)
    if given.what == "table":
        lines = rows_table(given.out, given.reference)
    else:
        if given.data is None:
            parser.error("--data is needed")
        experiment = open_experiment(given.data, given.out)
        parts = parts_of(experiment.dataset, experiment.split(given.split))
        if given.what == "parts":
            lines = parts_table(parts, given.seeds, given.epochs, given.variants)
        else:
            export(parts, given.out, Dien.config_type().length)
            measure_rows(parts, given.out, given.seeds, given.trials, given.epochs)
            lines = rows_table(given.out, given.reference)
    for line in lines:
        print(line, flush=True)


if __name__ == "__main__":
    main()
