"""What each user backed, in order of time: for models that read a history as a sequence."""

from dataclasses import dataclass

import numpy as np
import torch

from recommender.config.model import Sizes
from recommender.data.dataset import Floats, Ints, Pairs


@dataclass(frozen=True)
class Before:
    """The last items of some users before some moments, a row for each."""

    items: torch.Tensor
    """(rows, length) int64, oldest first; 0 after the last one: padding is on the right."""
    mask: torch.Tensor
    """(rows, length), true where there is an item."""


class Sequences:
    """Users' pairs in order of first time; ties keep the order of the pairs."""

    def __init__(self, user: Ints, item: Ints, time: Floats, users: int) -> None:
        order = np.lexsort((time, user))
        self._item, self._time = item[order], time[order]
        self._edges = np.searchsorted(user[order], np.arange(users + 1))

    @classmethod
    def of(cls, pairs: Pairs, sizes: Sizes) -> "Sequences":
        return cls(pairs.user, pairs.item, pairs.first_time, sizes.users)

    def before(self, users: torch.Tensor, times: torch.Tensor, length: int) -> Before:
        """The last `length` items that each user turned to strictly before a moment, on the CPU.

        What happened in the same second is not before: a cart is filled in one go.

        Args:
            users: (rows,) numbers.
            times: (rows,) seconds since 1970; ∞ for all there is.
            length: at most so many items, at least 1.
        """
        rows = users.cpu().numpy()
        begin, end = self._edges[rows], self._edges[rows + 1]
        stop = self._first_not_before(begin, end, times.cpu().numpy())
        count = np.minimum(stop - begin, length)
        places = (stop - count)[:, None] + np.arange(length)
        mask = np.arange(length) < count[:, None]
        items = np.zeros(mask.shape, np.int64)
        items[mask] = self._item[places[mask]]
        return Before(torch.from_numpy(items), torch.from_numpy(mask))

    def _first_not_before(self, begin: Ints, end: Ints, times: Floats) -> Ints:
        """The place in each row's own part where its time would stand, by bisection of all rows at once."""
        low, high = begin.copy(), end.copy()
        while (is_open := low < high).any():
            middle = (low + high) // 2
            is_before = np.zeros(len(low), np.bool_)
            is_before[is_open] = self._time[middle[is_open]] < times[is_open]
            low = np.where(is_before, middle + 1, low)
            high = np.where(is_open & ~is_before, middle, high)
        return low
