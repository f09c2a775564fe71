"""Weighs standardised signals into one score, by what was wanted when users were asked.

score(u, i) = w · z(u, i) + MLP(z(u, i)) for items with backers, b + v · z(u, i) for those without

Loss: the listwise softmax (Cao et al. 2007, ListNet) over a user's candidates, with λ‖weights‖² shared among
the users: few queries move the weights little. Source of the idea: stacked generalization (Wolpert 1992).
Several queries are weighed by regret: group DRO (Sagawa et al. 2020) in the form of Agarwal and Zhang 2022.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812 the name everybody knows
from torch import nn

from recommender.device import use_threads

CLIPPED = 5.0
"""Of the MLP's input: it is for where signals meet, not for outliers."""
USERS_PER_STEP = 128
TOLERANCE = 0.3
"""Nats of regret that make a query count e times as much as another."""


@dataclass(frozen=True)
class LabelledQuery:
    """The signals of users who were asked, and what they wanted."""

    z: torch.Tensor
    """(users, items, signals), each of mean 0 and variance 1 over a user's candidates."""
    cold: torch.Tensor
    """(items,): those without backers."""
    share: torch.Tensor
    """(users, items): each user's wanted items in equal parts; −1 where an item could not be wanted."""


class Mixer(nn.Module):
    """The weights of the signals."""

    def __init__(self, signals: int, hidden: int) -> None:
        super().__init__()
        self.weights = nn.Parameter(torch.zeros(signals))
        self.bend = nn.Sequential(nn.Linear(signals, hidden), nn.GELU(), nn.Linear(hidden, 1))
        self.cold_weights = nn.Parameter(torch.zeros(signals))
        self.cold_bias = nn.Parameter(torch.zeros(()))

    def forward(self, z: torch.Tensor, cold: torch.Tensor) -> torch.Tensor:
        """(users, items) from z and which items have no backers."""
        warm: torch.Tensor = z @ self.weights + self.bend(z.clamp(-CLIPPED, CLIPPED)).squeeze(-1)
        if not cold.any():
            return warm
        return torch.where(cold, z @ self.cold_weights + self.cold_bias, warm)

    def prefer(self, warm: int, cold: int) -> None:
        """Weigh one signal alone, for items with and without backers: nobody could be asked."""
        with torch.no_grad():
            for weights in self.parameters():
                weights.zero_()
            self.weights[warm] = 1.0
            self.cold_weights[cold] = 1.0

    def learn(self, labelled: Sequence[LabelledQuery], *, passes: int, decay: float, seed: int) -> None:
        """Fit the weights; `decay` is λ, beside a loss summed over the users.

        Several queries count by how badly they go, against the best single signal of each: weights that
        serve most moments and fail in some are no good at the next one.
        """
        use_threads()
        generator = torch.Generator().manual_seed(seed)
        users = sum(len(part.z) for part in labelled)
        reference = [_best_single(part) for part in labelled]
        regret = torch.zeros(len(labelled))
        optimizer = torch.optim.Adam(self.parameters(), 0.02)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, passes)
        for _ in range(passes):
            shares = torch.softmax(regret / TOLERANCE, 0) * len(labelled)
            steps = [
                (place, rows)
                for place, part in enumerate(labelled)
                for rows in torch.split(torch.randperm(len(part.z), generator=generator), USERS_PER_STEP)
            ]
            sums = torch.zeros(len(labelled))
            for chosen in torch.randperm(len(steps), generator=generator).tolist():
                place, rows = steps[chosen]
                part = labelled[place]
                loss = _listwise(self(part.z[rows], part.cold), part.share[rows]).mean()
                norm = sum((weights.square().sum() for weights in self.parameters()), torch.zeros(()))
                optimizer.zero_grad(set_to_none=True)
                torch.autograd.backward(shares[place] * loss + decay / users * norm)
                optimizer.step()
                sums[place] += loss.detach() * len(rows)
            regret = sums / torch.tensor([float(len(part.z)) for part in labelled]) - torch.stack(reference)
            schedule.step()


def _listwise(logits: torch.Tensor, share: torch.Tensor) -> torch.Tensor:
    """Each user's loss."""
    barred = logits.masked_fill(share < 0, -1e9)
    return -(share.clamp(min=0) * F.log_softmax(barred, 1)).sum(1)


def _best_single(part: LabelledQuery) -> torch.Tensor:
    """The mean loss of the signal that does best alone, with weight 1."""
    alone = [_listwise(part.z[..., place], part.share).mean() for place in range(part.z.shape[-1])]
    return torch.stack(alone).min()
