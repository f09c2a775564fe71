"""Slots that try something else, with the probability of every choice written down.

Slot by slot: with probability 1 - EPSILON the best campaign left in the ranking is shown, otherwise one drawn
from the pool of the newest open campaigns without that best one, each with its chance. A chance is the
probability that the campaign is the best of the pool given its clicks, so that drawing with it is Thompson
sampling (`tasks.recommending.thompson` works the chances out; a campaign too new to have one gets the
mean). So the best one's propensity is 1 - EPSILON, an explored one's EPSILON · chance / Σ chances, each
given the slots before; with an empty pool the best one is certain. Later training divides by these numbers
to undo what the list itself made people see (inverse propensity scoring; Horvitz and Thompson 1952, Schnabel
et al. 2016).

For example, with A, B, C ranked and a pool of D, three times as likely as E to be the best:

    fill_slots([A, B, C], [D, E], 2, seed)
    # slot 0: A with 0.92, D with 0.08 · 3/4 = 0.06, E with 0.08 · 1/4 = 0.02
    # slot 1, if slot 0 is A: B with 0.92, D with 0.06, E with 0.02
    # slot 1, if slot 0 is D: A with 0.92, E, alone in the pool now, with 0.08

One of the three is in each slot, and its `propensity` is the number beside it. Without D and E, A has 1.0.
"""

import hashlib
import random
from collections.abc import Sequence
from dataclasses import dataclass

from django_project.campaigns.selectors import CampaignCard, CampaignKey

EPSILON = 0.08


@dataclass(frozen=True, slots=True)
class Candidate:
    """A campaign that may fill a slot."""

    key: CampaignKey
    card: CampaignCard
    chance: float = 1.0
    """Of being drawn, beside the others of the pool: above 0, of any sum."""


@dataclass(frozen=True, slots=True)
class Slot:
    """A filled place of a list."""

    index: int
    """From 0."""
    candidate: Candidate
    propensity: float
    """The probability of this choice, given the slots before: above 0 to 1."""
    is_exploration: bool


def fill_slots(ranked: Sequence[Candidate], pool: Sequence[Candidate], limit: int, seed: str) -> list[Slot]:
    """Fill up to `limit` slots; the same arguments give the same slots in every process.

    Args:
        ranked: best first. When it is used up the list ends, whatever is left of the pool.
        pool: what may be explored; what is in the ranking as well may come from either, but only once.
        limit: how many slots there are.
        seed: of the draw: who asks and when, say. What is drawn is no secret.
    """
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
