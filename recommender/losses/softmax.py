"""Which of these items did the user like? Over all items, or over the batch's own."""

import torch
import torch.nn.functional as F  # noqa: N812 the name everybody knows


def full_softmax(
    logits: torch.Tensor, target: torch.Tensor, known: torch.Tensor, weight: torch.Tensor
) -> torch.Tensor:
    """Σ w · (−log softmax(logits)[target]) / Σ w over all items but the user's other known ones.

    Args:
        logits: (rows, items).
        target: (rows,) item numbers.
        known: (rows, items) true where the user is known to like the item: no false negatives.
        weight: (rows,), 0 to 1; how much each row counts.

    Returns:
        A scalar in nats, at least 0.

    Source: Covington et al. 2016, Deep Neural Networks for YouTube Recommendations, without sampling.
    """
    others = known.scatter(1, target.unsqueeze(1), value=False)
    surprise = F.cross_entropy(logits.masked_fill(others, -torch.inf), target, reduction="none")
    return (weight * surprise).sum() / weight.sum().clamp(min=1e-9)


def in_batch_softmax(
    logits: torch.Tensor,
    items: torch.Tensor,
    log_share: torch.Tensor,
    known: torch.Tensor,
    weight: torch.Tensor,
) -> torch.Tensor:
    """The same over the items of the batch, corrected for popular items being there more often.

    −log(exp(sᵢᵢ − log qᵢ) / Σⱼ exp(sᵢⱼ − log qⱼ)), q the item's share of the rows; without the correction
    the model learns to push popular items down. Source: Yi et al. 2019 (sampling-bias-corrected modelling).

    Args:
        logits: (rows, rows), row i's user against row j's item.
        items: (rows,).
        log_share: (rows,) log q.
        known: (rows, rows) true where the user is known to like the item.
        weight: (rows,), 0 to 1; how much each row counts.

    Returns:
        A scalar in nats, at least 0.
    """
    own = torch.eye(len(items), dtype=torch.bool, device=items.device)
    same = items.unsqueeze(0) == items.unsqueeze(1)
    corrected = (logits - log_share).masked_fill((known | same) & ~own, -torch.inf)
    surprise = F.cross_entropy(corrected, torch.arange(len(items), device=items.device), reduction="none")
    return (weight * surprise).sum() / weight.sum().clamp(min=1e-9)


def log_inclusion(share: torch.Tensor, rows: int, draws: int) -> torch.Tensor:
    """Logarithm of each item's chance q to be among the items a step looks at, (items,).

    qⱼ = 1 − (1 − shareⱼ)^rows · (1 − 1/items)^draws, for a step that looks at the items of `rows` observed
    pairs and at `draws` items drawn evenly. With logits − log q the softmax over that step's distinct items
    estimates the softmax over all (Yi et al. 2019; the mixture of both draws: Yang et al. 2020, Mixed
    Negative Sampling).

    Args:
        share: (items,) of the observed pairs that are the item's; sums to 1.
        rows: observed pairs in a step.
        draws: items drawn evenly in a step.

    Returns:
        (items,) in nats, at most 0; −27.6 for an item that no step looks at.
    """
    evenly = draws * torch.log1p(torch.tensor(-1.0 / max(len(share), 2)))
    missed = rows * torch.log1p(-share.clamp(max=1 - 1e-6)) + evenly
    return torch.log(-torch.expm1(missed).clamp(max=-1e-12))
