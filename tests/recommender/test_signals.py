"""What the hybrid weighs, against slow and obvious references."""

import numpy as np
import pytest
import torch

from recommender.data.context import Context, context_of
from recommender.data.dataset import Dataset
from recommender.models import signals
from recommender.models.item_to_item import cosine_likeness, ease_weights
from recommender.models.markov import transitions
from tests.recommender.build import dataset, event, item
from tests.recommender.conftest import word_vectors


def context(data: Dataset) -> Context:
    return context_of(data, word_vectors(data.items.texts))


def carts() -> Dataset:
    rows = [("a", "x", 1), ("a", "y", 2), ("a", "z", 9), ("b", "y", 1), ("b", "x", 1.5), ("c", "z", 30)]
    return dataset([event(*row) for row in rows], [item(n) for n in "xyz"])


def test_transitions_within_a_time_count_steps_that_are_near() -> None:
    found = transitions(carts().pairs.backed, 3, 2, within=3600.0 * 7).toarray()
    expected = np.zeros((3, 3))
    for sequence in ([(0, 1.0), (1, 2.0), (2, 9.0)], [(1, 1.0), (0, 1.5)], [(2, 30.0)]):
        for first, (before, start) in enumerate(sequence):
            for second, (after, end) in enumerate(sequence):
                if 0 < second - first <= 2 and end - start <= 7:
                    expected[before, after] += 1 / (second - first)
    np.testing.assert_allclose(found, expected)


def test_ease_solves_each_items_ridge_regression() -> None:
    rng = np.random.default_rng(1)
    matrix = (rng.random((30, 5)) < 0.4).astype(np.float32)
    weights = ease_weights(matrix.T @ matrix, 2.0)
    for column in range(5):
        others = [i for i in range(5) if i != column]
        rows = matrix[:, others]
        slow = np.linalg.solve(rows.T @ rows + 2.0 * np.eye(4), rows.T @ matrix[:, column])
        np.testing.assert_allclose(weights[others, column], slow, atol=1e-5)
    assert not np.diag(weights).any()


def test_cosine_likeness_shrinks_what_was_seen_little() -> None:
    likeness = cosine_likeness(np.array([[4, 2], [2, 9]], np.float32), 1.0)
    np.testing.assert_allclose(likeness, [[0, 2 / (2 * 3 + 1)], [2 / (2 * 3 + 1), 0]], rtol=1e-6)


def test_histories_forget_by_days_by_minutes_and_by_place() -> None:
    data = dataset([event("a", "x", 0), event("a", "y", 72)], [item(n) for n in "xy"])
    rows = {
        name: history.toarray()[1].tolist()
        for name, history in signals.Histories.of(context(data)).by_name.items()
    }
    assert rows == {
        "all": [1, 1],
        "recent": pytest.approx([0.5, 1]),
        "cart": pytest.approx([0, 1], abs=1e-6),
        "place": pytest.approx([0.65, 1]),
    }


def test_keeps_the_largest_entries_of_each_column(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signals, "KEPT", 2)
    matrix = np.array([[0.1, -5, 0], [3, 0.2, 0], [-2, 1, 0]], np.float32)
    rows, values = signals.keep_largest(matrix)
    assert rows.shape == values.shape == (2, 3)
    again = signals.to_sparse(rows, values).toarray()
    np.testing.assert_array_equal(again, [[0, -5, 0], [3, 0, 0], [-2, 1, 0]])


def test_every_matrix_is_learnt_and_finite(small: Dataset) -> None:
    found = dict(signals.learn_matrices(context(small)))
    assert set(found) == set(signals.MATRICES)
    for name, matrix in found.items():
        assert matrix.shape == (len(small.item_ids),) * 2, name
        assert matrix.dtype == np.float32, name
        assert np.isfinite(matrix).all(), name
        assert matrix.any() or name == "same_cart", name


def test_every_signal_has_a_value_for_each_user_and_item(small: Dataset) -> None:
    asked = context(small)
    sparse = {
        name: signals.to_sparse(*signals.keep_largest(matrix))
        for name, matrix in signals.learn_matrices(asked)
    }
    users, items = np.array([0, 3, 7]), np.array([2, 5])
    found = signals.Bound.of(asked, sparse).of_users(users, items)
    assert tuple(found) == signals.SIGNALS
    for name, values in found.items():
        assert values.shape == (3, 2), name
        assert values.dtype == np.float32, name
        assert np.isfinite(values).all(), name


def test_like_users_bring_what_they_backed() -> None:
    rows = [("a", "x"), ("b", "x"), ("b", "y"), ("c", "z")]
    data = dataset(
        [event(user, thing, hour) for hour, (user, thing) in enumerate(rows)], [item(n) for n in "xyz"]
    )
    bound = context(data)
    found = signals.by_users(signals.Histories.of(bound), np.array([1]))["like_users"][0]
    # a and b share x, which two backed: cos = 1/√1 · 1/√2 · 1/2.
    likeness = 1 / np.sqrt(2) / 2
    np.testing.assert_allclose(found, [likeness, likeness, 0], rtol=1e-5)


def test_publishers_and_categories_count_contributions_where_they_are_known() -> None:
    items = [
        item("x", publisher_id="p", category="art"),
        item("y", publisher_id="p"),
        item("z", category="art"),
        item("w"),
    ]
    data = dataset([event("a", "x", 0), event("a", "z", 1), event("a", "w", 2)], items)
    bound = context(data)
    found = signals.by_feature(bound, signals.Histories.of(bound), np.array([1]))
    columns = [data.item_ids.names.index(name) for name in "xyzw"]
    assert found["publisher"][0, columns].tolist() == [1, 1, 0, 0]
    assert found["category"][0, columns].tolist() == [2, 0, 2, 0]


def test_time_tells_what_was_backed_about_when_the_user_was_here() -> None:
    rows = [event("a", "x", 0), event("b", "y", 24 * 300), event("c", "y", 24 * 300.5)]
    data = dataset(rows, [item("x"), item("y"), item("z", created_at=None)])
    bound = context(data)
    found = signals.by_time(bound, signals.Histories.of(bound), np.array([1, 2]))
    about = found["about_24_hours"]
    assert about[0, 0] > about[0, 1]
    assert about[1, 1] > about[1, 0]
    assert found["last_1_days"][0, 1] > found["last_1_days"][0, 0]
    assert found["existed"][0].tolist() == [1, 0, 0]
    assert found["launched_since"][0].tolist() == [0, 1, 0]


def test_contributions_about_a_moment_fade_with_distance() -> None:
    data = dataset([event("a", "x", hour) for hour in (0, 6, 240)], [item("x")])
    start = data.events.time[0]
    (found,) = signals._about(context(data), np.array([start]), 1.0)
    # One pair, first turned to at hour 0.
    np.testing.assert_allclose(found, [1.0], rtol=1e-6)
    (later,) = signals._about(context(data), np.array([start + 86_400.0]), 1.0)
    np.testing.assert_allclose(later, [np.exp(-1.0)], rtol=1e-6)


def test_text_finds_a_place_for_what_nobody_backed(small: Dataset) -> None:
    hidden = int(np.argmax(np.bincount(small.pairs.backed.item)))
    without = small.with_events(small.events.where(small.events.item != hidden))
    found = dict(signals.learn_matrices(context(without)))
    for name in ("ease_by_words", "itemknn_by_words", "place_by_text", "words"):
        assert found[name][:, hidden].any(), name
    assert not found["ease"][:, hidden].any()
    assert torch.is_tensor(signals.keep_largest(found["words"])[0])
