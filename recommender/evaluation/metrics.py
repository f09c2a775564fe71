"""Ranking metrics from the ranks of the wanted items; everything at once, no loop over users.

Ranking is always full: a wanted item is ranked among all candidates, none sampled (Krichene and Rendle 2020).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch

from recommender.data.dataset import Bools, Floats, Ints, Pairs
from recommender.data.history import History
from recommender.errors import RecommenderError
from recommender.evaluation.scorer import Scorer, device_of

CUTOFFS = (10, 20)
METRICS = (*(f"{name}@{k}" for k in CUTOFFS for name in ("ndcg", "recall", "hr")), "mrr")
TOP = 10
"""Length of the lists whose variety and chances are measured."""
DECIDING = "ndcg@10"
"""What settings are chosen by, and models judged by."""

CELLS_PER_BLOCK = 8_000_000
"""Scores held at a time."""


@dataclass(frozen=True)
class Targets:
    """What each user is known to have wanted: rows sorted by user."""

    user: Ints
    item: Ints
    time: Floats
    """When they turned to it; seconds since 1970."""

    def __len__(self) -> int:
        return len(self.user)

    def where(self, mask: Bools) -> "Targets":
        return Targets(self.user[mask], self.item[mask], self.time[mask])


@dataclass(frozen=True)
class Windows:
    """When each item could be backed."""

    opened: torch.Tensor
    closed: torch.Tensor

    def open_at(self, times: Floats, items: Ints) -> torch.Tensor:
        """(times, items)."""
        moments, chosen = torch.from_numpy(times).unsqueeze(1), torch.from_numpy(items)
        return (self.opened[chosen] <= moments) & (moments < self.closed[chosen])


@dataclass(frozen=True)
class Ranks:
    """Where the wanted items came, and the first ten for each user."""

    targets: Targets
    rank: Ints
    """Of each target, from 1."""
    auc: Floats
    """Of each target against the candidates its user did not want; NaN where they wanted all."""
    users: Ints
    """The users asked for, ascending."""
    top: Ints
    """(users, 10) item numbers."""
    chance: Floats | None = None
    """(users, 10): how likely the model says each of them is; None if its scores are no logits."""


def score_blocks(
    model: Scorer, users: Ints, candidates: Ints, seen: History
) -> Iterator[tuple[slice, torch.Tensor]]:
    """Scores of blocks of users for all candidates, −∞ where the user has seen the item.

    Args:
        model: bound to what it scores.
        users: numbers of users, in any order.
        candidates: numbers of items, each once.
        seen: what is not to be ranked.

    Yields:
        Which of `users` are in the block, and (those, candidates) float32 on the CPU.

    Raises:
        RecommenderError: the model gave a score that is not a number.
    """
    step = max(CELLS_PER_BLOCK // max(len(candidates), 1), 1)
    items = torch.from_numpy(candidates)
    device = device_of(model)
    for start in range(0, len(users), step):
        block = slice(start, min(start + step, len(users)))
        chosen = torch.from_numpy(users[block])
        with torch.inference_mode():
            scores = model.score(chosen.to(device), items.to(device)).float().cpu()
        if not torch.isfinite(scores).all():
            raise RecommenderError(f"{model.name} gave scores that are not finite: train it again")
        yield block, scores.masked_fill(seen.rows(chosen)[:, items] > 0, -torch.inf)


def top_k(scores: torch.Tensor, k: int) -> tuple[torch.Tensor, torch.Tensor]:
    """The k best of each row, exactly: higher scores first, lower columns first among equals.

    Returns:
        (values, columns), both (rows, min(k, columns)).
    """
    k = min(k, scores.shape[1])
    values, columns = torch.topk(scores, k, sorted=True)
    # topk breaks ties as it likes: rows with a tie at the edge are sorted wholly.
    edge = values[:, -1:]
    tied = (scores >= edge).sum(1) > k
    if tied.any():
        rows = tied.nonzero().squeeze(1)
        order = torch.argsort(scores[rows], dim=1, descending=True, stable=True)[:, :k]
        columns[rows] = order
        values[rows] = scores[rows].gather(1, order)
    by_column = torch.argsort(columns, dim=1)
    values, columns = values.gather(1, by_column), columns.gather(1, by_column)
    by_value = torch.argsort(values, dim=1, descending=True, stable=True)
    return values.gather(1, by_value), columns.gather(1, by_value)


def rank_targets(
    model: Scorer, targets: Targets, candidates: Ints, seen: Pairs, windows: Windows | None = None
) -> Ranks:
    """Rank all candidates for each user with a target; what the user backed before is left out.

    With `windows`, each target is ranked among the candidates that were open at its time (and itself), and
    the user's list has those open at their last target's. Among equal scores the lower item number comes
    first.

    Args:
        model: bound to what was known before the targets.
        targets: what was wanted, rows sorted by user; all of the items are candidates.
        candidates: numbers of items, ascending.
        seen: backed before: ranked for nobody who has it.
        windows: when each item was open, by item number.

    Raises:
        RecommenderError: a target is not among the candidates, or the model gave a score that is no number.
    """
    users, row_of = np.unique(targets.user, return_inverse=True)
    column_of = np.full(model.sizes.items, -1)
    column_of[candidates] = np.arange(len(candidates))
    column = column_of[targets.item]
    if (column < 0).any():
        raise RecommenderError("a target is not among the candidates")
    history = History.of(seen, np.ones(len(seen)), model.sizes)
    rank, auc = np.zeros(len(targets), np.int64), np.zeros(len(targets))
    chance = np.zeros((len(users), min(TOP, len(candidates)))) if model.scores_are_logits else None
    top = np.zeros((len(users), min(TOP, len(candidates))), np.int64)
    places = torch.arange(len(candidates))
    last = np.full(len(users), -np.inf)
    np.maximum.at(last, row_of, targets.time)
    for block, scores in score_blocks(model, users, candidates, history):
        rows = np.flatnonzero((row_of >= block.start) & (row_of < block.stop))
        wanted = torch.zeros_like(scores, dtype=torch.bool)
        wanted[torch.from_numpy(row_of[rows] - block.start), torch.from_numpy(column[rows])] = True
        for part in np.array_split(rows, max(1, len(rows) * len(candidates) // CELLS_PER_BLOCK)):
            mine = scores[torch.from_numpy(row_of[part] - block.start)]
            at = torch.from_numpy(column[part]).unsqueeze(1)
            own = mine.gather(1, at)
            if windows:
                mine = mine.masked_fill(~windows.open_at(targets.time[part], candidates), -torch.inf)
            ahead, level = mine > own, mine == own
            rank[part] = (ahead.sum(1) + (level & (places < at)).sum(1)).numpy() + 1
            others = ~wanted[torch.from_numpy(row_of[part] - block.start)] & (mine > -torch.inf)
            before = (ahead & others).sum(1) + 0.5 * (level & others).sum(1)
            # None there: 0 / 0 is NaN, as it should be.
            auc[part] = 1.0 - (before / others.sum(1)).numpy()
        if windows:
            scores = scores.masked_fill(~windows.open_at(last[block], candidates), -torch.inf)
        columns = top_k(scores, TOP)[1]
        top[block] = candidates[columns.numpy()]
        if chance is not None:
            chance[block] = torch.softmax(scores.double(), dim=1).gather(1, columns).numpy()
    return Ranks(targets, rank, auc, users, top, chance)


@dataclass(frozen=True)
class UserRanks:
    """The ranks of each user's wanted items: what metrics with one value a user are made of."""

    row: Ints
    """(targets,): the place of each target's user among the users."""
    rank: Ints
    """(targets,): of each target among all candidates, from 1."""
    users: int

    @cached_property
    def wanted(self) -> Floats:
        """(users,): how many items each wanted."""
        return np.bincount(self.row, minlength=self.users).astype(float)

    def found(self, k: int) -> Ints:
        """(users,): how many of them are among the first `k`."""
        return np.bincount(self.row[self.rank <= k], minlength=self.users)

    def known(self, values: Floats) -> Floats:
        """The values, NaN for users who wanted nothing."""
        return np.where(self.wanted == 0, np.nan, values)


