"""Who is it that liked this item?"""

import torch
import torch.nn.functional as F  # noqa: N812 the name everybody knows


def user_cross_entropy(
    logits: torch.Tensor, row_item: torch.Tensor, user: torch.Tensor, weight: torch.Tensor
) -> torch.Tensor:
    """Σ w · (−log softmax(logits of the row's item)[user]) / Σ w.

    Args:
        logits: (items, users), one row for each distinct item.
        row_item: (rows,) into them.
        user: (rows,) the true user, a column of the logits.
        weight: (rows,), 0 to 1; how much each row counts.

    Returns:
        A scalar in nats, at least 0.

    Source: the users head of ChainFund as it was published, taught the user instead of the publisher.
    """
    surprise = -F.log_softmax(logits, 1)[row_item, user]
    return (weight * surprise).sum() / weight.sum().clamp(min=1e-9)
