"""What each split keeps apart, and that nothing of a wanted item is left in training."""

from datetime import timedelta

import numpy as np
import pytest

from recommender.data.dataset import Dataset
from recommender.errors import ConfigError, DataError
from recommender.evaluation.metrics import Targets
from recommender.evaluation.splits import SPLITS, Split, SplitOptions, make_split
from tests.recommender.build import START, dataset, event, from_matrix, item


def keys(data: Dataset | Targets, items: int) -> set[int]:
    part = data.events if isinstance(data, Dataset) else data
    return set((part.user * items + part.item).tolist())


@pytest.fixture(params=list(SPLITS))
def split(request: pytest.FixtureRequest, small: Dataset) -> Split:
    return make_split(request.param, small, SplitOptions(core=2))


def test_no_event_of_a_wanted_pair_is_in_training(split: Split, small: Dataset) -> None:
    items = len(small.item_ids)
    if split.name == "temporal":
        # Here the past is the past: earlier views of what is backed later may be learnt from.
        backed = split.refit.with_events(split.refit.events.where(split.refit.events.kind == 2))
        assert not keys(backed, items) & keys(split.test, items)
        return
    assert not keys(split.refit, items) & keys(split.test, items)
    assert not keys(split.train, items) & (keys(split.test, items) | keys(split.valid, items))


def test_targets_are_candidates_and_not_seen(split: Split, small: Dataset) -> None:
    assert set(split.test.item.tolist()) <= set(split.candidates.tolist())
    seen = set((split.seen.user * len(small.item_ids) + split.seen.item).tolist())
    assert not seen & keys(split.test, len(small.item_ids))
    assert len(split.test)
    assert len(split.valid)


def test_the_same_options_split_alike(split: Split, small: Dataset) -> None:
    again = make_split(split.name, small, SplitOptions(core=2))
    np.testing.assert_array_equal(split.test.item, again.test.item)


def test_last_out_takes_each_users_last_new_item() -> None:
    rows = [event("a", name, hour) for hour, name in enumerate("wxyz")]
    rows += [event("a", "x", 9), event("b", "w", 1), event("b", "x", 2)]
    data = dataset(rows, [item(name) for name in "wxyz"])
    split = make_split("last-out", data, SplitOptions(core=1))
    # x was backed again later, but it was not new by then; b has too little to lose two.
    assert [
        (data.users.names[u], data.item_ids.names[i])
        for u, i in zip(split.test.user, split.test.item, strict=True)
    ] == [("a", "z")]
    assert [data.item_ids.names[i] for i in split.valid.item] == ["y"]


def test_the_core_leaves_out_rare_users_and_items_until_none_is_left() -> None:
    matrix = np.zeros((8, 8), int)
    matrix[:6, :6] = 1
    matrix[6, :5] = 1
    matrix[0, 7] = matrix[7, 7] = 1
    split = make_split("last-out", from_matrix(matrix), SplitOptions(core=5))
    assert set(split.candidates.tolist()) == set(range(6))
    assert len(split.test) == 7


def test_temporal_cuts_at_the_given_moments_and_counts_only_new_items() -> None:
    hours = [event("a", "w", 1), event("a", "x", 2), event("b", "w", 3), event("c", "x", 4)]
    later = [event("a", "w", 50), event("a", "y", 51), event("d", "y", 52), event("a", "z", 80)]
    items = [
        item(name, created_at=START + timedelta(hours=h))
        for name, h in (("w", 0), ("x", 0), ("y", 40), ("z", 70))
    ]
    data = dataset(hours + later, items)
    options = SplitOptions(START + timedelta(hours=24), START + timedelta(hours=60))
    split = make_split("temporal", data, options)
    assert [data.users.names[u] for u in split.test.user] == ["a", "d"]
    assert {data.item_ids.names[i] for i in split.test.item} == {"y"}
    assert [data.item_ids.names[i] for i in split.candidates] == ["w", "x", "y"]
    assert split.refit.now == options.test_from.timestamp() if options.test_from else False


