"""What can be measured: anything that scores items for users."""

from collections.abc import Iterator
from typing import ClassVar, Protocol

import torch
from torch import nn

from recommender.config.model import Sizes


class Scorer(Protocol):
    """The part of a model that evaluation and ranking need; how it was fitted is nobody's business here."""

    name: ClassVar[str]
    scores_are_logits: ClassVar[bool]
    has_confidence: ClassVar[bool]
    sizes: Sizes

    def score(self, users: torch.Tensor, items: torch.Tensor) -> torch.Tensor:
        """(users, items) from numbers of users and of items; higher is better, all finite."""

    def parameters(self, recurse: bool = True) -> Iterator[nn.Parameter]:
        """Tell where it computes: scores are asked for there."""


def device_of(model: Scorer) -> torch.device:
    """Where the model's weights are; the CPU for a model without any."""
    return next((weights.device for weights in model.parameters()), torch.device("cpu"))
