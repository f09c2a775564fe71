"""Why an item stands in a list: facts that can be checked, never a model's inner weights."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch

from recommender.data.dataset import SECONDS_PER_DAY, Bools, Dataset, Floats, Ints
from recommender.data.statistics import popularity

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
    directions: Floats
    """(items, dims) of length 1: their products are cosines. All of them would grow by the square."""
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

    def likeness(self, some: Ints, others: Ints) -> Floats:
        """(some, others) cosines of items."""
        # By torch, which multiplies on as many threads as it was told to; numpy asks for all there are.
        left, right = (torch.from_numpy(self.directions[items]) for items in (some, others))
        cosines: Floats = (left @ right.T).numpy()
        return cosines


def gather_facts(dataset: Dataset, vectors: Floats | None) -> Facts:
    """Facts about everybody. `vectors` (items, dims) say what is alike; without them nothing is."""
    items, users = len(dataset.item_ids), len(dataset.users)
    directions = _unit(vectors) if vectors is not None else np.zeros((items, 1))
    some = np.linspace(0, items - 1, min(items, SAMPLED_ITEMS)).astype(np.int64)
    upper = (directions[some] @ directions[some].T)[np.triu_indices(len(some), 1)]
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
        directions,
        close,
        (lately >= max(float(edge), TRENDING_LEAST)),
        dataset.now - dataset.items.created <= RECENT_DAYS * SECONDS_PER_DAY,
        backers > middle,
        backers,
        [pairs.backed.item[a:b] for a, b in pairwise(starts)],
        categories,
    )


def reasons_for(facts: Facts, user: int, items: Ints, *, is_personal: bool) -> list[Reason]:
    """One reason for each item of a user's list; see `choose_reasons`."""
    users = np.full(len(items), user)
    kinds, named = choose_reasons(facts, users, items, is_personal=is_personal)
    return [Reason(KINDS[kind], item) for kind, item in zip(kinds.tolist(), named.tolist(), strict=True)]


def choose_reasons(facts: Facts, users: Ints, items: Ints, *, is_personal: bool) -> tuple[Ints, Ints]:
    """One reason for each row of a user and an item. Rows of one user stand together.

    The strongest fact wins: close to something the user backed; of a category that holds much of their
    contributions; trending; new; popular. Where none is true, the nearest backed item is named if it is alike
    at all, and else what is left is how many back it. A list that is the same for all never speaks of the
    user.

    Returns:
        The kinds as numbers into KINDS and the backed items that `similar_to` names, −1 for other kinds; both
        (rows,).
    """
    near, likeness = np.full(len(items), -1), np.full(len(items), -np.inf)
    in_category, share = np.zeros(len(items), np.int64), np.zeros(len(items))
    if is_personal:
        _find_nearest(facts, users, items, near, likeness)
        category = facts.dataset.items.category[items]
        in_category = np.where(category > 0, facts.category_counts[users, category], 0)
        share = in_category / np.maximum(facts.category_counts.sum(1), 1)[users]
    found = [
        (SIMILAR_TO, likeness >= facts.close),
        (CATEGORY, (in_category >= CATEGORY_LEAST) & (share >= CATEGORY_SHARE)),
        (TRENDING, facts.is_trending[items]),
        (NEW, facts.is_new[items]),
        (POPULAR, facts.is_popular[items]),
        (SIMILAR_TO, likeness > 0),
    ]
    kinds = np.select(
        [holds for _, holds in found], [KINDS.index(kind) for kind, _ in found], KINDS.index(POPULAR)
    )
    return kinds, np.where(kinds == KINDS.index(SIMILAR_TO), near, -1)


def _find_nearest(facts: Facts, users: Ints, items: Ints, near: Ints, likeness: Floats) -> None:
    """Fill in the user's past item most like each item, never the item itself, and how much it is."""
    edges = np.flatnonzero(np.diff(users, prepend=-1, append=-1))
    for start, stop in pairwise(edges.tolist()):
        past, mine = facts.past[users[start]], items[start:stop]
        if not len(past):
            continue
        cosines = facts.likeness(past, mine)
        cosines[past[:, None] == mine] = -np.inf
        best = cosines.argmax(0)
        likeness[start:stop] = cosines[best, np.arange(len(mine))]
        near[start:stop] = np.where(np.isfinite(likeness[start:stop]), past[best], -1)


def _unit(vectors: Floats) -> Floats:
    unit: Floats = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
    return unit
