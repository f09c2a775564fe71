"""What the hybrid weighs: closed-form scores of one kind each, from what was backed, written and launched.

Most are a user's history times an item-item matrix, of which each column keeps its `KEPT` largest entries.
Histories differ in what they forget: `all` nothing; `recent` halves with every three days before the user's
last contribution, `cart` with every ten minutes; `place` fades by the place from the user's end.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, diags
from scipy.sparse.linalg import eigsh, svds

from recommender.data.context import Context
from recommender.data.dataset import SECONDS_PER_DAY, Floats, Ints
from recommender.data.statistics import popularity, recency_weights
from recommender.models.item_to_item import Matrix, cosine_likeness, ease_weights
from recommender.models.markov import transitions
from recommender.models.tfidf import word_vectors

KEPT = 256
"""Entries kept of each column: memory grows with the items, not with their square."""
NEIGHBOURS_IN_TEXT = 20
LIKE_USERS = 100

ITEM_TO_ITEM = (
    ("ease", "all"), ("ease", "recent"), ("ease", "cart"), ("stiff_ease", "all"), ("fair_ease", "recent"),
    ("near_ease", "all"), ("near_ease", "recent"), ("near_ease", "cart"), ("itemknn", "all"),
    ("itemknn", "place"), ("markov", "place"), ("either_way", "place"), ("same_cart", "cart"),
    ("words", "all"), ("words", "place"), ("meaning", "all"), ("ease_by_words", "all"),
    ("itemknn_by_words", "all"), ("itemknn_by_meaning", "all"), ("place_by_text", "all"),
)  # fmt: skip
"""(matrix, history) of each signal that is a product."""
MATRICES = tuple(dict.fromkeys(matrix for matrix, _ in ITEM_TO_ITEM))
BY_USERS = ("like_users", "like_users_now")
BY_FEATURE = ("publisher", "category")
RECENT_DAYS = (1, 10, 90)
ABOUT_DAYS = (1 / 24, 1, 10, 60)
BY_TIME = (
    "pop",
    *(f"last_{days}_days" for days in RECENT_DAYS),
    *(f"about_{round(days * 24)}_hours" for days in ABOUT_DAYS),
    "ends", "existed", "young", "launched_about", "launched_since", "fresh",
)  # fmt: skip
SIGNALS = (
    *(f"{matrix}/{history}" for matrix, history in ITEM_TO_ITEM), *BY_USERS, *BY_FEATURE, *BY_TIME,
)  # fmt: skip


@dataclass(frozen=True)
class Histories:
    """(users, items) by what they forget, and when each user was last here."""

    by_name: dict[str, csr_matrix]
    last: Floats
    """Seconds since 1970; the context's `now` for users without a contribution."""

    @classmethod
    def of(cls, context: Context) -> "Histories":
        backed = context.pairs.backed
        last = np.full(context.sizes.users, -np.inf)
        np.maximum.at(last, backed.user, backed.first_time)
        last = np.where(np.isfinite(last), last, context.now)
        age = (last[backed.user] - backed.first_time) / SECONDS_PER_DAY
        weights = {
            "all": np.ones(len(backed)),
            "recent": np.exp2(-age / 3.0),
            "cart": np.exp2(-age * 144.0),
            "place": 0.65**backed.places_from_the_end,
        }
        return cls({name: _histories(context, weight) for name, weight in weights.items()}, last)


