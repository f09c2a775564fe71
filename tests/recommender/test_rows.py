"""Metrics of predictions on labelled rows, against numbers worked out by hand and slow loops."""

import math
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from benchmarks.peers.rows import read_scores, table, write_rows, write_scores
from recommender.errors import DataError
from recommender.evaluation import rows as module
from recommender.evaluation.bootstrap import Interval, draws
from recommender.evaluation.rows import LabelledRows, auc, difference, log_loss, mae, measure, rmse


def labelled(label: list[float], user: list[int] | None = None) -> LabelledRows:
    count = len(label)
    users = np.array(user or range(count))
    return LabelledRows(users, np.arange(count), np.zeros(count), np.array(label))


def ones(count: int) -> np.ndarray:
    return np.ones(count)


def slow_auc(label: np.ndarray, score: np.ndarray, weight: np.ndarray) -> float:
    won = total = 0.0
    for p in np.flatnonzero(label == 1):
        for n in np.flatnonzero(label == 0):
            both = weight[p] * weight[n]
            total += both
            won += both * (1.0 if score[p] > score[n] else 0.5 if score[p] == score[n] else 0.0)
    return won / total


def test_auc_counts_equal_scores_half() -> None:
    label, score = np.array([1.0, 0, 1, 0]), np.array([2.0, 2, 5, 1])
    # Of four pairs three are won and one is level.
    assert auc(label, score)(ones(4)) == pytest.approx(3.5 / 4)
    assert auc(label, np.zeros(4))(ones(4)) == 0.5
    assert auc(label, score)(np.array([3.0, 2, 1, 1])) == pytest.approx((0.5 * 6 + 3 + 2 + 1) / 12)


def test_auc_equals_the_loop_over_all_pairs() -> None:
    rng = np.random.default_rng(3)
    label, score = (rng.random(60) < 0.3).astype(float), rng.integers(0, 8, 60).astype(float)
    weight = rng.integers(0, 4, 60).astype(float)
    assert auc(label, score)(weight) == pytest.approx(slow_auc(label, score, weight), abs=1e-12)


def test_auc_of_one_kind_of_row_is_not_a_number() -> None:
    assert math.isnan(auc(np.ones(3), np.arange(3.0))(ones(3)))
    assert math.isnan(auc(np.array([1.0, 0]), np.arange(2.0))(np.array([2.0, 0])))


def test_errors_by_hand() -> None:
    label, guess = np.array([1.0, 5, 3]), np.array([2.0, 3, 3])
    assert rmse(label, guess)(ones(3)) == pytest.approx(math.sqrt(5 / 3))
    assert mae(label, guess)(ones(3)) == pytest.approx(1.0)
    assert rmse(label, guess)(np.array([1.0, 0, 3])) == pytest.approx(0.5)
    assert mae(label, guess)(np.array([2.0, 1, 1])) == pytest.approx(1.0)
    assert math.isnan(mae(label, guess)(np.zeros(3)))


def test_log_loss_by_hand_and_bounded_for_a_certain_mistake() -> None:
    found = log_loss(np.array([1.0, 0]), np.array([0.8, 0.4]))(ones(2))
    assert found == pytest.approx(-(math.log(0.8) + math.log(0.6)) / 2)
    wrong = log_loss(np.array([1.0, 0]), np.array([0.0, 1.0]))(ones(2))
    assert wrong == pytest.approx(-math.log(module.SMALLEST_CHANCE))


def test_intervals_draw_all_rows_of_a_user_together() -> None:
    """Two users, one always right and one always wrong by 2, with unequal numbers of rows."""
    rows = labelled([1.0, 1, 1, 3], user=[7, 7, 7, 9])
    found = measure(rows, [np.ones(4)], "rmse")
    assert found.mean == pytest.approx(1.0)
    by_hand = [math.sqrt(4 * b / (3 * a + b)) for a, b in draws(2)]
    assert (found.low, found.high) == (0.0, 2.0)
    assert sorted(set(by_hand)) == pytest.approx([0.0, 1.0, 2.0])


def test_the_value_is_the_mean_of_the_seeds_values() -> None:
    rows = labelled([1.0, 2, 3])
    found = measure(rows, [rows.label + 1, rows.label - 3], "rmse")
    assert (found.mean, found.low, found.high) == pytest.approx((2, 2, 2))


def test_a_difference_is_of_the_same_rows() -> None:
    rng = np.random.default_rng(0)
    rows = labelled(rng.normal(size=200).tolist(), user=(np.arange(200) // 4).tolist())
    noise = rng.normal(size=200)
    theirs, ours = rows.label + noise, rows.label + 0.9 * noise
    gap = difference(rows, [ours], [theirs], "rmse")
    assert gap.mean == pytest.approx(-0.1 * measure(rows, [theirs], "rmse").mean)
    assert gap.high < 0
    own = measure(rows, [ours], "rmse")
    assert gap.high - gap.low < 0.2 * (own.high - own.low)
    assert difference(rows, [ours], [ours], "mae") == Interval(0.0, 0.0, 0.0)


def test_scores_that_are_missing_or_no_numbers_are_refused() -> None:
    with pytest.raises(DataError, match="3 rows need as many finite scores"):
        measure(labelled([1.0, 2, 3]), [np.zeros(2)], "mae")
    with pytest.raises(DataError, match="finite"):
        measure(labelled([1.0, 2, 3]), [np.array([0, np.nan, 0])], "mae")


def test_nobody_is_no_number() -> None:
    found = measure(labelled([]), [np.zeros(0)], "mae")
    assert math.isnan(found.mean)
    assert math.isnan(found.low)


def test_a_peer_gets_rows_with_ids_and_is_measured_on_them(tmp_path: Path) -> None:
    train, test = labelled([1.0, 5]), labelled([4.0, 2, 3], user=[5, 5, 6])
    write_rows(tmp_path, train, test)
    read = pl.read_parquet(tmp_path / "test.parquet")
    assert read.columns == ["row_id", "user", "item", "time", "label"]
    assert read["user"].to_list() == [5, 5, 6]
    assert pl.read_parquet(tmp_path / "train.parquet")["label"].to_list() == [1.0, 5.0]
    peer, ours = [test.label + 1, test.label - 1], [test.label + 0.5]
    write_scores(tmp_path / "peer.parquet", peer)
    shuffled = pl.read_parquet(tmp_path / "peer.parquet").reverse()
    shuffled.write_parquet(tmp_path / "peer.parquet")
    back = read_scores(tmp_path / "peer.parquet", test)
    assert np.array_equal(back, peer)
    lines = list(table(test, {"ours": ours, "peer": back}, ["mae"], "peer"))
    assert lines[2] == "| ours | 1 | 0.5000 (0.5000–0.5000) | -0.5000 (-0.5000 to -0.5000) |"
    assert lines[3] == "| peer | 2 | 1.0000 (1.0000–1.0000) |  |"


@pytest.mark.parametrize("row_ids", [[0, 1], [0, 1, 1], [0, 1, 2, 2]])
def test_a_peer_that_leaves_a_row_out_or_says_two_things_is_refused(
    row_ids: list[int], tmp_path: Path
) -> None:
    path = tmp_path / "peer.parquet"
    pl.DataFrame(
        {"row_id": row_ids, "seed": [0] * len(row_ids), "score": [1.0] * len(row_ids)}
    ).write_parquet(path)
    with pytest.raises(DataError, match="each of the 3 rows needs one score"):
        read_scores(path, labelled([4.0, 2, 3]))
