"""The evaluator against loops, and against ranx."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from recommender.config.model import ModelConfig, Sizes
from recommender.data.dataset import Pairs
from recommender.errors import RecommenderError
from recommender.evaluation.bootstrap import interval, paired
from recommender.evaluation.metrics import (
    CUTOFFS,
    METRICS,
    Targets,
    Windows,
    calibration_error,
    coverage,
    gini,
    mean_by_user,
    per_user,
    rank_targets,
    self_information,
    top_k,
)
from recommender.interface import Recommender
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


def naive_auc(scores: np.ndarray, wanted: set[int], candidates: list[int], seen: set[int]) -> float:
    """Over all pairs of a wanted and an unwanted candidate; NaN if there are none."""
    others = [c for c in candidates if c not in seen and c not in wanted]
    pairs = [(scores[w] > scores[o]) + 0.5 * (scores[w] == scores[o]) for w in wanted for o in others]
    return float(np.mean(pairs)) if pairs else math.nan


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
    auc = mean_by_user(targets, ranks.auc, ranks.users)
    for row, user in enumerate(ranks.users):
        wanted = set(targets.item[targets.user == user].tolist())
        known = set(np.flatnonzero(seen[user]).tolist())
        slow = naive(scores[user], wanted, candidates.tolist(), known)
        assert {m: found[m][row] for m in METRICS} == pytest.approx(slow)
        assert auc[row] == pytest.approx(naive_auc(scores[user], wanted, candidates.tolist(), known))


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


THEIR_NAMES = {
    "ndcg@10": "ndcg@10", "recall@10": "recall@10", "hr@10": "hit_rate@10",
    "ndcg@20": "ndcg@20", "recall@20": "recall@20", "hr@20": "hit_rate@20", "mrr": "mrr",
}  # fmt: skip


def wants(case: str, rng: np.random.Generator) -> Targets:
    """Who wants what in a case that is easily got wrong."""
    if case == "one each":
        user, item = np.arange(USERS), rng.integers(ITEMS, size=USERS)
    elif case == "more than the list is long":
        user, item = np.divmod(np.sort(rng.choice(USERS * ITEMS, USERS * ITEMS // 2, replace=False)), ITEMS)
    elif case == "everything":
        user, item = np.divmod(np.arange(USERS * ITEMS), ITEMS)
    else:
        return some_targets(rng)
    return Targets(user, item, np.zeros(len(user)))


@pytest.mark.parametrize("levels", [None, 3], ids=["distinct", "ties"])
@pytest.mark.parametrize("case", ["some", "one each", "more than the list is long", "everything"])
def test_every_metric_agrees_with_ranx(
    monkeypatch: pytest.MonkeyPatch, case: str, levels: int | None
) -> None:
    # Compiling its loops takes a minute; interpreting them for thirty users takes none.
    monkeypatch.setenv("NUMBA_DISABLE_JIT", "1")
    import ranx

    assert set(THEIR_NAMES) == set(METRICS)
    rng = np.random.default_rng(6)
    if levels is None:
        scores = rng.permutation(USERS * ITEMS).reshape(USERS, ITEMS).astype(np.float64)
    else:
        scores = rng.integers(levels, size=(USERS, ITEMS)).astype(np.float64)
    targets = wants(case, rng)
    ranks = rank_targets(Table(torch.from_numpy(scores)), targets, np.arange(ITEMS), nothing_seen())
    found = per_user(targets, ranks.rank, ranks.users)
    qrels: dict[str, dict[str, int]] = {}
    for user, item in zip(targets.user.tolist(), targets.item.tolist(), strict=True):
        qrels.setdefault(str(user), {})[str(item)] = 1
    # ranx leaves ties in no order it promises; ours is the items' own, written into its scores.
    distinct = scores - np.arange(ITEMS) / (2 * ITEMS)
    run = {user: {str(i): float(distinct[int(user), i]) for i in range(ITEMS)} for user in qrels}
    theirs = ranx.evaluate(ranx.Qrels(qrels), ranx.Run(run), list(THEIR_NAMES.values()))
    for ours, other in THEIR_NAMES.items():
        assert found[ours].mean() == pytest.approx(float(theirs[other]), rel=1e-6), ours


class TestEdges:
    def test_fewer_candidates_than_the_list_is_long(self) -> None:
        model = Table(torch.tensor([[0.1, 0.9, 0.5, 0.0]]))
        targets = Targets(np.zeros(2, int), np.array([0, 2]), np.zeros(2))
        ranks = rank_targets(model, targets, np.array([0, 1, 2]), from_matrix(np.zeros((1, 4), int)).pairs)
        assert ranks.rank.tolist() == [3, 2]
        assert ranks.top.tolist() == [[1, 2, 0]]
        assert ranks.auc.tolist() == [0.0, 0.0]

    def test_who_wants_all_candidates_has_no_auc(self) -> None:
        model = Table(torch.tensor([[1.0, 2.0], [1.0, 2.0]]))
        targets = Targets(np.array([0, 0, 1]), np.array([0, 1, 1]), np.zeros(3))
        ranks = rank_targets(model, targets, np.arange(2), from_matrix(np.zeros((1, 2), int)).pairs)
        np.testing.assert_array_equal(mean_by_user(targets, ranks.auc, ranks.users), [np.nan, 1.0])

    def test_a_list_that_is_the_same_for_all_items_has_an_auc_of_one_half(self) -> None:
        rng = np.random.default_rng(1)
        targets = some_targets(rng)
        ranks = rank_targets(Table(torch.ones(USERS, ITEMS)), targets, np.arange(ITEMS), nothing_seen())
        assert set(ranks.auc.tolist()) == {0.5}

    def test_a_user_without_a_target_has_no_value(self) -> None:
        targets = Targets(np.array([0, 2]), np.array([1, 1]), np.zeros(2))
        found = per_user(targets, np.array([1, 40]), np.array([0, 1, 2]))
        np.testing.assert_array_equal(found["ndcg@10"], [1.0, np.nan, 0.0])
        np.testing.assert_array_equal(found["mrr"], [1.0, np.nan, 1 / 40])

    def test_auc_among_open_items_leaves_the_closed_out(self) -> None:
        model = Table(torch.tensor([[1.0, 2.0, 3.0, 0.0]]))
        windows = Windows(torch.tensor([0.0, 0.0, 9.0, 0.0]).double(), torch.full((4,), torch.inf).double())
        target = Targets(np.array([0]), np.array([0]), np.array([5.0]))
        seen = from_matrix(np.zeros((1, 4), int)).pairs
        # Of 1, 2 and 3, item 2 is not open yet: one is ahead, one behind.
        assert rank_targets(model, target, np.arange(4), seen, windows).auc.tolist() == [0.5]


def test_many_users_are_ranked_in_blocks_with_the_same_result(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(8)
    model = Table(torch.from_numpy(rng.normal(size=(USERS, ITEMS)).astype(np.float32)))
    targets = some_targets(rng)
    whole = rank_targets(model, targets, np.arange(ITEMS), nothing_seen())
    monkeypatch.setattr("recommender.evaluation.metrics.CELLS_PER_BLOCK", 150)
    parts = rank_targets(model, targets, np.arange(ITEMS), nothing_seen())
    np.testing.assert_array_equal(whole.rank, parts.rank)
    np.testing.assert_array_equal(whole.top, parts.top)
    np.testing.assert_array_equal(whole.auc, parts.auc)


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


def test_self_information_falls_with_each_doubling_of_backers() -> None:
    bits = self_information(np.array([0, 1, 3, 7]), 7)
    np.testing.assert_allclose(bits, [3.0, 2.0, 1.0, 0.0])


class TestCalibration:
    def test_it_is_the_mean_gap_between_what_was_told_and_what_came(self) -> None:
        rng = np.random.default_rng(3)
        chance = rng.random((40, 10))
        happened = rng.random((40, 10)) < chance**2
        slow = 0.0
        for low in range(15):
            inside = (chance >= low / 15) & (chance < (low + 1) / 15)
            if inside.any():
                slow += inside.mean() * abs(chance[inside].mean() - happened[inside].mean())
        assert calibration_error(chance, happened) == pytest.approx(slow)

    def test_it_is_the_gap_between_confidence_and_success(self) -> None:
        confidence = np.array([0.95, 0.95, 0.95, 0.95, 0.25, 0.25])
        is_right = np.array([True, True, True, False, False, True])
        expected = 4 / 6 * abs(0.75 - 0.95) + 2 / 6 * abs(0.5 - 0.25)
        assert calibration_error(confidence, is_right, 10) == pytest.approx(expected)
        honest = np.random.default_rng(0).random(200_000)
        drawn = np.random.default_rng(1).random(200_000) < honest
        assert calibration_error(honest, drawn, 10) < 0.01

    def test_chances_that_come_true_as_often_as_told_have_next_to_none(self) -> None:
        rng = np.random.default_rng(4)
        chance = rng.random(200_000)
        assert calibration_error(chance, rng.random(200_000) < chance) < 0.01
        assert calibration_error(np.ones(5), np.zeros(5, bool)) == 1.0
        assert calibration_error(np.ones(5), np.ones(5, bool)) == 0.0

    def test_chances_are_a_softmax_over_what_can_be_shown(self) -> None:
        model = Table(torch.tensor([[0.0, 1.0, 5.0, 2.0]]))
        model.scores_are_logits = True  # type: ignore[misc]
        target = Targets(np.array([0]), np.array([1]), np.zeros(1))
        seen = seen_pairs(np.array([[False, False, True, False]]))
        ranks = rank_targets(model, target, np.arange(4), seen)
        odds = np.exp([2.0, 1.0, 0.0])
        assert ranks.chance is not None
        np.testing.assert_allclose(ranks.chance[0], [*odds / odds.sum(), 0.0])


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
