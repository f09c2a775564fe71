"""Training's state on disk after each epoch, so that a killed run goes on where it was. No pickle."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from recommender.files import write_atomic

_STATE = "state"


@dataclass(frozen=True)
class Checkpoint:
    """Where a training's state is kept, and whose it is."""

    path: Path
    key: str
    """Names data, model and settings: a state of something else is not taken."""


@dataclass
class TrainingState:
    """What training needs to go on exactly as it would have."""

    epoch: int
    """Epochs done."""
    best_epoch: int
    best_value: float
    curve: list[dict[str, float]]
    model: dict[str, torch.Tensor]
    best_model: dict[str, torch.Tensor]
    optimizer: dict[str, Any]


def save_checkpoint(checkpoint: Checkpoint, state: TrainingState) -> None:
    """Write the state as one file, atomically: numbers in the header, tensors after it."""
    tensors = {f"model/{name}": tensor.contiguous() for name, tensor in state.model.items()}
    tensors |= {f"best/{name}": tensor.contiguous() for name, tensor in state.best_model.items()}
    for number, slots in state.optimizer["state"].items():
        tensors |= {f"optimizer/{number}/{name}": value for name, value in slots.items()}
    header = {
        "key": checkpoint.key,
        "epoch": state.epoch,
        "best_epoch": state.best_epoch,
        "best_value": state.best_value,
        "curve": state.curve,
        "groups": state.optimizer["param_groups"],
    }
    # safetensors refuses tensors that share memory; the best model may be the current one.
    write_atomic(
        checkpoint.path,
        save({n: t.clone() for n, t in tensors.items()}, {_STATE: orjson.dumps(header).decode()}),
    )


def load_checkpoint(checkpoint: Checkpoint) -> TrainingState | None:
    """The state written under its key; None if there is none that can be read."""
    try:
        with safe_open(checkpoint.path, "pt") as file:
            header = orjson.loads(file.metadata()[_STATE])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 not a dict
    except (FileNotFoundError, SafetensorError, KeyError, TypeError, orjson.JSONDecodeError):
        return None
    if header["key"] != checkpoint.key:
        return None
    slots: dict[int, dict[str, torch.Tensor]] = {}
    for name, tensor in tensors.items():
        kind, _, rest = name.partition("/")
        if kind == "optimizer":
            number, slot = rest.split("/")
            slots.setdefault(int(number), {})[slot] = tensor
    return TrainingState(
        header["epoch"],
        header["best_epoch"],
        header["best_value"],
        header["curve"],
        {n.removeprefix("model/"): t for n, t in tensors.items() if n.startswith("model/")},
        {n.removeprefix("best/"): t for n, t in tensors.items() if n.startswith("best/")},
        {"state": slots, "param_groups": header["groups"]},
    )
