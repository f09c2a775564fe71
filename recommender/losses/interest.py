"""Is what a state says about a user's interest true? The auxiliary loss of an interest extractor.

It is asked of every step, so that states are taught by more than the one answer at the end.
"""

import torch
import torch.nn.functional as F  # noqa: N812 the name everybody knows


def next_interest(
    states: torch.Tensor,
    items: torch.Tensor,
    negatives: torch.Tensor,
    mask: torch.Tensor,
    is_negative: torch.Tensor,
) -> torch.Tensor:
    """−Σ (log σ(hₜ·eₜ₊₁) + log(1 − σ(hₜ·êₜ₊₁))) / number of terms: what came next, against what did not.

    Args:
        states: (rows, steps, dims) h, after each step.
        items: (rows, steps, dims) e, what was backed at each step.
        negatives: (rows, steps, dims) ê, drawn among what the user did not back.
        mask: (rows, steps), true where there is a step; steps begin at the first.
        is_negative: (rows, steps), false where the draw hit something that the user did back.

    Returns:
        A scalar in nats, at least 0; 0, with gradients of 0, where nothing follows anything.

    Source: Zhou et al. 2019, Deep Interest Evolution Network, equation 7, with a product in the place of
    the unnamed scorer.
    """
    before, follows = states[:, :-1], mask[:, 1:]
    liked = (before * items[:, 1:]).sum(-1)
    drawn = (before * negatives[:, 1:]).sum(-1)
    counted = torch.cat([follows, follows & is_negative[:, 1:]])
    surprise = torch.cat([F.softplus(-liked), F.softplus(drawn)])
    return (surprise * counted).sum() / counted.sum().clamp(min=1)


def same_interest(
    states: torch.Tensor, items: torch.Tensor, interested: torch.Tensor, mask: torch.Tensor
) -> torch.Tensor:
    """Mean of −y log σ(hₜ·eₜ) − (1 − y) log(1 − σ(hₜ·eₜ)): was the user interested in this step's own item?

    Args:
        states: (rows, steps, dims) h, after each step.
        items: (rows, steps, dims) e, what the user turned to at each step.
        interested: (rows, steps) y, 1 where they backed it, 0 where they only looked.
        mask: (rows, steps), true where there is a step.

    Returns:
        A scalar in nats, at least 0; 0, with gradients of 0, where there is no step.
    """
    told = (states * items).sum(-1)
    surprise = F.binary_cross_entropy_with_logits(told, interested, reduction="none")
    return (surprise * mask).sum() / mask.sum().clamp(min=1)
