"""Why an item stands in a list: facts that can be checked, never a model's inner weights."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from recommender.data.dataset import SECONDS_PER_DAY, Bools, Dataset, Floats, Ints
from recommender.models.base import popularity

SIMILAR_TO, CATEGORY, TRENDING, NEW, POPULAR = "similar_to", "category", "trending", "new", "popular"
KINDS = (SIMILAR_TO, CATEGORY, TRENDING, NEW, POPULAR)

CLOSE_QUANTILE = 0.97
"""Two items are alike if their likeness is among the largest 3 % of all pairs'."""
SAMPLED_ITEMS = 1_000
"""Pairs of this many items tell what is close."""
CATEGORY_SHARE = 0.3
CATEGORY_LEAST = 2
"""Contributions in a category before it is called the user's."""
RECENT_DAYS = 7.0
TRENDING_SHARE = 0.1
TRENDING_LEAST = 3
"""Backers within RECENT_DAYS before an item is called trending."""


@dataclass(frozen=True)
class Reason:
    kind: str
    item: int = -1
    """The item they backed that `similar_to` names."""


@dataclass(frozen=True)
class Facts:
    """What the data says about items and users, gathered once for all lists."""

    dataset: Dataset
    likeness: Floats
    """(items, items) cosines."""
    close: float
    is_trending: Bools
    is_new: Bools
    is_popular: Bools
    """Backed by more than half of the open items are."""
    backers: Ints
    past: list[Ints]
    """Items each user backed, newest last, by user number."""
    category_counts: Ints
    """(users, categories): contributions."""


def gather_facts(dataset: Dataset, vectors: Floats | None) -> Facts:
    """Facts about everybody. `vectors` (items, dims) say what is alike; without them nothing is."""
    items, users = len(dataset.item_ids), len(dataset.users)
    likeness = _cosines(vectors) if vectors is not None else np.zeros((items, items))
    some = np.linspace(0, items - 1, min(items, SAMPLED_ITEMS)).astype(np.int64)
    upper = likeness[np.ix_(some, some)][np.triu_indices(len(some), 1)]
    close = float(np.quantile(upper, CLOSE_QUANTILE)) if vectors is not None and len(upper) else np.inf
    pairs = dataset.pairs
    recent = pairs.backed.where(pairs.backed.last_time > dataset.now - RECENT_DAYS * SECONDS_PER_DAY)
    lately = popularity(recent, items)
    running = lately[dataset.items.is_open]
    edge = np.quantile(running, 1 - TRENDING_SHARE) if len(running) else np.inf
    starts = np.searchsorted(pairs.backed.user, np.arange(users + 1))
    backers = popularity(pairs, items)
    middle = np.median(backers[dataset.items.is_open]) if dataset.items.is_open.any() else np.inf
    categories = np.zeros((users, len(dataset.categories)), np.int64)
    np.add.at(categories, (pairs.backed.user, dataset.items.category[pairs.backed.item]), 1)
    return Facts(
        dataset,
        likeness,
        close,
        (lately >= max(float(edge), TRENDING_LEAST)),
        dataset.now - dataset.items.created <= RECENT_DAYS * SECONDS_PER_DAY,
        backers > middle,
        backers,
        [pairs.backed.item[a:b] for a, b in pairwise(starts)],
        categories,
    )


def reasons_for(facts: Facts, user: int, items: Ints, *, is_personal: bool) -> list[Reason]:
    """One reason for each item of a user's list.

    The strongest fact wins: close to something the user backed; of a category that holds much of their
    contributions; trending; new; popular. Where none is true, the nearest backed item is named if it is alike
    at all, and else what is left is how many back it. A list that is the same for all never speaks of the
    user.
    """
    past = facts.past[user] if is_personal else np.empty(0, np.int64)
    nearest = _nearest(facts, past, items)
    mine = facts.category_counts[user] if is_personal else np.zeros(facts.category_counts.shape[1], np.int64)
    total = max(int(mine.sum()), 1)
    found = []
    for place, item in enumerate(items):
        near = int(nearest[place])
        category = facts.dataset.items.category[item]
        in_category = int(mine[category]) if category else 0
        if near >= 0 and facts.likeness[near, item] >= facts.close:
            found.append(Reason(SIMILAR_TO, near))
        elif in_category >= CATEGORY_LEAST and in_category / total >= CATEGORY_SHARE:
            found.append(Reason(CATEGORY))
        elif facts.is_trending[item]:
            found.append(Reason(TRENDING))
        elif facts.is_new[item]:
            found.append(Reason(NEW))
        elif facts.is_popular[item]:
            found.append(Reason(POPULAR))
        elif near >= 0 and facts.likeness[near, item] > 0:
            found.append(Reason(SIMILAR_TO, near))
        else:
            found.append(Reason(POPULAR))
    return found


def _nearest(facts: Facts, past: Ints, items: Ints) -> Ints:
    """The past item most like each item, never the item itself; −1 without a past."""
    if not len(past):
        return np.full(len(items), -1)
    likeness = np.where(past[:, None] == items[None, :], -np.inf, facts.likeness[np.ix_(past, items)])
    best = past[likeness.argmax(0)]
    return np.where(np.isfinite(likeness.max(0)), best, -1)


def _cosines(vectors: Floats) -> Floats:
    unit = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
    cosines: Floats = unit @ unit.T
    return cosines
