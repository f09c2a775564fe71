"""Which settings of a model are worth searching, and between what bounds; declared beside its config."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True)
class Real:
    """A number from `low` to `high`; `log` searches each order of magnitude alike."""

    low: float
    high: float
    log: bool = False


@dataclass(frozen=True)
class Whole:
    """A whole number from `low` to `high`, both included."""

    low: int
    high: int
    log: bool = False


@dataclass(frozen=True)
class OneOf:
    """One of these values."""

    options: tuple[str | int | float | bool, ...]


SearchSpace: TypeAlias = Mapping[str, Real | Whole | OneOf]
"""By setting of the model's config; a setting of training is written `training.<name>`."""

TRAINING = "training"
TRAINING_SPACE: SearchSpace = {
    "training.learning_rate": Real(3e-4, 3e-2, log=True),
    "training.weight_decay": Real(1e-6, 1e-1, log=True),
    "training.batch_size": OneOf((256, 512, 1024, 2048, 4096)),
}
"""For every model that is trained."""