def ndcg(ranks: UserRanks, k: int) -> Floats:
    """Normalized discounted cumulative gain of the first `k`, each wanted item gaining 1.

    NDCG@k = Σ_{r ≤ k} 1 / log₂(r + 1)  /  Σ_{j ≤ min(k, n)} 1 / log₂(j + 1), over the ranks r of the n items
    the user wanted: 1 if all that can be first are, 0 if none is among the first k.

    Args:
        ranks: of the wanted items, from 1.
        k: length of the list, at least 1.

    Returns:
        (users,), 0 to 1; NaN for a user who wanted nothing.

    Source: Järvelin and Kekäläinen 2002, Cumulated Gain-Based Evaluation of IR Techniques.
    """
    hit = ranks.rank <= k
    gained = np.bincount(ranks.row[hit], 1.0 / np.log2(ranks.rank[hit] + 1.0), ranks.users)
    ideal = np.concatenate([[0.0], np.cumsum(1.0 / np.log2(np.arange(2, k + 2)))])
    best = ideal[np.minimum(ranks.wanted, k).astype(int)]
    return ranks.known(gained / np.maximum(best, 1e-12))


def recall(ranks: UserRanks, k: int) -> Floats:
    """Share of the wanted items among the first `k`.

    Recall@k = |{r ≤ k}| / n, over the ranks r of the n items the user wanted. It stays below 1 where more are
    wanted than the list holds.

    Returns:
        (users,), 0 to 1; NaN for a user who wanted nothing.
    """
    return ranks.known(ranks.found(k) / np.maximum(ranks.wanted, 1))


def hit_rate(ranks: UserRanks, k: int) -> Floats:
    """Whether any wanted item is among the first `k`: HR@k = 1 if min r ≤ k, else 0.

    Returns:
        (users,), 0 or 1; NaN for a user who wanted nothing.

    Source: Deshpande and Karypis 2004, Item-Based Top-N Recommendation Algorithms.
    """
    return ranks.known((ranks.found(k) > 0).astype(float))


