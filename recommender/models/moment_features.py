"""Numbers about a user, an item and a moment, from what had happened strictly before it."""

import numpy as np
import torch

from recommender.data.as_of import Running
from recommender.data.dataset import SECONDS_PER_DAY, Floats, Pairs

RECENT_DAYS = (1.0, 7.0, 30.0)
NAMES = ("backers", *(f"backers_{days:g}_days" for days in RECENT_DAYS), "age", "history", "away")


class MomentFeatures:
    """log(1 + x) of each of NAMES, in their order.

    An item's backers, those of its last days, its days since the first of them; a user's contributions and
    their days since the last of them. Days are 0 where there was none.
    """

    def __init__(self, backed: Pairs) -> None:
        """`backed`: pairs by when they were backed."""
        self._of_items = Running(backed.item, backed.first_time)
        self._of_users = Running(backed.user, backed.first_time)

    def of(self, users: torch.Tensor, items: torch.Tensor, times: torch.Tensor) -> torch.Tensor:
        """(rows, targets, NAMES) float32 on the CPU.

        Args:
            users: (rows,) numbers.
            items: (rows, targets) numbers.
            times: (rows,) seconds since 1970.
        """
        rows, targets = items.shape
        moments = times.cpu().numpy()
        each, of_row = items.cpu().numpy().ravel(), np.repeat(moments, targets)
        now = self._of_items.before(each, of_row)
        backers = [now.count.astype(np.float64)]
        for days in RECENT_DAYS:
            earlier = self._of_items.before(each, of_row - days * SECONDS_PER_DAY)
            backers.append((now.count - earlier.count).astype(np.float64))
        mine = self._of_users.before(users.cpu().numpy(), moments)
        of_users = [mine.count.astype(np.float64), _days(moments - mine.last)]
        columns = [*backers, _days(of_row - now.first), *(np.repeat(x, targets) for x in of_users)]
        found = np.log1p(np.stack(columns, 1)).astype(np.float32)
        return torch.from_numpy(found).view(rows, targets, len(NAMES))


def _days(seconds: Floats) -> Floats:
    return np.nan_to_num(seconds) / SECONDS_PER_DAY
