"""Conversion over all that was shown: learnt from clicks alone, it would be that of those who click."""

import torch
import torch.nn.functional as F  # noqa: N812 the name everybody knows

from recommender.losses.masked import weighted_mean


def log_product(click: torch.Tensor, conversion: torch.Tensor) -> torch.Tensor:
    """log(pCTR · pCVR) of two logits of one shape."""
    return F.logsigmoid(click) + F.logsigmoid(conversion)


def conversion_cross_entropy(
    click: torch.Tensor, conversion: torch.Tensor, converted: torch.Tensor, weight: torch.Tensor
) -> torch.Tensor:
    """Weighted mean of −y log p − (1 − y) log(1 − p) with p = pCTCVR = σ(click) · σ(conversion), in nats.

    Args:
        click: (rows,) logits of a click on what was shown.
        conversion: (rows,) logits of a contribution after a click.
        converted: (rows,), 1 where what was shown was clicked and contributed to, else 0; NaN where unknown.
        weight: (rows,), at least 0.

    Source: Ma et al. 2018, Entire Space Multi-Task Model.
    """
    # 1 − p = (e^−a + e^−b + e^−(a + b)) / ((1 + e^−a) (1 + e^−b)), with nothing that cancels.
    neither = torch.stack([-click, -conversion, -click - conversion]).logsumexp(0)
    log_rest = neither - F.softplus(-click) - F.softplus(-conversion)
    target = torch.nan_to_num(converted)
    losses = -target * log_product(click, conversion) - (1.0 - target) * log_rest
    return weighted_mean(losses, converted, weight)
