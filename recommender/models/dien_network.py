"""The network of `dien`: interest extraction, attention to the target, interest evolution, one number.

e = (id ⊕ category) / max(1, ‖id ⊕ category‖)
h₁ … h_T = GRU(e₁ … e_T);  aₜ = softmax over t of hₜᵀ W e_target;  s = AUGRU(h, a)
logit = MLP(user ⊕ s ⊕ e_target ⊕ numbers about the moment)
"""

from collections.abc import Sequence
from typing import Literal

import torch
from torch import nn

from recommender.config.model import Sizes
from recommender.models.augru import AttentionalGRU
from recommender.models.dice import Dice

Activation = Literal["dice", "prelu"]
Evolving = Literal["augru", "agru", "aigru", "none"]


class DienNetwork(nn.Module):
    """Histories, targets and numbers to logits.

    Args:
        sizes: of the vocabularies.
        item_dims, category_dims, user_dims: of the embeddings; the first two together are h's and s's.
        evolution: see `models.augru`; "none": s is h's last, whatever the target (as GRU4Rec has it).
        hidden: widths of the MLP's layers.
        activation: of those layers.
        dropout: 0 to below 1, after each of them.
        numbers: about the moment; standardised by their running mean and variance.
    """

    def __init__(
        self,
        sizes: Sizes,
        *,
        item_dims: int,
        category_dims: int,
        user_dims: int,
        evolution: Evolving,
        hidden: Sequence[int],
        activation: Activation,
        dropout: float,
        numbers: int,
    ) -> None:
        super().__init__()
        dims = item_dims + category_dims
        self.item_id = nn.Embedding(sizes.items, item_dims)
        self.category = nn.Embedding(sizes.categories, category_dims)
        self.user_id = nn.Embedding(sizes.users, user_dims)
        for table in (self.item_id, self.category):
            nn.init.normal_(table.weight, std=0.1)
        # Whoever is not in training stays at 0, neither here nor there.
        nn.init.zeros_(self.user_id.weight)
        self.extraction = nn.GRU(dims, dims, batch_first=True)
        self.attention: nn.Linear | None = None
        self.evolution: AttentionalGRU | None = None
        if evolution != "none":
            self.attention = nn.Linear(dims, dims, bias=False)
            self.evolution = AttentionalGRU(dims, dims, evolution)
        self.scale = nn.BatchNorm1d(numbers, affine=False)
        self.head = mlp(user_dims + 2 * dims + numbers, hidden, activation, dropout)

    def embed(self, items: torch.Tensor, categories: torch.Tensor, known: torch.Tensor) -> torch.Tensor:
        """(…, dims), of length 1 at most; where `known` is 0 the id is not looked at. All of one shape."""
        joined = torch.cat([self.item_id(items) * known.unsqueeze(-1), self.category(categories)], dim=-1)
        bounded: torch.Tensor = joined / joined.norm(dim=-1, keepdim=True).clamp(min=1.0)
        return bounded

    def interests(self, items: torch.Tensor) -> torch.Tensor:
        """H after each step: (rows, steps, dims) from e, of the same shape.

        Padding is on the right and does not reach the states before it.
        """
        states: torch.Tensor = self.extraction(items)[0]
        return states

    def weights(self, states: torch.Tensor, targets: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """a, (rows, targets, steps); the steps of each row sum to 1, or are 0 where there are none."""
        if self.attention is None:
            raise RuntimeError("there is no attention without evolution")
        alike = self.attention(targets) @ states.transpose(1, 2)
        there = mask.unsqueeze(1)
        shares = torch.softmax(alike.masked_fill(~there, -1e9), dim=-1)
        return shares * there

    def forward(
        self,
        users: torch.Tensor,
        states: torch.Tensor,
        mask: torch.Tensor,
        targets: torch.Tensor,
        numbers: torch.Tensor,
    ) -> torch.Tensor:
        """Logits, (rows, targets).

        Args:
            users: (rows,) numbers.
            states: (rows, steps, dims) from `interests`.
            mask: (rows, steps), true where there is a step.
            targets: (rows, targets, dims) from `embed`.
            numbers: (rows, targets, numbers).
        """
        rows, count, dims = targets.shape
        lengths = mask.sum(1)
        if self.evolution is None:
            last = (lengths - 1).clamp(min=0).view(-1, 1, 1).expand(-1, 1, dims)
            evolved = states.gather(1, last) * (lengths > 0).view(-1, 1, 1)
            evolved = evolved.expand(-1, count, -1)
        else:
            evolved = self.evolution(states, self.weights(states, targets, mask), lengths)
        user = self.user_id(users).unsqueeze(1).expand(-1, count, -1)
        scaled = self.scale(numbers.flatten(0, 1))
        joined = torch.cat([user, evolved, targets], dim=-1).flatten(0, 1)
        logits: torch.Tensor = self.head(torch.cat([joined, scaled], dim=1))
        return logits.view(rows, count)


def mlp(inputs: int, hidden: Sequence[int], activation: Activation, dropout: float) -> nn.Sequential:
    """Linear, activation, dropout for each of the hidden sizes, and one number at the end."""
    layers: list[nn.Module] = []
    for width in hidden:
        bend = Dice(width) if activation == "dice" else nn.PReLU(width)
        layers += [nn.Linear(inputs, width), bend, nn.Dropout(dropout)]
        inputs = width
    return nn.Sequential(*layers, nn.Linear(inputs, 1))
