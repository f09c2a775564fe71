"""Amounts that the pledge form offers."""

import pytest

from django_project.web.presets import presets

ETHER = 10**18


@pytest.mark.parametrize(
    ("goal", "minimum", "offered"),
    [
        (10 * ETHER, 0, [ETHER // 100, ETHER // 20, ETHER // 5]),
        (10 * ETHER, ETHER // 20, [ETHER // 20, ETHER // 5]),
        (10 * ETHER, ETHER // 20 + 1, [ETHER // 5]),
        (10 * ETHER, ETHER, []),
        (5_000 * 10**6, 0, [5 * 10**6, 20 * 10**6, 100 * 10**6]),
        (4_999, 0, [2, 20, 50]),
        (999, 0, [2, 10]),
        (49, 0, []),
    ],
)
def test_they_are_round_parts_of_the_goal(goal: int, minimum: int, offered: list[int]) -> None:
    assert presets(goal, minimum) == offered
