"""Closed forms against their definitions."""

import math

import numpy as np
import pytest
import torch

from recommender.data.context import context_of
from recommender.data.history import History
from recommender.data.statistics import pair_weights
from recommender.errors import ConfigError
from recommender.evaluation.metrics import per_user, rank_targets
from recommender.evaluation.splits import SplitOptions, make_split
from recommender.models.registry import MODELS, make_config, model_type
from recommender.models.tfidf import terms
from recommender.text.cache import TextVectors
from tests.recommender.build import dataset, event, fitted, fitted_to, from_matrix, item

MATRIX = (np.random.default_rng(4).random((25, 9)) < 0.35).astype(int)
MATRIX[MATRIX.sum(1) == 0, 0] = 1  # everybody backed something, so that row u is user u + 1


def every(count: int) -> torch.Tensor:
    return torch.arange(count)


def test_pop_counts_each_backer_once_and_views_not_at_all() -> None:
    data = dataset(
        [event("a", "x", 1), event("a", "x", 2), event("b", "y", 3, "view"), event("b", "x", 4)],
        [item("x"), item("y")],
    )
    assert fitted_to("pop", data).score(torch.tensor([0, 1]), every(2)).tolist() == [[2.0, 0.0]] * 2


def test_recent_pop_halves_with_each_half_life() -> None:
    data = dataset([event("a", "x", 0), event("b", "y", 48), event("c", "z", 96)], [item(n) for n in "xyz"])
    scores = fitted_to("recent_pop", data, half_life_days=2.0).score(torch.tensor([1]), every(3))
    assert scores[0].tolist() == pytest.approx([0.25, 0.5, 1.0])


def test_random_is_fixed_by_seed_and_user() -> None:
    data = from_matrix(MATRIX)
    first, again = (fitted_to("random", data, seed=1).score(every(5), every(9)) for _ in range(2))
    assert torch.equal(first, again)
    assert not torch.equal(first[1], first[2])
    assert not torch.equal(first, fitted_to("random", data, seed=2).score(every(5), every(9)))


def test_itemknn_is_shrunk_cosine_with_the_nearest_neighbours() -> None:
    model = fitted_to("itemknn", from_matrix(MATRIX), neighbours=3, shrink=2.0)
    cosine = np.zeros((9, 9))
    for i in range(9):
        for j in range(9):
            if i != j:
                x, y = MATRIX[:, i], MATRIX[:, j]
                cosine[j, i] = x @ y / (np.sqrt(x @ x) * np.sqrt(y @ y) + 2.0)
    for i in range(9):
        cosine[cosine[:, i] < np.sort(cosine[:, i])[-3], i] = 0
    expected = MATRIX @ cosine
    np.testing.assert_allclose(model.score(every(26)[1:], every(9)).numpy(), expected, rtol=1e-4, atol=1e-6)


def test_ease_solves_its_regularised_least_squares_with_a_zero_diagonal() -> None:
    model = fitted_to("ease", from_matrix(MATRIX), regularization=3.0)
    weights = np.asarray(model.likeness.numpy(), float)  # type: ignore[operator]
    assert np.abs(np.diag(weights)).max() == 0.0
    # At the optimum the gradient XᵀX(B − I) + λB is diagonal: only the constraint's multipliers are left.
    gram = (MATRIX.T @ MATRIX).astype(float)
    gradient = gram @ (weights - np.eye(9)) + 3.0 * weights
    np.testing.assert_allclose(gradient - np.diag(np.diag(gradient)), 0.0, atol=1e-4)


@pytest.mark.parametrize("both_ways", [True, False])
def test_markov_counts_what_follows_and_fades_what_is_past(both_ways: bool) -> None:
    rng = np.random.default_rng(7)
    orders = [rng.permutation(8)[: rng.integers(1, 9)].tolist() for _ in range(12)]
    rows = [
        event(f"u{user:02d}", str(thing), user * 100 + hour)
        for user, things in enumerate(orders)
        for hour, thing in enumerate(things)
    ]
    # Backing again what was backed before does not change the order of what was new.
    rows.append(event("u00", str(orders[0][0]), 5_000))
    data = dataset(rows, [item(str(n)) for n in range(8)])
    counts = np.zeros((8, 8))
    for things in orders:
        for place, thing in enumerate(things):
            for step, later in enumerate(things[place + 1 : place + 4], 1):
                counts[thing, later] += 1 / step
                counts[later, thing] += both_ways / step
    likely = counts / (counts.sum(1, keepdims=True) + 2.0)
    expected = [sum(0.5**n * likely[thing] for n, thing in enumerate(reversed(things))) for things in orders]
    model = fitted_to("markov", data, reach=3, fading=0.5, shrink=2.0, both_ways=both_ways)
    np.testing.assert_allclose(model.score(every(13)[1:], every(8)).numpy(), expected, rtol=1e-5, atol=1e-7)


def test_markov_without_fading_looks_at_the_last_item_alone() -> None:
    rows = [
        event("a", "x", 1),
        event("a", "y", 2),
        event("b", "x", 1),
        event("b", "z", 2),
        event("c", "y", 1),
    ]
    data = dataset([*rows, event("c", "x", 2)], [item(n) for n in "xyz"])
    model = fitted_to("markov", data, reach=1, fading=0.0, shrink=0.0, both_ways=False)
    # After x came y once and z once; what c backed before x does not count.
    assert model.score(torch.tensor([3]), every(3))[0].tolist() == pytest.approx([0.0, 0.5, 0.5])


