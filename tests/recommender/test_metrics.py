"""The evaluator against loops, and against ranx."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from recommender.data.dataset import Pairs
from recommender.errors import RecommenderError
from recommender.evaluation.bootstrap import interval, paired
from recommender.evaluation.metrics import (
    CUTOFFS,
    METRICS,
    Targets,
    Windows,
    coverage,
    gini,
    per_user,
    rank_targets,
    top_k,
)
from recommender.models.base import ModelConfig, Recommender, Sizes
from tests.recommender.build import from_matrix

USERS, ITEMS = 30, 60


class Table(Recommender):
    """A model that looks its scores up."""

    name = "table"

    def __init__(self, scores: torch.Tensor) -> None:
        sizes = Sizes(
            users=scores.shape[0], items=scores.shape[1], publishers=1, categories=1, languages=1, text=0
        )
        super().__init__(ModelConfig(), sizes)
        self.scores = scores

    def score(self, users: torch.Tensor, items: torch.Tensor) -> torch.Tensor:
        return self.scores[users][:, items]


def some_targets(rng: np.random.Generator) -> Targets:
    wanted = rng.random((USERS, ITEMS)) < 0.08
    wanted[3] = False
    user, item = np.nonzero(wanted)
    return Targets(user, item, rng.uniform(0, 100, len(user)))


def nothing_seen() -> Pairs:
    return from_matrix(np.zeros((1, ITEMS), int)).pairs


def seen_pairs(seen: np.ndarray) -> Pairs:
    user, item = np.nonzero(seen)
    zeros = np.zeros(len(user))
    return Pairs(user, item, np.ones(len(user), bool), zeros, zeros, zeros, zeros)


def naive(scores: np.ndarray, wanted: set[int], candidates: list[int], seen: set[int]) -> dict[str, float]:
    """One user's metrics, step by step."""
    order = sorted((c for c in candidates if c not in seen), key=lambda c: (-scores[c], c))
    found: dict[str, float] = {}
    for k in CUTOFFS:
        gained = sum(1 / math.log2(place + 2) for place, c in enumerate(order[:k]) if c in wanted)
        best = sum(1 / math.log2(place + 2) for place in range(min(k, len(wanted))))
        hits = sum(c in wanted for c in order[:k])
        found |= {f"ndcg@{k}": gained / best, f"recall@{k}": hits / len(wanted), f"hr@{k}": float(hits > 0)}
    places = [place for place, c in enumerate(order, 1) if c in wanted]
    return found | {"mrr": 1 / places[0] if places else 0.0}


@pytest.mark.parametrize("levels", [None, 4])
def test_metrics_are_those_of_a_slow_loop_also_with_equal_scores(levels: int | None) -> None:
    rng = np.random.default_rng(5)
    scores = rng.normal(size=(USERS, ITEMS)) if levels is None else rng.integers(levels, size=(USERS, ITEMS))
    targets = some_targets(rng)
    seen = rng.random((USERS, ITEMS)) < 0.2
    seen[targets.user, targets.item] = False
    candidates = np.unique(np.concatenate([targets.item, rng.choice(ITEMS, 45, replace=False)]))
    model = Table(torch.from_numpy(scores.astype(np.float32)))
    ranks = rank_targets(model, targets, candidates, seen_pairs(seen))
    found = per_user(targets, ranks.rank, ranks.users)
    for row, user in enumerate(ranks.users):
        wanted = set(targets.item[targets.user == user].tolist())
        slow = naive(scores[user], wanted, candidates.tolist(), set(np.flatnonzero(seen[user]).tolist()))
        assert {m: found[m][row] for m in METRICS} == pytest.approx(slow)


def test_among_open_items_each_target_meets_only_those_of_its_time() -> None:
    rng = np.random.default_rng(9)
    scores = rng.normal(size=(USERS, ITEMS))
    targets = some_targets(rng)
    opened = rng.uniform(-50, 60, ITEMS)
    closed = opened + rng.uniform(20, 80, ITEMS)
    windows = Windows(torch.from_numpy(opened), torch.from_numpy(closed))
    model = Table(torch.from_numpy(scores.astype(np.float32)))
    ranks = rank_targets(model, targets, np.arange(ITEMS), nothing_seen(), windows)
    for user, item, time, rank in zip(targets.user, targets.item, targets.time, ranks.rank, strict=True):
        better = [
            i for i in range(ITEMS) if opened[i] <= time < closed[i] and scores[user, i] > scores[user, item]
        ]
        assert rank == 1 + len(better)
    for user, shown in zip(ranks.users, ranks.top, strict=True):
        last = targets.time[targets.user == user].max()
        is_open = (opened[shown] <= last) & (last < closed[shown])
        assert is_open.tolist() == sorted(is_open.tolist(), reverse=True)