def reciprocal_rank(ranks: UserRanks) -> Floats:
    """How far down the first wanted item is: RR = 1 / min r, over the whole ranking; its mean is MRR.

    Returns:
        (users,), above 0 to 1; NaN for a user who wanted nothing.

    Source: Voorhees 1999, The TREC-8 Question Answering Track Report.
    """
    best = np.full(ranks.users, np.inf)
    np.minimum.at(best, ranks.row, ranks.rank.astype(float))
    return ranks.known(np.where(np.isinf(best), 0.0, 1.0 / best))


def per_user(targets: Targets, rank: Ints, users: Ints) -> dict[str, Floats]:
    """Each of METRICS for each user.

    Args:
        targets: what was wanted.
        rank: (targets,), of each among all candidates, from 1.
        users: ascending; every target's user is among them.

    Returns:
        (users,) by metric; NaN for users without a target.
    """
    ranks = UserRanks(np.searchsorted(users, targets.user), rank, len(users))
    values: dict[str, Floats] = {}
    for k in CUTOFFS:
        values |= {
            f"ndcg@{k}": ndcg(ranks, k),
            f"recall@{k}": recall(ranks, k),
            f"hr@{k}": hit_rate(ranks, k),
        }
    return values | {"mrr": reciprocal_rank(ranks)}


def mean_by_user(targets: Targets, values: Floats, users: Ints) -> Floats:
    """The mean of the targets' values for each user, leaving NaN out.

    Of `Ranks.auc` it is the user's AUC: the share of the unwanted candidates that stand behind a wanted one,
    equal scores counting half; AUC = (|behind| + ½ |level|) / |unwanted|, over all candidates, none sampled.

    Args:
        targets: what was wanted.
        values: (targets,); NaN where there is none.
        users: ascending; every target's user is among them.

    Returns:
        (users,); NaN for users without any value.

    Source: Hanley and McNeil 1982, The Meaning and Use of the Area under a ROC Curve.
    """
    known = ~np.isnan(values)
    row = np.searchsorted(users, targets.user[known])
    count = np.bincount(row, minlength=len(users))
    total = np.bincount(row, values[known], len(users))
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def self_information(backers: Ints, users: int) -> Floats:
    """How little known each item is: −log₂((backers + 1) / (users + 1)).

    The mean over a list is its novelty. One is added so that an item without backers has a value too.

    Args:
        backers: (items,), distinct users who backed each.
        users: how many there are, at least as many as back any item.

    Returns:
        (items,) in bits: 0 for what everybody backs, log₂(users + 1) for what nobody does.

    Source: Zhou et al. 2010, Solving the Apparent Diversity-Accuracy Dilemma of Recommender Systems.
    """
    bits: Floats = -np.log2((backers + 1.0) / (users + 1.0))
    return bits


def calibration_error(chance: Floats, happened: Bools, bins: int = 15) -> float:
    """Expected calibration error: how far chances that were told are from how often they came true.

    ECE = Σ_b |b| / n · |mean chance in b − share that happened in b|, over `bins` bins of equal width.

    Args:
        chance: any shape, 0 to 1.
        happened: of the same shape.
        bins: at least 1; a chance of 1 is in the last.

    Returns:
        0 (perfectly calibrated) to 1; 0 for no chances at all.

    Source: Naeini et al. 2015, Obtaining Well Calibrated Probabilities; Guo et al. 2017, On Calibration.
    """
    place = np.minimum((chance * bins).astype(np.int64), bins - 1)
    expected = np.bincount(place.ravel(), chance.ravel(), bins)
    observed = np.bincount(place.ravel(), happened.ravel().astype(float), bins)
    return float(np.abs(expected - observed).sum() / max(chance.size, 1))


def coverage(top: Ints, candidates: int) -> float:
    """Share of the candidates that stand in anybody's list: |∪ lists| / candidates.

    Args:
        top: (users, k) item numbers.
        candidates: how many items could be listed.

    Returns:
        0 to 1.

    Source: Ge et al. 2010, Beyond Accuracy: Evaluating Recommender Systems by Coverage and Serendipity.
    """
    return len(np.unique(top)) / max(candidates, 1)


def gini(top: Ints, candidates: Ints) -> float:
    """How unequally places in the lists fall on the candidates.

    G = Σᵢ (2i − n − 1) xᵢ / (n Σ xᵢ), over the counts x of the n candidates in ascending order, i from 1.

    Args:
        top: (users, k) item numbers, all of them candidates.
        candidates: (n,) item numbers, each once.

    Returns:
        0 (all are listed equally often) to 1 − 1/n (one has every place).

    Source: Fleder and Hosanagar 2009, Blockbuster Culture's Next Rise or Fall.
    """
    counts = np.sort(np.bincount(top.ravel(), minlength=candidates.max() + 1)[candidates])
    n = len(counts)
    return float(((2 * np.arange(1, n + 1) - n - 1) * counts).sum() / max(n * counts.sum(), 1))
