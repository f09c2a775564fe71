"""Sums over what had happened before a moment, for many moments at once: features without the future."""

from dataclasses import dataclass

import numpy as np

from recommender.data.dataset import Floats, Ints


@dataclass(frozen=True)
class Sums:
    """What each question found. Arrays of one length."""

    count: Ints
    total: Floats
    """(questions, values)."""
    first: Floats
    """Time of the first one; NaN where there was none."""
    last: Floats


class Running:
    """Events by group in order of time, with running totals: a question costs a binary search."""

    def __init__(self, group: Ints, time: Floats, values: Floats | None = None) -> None:
        """`values` is (events, values); without it events are only counted."""
        order = np.lexsort((time, group))
        values = np.zeros((len(group), 0)) if values is None else values
        self._time = time[order]
        self._start = float(time.min()) if len(time) else 0.0
        self._span = float(time.max()) - self._start + 2.0 if len(time) else 2.0
        self._key = self._keys(group[order], self._time)
        self._total = np.concatenate([np.zeros((1, values.shape[1])), np.cumsum(values[order], 0)])

    def before(self, group: Ints, time: Floats) -> Sums:
        """Over the group's events before each time, which itself is left out."""
        low = np.searchsorted(self._key, group * self._span)
        high = np.searchsorted(self._key, self._keys(group, time))
        found = high > low
        times = self._time if len(self._time) else np.full(1, np.nan)
        return Sums(
            high - low,
            self._total[high] - self._total[low],
            np.where(found, times[np.minimum(low, len(times) - 1)], np.nan),
            np.where(found, times[np.maximum(high - 1, 0)], np.nan),
        )

    def _keys(self, group: Ints, time: Floats) -> Floats:
        """(group, time) as single numbers in the same order; whatever is out of the span is at its ends."""
        inside: Floats = np.clip(time - self._start, 0.0, self._span - 1.0)
        keys: Floats = group * self._span + inside
        return keys
