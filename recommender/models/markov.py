"""`markov`: what usually follows what the user backed last; carts are filled in one go."""

from typing import ClassVar

import numpy as np
from pydantic import Field
from scipy.sparse import csr_matrix

from recommender.config.model import ModelConfig
from recommender.config.search_space import OneOf, Real, SearchSpace, Whole
from recommender.data.context import Context
from recommender.data.dataset import Pairs
from recommender.data.history import History
from recommender.models.item_to_item import ItemToItem, Matrix


class MarkovConfig(ModelConfig):
    reach: int = Field(5, ge=1)
    """Contributions up to so many steps later count as following, 1/d at d steps."""
    fading: float = Field(0.65, ge=0, le=1)
    """What a contribution weighs beside the one after it; 0: only the last one counts."""
    shrink: float = Field(3.0, ge=0)
    """Added to the denominator, so that what followed rarely counts less."""
    both_ways: bool = True
    """What came before counts like what came after: within a cart the order is chance."""


class Markov(ItemToItem):
    """S(j, i) = n(j → i) / (Σᵢ n(j → i) + shrink), and h(u, j) = fading^(place of j from the user's end).

    Source: the item-to-item transitions of Rendle et al. 2010 (FPMC), without factors and over some steps.
    """

    name = "markov"
    config_type = MarkovConfig
    search_space: ClassVar[SearchSpace] = {
        "reach": Whole(1, 20, log=True),
        "fading": Real(0.0, 1.0),
        "shrink": Real(0.1, 100.0, log=True),
        "both_ways": OneOf((True, False)),
    }

    def history_of(self, context: Context) -> History:
        backed = context.pairs.backed
        return History.of(backed, self.config.fading ** backed.places_from_the_end.astype(float), self.sizes)

    def learn(self, history: csr_matrix, context: Context) -> Matrix:
        settings = self.config
        counts = transitions(context.pairs.backed, self.sizes.items, settings.reach)
        if settings.both_ways:
            counts = counts + counts.T
        followers = np.asarray(counts.sum(1)).ravel()
        likely = counts.multiply(1.0 / (followers + settings.shrink + 1e-9)[:, None])
        dense: Matrix = likely.toarray().astype(np.float32)
        return dense


def transitions(backed: Pairs, items: int, reach: int, within: float = np.inf) -> csr_matrix:
    """(items, items): how often a user backed the column after the row; 1/d at d steps, d ≤ reach.

    `within`: only pairs so many seconds apart at most count.
    """
    order = np.lexsort((backed.first_time, backed.user))
    user, item, time = backed.user[order], backed.item[order], backed.first_time[order]
    counts = csr_matrix((items, items))
    for step in range(1, min(reach, len(user) - 1) + 1):
        same = (user[:-step] == user[step:]) & (time[step:] - time[:-step] <= within)
        before, after = item[:-step][same], item[step:][same]
        counts += csr_matrix((np.full(len(before), 1.0 / step), (before, after)), shape=(items, items))
    return counts
