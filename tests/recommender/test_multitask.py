"""What `shared_bottom` is measured against: linear models, tasks of chosen likeness, the demo's history."""

import numpy as np
import pytest

from benchmarks import dial, linear
from benchmarks.multitask_sources import cut, scenario_tables
from demo.catalogue import load_catalogue
from demo.simulation.scenario import Scale, simulate
from recommender.data.dataset import CONTRIBUTE, VIEW, Floats, build_dataset
from recommender.data.reading import conform
from recommender.data.scenes import WINDOW
from tests.recommender.conftest import word_vectors


@pytest.fixture
def numbers() -> tuple[Floats, Floats]:
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.normal(size=(300, 4)), np.ones((300, 1))], 1)
    return x, x @ np.array([1.0, -2.0, 0.0, 0.5, 3.0]) + rng.normal(size=300)


def test_ridge_finds_where_the_slope_is_nothing(numbers: tuple[Floats, Floats]) -> None:
    x, y = numbers
    weights = linear.ridge(x, y, 7.0)
    slope = x.T @ (x @ weights - y) + 7.0 * np.append(weights[:-1], 0.0)
    assert np.abs(slope).max() < 1e-8


@pytest.mark.parametrize("penalty", [0.01, 30.0])
def test_logistic_regression_finds_where_the_slope_is_nothing(
    numbers: tuple[Floats, Floats], penalty: float
) -> None:
    x, odds = numbers
    y = (odds > 3.0).astype(np.float64)
    weights = linear.logistic(x, y, penalty)
    chance = 1 / (1 + np.exp(-(x @ weights)))
    slope = x.T @ (chance - y) + penalty * np.append(weights[:-1], 0.0)
    assert np.abs(slope).max() < 1e-4


def test_the_penalty_is_the_best_of_the_validation_part(numbers: tuple[Floats, Floats]) -> None:
    x, y = numbers
    noise = np.random.default_rng(1).permutation(y)

    def loss(told: Floats, label: Floats) -> float:
        return float(((told - label) ** 2).mean())

    for label in (y, noise):
        found = linear.tuned(linear.ridge, (x[:20], label[:20]), (x[20:], y[20:]), loss)
        tried = [linear.ridge(x[:20], label[:20], penalty) for penalty in linear.PENALTIES]
        losses = [loss(x[20:] @ weights, y[20:]) for weights in tried]
        assert np.array_equal(found, tried[int(np.argmin(losses))])


def test_the_dial_turns_from_nothing_in_common_to_the_same_task() -> None:
    found = []
    for cosine in (0.0, 0.5, 1.0):
        features, targets = dial.draw(np.random.default_rng(0), cosine, 4_000)
        assert features.shape == (4_000, dial.INPUTS)
        centred = (targets - targets.mean(0)) / targets.std(0)
        found.append(float(centred.prod(1).mean()))
    assert found[0] == pytest.approx(0.0, abs=0.06)
    assert found[0] < found[1] - 0.2 < found[2] - 0.4
    # The same but for the noise.
    assert found[2] > 0.98


def test_the_demos_history_is_cut_by_time_without_a_look_ahead() -> None:
    scenario = simulate(load_catalogue(), Scale(campaigns=12, backers=30))
    data = build_dataset(conform(scenario_tables(scenario)))
    assert (data.events.kind == VIEW).sum() == len(scenario.views)
    assert (data.events.kind == CONTRIBUTE).any()
    parts = cut(data, word_vectors(data.items.texts))
    first = parts.before.now
    assert parts.before.events.time.max() < first <= parts.valid.time.min()
    assert parts.valid.time.max() < parts.test.time.min()
    watched = parts.test.where(np.isfinite(parts.test.targets["contributed"]))
    assert watched.time.max() + WINDOW <= data.now
