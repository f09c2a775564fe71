"""DeepCTR-Torch's SharedBottom on the rows of `benchmarks.multitask`, in an environment of its own.

    pip download deepctr-torch==0.3.0 --no-deps && unzip deepctr_torch-0.3.0-*.whl -d PEER
    python -m benchmarks.multitask synthetic --out DIR
    PYTHONPATH=PEER python -m benchmarks.peers.deepctr_shared_bottom DIR [--seeds 5] [--trials 8]
    python -m benchmarks.multitask table --out DIR

First our network and the peer's get the same weights and have to say the same of the test's rows. Then the
peer is trained as it comes, settings and epochs chosen on the validation part with as many trials as ours,
and writes its scores for each target. It cannot mask: it has a network for each set of rows on which all of
its targets exist (cards, visits, contributions), and learns `converted` as a target of its own.
"""

import argparse
import importlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import torch

from benchmarks.peers.rows import write_scores
from recommender.data.dataset import Floats
from recommender.data.scenes import LIST_TARGETS
from recommender.models.towers import SharedBottomNetwork

GROUPS = (LIST_TARGETS, ("minutes", "contributed"), ("log_amount", "minutes"))
"""Targets that exist together, two at least; each is told by the first that has it."""
NUMBERS = ("dwell", "minutes", "log_amount")
BOTTOM, TOWER, EMBEDDED = (64, 32, 16), (16,), 2
EPOCHS, PATIENCE = 40, 5
TRIALS: tuple[dict[str, float], ...] = (
    {"init_std": 0.05},
    {},
    {"init_std": 0.05, "learning_rate": 1e-3},
    {"init_std": 0.05, "dropout": 0.1},
    {"init_std": 0.05, "l2": 1e-3},
    {"init_std": 0.05, "l2": 1e-2, "learning_rate": 1e-3},
    {"init_std": 0.05, "dropout": 0.2, "l2": 1e-3},
    {"init_std": 0.1, "dropout": 0.1, "learning_rate": 1e-2},
)


class Rows:
    """One part's rows as the peer takes them."""

    def __init__(self, frame: pl.DataFrame) -> None:
        self.frame = frame
        self.dense = [name for name in frame.columns if not name.startswith(("row_", "code_", "target_"))]
        self.codes = [name for name in frame.columns if name.startswith("code_")]

    def inputs(self) -> dict[str, np.ndarray]:
        return {name: self.frame[name].to_numpy() for name in (*self.codes, *self.dense)}

    def target(self, name: str) -> Floats:
        return self.frame[f"target_{name}"].to_numpy()

    def with_all(self, targets: tuple[str, ...]) -> "Rows":
        there = np.all([np.isfinite(self.target(name)) for name in targets], axis=0)
        return Rows(self.frame.filter(pl.Series(there)))


def build(parts: dict[str, Rows], targets: tuple[str, ...], seed: int, trial: dict[str, float]) -> Any:
    inputs, multitask = (
        importlib.import_module(f"deepctr_torch.{name}")
        for name in ("inputs", "models.multitask.sharedbottom")
    )
    rows = parts["train"]
    columns = [inputs.SparseFeat(name, 1 + largest(parts, name), EMBEDDED) for name in rows.codes]
    columns += [inputs.DenseFeat(name, 1) for name in rows.dense]
    kinds = ["regression" if name in NUMBERS else "binary" for name in targets]
    model = multitask.SharedBottom(
        columns,
        bottom_dnn_hidden_units=BOTTOM,
        tower_dnn_hidden_units=TOWER,
        l2_reg_dnn=trial.get("l2", 0.0),
        dnn_dropout=trial.get("dropout", 0.0),
        init_std=trial.get("init_std", 1e-4),
        seed=seed,
        task_types=kinds,
        task_names=list(targets),
    )
    optimizer = torch.optim.Adam(model.parameters(), trial.get("learning_rate", 3e-3))
    model.compile(
        optimizer, loss=["mse" if kind == "regression" else "binary_crossentropy" for kind in kinds]
    )
    return model


def largest(parts: dict[str, Rows], code: str) -> int:
    return int(np.max([part.frame[code].to_numpy().max() for part in parts.values()]))


def train(
    parts: dict[str, Rows], targets: tuple[str, ...], seed: int, trial: dict[str, float]
) -> tuple[Any, float]:
    """The peer's model of the epoch with the least loss on the validation part, and that loss."""
    torch.manual_seed(seed)
    model = build(parts, targets, seed, trial)
    known = {part: parts[part].with_all(targets) for part in ("train", "valid")}
    labels = {part: scaled(parts, targets, rows) for part, rows in known.items()}
    best, best_loss, since = model.state_dict(), np.inf, 0
    for _ in range(EPOCHS):
        model.fit(known["train"].inputs(), labels["train"], batch_size=512, epochs=1, verbose=0)
        loss = sum(losses(model.predict(known["valid"].inputs(), 4096), labels["valid"], targets))
        since += 1
        if loss < best_loss:
            best, best_loss, since = {n: t.clone() for n, t in model.state_dict().items()}, loss, 0
        if since >= PATIENCE:
            break
    model.load_state_dict(best)
    return model, best_loss


