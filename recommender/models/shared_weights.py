"""What platforms that learn together have in common: a codebook and the weights that travel, in one file."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import orjson
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import load_file, save

from recommender.errors import ConfigError, DamagedError
from recommender.files import write_atomic
from recommender.text.codes import Codebook

_HEADER = "federation"
_CODEBOOK, _WEIGHTS = "codebook/", "weights/"


@dataclass(frozen=True)
class SharedWeights:
    """The state of learning together after a round."""

    encoder: str
    """Of the texts; its vectors are what the codebook was learnt from."""
    settings: Mapping[str, object]
    """Of the network, as `pfcr`'s config has them: everybody's are the same."""
    codebook: Codebook
    weights: Mapping[str, NDArray[np.float32]]
    """By name of the parameter."""
    agreed: Mapping[str, object] = field(default_factory=dict)
    """How it is learnt: `federation.settings`, which every client reads here."""
    turn: int = 0
    """The round after which these are the weights; 0: as they were drawn."""


def save_shared(path: Path, shared: SharedWeights) -> None:
    """Write it as one safetensors file, atomically."""
    book = shared.codebook
    tensors = {f"{_WEIGHTS}{name}": np.ascontiguousarray(array) for name, array in shared.weights.items()}
    for name in ("mean", "rotation", "centroids"):
        tensors[f"{_CODEBOOK}{name}"] = getattr(book, name).contiguous().numpy()
    header = {
        "encoder": shared.encoder,
        "settings": dict(shared.settings),
        "agreed": dict(shared.agreed),
        "turn": shared.turn,
    }
    write_atomic(path, save(tensors, {_HEADER: orjson.dumps(header, option=orjson.OPT_SORT_KEYS).decode()}))


def load_shared(path: Path) -> SharedWeights:
    """Read what `save_shared` wrote.

    Raises:
        ConfigError: there is no such file. DamagedError: it is something else.
    """
    try:
        with safe_open(path, "numpy") as file:
            header = orjson.loads((file.metadata() or {})[_HEADER])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 it is no mapping
        codebook = Codebook(
            *(torch.from_numpy(tensors[f"{_CODEBOOK}{name}"]) for name in ("mean", "rotation", "centroids"))
        )
        return SharedWeights(
            header["encoder"],
            header["settings"],
            codebook,
            {name.removeprefix(_WEIGHTS): a for name, a in tensors.items() if name.startswith(_WEIGHTS)},
            header["agreed"],
            header["turn"],
        )
    except FileNotFoundError:
        raise ConfigError(f"{path} does not exist: write it with `federate begin`") from None
    except (SafetensorError, KeyError, ValueError, OSError) as error:
        raise DamagedError(f"{path} holds no shared weights: {error}") from None


def load_own(path: Path) -> dict[str, NDArray[np.float32]]:
    """The weights that a platform has learnt and keeps, by name.

    Raises:
        ConfigError: there is no such file. DamagedError: it is something else.
    """
    try:
        return dict(load_file(path))
    except FileNotFoundError:
        raise ConfigError(
            f"{path} does not exist: `federate round` writes it into the platform's memory"
        ) from None
    except (SafetensorError, OSError) as error:
        raise DamagedError(f"{path} holds no weights: {error}") from None