@dataclass(frozen=True)
class Bound:
    """Matrices beside the context they are asked in."""

    context: Context
    matrices: dict[str, csr_matrix]
    histories: Histories
    backers: Ints

    @classmethod
    def of(cls, context: Context, matrices: dict[str, csr_matrix]) -> "Bound":
        return cls(context, matrices, Histories.of(context), popularity(context.pairs, context.sizes.items))

    def of_users(self, users: Ints, items: Ints) -> dict[str, Matrix]:
        """Each of SIGNALS for these users and items: (users, items)."""
        rows = {name: history[users] for name, history in self.histories.by_name.items()}
        found = {
            f"{matrix}/{history}": _dense(rows[history] @ self.matrices[matrix])
            for matrix, history in ITEM_TO_ITEM
        }
        found |= by_users(self.histories, users)
        found |= by_feature(self.context, self.histories, users)
        found |= by_time(self.context, self.histories, users)
        return {name: found[name][:, items] for name in SIGNALS}

    def is_new(self, users: Ints, items: Ints) -> NDArray[np.bool_]:
        """Whether the user has not backed the item yet: (users, items)."""
        known: NDArray[np.bool_] = self.histories.by_name["all"][users].toarray()[:, items] > 0
        return ~known

    def has_history(self, users: Ints) -> NDArray[np.bool_]:
        """Whether the user has backed anything."""
        backed: NDArray[np.bool_] = np.diff(self.histories.by_name["all"].indptr)[users] > 0
        return backed


def learn_matrices(context: Context) -> Iterator[tuple[str, Matrix]]:
    """The item-item matrices of MATRICES one after the other: (items, items), row → column.

    Sources: ease Steck 2019, itemknn Deshpande and Karypis 2004, transitions Rendle et al. 2010; from text to
    the place of a new item among the old by ridge regression on factors, Gantner et al. 2010.
    """
    if context.vectors is None:
        raise RuntimeError("these signals need text vectors")
    items, backed = context.sizes.items, context.pairs.backed
    backers = popularity(context.pairs, items)
    history = _histories(context, np.ones(len(backed)))
    gram = _dense(history.T @ history)
    words = word_vectors(context.texts)
    meaning = context.vectors.pooled - context.vectors.pooled.mean(0)
    meaning = (meaning / np.maximum(np.linalg.norm(meaning, axis=1, keepdims=True), 1e-9)).astype(np.float32)
    of_words, of_meaning = _without_self(_dense(words @ words.T)), _without_self(meaning @ meaning.T)
    yield "words", of_words
    yield "meaning", of_meaning
    near_in_words = _nearest(of_words, backers > 0)
    near_in_meaning = _nearest(np.maximum(of_meaning, 0.0) ** 4, backers > 0)
    ease = ease_weights(gram, 30.0)
    yield "ease", ease
    yield "ease_by_words", ease @ near_in_words
    del ease
    yield "stiff_ease", ease_weights(gram, 300.0)
    yield "fair_ease", ease_weights(_fair_gram(history), 5.0)
    yield "near_ease", ease_weights(_near_gram(context), 30.0)
    itemknn = cosine_likeness(gram, 10.0)
    yield "itemknn", itemknn
    yield "itemknn_by_words", itemknn @ near_in_words
    yield "itemknn_by_meaning", itemknn @ near_in_meaning
    yield "place_by_text", _place_by_text(itemknn, words, meaning, backers)
    followed = transitions(backed, items, 5)
    yield "markov", _shares(followed)
    yield "either_way", _shares(followed + followed.T)
    together = transitions(backed, items, 5, within=600.0)
    yield "same_cart", _shares(together + together.T)


def keep_largest(matrix: Matrix) -> tuple[torch.Tensor, torch.Tensor]:
    """Rows and values of each column's largest entries by magnitude: (kept, items) int32 and float32."""
    dense = torch.from_numpy(np.ascontiguousarray(matrix))
    rows = dense.abs().topk(kept_entries(len(matrix)), dim=0).indices.sort(dim=0).values
    return rows.int(), dense.gather(0, rows)


def kept_entries(items: int) -> int:
    return min(KEPT, items)


def to_sparse(rows: torch.Tensor, values: torch.Tensor) -> csr_matrix:
    """The (items, items) matrix that `keep_largest` took apart."""
    items = rows.shape[1]
    columns = np.broadcast_to(np.arange(items), rows.shape)
    entries = (values.numpy().ravel(), (rows.numpy().ravel(), columns.ravel()))
    return csr_matrix(entries, shape=(items, items))