def test_cold_items_are_wholly_hidden() -> None:
    matrix = (np.random.default_rng(0).random((60, 30)) < 0.5).astype(int)
    split = make_split("cold-items", from_matrix(matrix), SplitOptions())
    assert len(split.candidates) == 6
    assert not set(split.refit.events.item.tolist()) & set(split.candidates.tolist())
    assert not set(split.train.events.item.tolist()) & set(split.valid.item.tolist())
    other = make_split("cold-items", from_matrix(matrix), SplitOptions(seed=1))
    assert set(other.candidates.tolist()) != set(split.candidates.tolist())


def test_random_gives_a_tenth_to_test_and_a_tenth_to_validation() -> None:
    split = make_split("random", from_matrix(np.ones((10, 40), int)), SplitOptions())
    assert np.bincount(split.test.user)[1:].tolist() == [4] * 10
    assert np.bincount(split.valid.user)[1:].tolist() == [4] * 10
    assert split.refit is split.train


@pytest.mark.parametrize("name", ["last-out", "random", "cold-items"])
def test_too_little_data_is_said(name: str) -> None:
    with pytest.raises(DataError, match=r"leaves nobody to measure|cold-items needs 5"):
        make_split(name, from_matrix(np.eye(3, dtype=int)), SplitOptions())


def test_ranking_among_open_items_is_a_choice(small: Dataset) -> None:
    assert make_split("last-out", small, SplitOptions(core=2)).windows is None
    split = make_split("last-out", small, SplitOptions(core=2, among_open=True))
    assert split.windows is not None
    own = split.windows.open_at(split.test.time, split.test.item)
    assert own.diagonal().all()
    assert split.protocol["ranked"] == "items open at the time"


def test_a_test_period_outside_the_data_is_said(small: Dataset) -> None:
    with pytest.raises(DataError, match="choose --test-from and --test-to inside the data"):
        make_split("temporal", small, SplitOptions(START + timedelta(days=3_000)))


def test_an_unknown_split_is_named(small: Dataset) -> None:
    with pytest.raises(ConfigError, match="no split 'sideways': choose one of last-out, temporal"):
        make_split("sideways", small, SplitOptions())


def test_temporal_ranks_at_each_stage_what_was_launched_by_then() -> None:
    """`x` was there at the validation and the test, `y` came between them, `z` after both."""
    hours = [("a", "w", 1), ("b", "w", 2), ("c", "w", 3), ("a", "x", 18), ("b", "x", 19)]
    later = [("c", "x", 30), ("a", "y", 31), ("b", "z", 80)]
    launched = {"w": 0, "x": 0, "y": 24, "z": 70}
    items = [item(name, created_at=START + timedelta(hours=h)) for name, h in launched.items()]
    data = dataset([event(*row) for row in hours + later], items)
    period = START + timedelta(hours=24), START + timedelta(hours=60)
    split = make_split("temporal", data, SplitOptions(*period))

    def names(places: np.ndarray) -> list[str]:
        return [data.item_ids.names[place] for place in places]

    assert names(split.valid_candidates) == ["w", "x"]
    assert names(split.candidates) == ["w", "x", "y"]
    assert set(names(split.valid.item)) == {"x"}
    assert set(names(split.test.item)) == {"x", "y"}


@pytest.mark.parametrize("name", ["last-out", "random"])
def test_without_times_both_stages_rank_the_same(name: str, small: Dataset) -> None:
    split = make_split(name, small, SplitOptions(core=2))
    np.testing.assert_array_equal(split.valid_candidates, split.candidates)


def test_cold_items_are_tuned_on_other_items_than_they_are_tested_on() -> None:
    matrix = (np.random.default_rng(0).random((60, 30)) < 0.5).astype(int)
    split = make_split("cold-items", from_matrix(matrix), SplitOptions())
    assert set(split.valid.item.tolist()) == set(split.valid_candidates.tolist())
    assert not set(split.valid_candidates.tolist()) & set(split.candidates.tolist())
    assert len(split.valid_candidates) == round(0.2 * 24)
