"""Multi-head attention of a text's tokens among themselves."""

import torch
import torch.nn.functional as F  # noqa: N812 the name everybody knows
from torch import nn


class MultiHeadAttention(nn.Module):
    """softmax(QKᵀ / √d_k) V in parallel heads, whose outputs stand side by side (Vaswani et al. 2017)."""

    def __init__(self, inputs: int, heads: int, head_dims: int) -> None:
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(inputs, heads * head_dims)
        self.key = nn.Linear(inputs, heads * head_dims)
        self.value = nn.Linear(inputs, heads * head_dims)

    def forward(self, tokens: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """(texts, tokens, inputs) and a mask, true at tokens, to (texts, tokens, heads · head_dims)."""
        texts, length, _ = tokens.shape
        query, key, value = (
            layer(tokens).view(texts, length, self.heads, -1).transpose(1, 2)
            for layer in (self.query, self.key, self.value)
        )
        attended = F.scaled_dot_product_attention(query, key, value, attn_mask=mask[:, None, None, :])
        return attended.transpose(1, 2).reshape(texts, length, -1)


def masked_mean(states: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """(texts, tokens, dims) to (texts, dims), over the tokens only."""
    kept = mask.unsqueeze(-1).to(states.dtype)
    return (states * kept).sum(1) / kept.sum(1).clamp(min=1)