def by_users(histories: Histories, users: Ints) -> dict[str, Matrix]:
    """What the most alike users backed, (users, items); `_now`: those here at about the same time.

    Likeness is the cosine of histories in which what everybody backs counts less (Breese et al. 1998).
    """
    everybody = histories.by_name["all"]
    backers = np.maximum(np.asarray(everybody.sum(0)).ravel(), 1.0)
    per_user = np.maximum(np.asarray(everybody.sum(1)).ravel(), 1.0)
    scaled = csr_matrix(diags(per_user**-0.5) @ everybody @ diags(backers**-0.5))
    alike = _dense(scaled[users] @ scaled.T)
    alike[np.arange(len(users)), users] = 0.0
    apart = np.abs(histories.last[users][:, None] - histories.last[None, :]) / SECONDS_PER_DAY
    now = alike * np.exp(-apart / 10.0).astype(np.float32)
    return {
        "like_users": _dense(_most(alike) @ everybody),
        "like_users_now": _dense(_most(now) @ everybody),
    }


def by_feature(context: Context, histories: Histories, users: Ints) -> dict[str, Matrix]:
    """Contributions to the item's publisher and to its category, (users, items); nothing where unknown."""
    found = {}
    for name in BY_FEATURE:
        codes = getattr(context, name).cpu().numpy()
        known = np.flatnonzero(codes)
        groups = csr_matrix(
            (np.ones(len(known), np.float32), (known, codes[known])),
            shape=(len(codes), codes.max(initial=0) + 1),
        )
        found[name] = _dense(histories.by_name["all"][users] @ groups)[:, codes]
    return found


def by_time(context: Context, histories: Histories, users: Ints) -> dict[str, Matrix]:
    """What was backed and launched lately, and about when the user was last here: (users, items)."""
    backed, items = context.pairs.backed, context.sizes.items
    backers = popularity(context.pairs, items)
    last, created = histories.last[users][:, None], context.created.cpu().numpy()
    found: dict[str, NDArray[Any]] = {"pop": np.log1p(backers)}
    for recent in RECENT_DAYS:
        weights = recency_weights(backed.first_time, context.now, recent)
        found[f"last_{recent}_days"] = np.log1p(np.bincount(backed.item, weights, items))
    for days in ABOUT_DAYS:
        found[f"about_{round(days * 24)}_hours"] = np.log1p(_about(context, last[:, 0], days))
    ends = np.bincount(backed.item[backed.places_from_the_end == 0], minlength=items)
    found["ends"] = np.log((ends + 1.0) / (backers + 10.0))
    age = (last - created) / SECONDS_PER_DAY
    found["existed"] = age >= 0
    found["young"] = np.where(age >= 0, np.exp(-np.maximum(age, 0.0) / 30.0), 0.0)
    found["launched_about"] = np.exp(-np.abs(age) / 15.0)
    found["launched_since"] = age < 0
    found["fresh"] = np.exp2(-np.maximum(context.now - created, 0.0) / SECONDS_PER_DAY / 30.0)
    shape = (len(users), items)
    return {name: np.nan_to_num(np.broadcast_to(found[name], shape).astype(np.float32)) for name in BY_TIME}


def word_factors(words: csr_matrix, count: int) -> Matrix:
    """(items, count): the strongest directions of the items' words; fewer where the words span fewer."""
    rank = min(count, min(words.shape) - 1)
    if rank < 1:
        return np.zeros((words.shape[0], 0), np.float32)
    left, values, _ = svds(words.astype(np.float64), k=rank, v0=np.ones(min(words.shape)))
    factors: Matrix = (left * values).astype(np.float32)
    return factors


def _histories(context: Context, weights: Floats) -> csr_matrix:
    backed, sizes = context.pairs.backed, context.sizes
    entries = (weights.astype(np.float32), (backed.user, backed.item))
    return csr_matrix(entries, shape=(sizes.users, sizes.items))


def _dense(matrix: csr_matrix) -> Matrix:
    dense: Matrix = matrix.toarray().astype(np.float32, copy=False)
    return dense


def _without_self(likeness: Matrix) -> Matrix:
    np.fill_diagonal(likeness, 0.0)
    return likeness