def moments(parts: dict[str, Rows], target: str) -> tuple[float, float]:
    """Mean and standard deviation in training of a number; 0 and 1 of what happens or not."""
    if target not in NUMBERS:
        return 0.0, 1.0
    values = parts["train"].target(target)
    return float(np.nanmean(values)), float(np.nanstd(values))


def scaled(parts: dict[str, Rows], targets: tuple[str, ...], rows: Rows) -> Floats:
    columns = []
    for target in targets:
        mean, spread = moments(parts, target)
        columns.append((rows.target(target) - mean) / spread)
    return np.stack(columns, 1)


def losses(predicted: Floats, labels: Floats, targets: tuple[str, ...]) -> Iterator[float]:
    for column, target in enumerate(targets):
        p, y = predicted[:, column], labels[:, column]
        if target in NUMBERS:
            yield float(((p - y) ** 2).mean())
        else:
            p = np.clip(p, 1e-7, 1 - 1e-7)
            yield float(-(y * np.log(p) + (1 - y) * np.log(1 - p)).mean())


def largest_gap(parts: dict[str, Rows], targets: tuple[str, ...]) -> float:
    """How far our network and the peer's are apart with the same weights."""
    peer = build(parts, targets, 0, {"init_std": 0.3}).eval()
    rows = parts["test"]
    ours = SharedBottomNetwork(
        len(rows.dense) + EMBEDDED * len(rows.codes),
        {target: (target,) for target in targets},
        bottom=BOTTOM,
        tower=TOWER,
        dropout=0.0,
        wide=False,
    ).eval()
    with torch.no_grad():
        for weights in peer.parameters():
            weights.normal_(0, 0.2)
        _copy(peer.bottom_dnn, ours.bottom)
        for place, target in enumerate(targets):
            tower, head = ours.towers[target], ours.heads[target]
            if not isinstance(tower, torch.nn.Sequential) or not isinstance(head, torch.nn.Linear):
                raise TypeError(target)
            _copy(peer.tower_dnn[place], tower)
            head.weight.copy_(peer.tower_dnn_final_layer[place].weight)
            head.bias.copy_(peer.out[place].bias)
        embedded = [
            peer.embedding_dict[name](torch.from_numpy(rows.frame[name].to_numpy())) for name in rows.codes
        ]
        dense = torch.from_numpy(rows.frame.select(rows.dense).to_numpy()).float()
        found = ours(torch.cat([*embedded, dense], 1))
        told = torch.from_numpy(peer.predict(rows.inputs(), 4096))
        mine = [found[t] if t in NUMBERS else torch.sigmoid(found[t]) for t in targets]
        return float((torch.stack(mine, 1) - told).abs().max())


def _copy(dnn: Any, into: torch.nn.Sequential) -> None:
    layers = [layer for layer in into if isinstance(layer, torch.nn.Linear)]
    for theirs, layer in zip(dnn.linears, layers, strict=True):
        layer.weight.copy_(theirs.weight)
        layer.bias.copy_(theirs.bias)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--trials", type=int, default=len(TRIALS))
    options = parser.parse_args()
    torch.set_num_threads(1)
    parts = {
        part: Rows(pl.read_parquet(options.folder / f"{part}.parquet")) for part in ("train", "valid", "test")
    }
    there = {t for group in GROUPS for t in group if np.isfinite(parts["train"].target(t)).any()}
    told: set[str] = set()
    place = options.folder / "scores" / "peer"
    place.mkdir(parents=True, exist_ok=True)
    for group in GROUPS:
        targets = tuple(name for name in group if name in there)
        print(f"{', '.join(targets)}: with the same weights apart by {largest_gap(parts, targets):.1e}")
        trial = min(TRIALS[: options.trials], key=lambda each: train(parts, targets, 0, each)[1])
        print(f"  chosen of {options.trials}: {trial or 'the defaults'}", flush=True)
        models = [train(parts, targets, seed, trial)[0] for seed in range(options.seeds)]
        predicted = [model.predict(parts["test"].inputs(), 4096) for model in models]
        for column, target in enumerate(targets):
            if target not in told:
                mean, spread = moments(parts, target)
                scores = [mean + spread * each[:, column] for each in predicted]
                write_scores(place / f"{target}.parquet", scores)
                told.add(target)


if __name__ == "__main__":
    main()
