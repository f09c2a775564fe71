"""The network of `shared_bottom`: shared layers, a tower for each scene, a head for each target.

    b = MLP(x); tower: t = MLP(b); heads: o = W t + c + V x, one number for each target of the scene
    each layer of an MLP is dropout(relu(W x + c)), the last one too; V is there if the network is wide

Sources: Caruana 1997, Multitask Learning; the wide part: Cheng et al. 2016, Wide & Deep Learning.
"""

from collections.abc import Mapping, Sequence

import torch
from torch import nn


def mlp(inputs: int, hidden: Sequence[int], dropout: float) -> nn.Sequential:
    """Linear, relu, dropout for each of the hidden sizes."""
    layers: list[nn.Module] = []
    for width in hidden:
        layers += [nn.Linear(inputs, width), nn.ReLU(), nn.Dropout(dropout)]
        inputs = width
    return nn.Sequential(*layers)


class SharedBottomNetwork(nn.Module):
    """Features (rows, inputs) → each target's number, (rows,).

    Args:
        inputs: features of a row.
        scenes: the targets of each scene, in the order of its head's outputs.
        bottom: widths of the shared layers.
        tower: widths of each scene's own layers; none: heads read the bottom.
        dropout: 0 to below 1, after every layer but the heads.
        wide: whether each target also has weights of its own on the features, 0 at first.
    """

    def __init__(
        self,
        inputs: int,
        scenes: Mapping[str, Sequence[str]],
        *,
        bottom: Sequence[int],
        tower: Sequence[int],
        dropout: float,
        wide: bool,
    ) -> None:
        super().__init__()
        self.scenes = {name: tuple(targets) for name, targets in scenes.items()}
        self.bottom = mlp(inputs, bottom, dropout)
        width = [inputs, *bottom][-1]
        self.towers = nn.ModuleDict({name: mlp(width, tower, dropout) for name in scenes})
        self.heads = nn.ModuleDict(
            {name: nn.Linear([width, *tower][-1], len(targets)) for name, targets in scenes.items()}
        )

        self.wide: nn.ModuleDict | None = None
        if wide:
            self.wide = nn.ModuleDict({n: nn.Linear(inputs, len(t), bias=False) for n, t in scenes.items()})
            for weights in self.wide.parameters():
                nn.init.zeros_(weights)

    def forward(self, features: torch.Tensor) -> dict[str, torch.Tensor]:
        shared = self.bottom(features)
        found: dict[str, torch.Tensor] = {}
        for name, targets in self.scenes.items():
            numbers = self.heads[name](self.towers[name](shared))
            if self.wide is not None:
                numbers = numbers + self.wide[name](features)
            found |= dict(zip(targets, numbers.unbind(-1), strict=True))
        return found
