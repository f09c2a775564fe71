"""The network of `pfcr`: items by their codes, sequences by self-attention, a domain by its prompt."""

import torch
import torch.nn.functional as F  # noqa: N812 the name everybody knows
from torch import nn

IGNORED = -100
"""What `F.cross_entropy` leaves out."""


class CodeEmbedding(nn.Module):
    """v_i = 1/M Σ_m E[m, c_im]: the mean of an item's M code embeddings (Hou et al. 2023, VQ-Rec)."""

    def __init__(self, groups: int, centroids: int, dims: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(groups, centroids, dims) * 0.05 * groups**0.5)

    def forward(self, codes: torch.Tensor) -> torch.Tensor:
        """(items, groups) codes to (items, dims)."""
        groups = torch.arange(self.weight.shape[0], device=codes.device)
        return self.weight[groups, codes].mean(1)


class SelfAttentionLayer(nn.Module):
    """h ← LN(h + MH(h)); h ← LN(h + FFN(h)) with FFN(x) = W₂ GELU(W₁x + b₁) + b₂ at each position.

    Each position looks at itself and at those before it. Sources: Vaswani et al. 2017; Kang and McAuley 2018.
    """

    def __init__(self, dims: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.queries_keys_values = nn.Linear(dims, 3 * dims)
        self.output = nn.Linear(dims, dims)
        self.attention_norm = nn.LayerNorm(dims)
        self.forward_layers = nn.Sequential(nn.Linear(dims, 4 * dims), nn.GELU(), nn.Linear(4 * dims, dims))
        self.forward_norm = nn.LayerNorm(dims)
        self.dropout = nn.Dropout(dropout)

    def forward(self, states: torch.Tensor) -> torch.Tensor:
        """(sequences, positions, dims) to the same shape."""
        sequences, positions, dims = states.shape
        parts = self.queries_keys_values(states).view(sequences, positions, 3, self.heads, dims // self.heads)
        query, key, value = parts.permute(2, 0, 3, 1, 4)
        attended = F.scaled_dot_product_attention(query, key, value, is_causal=True)
        joined = attended.transpose(1, 2).reshape(sequences, positions, dims)
        states = self.attention_norm(states + self.dropout(self.output(joined)))
        normed: torch.Tensor = self.forward_norm(states + self.dropout(self.forward_layers(states)))
        return normed


class DomainPrompt(nn.Module):
    """s + MA(P) with MA(P) = [head_1; …; head_n] W^O, head_k = softmax(s W^Q_k (P W^K_k)ᵀ / √d_k) P W^V_k.

    P are learnable context words of the domain, and the sequence's state s is the query: what the domain adds
    to what it has in common with others depends on whose sequence it is. W^O begins at zero: a new prompt
    changes nothing.
    """

    def __init__(self, words: int, dims: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.words = nn.Parameter(torch.randn(words, dims) * 0.1)
        self.query = nn.Linear(dims, dims, bias=False)
        self.key = nn.Linear(dims, dims, bias=False)
        self.value = nn.Linear(dims, dims, bias=False)
        self.output = nn.Linear(dims, dims, bias=False)
        nn.init.zeros_(self.output.weight)

    def forward(self, states: torch.Tensor) -> torch.Tensor:
        """(…, dims) states to the same shape."""
        flat = states.reshape(1, -1, states.shape[-1])
        query = self.query(flat).unflatten(-1, (self.heads, -1)).transpose(1, 2)
        key, value = (
            layer(self.words).unsqueeze(0).unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for layer in (self.key, self.value)
        )
        attended = F.scaled_dot_product_attention(query, key, value)
        added: torch.Tensor = self.output(attended.transpose(1, 2).reshape(states.shape))
        return states + added


class SequenceNetwork(nn.Module):
    """h⁰_j = v_i + p_j, then layers of self-attention; a state's product with v_i says how likely i is next.

    A learnt vector stands before the first item: its state is that of somebody who has backed nothing yet.
    """

    def __init__(
        self,
        *,
        groups: int,
        centroids: int,
        dims: int,
        heads: int,
        layers: int,
        length: int,
        words: int,
        dropout: float,
        temperature: float,
    ) -> None:
        super().__init__()
        self.length = length
        self.temperature = temperature
        self.codes = CodeEmbedding(groups, centroids, dims)
        self.start = nn.Parameter(torch.randn(dims) * 0.05)
        self.positions = nn.Parameter(torch.randn(length + 1, dims) * 0.05)
        self.input_norm = nn.LayerNorm(dims)
        self.input_dropout = nn.Dropout(dropout)
        self.layers = nn.ModuleList([SelfAttentionLayer(dims, heads, dropout) for _ in range(layers)])
        self.prompt = DomainPrompt(words, dims, heads) if words else nn.Identity()

    def states(self, vectors: torch.Tensor, sequences: torch.Tensor) -> torch.Tensor:
        """The state after each number of items, from none to all: (sequences, length + 1, dims).

        Args:
            vectors: (items, dims), of `codes`.
            sequences: (sequences, length) item numbers, oldest first, −1 after the last one.
        """
        items = vectors[sequences.clamp(min=0)]
        begun = torch.cat([self.start.expand(len(sequences), 1, -1), items], 1)
        states = self.input_dropout(self.input_norm(begun + self.positions[: begun.shape[1]]))
        for layer in self.layers:
            states = layer(states)
        return F.normalize(self.prompt(states), dim=-1)

    def logits(self, states: torch.Tensor, vectors: torch.Tensor) -> torch.Tensor:
        """(…, dims) states of length 1 and (items, dims) to (…, items): cosines over the temperature."""
        return states @ F.normalize(vectors, dim=-1).T / self.temperature

    def forward(self, codes: torch.Tensor, sequences: torch.Tensor) -> torch.Tensor:
        """Each person's loss, (sequences,): the mean over their items of −log softmax of the next one.

        Nobody is asked to tell what they backed at another time from what they backed next: their other items
        take no part. A person without items has a loss of 0.

        Args:
            codes: (items, groups) of all items of the domain.
            sequences: see `states`; the items of one person are distinct.
        """
        vectors = self.codes(codes)
        logits = self.logits(self.states(vectors, sequences)[:, :-1], vectors)
        is_there = sequences >= 0
        # One column more than there are items takes the places after the last one.
        backed = torch.zeros(len(sequences), len(codes) + 1, dtype=torch.bool, device=codes.device)
        backed = backed.scatter(1, torch.where(is_there, sequences, len(codes)), value=True)[:, :-1]
        numbers = torch.arange(len(codes), device=codes.device)
        others = backed.unsqueeze(1) & (numbers != sequences.unsqueeze(-1))
        surprise = F.cross_entropy(
            logits.masked_fill(others, -torch.inf).transpose(1, 2),
            torch.where(is_there, sequences, IGNORED),
            ignore_index=IGNORED,
            reduction="none",
        )
        # A place after the last one has no target: its loss is 0, and so is its gradient.
        return surprise.sum(1) / is_there.sum(1).clamp(min=1)
