"""Numbers in addresses are read as digits, and nothing else is."""

import pytest

from django_project.core.numbers import whole_number


@pytest.mark.parametrize(
    ("text", "number"),
    [
        *(("0", 0), ("7", 7), ("007", 7), ("50", 50), ("51", 50), ("9" * 19, 50), ("9" * 5000, 50)),
        ("0" * 5000 + "3", 3),
        *(
            (text, 1)
            for text in ("", " 3", "3 ", "+3", "-3", "3.0", "1_0", "1e1", "０３", "³", "٣", "3\0", "x")
        ),
    ],
)
def test_whole_numbers(text: str, number: int) -> None:
    assert whole_number(text, 1, 50) == number
