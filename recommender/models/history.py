"""Users' histories as rows of a sparse matrix, handed out densely for a batch of users."""

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from recommender.data.dataset import Floats, Ints, Pairs
from recommender.models.base import Sizes


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

    def contains(self, users: torch.Tensor, items: torch.Tensor) -> torch.Tensor:
        """Whether users know items; the two are broadcast against each other."""
        keys = users * self._items + items
        known = self._keys.to(keys.device)
        if not len(known):
            return torch.zeros_like(keys, dtype=torch.bool)
        at = torch.searchsorted(known, keys.contiguous()).clamp(max=len(known) - 1)
        return known[at] == keys