def test_markov_finds_a_planted_chain_where_likeness_cannot() -> None:
    rng = np.random.default_rng(8)
    rows = []
    for user in range(80):
        start, back = rng.integers(20), 1000.0 * user
        # Everybody walks the same circle from somewhere: the next one follows, the previous one is as near.
        rows += [event(f"u{user:03d}", f"i{(start + n) % 20:02d}", back + n) for n in range(6)]
    split = make_split("last-out", dataset(rows, [item(f"i{n:02d}") for n in range(20)]), SplitOptions())
    found = {}
    for model in (fitted_to("markov", split.refit, both_ways=False), fitted_to("itemknn", split.refit)):
        ranks = rank_targets(model, split.test, split.candidates, split.seen)
        found[model.name] = per_user(split.test, ranks.rank, ranks.users)["ndcg@10"].mean()
    assert found["markov"] > 0.95 > 0.9 > found["itemknn"]


def test_tfidf_is_the_cosine_of_damped_counts_times_rarity() -> None:
    texts = ["Bees and honey bees", "Honey from wild bees", "A keyboard for typing", "Typing and honey"]
    data = dataset([event("a", "0", 1)], [item(str(n), title=text) for n, text in enumerate(texts)])
    likeness = fitted_to("tfidf", data).likeness.numpy()  # type: ignore[operator]
    bags = [[word for word in text.lower().split() if len(word) > 1] for text in texts]
    vectors: list[dict[str, float]] = []
    for bag in bags:
        rarity = {
            w: 1 + math.log((1 + len(bags)) / (1 + sum(w in other for other in bags))) for w in set(bag)
        }
        raw = {w: (1 + math.log(bag.count(w))) * rarity[w] for w in set(bag)}
        length = math.sqrt(sum(x * x for x in raw.values()))
        vectors.append({w: x / length for w, x in raw.items()})
    for i, first in enumerate(vectors):
        for j, second in enumerate(vectors):
            cosine = sum(x * second.get(w, 0.0) for w, x in first.items()) if i != j else 0.0
            assert likeness[i, j] == pytest.approx(cosine, abs=1e-6)


def test_terms_cut_chinese_into_pairs_of_characters() -> None:
    assert terms("养蜂人 2026 Honey，a B蜂蜜") == ["养蜂", "蜂人", "2026", "honey", "蜂蜜", "b"]


def test_profile_is_the_cosine_of_centred_vectors() -> None:
    rng = np.random.default_rng(3)
    vectors = TextVectors([rng.normal(size=(2, 4)).astype(np.float16) for _ in range(3)], 4)
    data = dataset([event("a", "x", 1)], [item(n) for n in "xyz"])
    scores = fitted_to("profile", data, vectors).score(torch.tensor([1]), every(3))[0].tolist()
    centred = vectors.pooled - vectors.pooled.mean(0)
    expected = [centred[0] @ v / (np.linalg.norm(centred[0]) * np.linalg.norm(v)) for v in centred]
    assert scores == pytest.approx(expected, rel=1e-4)


def test_views_weigh_by_minutes_and_less_than_contributions() -> None:
    data = dataset(
        [
            event("a", "w", 1, "view", minutes=1.5),
            event("a", "x", 2, "view", minutes=30.0),
            event("a", "y", 3, "view"),
            event("a", "z", 4),
            event("a", "z", 5, "view", minutes=9.0),
        ],
        [item(n) for n in "wxyz"],
    )
    weights = dict(zip(data.pairs.item.tolist(), pair_weights(data.pairs, 0.4), strict=True))
    assert weights == pytest.approx({0: 0.2, 1: 0.4, 2: 0.4 / 6, 3: 1.0})


def test_history_knows_what_is_in_it() -> None:
    data = from_matrix(MATRIX)
    sizes = context_of(data, None).sizes
    history = History.of(data.pairs, np.ones(len(data.pairs)), sizes)
    np.testing.assert_array_equal(history.rows(every(26)[1:]).numpy(), MATRIX)
    known = history.contains(every(26)[1:].unsqueeze(1), every(9).unsqueeze(0))
    np.testing.assert_array_equal(known.numpy(), MATRIX > 0)
    empty = History.of(data.pairs, np.zeros(len(data.pairs)), sizes)
    assert not empty.contains(every(3), every(3)).any()


@pytest.mark.parametrize("name", list(MODELS))
def test_settings_that_a_model_does_not_have_are_refused(name: str) -> None:
    with pytest.raises(ConfigError, match=f"{name} has no such setting colour"):
        make_config(name, {"colour": "red"})


def test_an_unknown_model_is_named() -> None:
    with pytest.raises(ConfigError, match="no model 'oracle': choose from random, pop"):
        model_type("oracle")


@pytest.mark.parametrize("name", ["pop", "recent_pop", "random", "itemknn", "ease", "markov", "tfidf"])
def test_one_user_and_one_item_are_enough(name: str) -> None:
    context = context_of(dataset([event("a", "x", 1)], [item("x")]), None)
    scores = fitted(name, context).score(torch.tensor([0, 1]), torch.tensor([0]))
    assert scores.shape == (2, 1)
    assert torch.isfinite(scores).all()
