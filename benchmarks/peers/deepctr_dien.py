"""DeepCTR-Torch's DIEN on the rows of `benchmarks.interest`, in an environment of its own.

    pip download deepctr-torch==0.3.0 --no-deps && unzip deepctr_torch-0.3.0-*.whl -d PEER
    python -m benchmarks.interest rows --data DATA --out DIR
    PYTHONPATH=PEER python -m benchmarks.peers.deepctr_dien DIR [--seeds 5] [--trials 4]
    python -m benchmarks.interest table --out DIR

First the recurrences of both sides get the same weights and have to come to the same states. Then the peer
learns from the same rows, histories and numbers, with as many trials as ours on the same validation part, as
many epochs at most, and writes its scores.
"""

import argparse
import importlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import polars as pl
import torch
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

from benchmarks.peers.rows import write_scores
from recommender.data.dataset import Floats, Ints
from recommender.evaluation.rows import auc
from recommender.models.augru import AttentionalGRU

DIMS = {"item": 24, "category": 8, "user": 8}
PATIENCE = 2
TRIALS: tuple[dict[str, float], ...] = ({}, {"learning_rate": 1e-3}, {"dropout": 0.3}, {"l2": 1e-4})
"""Beside ours, one for one."""


@dataclass(frozen=True)
class Rows:
    """One part's rows as the peer takes them: numbers from 1, padding is 0."""

    inputs: dict[str, np.ndarray]
    label: Floats


class Tables:
    """What lies in the folder."""

    def __init__(self, folder: Path) -> None:
        frames = {part: pl.read_parquet(folder / f"{part}.parquet") for part in ("train", "valid", "test")}
        self.categories: Ints = pl.read_parquet(folder / "items.parquet")["category"].to_numpy()
        self.users = max(int(np.max(frame["user"].to_numpy())) for frame in frames.values()) + 1
        self.length = max(int(np.max(frame["history"].list.len().to_numpy())) for frame in frames.values())
        numbers = {part: np.array(frame["numbers"].to_list()) for part, frame in frames.items()}
        mean, scale = numbers["train"].mean(0), numbers["train"].std(0) + 1e-9
        self.numbers = len(mean)
        rng = np.random.default_rng(0)
        self.parts = {
            part: self._rows(frame, (numbers[part] - mean) / scale, rng) for part, frame in frames.items()
        }

    def _rows(self, frame: pl.DataFrame, numbers: Floats, rng: np.random.Generator) -> Rows:
        # The peer takes no row without a history: theirs is one item of padding.
        history = np.zeros((len(frame), self.length), np.int64)
        length = np.ones(len(frame), np.int64)
        for row, mine in enumerate(frame["history"].to_list()):
            history[row, : len(mine)] = np.array(mine, np.int64) + 1
            length[row] = max(len(mine), 1)
        drawn = np.where(history > 0, rng.integers(1, len(self.categories) + 1, history.shape), 0)
        of_item = np.concatenate([[0], self.categories + 1])
        item = frame["item"].to_numpy() + 1
        return Rows(
            {
                "user": frame["user"].to_numpy(),
                "item": item,
                "category": of_item[item],
                "hist_item": history,
                "hist_category": of_item[history],
                "neg_hist_item": drawn,
                "neg_hist_category": of_item[drawn],
                "seq_length": length,
                **{f"number_{place}": numbers[:, place] for place in range(self.numbers)},
            },
            frame["label"].to_numpy(),
        )