def test_metrics_agree_with_ranx(monkeypatch: pytest.MonkeyPatch) -> None:
    # Compiling its loops takes a minute; interpreting them for thirty users takes none.
    monkeypatch.setenv("NUMBA_DISABLE_JIT", "1")
    import ranx

    rng = np.random.default_rng(6)
    scores = rng.permutation(USERS * ITEMS).reshape(USERS, ITEMS).astype(np.float32)
    targets = some_targets(rng)
    ranks = rank_targets(Table(torch.from_numpy(scores)), targets, np.arange(ITEMS), nothing_seen())
    found = per_user(targets, ranks.rank, ranks.users)
    qrels: dict[str, dict[str, int]] = {}
    for user, item in zip(targets.user.tolist(), targets.item.tolist(), strict=True):
        qrels.setdefault(str(user), {})[str(item)] = 1
    run = {user: {str(i): float(scores[int(user), i]) for i in range(ITEMS)} for user in qrels}
    names = {"ndcg@10": "ndcg@10", "recall@20": "recall@20", "hr@10": "hit_rate@10", "mrr": "mrr"}
    theirs = ranx.evaluate(ranx.Qrels(qrels), ranx.Run(run), list(names.values()))
    for ours, other in names.items():
        assert found[ours].mean() == pytest.approx(float(theirs[other]), rel=1e-6), ours


def test_many_users_are_ranked_in_blocks_with_the_same_result(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(8)
    model = Table(torch.from_numpy(rng.normal(size=(USERS, ITEMS)).astype(np.float32)))
    targets = some_targets(rng)
    whole = rank_targets(model, targets, np.arange(ITEMS), nothing_seen())
    monkeypatch.setattr("recommender.evaluation.metrics.CELLS_PER_BLOCK", 150)
    parts = rank_targets(model, targets, np.arange(ITEMS), nothing_seen())
    np.testing.assert_array_equal(whole.rank, parts.rank)
    np.testing.assert_array_equal(whole.top, parts.top)


def test_scores_that_are_no_numbers_are_refused() -> None:
    scores = torch.zeros(USERS, ITEMS)
    scores[2, 2] = torch.nan
    targets = Targets(np.array([2]), np.array([1]), np.zeros(1))
    with pytest.raises(RecommenderError, match="table gave scores that are not finite"):
        rank_targets(Table(scores), targets, np.arange(ITEMS), nothing_seen())


def test_a_target_outside_the_candidates_is_a_mistake() -> None:
    target = Targets(np.array([0]), np.array([3]), np.zeros(1))
    with pytest.raises(RecommenderError, match="not among the candidates"):
        rank_targets(Table(torch.zeros(2, 4)), target, np.arange(3), nothing_seen())


@settings(max_examples=60, deadline=None)
@given(
    st.integers(1, 5).flatmap(
        lambda rows: st.lists(
            st.lists(st.integers(-3, 3), min_size=7, max_size=7), min_size=rows, max_size=rows
        )
    ),
    st.integers(1, 9),
)
def test_top_k_is_the_head_of_a_stable_sort(rows: list[list[int]], k: int) -> None:
    values, columns = top_k(torch.tensor(rows, dtype=torch.float32), k)
    for row, found, places in zip(rows, values.tolist(), columns.tolist(), strict=True):
        order = sorted(range(len(row)), key=lambda c: (-row[c], c))[:k]
        assert places == order
        assert found == [row[c] for c in order]


def test_coverage_and_gini() -> None:
    candidates = np.array([0, 2, 3, 5])
    top = np.array([[0, 2], [0, 3], [0, 2]])
    counts = sorted([3, 2, 1, 0])
    pairs = sum(abs(a - b) for a in counts for b in counts)
    assert coverage(top, len(candidates)) == 0.75
    assert gini(top, candidates) == pytest.approx(pairs / (2 * len(counts) * sum(counts)))
    assert gini(np.array([[0, 2, 3, 5]]), candidates) == 0.0


class TestIntervals:
    def test_they_hold_the_true_mean_about_as_often_as_they_say(self) -> None:
        rng = np.random.default_rng(0)
        found = [interval(rng.exponential(size=80), seed) for seed in range(200)]
        share = np.mean([each.low <= 1.0 <= each.high for each in found])
        assert 0.88 <= share <= 0.99

    def test_paired_sees_a_small_steady_gain_that_apart_is_lost(self) -> None:
        rng = np.random.default_rng(1)
        theirs = rng.uniform(size=100)
        ours = theirs + 0.02 + rng.normal(0, 0.01, 100)
        assert paired(ours, theirs).low > 0
        assert interval(ours).low < interval(theirs).high

    def test_users_without_a_value_do_not_count(self) -> None:
        assert interval(np.array([1.0, np.nan, 3.0])).mean == 2.0
        assert math.isnan(interval(np.array([np.nan])).mean)

    def test_the_same_numbers_give_the_same_interval(self) -> None:
        values = np.random.default_rng(2).uniform(size=50)
        assert interval(values) == interval(values)
