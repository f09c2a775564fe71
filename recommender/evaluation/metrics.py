"""Ranking metrics from the ranks of the wanted items; everything at once, no loop over users.

With the ranks r (from 1) of a user's wanted items among all candidates:
NDCG@k = Σ_{r ≤ k} 1/log₂(r + 1) / Σ_{j ≤ min(k, wanted)} 1/log₂(j + 1); Recall@k = |r ≤ k| / wanted;
HR@k = 1 if any r ≤ k; MRR = 1 / min r (Järvelin and Kekäläinen 2002; Voorhees 1999). AUC = the share of the
unwanted candidates that stand behind a wanted one, equal scores counting half (Hanley and McNeil 1982).
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch

from recommender.data.dataset import Bools, Floats, Ints, Pairs
from recommender.data.history import History
from recommender.errors import RecommenderError
from recommender.models.base import Recommender

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
    model: Recommender, users: Ints, candidates: Ints, seen: History
) -> Iterator[tuple[slice, torch.Tensor]]:
    """Scores of blocks of users for all candidates, −∞ where the user has seen the item.

    Raises:
        RecommenderError: the model gave a score that is not a number.
    """
    step = max(CELLS_PER_BLOCK // max(len(candidates), 1), 1)
    items = torch.from_numpy(candidates)
    device = next((p.device for p in model.parameters()), torch.device("cpu"))
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
    model: Recommender, targets: Targets, candidates: Ints, seen: Pairs, windows: Windows | None = None
) -> Ranks:
    """Rank all candidates for each user with a target; what the user backed before is left out.

    With `windows`, each target is ranked among the candidates that were open at its time (and itself), and
    the user's list has those open at their last target's. Among equal scores the lower item number comes
    first.
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


def per_user(targets: Targets, rank: Ints, users: Ints) -> dict[str, Floats]:
    """Each metric for each user; NaN for users without a target."""
    row = np.searchsorted(users, targets.user)
    count = len(users)
    wanted = np.bincount(row, minlength=count).astype(float)
    none = wanted == 0
    gains = 1.0 / np.log2(np.arange(2, max(CUTOFFS) + 2))
    ideal = np.concatenate([[0.0], np.cumsum(gains)])
    best = np.full(count, np.inf)
    np.minimum.at(best, row, rank.astype(float))
    values: dict[str, Floats] = {}
    for k in CUTOFFS:
        hit = rank <= k
        found = np.bincount(row[hit], minlength=count)
        gained = np.bincount(row[hit], 1.0 / np.log2(rank[hit] + 1.0), count)
        values[f"ndcg@{k}"] = gained / np.maximum(ideal[np.minimum(wanted, k).astype(int)], 1e-12)
        values[f"recall@{k}"] = found / np.maximum(wanted, 1)
        values[f"hr@{k}"] = (found > 0).astype(float)
    values["mrr"] = np.where(np.isinf(best), 0.0, 1.0 / best)
    return {name: np.where(none, np.nan, value) for name, value in values.items()}


def mean_by_user(targets: Targets, values: Floats, users: Ints) -> Floats:
    """The mean of the targets' values for each user, leaving NaN out; NaN for users without any."""
    known = ~np.isnan(values)
    row = np.searchsorted(users, targets.user[known])
    count = np.bincount(row, minlength=len(users))
    total = np.bincount(row, values[known], len(users))
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def self_information(backers: Ints, users: int) -> Floats:
    """How little known each item is: −log₂((backers + 1) / (users + 1)), in bits.

    The mean over a list is its novelty (Zhou et al. 2010); one is added so that new items have a value too.
    """
    bits: Floats = -np.log2((backers + 1.0) / (users + 1.0))
    return bits


def calibration_error(chance: Floats, happened: Bools, bins: int = 15) -> float:
    """ECE: Σ_b |b| / n · |mean chance in b − share that happened in b|, over bins of equal width.

    Source: Naeini et al. 2015; Guo et al. 2017.
    """
    place = np.minimum((chance * bins).astype(np.int64), bins - 1)
    expected = np.bincount(place.ravel(), chance.ravel(), bins)
    observed = np.bincount(place.ravel(), happened.ravel().astype(float), bins)
    return float(np.abs(expected - observed).sum() / max(chance.size, 1))


def coverage(top: Ints, candidates: int) -> float:
    """Share of the candidates that stand in anybody's list."""
    return len(np.unique(top)) / max(candidates, 1)


def gini(top: Ints, candidates: Ints) -> float:
    """How unequally places in the lists fall on the candidates: 0 equally, near 1 all on one.

    G = Σᵢ (2i − n − 1) xᵢ / (n Σ xᵢ) over the counts x in ascending order.
    """
    counts = np.sort(np.bincount(top.ravel(), minlength=candidates.max() + 1)[candidates])
    n = len(counts)
    return float(((2 * np.arange(1, n + 1) - n - 1) * counts).sum() / max(n * counts.sum(), 1))