def build(tables: Tables, seed: int, trial: dict[str, float]) -> Any:
    inputs, models = (importlib.import_module(f"deepctr_torch.{name}") for name in ("inputs", "models"))
    sizes = {
        "user": tables.users,
        "item": len(tables.categories) + 1,
        "category": int(np.max(tables.categories)) + 2,
    }
    columns = [inputs.SparseFeat(name, sizes[name], embedding_dim=DIMS[name]) for name in sizes]
    columns += [inputs.DenseFeat(f"number_{place}", 1) for place in range(tables.numbers)]
    for name in ("item", "category"):
        for kind in ("hist_", "neg_hist_"):
            feature = inputs.SparseFeat(kind + name, sizes[name], DIMS[name], embedding_name=name)
            columns.append(inputs.VarLenSparseFeat(feature, tables.length, length_name="seq_length"))
    model = models.DIEN(
        columns,
        ["item", "category"],
        gru_type="AUGRU",
        use_negsampling=True,
        dnn_hidden_units=(64, 32),
        # Its Dice wants three dimensions, which its DIEN does not have.
        dnn_activation="prelu",
        dnn_dropout=trial.get("dropout", 0.1),
        l2_reg_embedding=trial.get("l2", 1e-6),
        init_std=0.05,
        seed=seed,
    )
    optimizer = torch.optim.Adam(model.parameters(), trial.get("learning_rate", 3e-3))
    model.compile(optimizer, "binary_crossentropy")
    return model


def train(tables: Tables, seed: int, trial: dict[str, float], epochs: int) -> tuple[Any, float]:
    """The peer's model of the epoch with the best AUC on the validation part, and that AUC."""
    torch.manual_seed(seed)
    model = build(tables, seed, trial)
    known, valid = tables.parts["train"], tables.parts["valid"]
    best, best_value, since = model.state_dict(), -np.inf, 0
    for _ in range(epochs):
        model.fit(known.inputs, known.label, batch_size=512, epochs=1, verbose=0)
        score = model.predict(valid.inputs, 4096)[:, 0].astype(np.float64)
        value = auc(valid.label, score)(np.ones(len(score)))
        since += 1
        if value > best_value:
            best, best_value, since = {n: t.clone() for n, t in model.state_dict().items()}, value, 0
        if since >= PATIENCE:
            break
    model.load_state_dict(best)
    return model, best_value


def largest_gap(kind: Literal["augru", "agru"]) -> float:
    """How far our recurrence and the peer's are apart with the same weights, inputs and attention."""
    theirs = importlib.import_module("deepctr_torch.layers.sequence").DynamicGRU(6, 6, gru_type=kind.upper())
    ours, generator = AttentionalGRU(6, 6, kind), torch.Generator().manual_seed(0)
    inputs, attention = (torch.rand(40, 9, dims, generator=generator) for dims in (6, 1))
    lengths = torch.randint(1, 10, (40,), generator=generator)
    with torch.no_grad():
        for weights in theirs.parameters():
            weights.normal_(0, 0.7, generator=generator)
        # From theirs to ours: their AUGRU registers one bias under both names.
        for mine, name in ((ours.of_input, "ih"), (ours.of_state, "hh")):
            mine.weight.copy_(getattr(theirs.rnn, f"weight_{name}"))
            mine.bias.copy_(getattr(theirs.rnn, f"bias_{name}"))
        packed = [
            pack_padded_sequence(each, lengths, batch_first=True, enforce_sorted=False)
            for each in (inputs, attention)
        ]
        told: PackedSequence = theirs(*packed)
        states, _ = pad_packed_sequence(told, batch_first=True)
        last = states[torch.arange(40), lengths - 1]
        return float((last - ours(inputs, attention.transpose(1, 2), lengths)[:, 0]).abs().max())


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--trials", type=int, default=len(TRIALS))
    parser.add_argument("--epochs", type=int, default=15)
    given = parser.parse_args()
    torch.set_num_threads(1)
    for kind in ("augru", "agru"):
        print(f"{kind}: with the same weights apart by {largest_gap(kind):.1e}", flush=True)
    tables = Tables(given.folder)
    tried = TRIALS[: given.trials]
    values = [train(tables, 0, trial, given.epochs)[1] if len(tried) > 1 else 0.0 for trial in tried]
    chosen = tried[int(np.argmax(values))]
    print(f"chosen of {len(tried)}: {chosen or 'the defaults'}", flush=True)
    models = [train(tables, seed, chosen, given.epochs)[0] for seed in range(given.seeds)]
    scores = [model.predict(tables.parts["test"].inputs, 4096)[:, 0] for model in models]
    write_scores(given.folder / "scores" / "deepctr_torch.parquet", scores)


if __name__ == "__main__":
    main()