def _nearest(likeness: Matrix, has_backers: NDArray[np.bool_]) -> csr_matrix:
    """Columns of weights of each item's nearest items with backers; they sum to less than 1."""
    kept = likeness * has_backers[:, None]
    if len(kept) > NEIGHBOURS_IN_TEXT:
        kept[kept < np.partition(kept, -NEIGHBOURS_IN_TEXT, axis=0)[-NEIGHBOURS_IN_TEXT]] = 0.0
    return csr_matrix(kept / (kept.sum(0, keepdims=True) + 0.3))


def _fair_gram(history: csr_matrix) -> Matrix:
    """Each user shares one vote among the pairs of their items, so that a few do not decide."""
    votes = np.maximum(np.asarray(history.sum(1)).ravel(), 1.0)
    return _dense(history.T @ diags(1.0 / votes) @ history)


def _near_gram(context: Context) -> Matrix:
    """How often two items were backed by one user, less by the days between: Σ exp(−|Δt| / 1 day)."""
    gram = np.zeros((context.sizes.items, context.sizes.items), np.float32)
    backed = context.pairs.backed
    for rows in np.split(np.arange(len(backed)), np.flatnonzero(np.diff(backed.user)) + 1):
        days = backed.first_time[rows] / SECONDS_PER_DAY
        gram[np.ix_(backed.item[rows], backed.item[rows])] += np.exp(-np.abs(days[:, None] - days))
    return gram


def _shares(counts: csr_matrix) -> Matrix:
    totals = np.asarray(counts.sum(1)).ravel()
    return _dense(diags(1.0 / (totals + 3.0)) @ counts)


def _place_by_text(likeness: Matrix, words: csr_matrix, meaning: Matrix, backers: Ints) -> Matrix:
    """Likeness of every item's factors, guessed from its text, to those of the items with backers."""
    rank = min(64, len(likeness) - 1)
    known = backers >= 3
    if rank < 1 or not known.any():
        return np.zeros_like(likeness)
    values, axes = eigsh(likeness.astype(np.float64), k=rank, v0=np.ones(len(likeness)))
    features = np.hstack([meaning, word_factors(words, 100)])
    rows = features[known].astype(np.float64)
    factors = axes * np.sqrt(np.maximum(values, 0.0))
    ridge = np.linalg.solve(rows.T @ rows + 5.0 * np.eye(features.shape[1]), rows.T @ factors[known])
    places: Matrix = (factors @ (features @ ridge).T).astype(np.float32)
    return places


def _most(alike: Matrix) -> csr_matrix:
    if alike.shape[1] > LIKE_USERS:
        alike = np.where(
            alike >= np.partition(alike, -LIKE_USERS, axis=1)[:, -LIKE_USERS, None], alike, np.float32(0)
        )
    return csr_matrix(alike)


def _about(context: Context, moments: Floats, days: float) -> Matrix:
    """Contributions to each item about each moment, less by distance, up to four times `days` away.

    Time is cut into quarters of `days`: (moments, items).
    """
    backed = context.pairs.backed
    if not len(backed):
        return np.zeros((len(moments), context.sizes.items), np.float32)
    step = days * SECONDS_PER_DAY / 4.0
    bins = ((backed.first_time - backed.first_time.min()) / step).astype(np.int64)
    filled, row = np.unique(bins, return_inverse=True)
    counts = csr_matrix(
        (np.ones(len(row), np.float32), (row, backed.item)), shape=(len(filled), context.sizes.items)
    )
    mine = (moments - backed.first_time.min()) / step
    first, end = np.searchsorted(filled, mine - 16.0), np.searchsorted(filled, mine + 16.0)
    width = end - first
    starts = np.concatenate([[0], np.cumsum(width)])
    columns = np.arange(starts[-1]) - np.repeat(starts[:-1] - first, width)
    weights = np.exp(-np.abs(filled[columns] - np.repeat(mine, width)) / 4.0).astype(np.float32)
    kernel = csr_matrix((weights, columns, starts), shape=(len(moments), len(filled)))
    return _dense(kernel @ counts)
