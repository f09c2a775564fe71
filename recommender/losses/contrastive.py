"""Hinge between what a user liked and what they did not."""

import torch


def hinge(
    positive: torch.Tensor, negative: torch.Tensor, margin: float, weight: torch.Tensor
) -> torch.Tensor:
    """mean(w · max(0, margin − (pos − neg))) / mean(w), over all pairs of a row and its negatives.

    Source: the pairwise hinge of Weston et al. 2011 (WSABIE), without the rank weighting.

    Args:
        positive: (rows,).
        negative: (rows, negatives); −∞ where a negative must not count.
        margin: by how much the positive should lead.
        weight: (rows,), 0 to 1; how much each row counts.

    Returns:
        A scalar in the unit of the scores, at least 0; 0 where each positive leads by the margin.
    """
    counts = torch.isfinite(negative).sum(1).clamp(min=1)
    violation = (margin - positive.unsqueeze(1) + negative).clamp(min=0).sum(1) / counts
    return (weight * violation).sum() / weight.sum().clamp(min=1e-9)


def hinge_by_position(positive: torch.Tensor, negative: torch.Tensor, margin: float) -> torch.Tensor:
    """mean(max(0, margin − (σ(pos) − σ(neg)))) over rows and feature positions, as ChainFund was published.

    It asks each position of a text's feature to be large in whatever was backed, whoever backed it.

    Args:
        positive: (rows, features).
        negative: (rows, features).
        margin: by how much the positive should lead; σ is within 0 and 1, so at 1 and more it never does.

    Returns:
        A scalar, max(0, margin − 1) to margin + 1.

    Source: the contrastive head of ChainFund as it was published.
    """
    return (margin - (torch.sigmoid(positive) - torch.sigmoid(negative))).clamp(min=0).mean()
