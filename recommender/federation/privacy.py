"""Differential privacy of a client's persons: their gradients are clipped and drowned in noise.

The unit is a person: all that somebody backed in a domain is one sequence, and one gradient. Neighbouring
data differ by one person. Source: Abadi et al. 2016, Deep Learning with Differential Privacy (DP-SGD).
"""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import torch
from opacus.accountants import RDPAccountant
from torch.func import functional_call, grad, vmap
from torch.nn.attention import SDPBackend, sdpa_kernel

from recommender.errors import ConfigError
from recommender.models.pfcr_network import SequenceNetwork

LEAST_NOISE, MOST_NOISE = 0.1, 512.0
"""Between which σ is looked for."""
NOISE_TOLERANCE = 0.01
"""Relative."""


def person_gradients(
    network: SequenceNetwork, codes: torch.Tensor, sequences: torch.Tensor
) -> dict[str, torch.Tensor]:
    """Each person's own gradient by parameter: (persons, *parameter).

    Args:
        network: in `eval` mode, or without dropout.
        codes: (items, groups).
        sequences: (persons, length), see `SequenceNetwork.states`.
    """

    def loss(weights: Mapping[str, torch.Tensor], sequence: torch.Tensor) -> torch.Tensor:
        losses: torch.Tensor = functional_call(network, dict(weights), (codes, sequence.unsqueeze(0)))
        return losses[0]

    weights = {name: weight.detach() for name, weight in network.named_parameters() if weight.requires_grad}
    if not len(sequences):
        # Nobody was drawn: `vmap` has no shape to go by.
        return {name: weight.new_zeros(0, *weight.shape) for name, weight in weights.items()}
    # The fused kernels know no batch of gradients.
    with sdpa_kernel(SDPBackend.MATH):
        found: dict[str, torch.Tensor] = vmap(grad(loss), in_dims=(None, 0))(weights, sequences)
    return found


def private_gradient(
    gradients: Mapping[str, torch.Tensor],
    *,
    clip: float,
    noise: float,
    expected: float,
    generator: torch.Generator,
) -> dict[str, torch.Tensor]:
    """(Σₚ gₚ · min(1, C / ‖gₚ‖) + N(0, σ²C²I)) / B, with one norm over all parameters of a person p.

    Args:
        gradients: (persons, *parameter) by name; of nobody, the noise alone is left.
        clip: C.
        noise: σ.
        expected: B, how many persons a step draws on average: how many it did draw stays untold.
        generator: of the noise, on the CPU.
    """
    squares = sum(
        (part.flatten(1).square().sum(1) for part in gradients.values()),
        torch.zeros(next(iter(gradients.values())).shape[0]),
    )
    factor = (clip / squares.sqrt().clamp(min=1e-12)).clamp(max=1.0)
    return {
        name: (
            torch.tensordot(factor, part, 1)
            + noise * clip * torch.randn(part.shape[1:], generator=generator, dtype=part.dtype)
        )
        / expected
        for name, part in gradients.items()
    }


@lru_cache(maxsize=256)
def noise_for(epsilon: float | None, delta: float, sampling_rate: float, steps: int) -> float:
    """The least noise σ with which so many steps keep the guarantee (ε, δ); 0 without ε.

    Raises:
        ConfigError: no noise would be enough.
    """
    if epsilon is None:
        return 0.0
    low, high = 0.0, 0.5
    while Spent(high, sampling_rate, steps).epsilon(delta) > epsilon:
        low, high = high, 2 * high
        if high > MOST_NOISE:
            raise ConfigError(
                f"{steps} steps cannot keep ε ≤ {epsilon}: ask for fewer rounds, or for a larger epsilon"
            )
    while high - low > NOISE_TOLERANCE * high:
        middle = (low + high) / 2
        if middle > LEAST_NOISE and Spent(middle, sampling_rate, steps).epsilon(delta) <= epsilon:
            high = middle
        else:
            low = middle
    return high


@dataclass(frozen=True)
class Spent:
    """Steps that a client made with noise."""

    noise: float
    sampling_rate: float
    """Chance of each person to be drawn for a step."""
    steps: int

    def epsilon(self, delta: float) -> float:
        """ε of the guarantee (ε, δ) for each person, by Opacus' accountant (Mironov et al. 2019).

        The one that composes privacy loss distributions gives some 10 % less, and fails where everybody is
        drawn for every step.
        """
        if not self.noise:
            return float("inf")
        if not self.steps:
            return 0.0
        accountant = RDPAccountant()
        accountant.history = [(self.noise, self.sampling_rate, self.steps)]
        with warnings.catch_warnings():
            # Beyond the orders that it tries the bound would be tighter; it is a bound all the same.
            warnings.filterwarnings("ignore", "Optimal order is the", UserWarning)
            return float(accountant.get_epsilon(delta))
