"""How amounts are read as ratings: what collaborative filtering by explicit feedback learns from.

Where people gave stars, the stars are the amounts. On a platform for money the rating of a pair is the bucket
that the log of its amount falls into: 1 for the smallest fifth of all amounts, 5 for the largest. It says how
much somebody gave, not whether they would: who gave nothing has no rating.
"""

from dataclasses import dataclass

import numpy as np

from recommender.data.dataset import Floats, Pairs

LEVELS = 5
MOST_STARS = 10
"""Amounts with at most so many different values are ratings themselves."""


@dataclass(frozen=True)
class RatingScale:
    """How an amount becomes a rating."""

    edges: Floats
    """(LEVELS − 1,) logs of amounts, ascending; (0,) where the amounts are ratings themselves."""
    lowest: float
    highest: float

    @classmethod
    def of(cls, pairs: Pairs) -> "RatingScale":
        """Of the pairs that have an amount. Without any, ratings go from 1 to LEVELS and nobody gave one."""
        amounts = rated(pairs).amount
        stars = np.unique(amounts)
        if not len(stars):
            return cls(np.zeros(LEVELS - 1), 1.0, float(LEVELS))
        if len(stars) <= MOST_STARS:
            return cls(np.zeros(0), float(stars[0]), float(stars[-1]))
        edges = np.quantile(np.log(amounts), np.arange(1, LEVELS) / LEVELS)
        return cls(edges, 1.0, float(LEVELS))

    @property
    def told(self) -> str:
        """What the rating is, for people."""
        if self.are_amounts:
            return f"the amount itself, {self.lowest:g} to {self.highest:g}"
        edges = ", ".join(f"{edge:.3g}" for edge in np.exp(self.edges))
        return f"the bucket of the amount, 1 to {LEVELS}, with edges at {edges}"

    @property
    def are_amounts(self) -> bool:
        return not len(self.edges)

    def ratings(self, amounts: Floats) -> Floats:
        """Of amounts above 0, (amounts,); an amount on an edge belongs to the upper bucket."""
        if self.are_amounts:
            return amounts.astype(np.float64)
        return 1.0 + np.searchsorted(self.edges, np.log(amounts), side="right").astype(np.float64)


def rated(pairs: Pairs) -> Pairs:
    """The backed pairs whose amount is known."""
    return pairs.where(pairs.contributed & (pairs.amount > 0))
