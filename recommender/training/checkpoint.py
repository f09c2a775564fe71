"""Training's state on disk after each epoch, so that a killed run goes on where it was. No pickle."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from recommender.files import write_atomic
from recommender.interface import Checkpoint

_STATE = "state"
_DIGEST = "sha256"


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
    tensors = {name: tensor.cpu().clone() for name, tensor in tensors.items()}
    text = orjson.dumps(header).decode()
    write_atomic(checkpoint.path, save(tensors, {_STATE: text, _DIGEST: _digest(text, tensors)}))


def load_checkpoint(checkpoint: Checkpoint) -> TrainingState | None:
    """The state written under its key; None if there is none, or not with the bytes that were written."""
    try:
        with safe_open(checkpoint.path, "pt") as file:
            notes = file.metadata()
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 not a dict
        text = notes[_STATE]
        is_sound = notes[_DIGEST] == _digest(text, tensors)
    except (FileNotFoundError, SafetensorError, KeyError, TypeError):
        return None
    if not is_sound:
        return None
    header = orjson.loads(text)
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


def _digest(text: str, tensors: Mapping[str, torch.Tensor]) -> str:
    """SHA-256 of the header and every tensor: safetensors itself does not notice a flipped bit."""
    digest = hashlib.sha256(text.encode())
    for name in sorted(tensors):
        digest.update(name.encode())
        digest.update(tensors[name].contiguous().view(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()
