"""What each user backed, in order of time: for models that read a history as a sequence."""

from dataclasses import dataclass

import numpy as np
import torch

from recommender.config.model import Sizes
from recommender.data.dataset import Pairs


@dataclass(frozen=True)
class Before:
    """The last items of some users before some moments, a row for each."""

    items: torch.Tensor
    """(rows, length) int64, oldest first; 0 after the last one."""
    mask: torch.Tensor
    """(rows, length), true where there is an item: padding is on the right."""


class Sequences:
    """Users' pairs in order of first time; ties keep the order of the pairs."""

    def __init__(self, user: np.ndarray, item: np.ndarray, time: np.ndarray, users: int) -> None:
        order = np.lexsort((time, user))
        self._item = torch.from_numpy(item[order])
        self._time = torch.from_numpy(time[order])
        self._start = torch.from_numpy(np.searchsorted(user[order], np.arange(users + 1)))

    @classmethod
    def of(cls, pairs: Pairs, sizes: Sizes) -> "Sequences":
        return cls(pairs.user, pairs.item, pairs.first_time, sizes.users)

    def before(self, users: torch.Tensor, times: torch.Tensor, length: int) -> Before:
        """What each user turned to strictly before a moment, the last `length` of it."""
        users, times = users.cpu(), times.cpu()
        begin, end = self._start[users], self._start[users + 1]
        rows = [
            int(torch.searchsorted(self._time[b:e], t)) for b, e, t in zip(begin, end, times, strict=True)
        ]
        stop = begin + torch.tensor(rows, dtype=torch.int64)
        count = (stop - begin).clamp(max=length)
        places = (stop - count).unsqueeze(1) + torch.arange(length)
        mask = torch.arange(length) < count.unsqueeze(1)
        items = self._item[places.clamp(max=max(len(self._item) - 1, 0))] if len(self._item) else places * 0
        return Before(torch.where(mask, items, 0), mask)
