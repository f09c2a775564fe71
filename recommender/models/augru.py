"""Gated recurrences that attention to a target steers: AUGRU, AGRU and AIGRU.

With the input iₜ, the state h before it and the attention aₜ, a number for each step and target:

    u = σ(W_u iₜ + b_u + U_u h + c_u)
    r = σ(W_r iₜ + b_r + U_r h + c_r)
    h̃ = tanh(W_h iₜ + b_h + r ∘ (U_h h + c_h))

    augru: h ← (1 − aₜu) ∘ h + aₜu ∘ h̃
    agru:  h ← (1 − aₜ) h + aₜ h̃
    aigru: the GRU of aₜiₜ, h ← (1 − u) ∘ h + u ∘ h̃

Source: Zhou et al. 2019, Deep Interest Evolution Network; the two biases are those of torch's GRU.
"""

from typing import Literal

import torch
from torch import nn

Evolution = Literal["augru", "agru", "aigru"]


class AttentionalGRU(nn.Module):
    """Many targets share the inputs, whose products are taken once; h starts at 0."""

    def __init__(self, inputs: int, dims: int, kind: Evolution) -> None:
        super().__init__()
        self.kind = kind
        self.dims = dims
        self.of_input = nn.Linear(inputs, 3 * dims)
        """W and b of the reset gate, the update gate and the new state, one below the other."""
        self.of_state = nn.Linear(dims, 3 * dims)
        """U and c, likewise."""
        for weights in self.parameters():
            nn.init.uniform_(weights, -(dims**-0.5), dims**-0.5)

    def forward(self, inputs: torch.Tensor, attention: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """The state after each row's last step, for each target: (rows, targets, dims).

        Args:
            inputs: (rows, steps, inputs).
            attention: (rows, targets, steps), 0 to 1.
            lengths: (rows,) steps that are there, from the first; 0 gives a state of 0.
        """
        # Longest first: those that still go on at a step are then the first ones.
        order = lengths.argsort(descending=True, stable=True)
        products, attention = nn.functional.linear(inputs[order], self.of_input.weight), attention[order]
        alive = (lengths.unsqueeze(1) > torch.arange(inputs.shape[1], device=lengths.device)).sum(0).tolist()
        state = inputs.new_zeros(len(inputs), attention.shape[1], self.dims)
        for step, count in enumerate(alive):
            if not count:
                break
            moved = self._step(products[:count, step], attention[:count, :, step], state[:count])
            state = torch.cat([moved, state[count:]])
        return state[order.argsort()]

    def _step(self, product: torch.Tensor, attention: torch.Tensor, state: torch.Tensor) -> torch.Tensor:
        share, product = attention.unsqueeze(-1), product.unsqueeze(1)
        if self.kind == "aigru":
            product = share * product
        reset, update, new = (product + self.of_input.bias).chunk(3, -1)
        own_reset, own_update, own_new = self.of_state(state).chunk(3, -1)
        fresh = torch.tanh(new + torch.sigmoid(reset + own_reset) * own_new)
        gate = share if self.kind == "agru" else torch.sigmoid(update + own_update)
        if self.kind == "augru":
            gate = share * gate
        return state + gate * (fresh - state)
