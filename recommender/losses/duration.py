"""How long somebody stays with a campaign."""

import torch


def masked_mse(predicted: torch.Tensor, minutes: torch.Tensor) -> torch.Tensor:
    """mean((predicted − minutes)²) over the rows that were measured.

    Args:
        predicted: (rows,) minutes.
        minutes: (rows,); NaN where nobody measured.

    Returns:
        A scalar in minutes²; 0, with gradients of 0, where nothing was measured.

    Source: the duration head of ChainFund as it was published.
    """
    measured = ~torch.isnan(minutes)
    error = torch.where(measured, predicted - torch.nan_to_num(minutes), torch.zeros_like(predicted))
    return error.square().sum() / measured.sum().clamp(min=1)
