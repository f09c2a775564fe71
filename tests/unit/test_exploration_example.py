"""The example that the module of exploration gives."""

from typing import cast

import pytest

from django_project.campaigns.selectors import CampaignCard
from django_project.discovery.exploration import Candidate, fill_slots

NOBODYS = cast("CampaignCard", None)


def campaign(letter: str, chance: float = 1.0) -> Candidate:
    return Candidate((1, letter.encode()), NOBODYS, chance)


def test_propensities_are_those_of_the_example() -> None:
    ranked, pool = [campaign(letter) for letter in "ABC"], [campaign("D", 3.0), campaign("E")]
    told = {
        (): {b"A": 0.92, b"D": 0.06, b"E": 0.02},
        (b"A",): {b"B": 0.92, b"D": 0.06, b"E": 0.02},
        (b"D",): {b"A": 0.92, b"E": 0.08},
    }
    seen: dict[tuple[bytes, ...], set[bytes]] = {before: set() for before in told}
    for seed in range(3_000):
        slots = fill_slots(ranked, pool, 2, str(seed))
        before: tuple[bytes, ...] = ()
        for slot in slots:
            name = slot.candidate.key[1]
            if before in told:
                assert slot.propensity == pytest.approx(told[before][name])
                seen[before].add(name)
            before = (*before, name)
    assert {before: set(chances) for before, chances in told.items()} == seen
    [only] = fill_slots(ranked, [], 1, "any")
    assert (only.candidate.key[1], only.propensity) == (b"A", 1.0)
