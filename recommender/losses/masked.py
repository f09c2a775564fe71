"""Losses of targets that not every row has."""

import torch
import torch.nn.functional as F  # noqa: N812 the name everybody knows


def weighted_mean(losses: torch.Tensor, target: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """Σ w · loss / Σ w over the rows whose target is there; 0, with gradients of 0, where none is.

    A row that weighs twice as much is that row twice; one that weighs 0 is not there.

    Args:
        losses: (rows,); whatever they are where the target is missing.
        target: (rows,); NaN where it does not exist.
        weight: (rows,), at least 0.

    Returns:
        A scalar in the losses' own units.
    """
    there = ~torch.isnan(target)
    weight = torch.where(there, weight, torch.zeros_like(weight))
    return (weight * torch.where(there, losses, torch.zeros_like(losses))).sum() / weight.sum().clamp(
        min=1e-9
    )


def masked_cross_entropy(logit: torch.Tensor, target: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """Weighted mean of −y log σ(logit) − (1 − y) log(1 − σ(logit)), in nats.

    Args:
        logit: (rows,).
        target: (rows,), 0 or 1; NaN where it does not exist.
        weight: (rows,), at least 0.
    """
    losses = F.binary_cross_entropy_with_logits(logit, torch.nan_to_num(target), reduction="none")
    return weighted_mean(losses, target, weight)


def masked_squared_error(predicted: torch.Tensor, target: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """Weighted mean of (predicted − target)², in the target's unit squared.

    Args:
        predicted: (rows,).
        target: (rows,); NaN where it does not exist.
        weight: (rows,), at least 0.
    """
    return weighted_mean((predicted - torch.nan_to_num(target)).square(), target, weight)
