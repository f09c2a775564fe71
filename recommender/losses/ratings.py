"""What predicted ratings cost."""

import torch


def squared_error(prediction: torch.Tensor, rating: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """Weighted mean squared error: Σ w (r̂ − r)² / Σ w.

    Args:
        prediction: (rows,), in the ratings' unit.
        rating: (rows,).
        weight: (rows,), 0 or more.

    Returns:
        A scalar, in the square of the ratings' unit; 0 where nothing weighs anything.

    Source: Koren, Bell and Volinsky 2009, Matrix Factorization Techniques for Recommender Systems, without
    the penalty: that is the optimizer's weight decay.
    """
    return (weight * (prediction - rating).square()).sum() / weight.sum().clamp(min=1e-9)
