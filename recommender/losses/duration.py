"""Minutes of attention."""

import torch


def masked_mse(predicted: torch.Tensor, minutes: torch.Tensor) -> torch.Tensor:
    """mean((predicted − minutes)²) over the rows somebody measured (not NaN); 0 if there are none."""
    measured = ~torch.isnan(minutes)
    error = torch.where(measured, predicted - torch.nan_to_num(minutes), torch.zeros_like(predicted))
    return error.square().sum() / measured.sum().clamp(min=1)
