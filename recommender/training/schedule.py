"""How the learning rate and Adam's momentum go over a training.

Both follow from the share of the training that is done and nothing else, so that a killed run that goes on
from its checkpoint takes the steps it would have taken.
"""

import math

import torch

from recommender.config.training import TrainingConfig

WARM_UP = 0.25
"""Share of the training in which the learning rate rises."""
FIRST_DIVISOR, LAST_DIVISOR = 25.0, 1e5
"""Of the peak: where the learning rate begins, and where it ends."""
SLOW, FAST = 0.95, 0.85
"""β₁ while the learning rate is low, and at its peak."""


def one_cycle(share: float, peak: float) -> tuple[float, float]:
    """The learning rate and β₁ after this share of the training, 0 to 1.

    The rate rises from peak / 25 to `peak` along half a cosine and falls to peak / 100,000 along another;
    β₁ falls from .95 to .85 and rises back. Source: Smith 2018, A Disciplined Approach to Neural Network
    Hyper-Parameters; the shape and the constants are those of fastai's `fit_one_cycle`.
    """
    if share < WARM_UP:
        done = share / WARM_UP
        return _cosine(peak / FIRST_DIVISOR, peak, done), _cosine(SLOW, FAST, done)
    done = (share - WARM_UP) / (1.0 - WARM_UP)
    return _cosine(peak, peak / LAST_DIVISOR, done), _cosine(FAST, SLOW, done)


def follow_schedule(optimizer: torch.optim.Optimizer, config: TrainingConfig, share: float) -> None:
    """Set the optimizer for the step after this share of the training."""
    if config.schedule == "one-cycle":
        rate, momentum = one_cycle(share, config.learning_rate)
        for group in optimizer.param_groups:
            group["lr"], group["betas"] = rate, (momentum, group["betas"][1])


def _cosine(start: float, end: float, share: float) -> float:
    return start + (1.0 - math.cos(math.pi * share)) * (end - start) / 2.0
