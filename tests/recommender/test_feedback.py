"""The simulated feedback loop: what it measures, that both loops live alike, and what the cap does."""

import json
from pathlib import Path

import numpy as np
import pytest

from recommender.data.synthetic import SyntheticConfig, draw_platform, synthesize
from recommender.errors import ConfigError
from recommender.experiments import feedback as module
from recommender.experiments.feedback import (
    UNLIMITED,
    Feedback,
    backing_share,
    most_active_users,
    simulate_feedback,
    top_lists,
)
from recommender.fitters.fitting import fit_all
from recommender.models.registry import make_plan
from tests.recommender.build import dataset, event, from_matrix, item
from tests.recommender.conftest import Command

TINY = SyntheticConfig(users=60, items=30, views=0, contributions=500, words=5, seed=3)
PLAN = make_plan("dot_product_bias", {"factors": 4}, {"epochs": 1, "batch_size": 256})


@pytest.fixture(scope="module")
def found() -> Feedback:
    return simulate_feedback(TINY, PLAN, 2, cap=2.0, visits=80)


def test_who_is_most_active_and_what_is_theirs() -> None:
    matrix = np.zeros((5, 4))
    matrix[2] = [1, 1, 1, 0]
    matrix[3] = [1, 1, 0, 0]
    matrix[4] = [1, 0, 0, 0]
    pairs = from_matrix(matrix).pairs
    power = most_active_users(pairs)
    # Of users 0 to 4 only the last three have backed anything: they are numbers 1 to 3.
    assert power.tolist() == [1]
    assert backing_share(pairs, power, 4).tolist() == pytest.approx([1 / 3, 1 / 2, 1, 0])


def test_one_in_a_hundred_is_most_active() -> None:
    rows = [
        event(f"u{u:03d}", f"i{i}", u, amount=1.0)
        for u in range(101)
        for i in range(3 if u in (7, 50) else 1)
    ]
    assert len(most_active_users(dataset(rows, [item(f"i{i}") for i in range(3)]).pairs)) == 2


def test_what_was_backed_is_shown_only_where_nothing_else_is_left() -> None:
    matrix = np.ones((3, 12))
    matrix[0, 3:] = 0
    data = from_matrix(matrix)
    lists = top_lists(fit_all(make_plan("pop"), data, None), np.array([1]), data)
    assert set(lists[0, :9].tolist()) == set(range(3, 12))
    assert lists.shape == (1, 10)


def test_months_are_told_for_both_loops_and_begin_alike(found: Feedback) -> None:
    free, capped = found.loop(UNLIMITED), found.loop(2.0)
    assert [month.month for month in free] == [month.month for month in capped] == [0, 1, 2]
    assert found.protocol["most_active"] == 1
    for before, after in zip(free, capped, strict=True):
        assert 0 < after.taught < before.taught
        for month in (before, after):
            assert 0 <= month.shown <= 1
            assert 0 < month.coverage <= 1
            assert 0 <= month.gini < 1
    # The one most active among some sixty who teach at most 2 each.
    assert capped[0].taught == pytest.approx(1 / 60, abs=0.006)


def test_the_same_seed_lives_the_same_life(found: Feedback) -> None:
    assert simulate_feedback(TINY, PLAN, 2, cap=2.0, visits=80) == found


def test_without_a_cap_that_binds_both_loops_are_one() -> None:
    alike = simulate_feedback(TINY, PLAN, 1, cap=900.0, visits=40)
    free, capped = alike.loop(UNLIMITED), alike.loop(900.0)
    assert [(m.taught, m.shown, m.gini) for m in free] == [(m.taught, m.shown, m.gini) for m in capped]


def test_people_back_what_they_are_shown_by_their_own_taste() -> None:
    """Every visit leaves one contribution, within its month, to an item of the list; tastes decide which."""
    tables, liking = draw_platform(TINY.model_copy(update={"taste": 50.0}))
    from recommender.data.dataset import build_dataset
    from recommender.data.reading import conform

    data = build_dataset(conform(tables))
    loop = module._Loop(data, liking, PLAN, None, visits=300, seed=0)
    users = np.flatnonzero(loop.activity)
    lists = np.tile(np.arange(10), (len(users), 1))
    loop._live(1, users, lists)
    new = loop.data.events.where(np.arange(len(loop.data.events)) >= len(data.events))
    assert len(new) == 300
    assert new.item.max() < 10
    assert data.now <= new.time.min()
    assert new.time.max() < data.now + module.MONTH == loop.data.now
    best = loop.odds[new.user][:, :10]
    chosen = loop.odds[new.user, new.item]
    assert np.mean(chosen >= best.max(1) - 5.0) > 0.95
    known = [int(name, 16) - 1 for name in data.users.names[1:]]
    assert loop.odds[3, 7] == liking.of(np.array(known[2]), np.array(7))
    # Who was active in the past comes more often.
    past = loop.activity[users]
    came = np.bincount(new.user, minlength=len(data.users))[users]
    assert np.corrcoef(past, came)[0, 1] > 0.7


def test_a_model_without_a_cap_is_refused() -> None:
    with pytest.raises(ConfigError, match="ease does not limit what a user teaches"):
        simulate_feedback(TINY, make_plan("ease"), 1, cap=2.0, visits=10)


def test_drawing_a_platform_gives_its_tables_and_tastes() -> None:
    tables, liking = draw_platform(TINY)
    assert tables.events.equals(synthesize(TINY).events)
    assert liking.loves.shape == (TINY.users, 8)


def test_the_command_prints_both_loops(run: Command, tmp_path: Path) -> None:
    out = tmp_path / "feedback.json"
    status, printed, _ = run(
        *(
            "feedback",
            "--model",
            "dot_product_bias",
            "--months",
            1,
            "--cap",
            2,
            "--visits",
            30,
            "--users",
            30,
        ),
        *(
            "--items",
            20,
            "--contributions",
            150,
            "--set",
            "dot_product_bias.training.epochs=1",
            "--json",
            out,
        ),
    )
    assert status == 0
    lines = printed.splitlines()
    assert lines[0].startswith("model: dot_product_bias, months: 1, visits: 30, cap: 2.0, most_active: 1")
    assert [line.split(" | ")[0] for line in lines[-2:]] == ["| 0", "| 1"]
    told = json.loads(out.read_text())["months"]
    assert [(month["month"], month["cap"]) for month in told] == [(0, 1e9), (1, 1e9), (0, 2.0), (1, 2.0)]
    assert lines[-1].split(" | ")[1:3] == [f"{told[1]['taught']:.3f}", f"{told[3]['taught']:.3f}"]
