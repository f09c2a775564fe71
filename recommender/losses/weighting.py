"""How several losses become one number to descend."""

from typing import Literal

import torch
from torch import nn

Weighting = Literal["dynamic", "as-published", "sum", "uncertainty"]


class DynamicLossWeights(nn.Module):
    """w = (1/loss) / Σ (1/loss), from recent losses: Σ w · loss, as ChainFund weighs its three.

    The gradient of Σ wᵢ Lᵢ with these weights is, up to a factor, that of Σ log Lᵢ: it favours losses that
    are already small and grows without bound as one reaches 0, which the hinge does. Hence the moving average
    over steps (`momentum`) and the floor under each loss; `momentum=0, floor=1e-8` is the published form.

    Args:
        terms: names of all losses there may be.
        momentum: 0 to below 1; how much of the average a step keeps.
        floor: above 0, in the losses' own units; what is below counts as this much.

    Called with the scalars of a step by name, in which terms may be missing, it returns their weighted sum.
    """

    def __init__(self, terms: tuple[str, ...], momentum: float, floor: float) -> None:
        super().__init__()
        self.terms = terms
        self.momentum = momentum
        self.floor = floor
        self.register_buffer("recent", torch.full((len(terms),), torch.nan))
        self.recent: torch.Tensor

    def weights(self, names: tuple[str, ...]) -> torch.Tensor:
        """Of the named terms, in their order; they sum to 1."""
        recent = torch.stack([self.recent[self.terms.index(name)] for name in names])
        inverse = 1.0 / recent.clamp(min=self.floor)
        return inverse / inverse.sum()

    def forward(self, terms: dict[str, torch.Tensor]) -> torch.Tensor:
        """Combine the terms that this batch has: one without measured minutes has no duration."""
        recent = self.recent.clone()
        for place, name in enumerate(self.terms):
            if name in terms:
                now = terms[name].detach().float()
                before = now if torch.isnan(recent[place]) else recent[place]
                recent[place] = self.momentum * before + (1 - self.momentum) * now
        self.recent = recent
        names = tuple(name for name in self.terms if name in terms)
        losses = torch.stack([terms[name] for name in names])
        return (self.weights(names).to(losses.dtype) * losses).sum()


class PlainSum(nn.Module):
    """Σ loss, over the terms a step has: hard to beat.

    Source: Kurin et al. 2022, In Defense of the Unitary Scalarization for Deep Multi-Task Learning.
    """

    def __init__(self, terms: tuple[str, ...]) -> None:
        super().__init__()
        self.terms = terms

    def forward(self, terms: dict[str, torch.Tensor]) -> torch.Tensor:
        return torch.stack([terms[name] for name in self.terms if name in terms]).sum()


class UncertaintyWeights(nn.Module):
    """Σ exp(−s) · loss + s with a learnt s for each term, the logarithm of its variance; 0 at first.

    Source: Kendall et al. 2018, Multi-Task Learning Using Uncertainty to Weigh Losses.
    """

    def __init__(self, terms: tuple[str, ...]) -> None:
        super().__init__()
        self.terms = terms
        self.log_variance = nn.Parameter(torch.zeros(len(terms)))

    def forward(self, terms: dict[str, torch.Tensor]) -> torch.Tensor:
        losses = torch.stack([terms.get(name, self.log_variance.new_zeros(())) for name in self.terms])
        present = torch.tensor([name in terms for name in self.terms], device=losses.device)
        return ((torch.exp(-self.log_variance) * losses + self.log_variance) * present).sum()


def make_weighting(name: Weighting, terms: tuple[str, ...], momentum: float, floor: float) -> nn.Module:
    """The module that combines `terms`."""
    if name == "sum":
        return PlainSum(terms)
    if name == "uncertainty":
        return UncertaintyWeights(terms)
    if name == "as-published":
        return DynamicLossWeights(terms, momentum=0.0, floor=1e-8)
    return DynamicLossWeights(terms, momentum, floor)
