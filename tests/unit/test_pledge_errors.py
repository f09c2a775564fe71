"""What a backer reads about an amount that a currency cannot have."""

import pytest

from django_project.core.money import AmountTextError, parse_units
from django_project.pledges.errors import UnreadableAmountError


@pytest.mark.parametrize(
    ("typed", "decimals", "words"),
    [
        ("1.5", 0, "GOLD has no decimal places. Enter a whole number."),
        ("1.25", 1, "GOLD has at most 1 decimal place."),
        ("1.125", 2, "GOLD has at most 2 decimal places."),
    ],
)
def test_how_many_decimals_a_currency_has_is_said_in_its_number(
    typed: str, decimals: int, words: str
) -> None:
    with pytest.raises(AmountTextError) as unread:
        parse_units(typed, decimals)
    refusal = UnreadableAmountError(unread.value, "GOLD", decimals)
    assert (refusal.code, refusal.fields) == ("amount_too_many_decimals", {"amount": words})
