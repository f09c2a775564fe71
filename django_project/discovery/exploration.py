"""Slots that try something else, with the probability of every choice written down.

Slot by slot: with probability 1 - EPSILON the best campaign left in the ranking is shown, otherwise one drawn
from the pool of the newest open campaigns without that best one, each with its chance. A chance is the
probability that the campaign is the best of the pool given its clicks, so that drawing with it is Thompson
sampling (`tasks.recommending.thompson` works the chances out; a campaign too new to have one gets the
mean). So the best one's propensity is 1 - EPSILON, an explored one's EPSILON · chance / Σ chances, each
given the slots before; with an empty pool the best one is certain. Later training divides by these numbers
to undo what the list itself made people see (inverse propensity scoring; Horvitz and Thompson 1952, Schnabel
et al. 2016).
"""

import hashlib
import random
from collections.abc import Sequence
from dataclasses import dataclass

from django_project.campaigns.selectors import CampaignCard, CampaignKey

EPSILON = 0.08


@dataclass(frozen=True, slots=True)
class Candidate:
    key: CampaignKey
    card: CampaignCard
    chance: float = 1.0
    """Of being drawn, beside the others of the pool."""


@dataclass(frozen=True, slots=True)
class Slot:
    index: int
    candidate: Candidate
    propensity: float
    is_exploration: bool


def fill_slots(ranked: Sequence[Candidate], pool: Sequence[Candidate], limit: int, seed: str) -> list[Slot]:
    """Fill up to `limit` slots; the same arguments give the same slots in every process."""
    # The stream decides what is shown, not what is secret.
    draw = random.Random(hashlib.sha256(seed.encode()).digest())  # noqa: S311
    slots: list[Slot] = []
    shown: set[CampaignKey] = set()
    while len(slots) < limit:
        best = next((candidate for candidate in ranked if candidate.key not in shown), None)
        others = [
            candidate
            for candidate in pool
            if candidate.key not in shown and (best is None or candidate.key != best.key)
        ]
        if best is None:
            break
        if others and draw.random() < EPSILON:
            chances = [candidate.chance for candidate in others]
            [chosen] = draw.choices(others, chances)
            slot = Slot(len(slots), chosen, EPSILON * chosen.chance / sum(chances), is_exploration=True)
        else:
            slot = Slot(len(slots), best, 1 - EPSILON if others else 1.0, is_exploration=False)
        slots.append(slot)
        shown.add(slot.candidate.key)
    return slots
