"""Users' histories as rows of a sparse matrix, handed out densely for a batch of users."""

from dataclasses import dataclass, replace

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 the name everybody knows
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from recommender.config.model import Sizes
from recommender.data.dataset import Floats, Ints, Pairs


@dataclass(frozen=True)
class Entries:
    """What some users did, entry by entry: what costs as much as there is of it, not users by items."""

    row: torch.Tensor
    """Of each entry, the place of its user among those asked for."""
    item: torch.Tensor
    weight: torch.Tensor
    starts: torch.Tensor
    """(users,) where each user's entries begin."""

    def without(self, items: torch.Tensor) -> "Entries":
        """The same with no weight on one item of each user: `items` is (users,)."""
        return replace(self, weight=self.weight.masked_fill(self.item == items[self.row], 0.0))

    def mean(self, vectors: torch.Tensor) -> torch.Tensor:
        """Σ weight · vector / Σ weight over all items' vectors, (users, dims); 0 where there is nothing."""
        total = torch.zeros(len(self.starts), device=vectors.device).index_add(0, self.row, self.weight)
        pooled = F.embedding_bag(
            self.item, vectors, self.starts, mode="sum", per_sample_weights=self.weight.to(vectors.dtype)
        )
        return pooled / total.clamp(min=1e-6).unsqueeze(1)

    def among(self, items: torch.Tensor, count: int) -> torch.Tensor:
        """Whether each user has each of the distinct `items`, of `count` in all: (users, items)."""
        place = torch.full((count,), -1, device=items.device)
        place[items] = torch.arange(len(items), device=items.device)
        column = place[self.item]
        found = torch.zeros(len(self.starts), len(items), dtype=torch.bool, device=items.device)
        found[self.row[column >= 0], column[column >= 0]] = True
        return found


class History:
    """(users, items): how much each user showed for each item."""

    def __init__(self, user: Ints, item: Ints, weights: Floats, shape: tuple[int, int]) -> None:
        kept = weights > 0
        user, item = user[kept], item[kept]
        self.matrix: csr_matrix = csr_matrix((weights[kept].astype(np.float32), (user, item)), shape=shape)
        # (user, item) pairs as single sorted numbers: membership of many is one binary search.
        self._items = shape[1]
        self._keys = torch.from_numpy(np.sort(user * self._items + item))

    @classmethod
    def of(cls, pairs: Pairs, weights: Floats, sizes: Sizes) -> "History":
        """Of what the pairs hold."""
        return cls(pairs.user, pairs.item, weights, (sizes.users, sizes.items))

    def rows(self, users: torch.Tensor) -> torch.Tensor:
        """The given users' rows: (users, items) float32, on the users' device."""
        dense: NDArray[np.float32] = self.matrix[users.cpu().numpy()].toarray()
        return torch.from_numpy(dense).to(users.device)

    def entries(self, users: torch.Tensor) -> Entries:
        """The given users' entries, on the users' device."""
        rows = self.matrix[users.cpu().numpy()]
        counts = np.diff(rows.indptr)
        arrays = np.repeat(np.arange(len(counts)), counts), rows.indices, rows.data, rows.indptr[:-1]
        row, item, weight, starts = (torch.from_numpy(a).to(users.device) for a in arrays)
        return Entries(row, item.long(), weight, starts.long())

    def contains(self, users: torch.Tensor, items: torch.Tensor) -> torch.Tensor:
        """Whether users know items; the two are broadcast against each other."""
        keys = users * self._items + items
        known = self._keys.to(keys.device)
        if not len(known):
            return torch.zeros_like(keys, dtype=torch.bool)
        at = torch.searchsorted(known, keys.contiguous()).clamp(max=len(known) - 1)
        return known[at] == keys
