"""Reads texts: token embeddings → multi-head attention → mean → FC + leaky ReLU = the content feature."""

import torch
import torch.nn.functional as F  # noqa: N812 the name everybody knows
from torch import nn

from recommender.models.attention import MultiHeadAttention, masked_mean
from recommender.models.text_pca import principal_axes, token_spread
from recommender.text.cache import TextVectors, project

TEXTS_TOGETHER = 128
"""Texts of similar length that are read at once: padding all to the longest would cost several times more."""


class ContentReader(nn.Module):
    """Content features of items from the token vectors a frozen encoder gave once.

    Without attention the feature is FC + leaky ReLU of the tokens' mean.
    """

    def __init__(
        self,
        text_dims: int,
        token_dims: int,
        heads: int,
        head_dims: int,
        outputs: int,
        *,
        max_tokens: int,
        dropout: float,
        has_attention: bool,
    ) -> None:
        super().__init__()
        self.max_tokens = max_tokens
        self.attention = MultiHeadAttention(token_dims, heads, head_dims) if has_attention else None
        self.layer = nn.Linear(heads * head_dims if has_attention else token_dims, outputs)
        self.dropout = nn.Dropout(dropout)
        self.register_buffer("token_mean", torch.zeros(text_dims))
        self.register_buffer("token_basis", torch.zeros(text_dims, token_dims))
        self.token_mean: torch.Tensor
        self.token_basis: torch.Tensor
        self._tokens = torch.zeros(0)
        self._lengths = torch.zeros(0, dtype=torch.int64)

    def fit(self, vectors: TextVectors) -> None:
        """Find the tokens' principal axes, unless a warm start brought some."""
        if self.token_basis.any():
            return
        mean, basis = principal_axes(vectors, self.token_basis.shape[1], of_tokens=True)
        # Unit variance overall keeps the attention's first logits small.
        self.token_mean, self.token_basis = mean, basis / max(token_spread(vectors), 1e-6)

    def bind(self, vectors: TextVectors) -> None:
        """Take the texts to read: rotated once, where the weights are."""
        tokens, mask = project(vectors.tokens, self.token_mean.cpu(), self.token_basis.cpu(), self.max_tokens)
        self._tokens = tokens.to(self.token_mean.device)
        # On the CPU: how far to read is decided here, without waiting for the device.
        self._lengths = mask.sum(1)

    def forward(self, items: torch.Tensor) -> torch.Tensor:
        """(items, outputs)."""
        numbers = items.cpu()
        order = torch.argsort(self._lengths[numbers], stable=True)
        read = [self._read(part) for part in torch.split(numbers[order], TEXTS_TOGETHER)]
        back = torch.empty_like(order)
        back[order] = torch.arange(len(order))
        return torch.cat(read)[back.to(items.device)]

    def _read(self, items: torch.Tensor) -> torch.Tensor:
        """The same of a few texts that are all padded to the longest of them."""
        lengths = self._lengths[items]
        longest = max(int(lengths.max()), 1)
        mask = (torch.arange(longest) < lengths.unsqueeze(1)).to(self._tokens.device)
        tokens = self._tokens[items.to(self._tokens.device), :longest]
        states = self.attention(tokens, mask) if self.attention else tokens
        return F.leaky_relu(self.layer(self.dropout(masked_mean(states, mask))))
