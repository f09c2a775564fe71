"""Histories as sequences: strictly before a moment, oldest first."""

import math

import numpy as np
import pytest
import torch

from recommender.data.sequences import Sequences

USER = np.array([2, 1, 1, 1, 1, 3])
ITEM = np.array([9, 4, 5, 6, 7, 8])
TIME = np.array([50.0, 30.0, 10.0, 20.0, 20.0, 5.0])


@pytest.fixture
def sequences() -> Sequences:
    return Sequences(USER, ITEM, TIME, users=5)


def read(sequences: Sequences, user: int, time: float, length: int) -> list[int]:
    found = sequences.before(torch.tensor([user]), torch.tensor([time], dtype=torch.float64), length)
    assert found.items.shape == found.mask.shape == (1, length)
    count = int(found.mask.sum())
    # All of the padding is on the right, and is zero.
    assert found.mask[0].tolist() == [place < count for place in range(length)]
    assert not found.items[~found.mask].any()
    items: list[int] = found.items[found.mask].tolist()
    return items


@pytest.mark.parametrize(
    ("time", "expected"),
    [
        (10.0, []), (10.5, [5]), (20.0, [5]), (math.nextafter(20.0, 30.0), [5, 6, 7]), (30.0, [5, 6, 7]),
        (math.inf, [5, 6, 7, 4]), (-math.inf, []),
    ],
)  # fmt: skip
def test_only_what_came_strictly_before_is_there_in_order(
    sequences: Sequences, time: float, expected: list[int]
) -> None:
    assert read(sequences, 1, time, 6) == expected


@pytest.mark.parametrize(("length", "expected"), [(1, [4]), (3, [6, 7, 4]), (4, [5, 6, 7, 4])])
def test_of_long_histories_the_end_is_kept(sequences: Sequences, length: int, expected: list[int]) -> None:
    assert read(sequences, 1, math.inf, length) == expected


@pytest.mark.parametrize(("user", "expected"), [(0, []), (2, [9]), (3, [8]), (4, [])])
def test_nobody_sees_anothers_items(sequences: Sequences, user: int, expected: list[int]) -> None:
    assert read(sequences, user, math.inf, 2) == expected


def test_many_rows_at_once_are_as_each_alone() -> None:
    rng = np.random.default_rng(8)
    user, time = rng.integers(0, 40, 300), rng.integers(0, 60, 300).astype(np.float64)
    many = Sequences(user, np.arange(300), time, users=50)
    asked, moments = rng.integers(0, 50, 200), rng.integers(0, 70, 200).astype(np.float64)
    found = many.before(torch.from_numpy(asked), torch.from_numpy(moments), 4)
    for row, (who, when) in enumerate(zip(asked.tolist(), moments.tolist(), strict=True)):
        mine = [
            place for place in np.argsort(time, kind="stable") if user[place] == who and time[place] < when
        ]
        assert found.items[row][found.mask[row]].tolist() == mine[-4:]


def test_of_nothing_at_all_there_is_nothing() -> None:
    empty = np.array([], np.int64)
    assert read(Sequences(empty, empty, np.array([]), users=2), 1, math.inf, 3) == []
