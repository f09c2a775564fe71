"""Dice: a PReLU whose bend goes where the data are."""

import torch
from torch import nn


class Dice(nn.Module):
    """f(x) = p ∘ x + (1 − p) ∘ αx with p = σ((x − E[x]) / √(Var[x] + ε)), each dimension by itself.

    In training mean and (biased) variance are the batch's, and move the running ones by a tenth; afterwards
    the running ones are used. α is learnt and begins at 0. Source: Zhou et al. 2018, Deep Interest Network.
    """

    def __init__(self, dims: int, epsilon: float = 1e-8) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(dims, eps=epsilon, affine=False)
        self.alpha = nn.Parameter(torch.zeros(dims))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(rows, dims) to the same."""
        p = torch.sigmoid(self.norm(x))
        return p * x + (1 - p) * self.alpha * x
