"""The tables of `benchmarks.interest` on a small platform: rows without the future, and what peers read."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from benchmarks import interest
from recommender.data.dataset import CONTRIBUTE, Dataset
from recommender.evaluation.rows import auc
from recommender.evaluation.splits import SplitOptions, make_split


@pytest.fixture(scope="module")
def parts(small: Dataset) -> interest.Parts:
    return interest.parts_of(small, make_split("temporal", small, SplitOptions()))


def test_what_peers_read_is_what_each_row_may_see(
    parts: interest.Parts, small: Dataset, tmp_path: Path
) -> None:
    interest.export(parts, tmp_path, 5)
    contributions = small.events.where(small.events.kind == CONTRIBUTE)
    for part in interest.PARTS:
        frame = pl.read_parquet(tmp_path / f"{part}.parquet")
        assert frame["row_id"].to_list() == list(range(len(parts.rows[part])))
        assert frame["label"].to_list() == parts.rows[part].label.tolist()
        for row in frame.head(40).iter_rows(named=True):
            earlier = contributions.where(
                (contributions.user == row["user"]) & (contributions.time < row["time"])
            )
            mine = list(dict.fromkeys(earlier.item.tolist()))
            assert row["history"] == mine[-5:]
            assert row["numbers"][-2] == pytest.approx(np.log1p(len(mine)), abs=1e-5)


def test_logistic_regression_tells_contributions_from_the_rest(parts: interest.Parts) -> None:
    test = parts.rows["test"]
    found = interest.logistic(parts)
    assert found.shape == (len(test),)
    assert auc(test.label, found)(np.ones(len(test))) > 0.55


def test_all_that_left_scores_stand_in_one_table(parts: interest.Parts, tmp_path: Path) -> None:
    interest.export(parts, tmp_path, 5)
    interest.measure_rows(parts, tmp_path, seeds=1, trials=1, epochs=1)
    lines = list(interest.rows_table(tmp_path))
    assert [line.split(" | ")[0] for line in lines[2:]] == ["| dien", "| gru4rec", "| logistic"]
