"""Backers and visitors with tastes: what they read, care about and whom they come back to."""

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from demo.catalogue import Campaign, Language

Floats = NDArray[np.float64]

# Shares of readers of Chinese only, of English only; the rest read both.
CHINESE_READERS, ENGLISH_READERS = 0.38, 0.48
# A reader of one language seldom backs a story in the other: it takes this much more to win them.
FOREIGN_LANGUAGE = -3.0
DRIFTING = 0.3
TAG_WEIGHT, CATEGORY_WEIGHT, CREATOR_WEIGHT, WHIM = 1.5, 0.8, 0.9, 0.45
# How uneven people are in how often they back something (standard deviation of the logarithm).
ACTIVITY_SPREAD = 0.75


@dataclass(frozen=True, slots=True)
class Reader:
    """A person: the languages they read, campaigns that show their interests, and how active they are.

    Attributes:
        interests: positions of the campaigns whose tags, category and creator they care about.
        later_interests: the same after their taste has drifted; often the same campaigns.
        drifts_at: share of their sessions after which the later interests rule.
        activity: relative number of contributions.
    """

    languages: frozenset[Language]
    interests: tuple[int, ...]
    later_interests: tuple[int, ...]
    drifts_at: float
    activity: float


def draw_reader(campaigns: tuple[Campaign, ...], rng: Generator) -> Reader:
    languages = _draw_languages(rng)
    readable = [n for n, campaign in enumerate(campaigns) if campaign.language in languages]
    pool = readable or list(range(len(campaigns)))
    # One interest leads: more of the same category or tags is likelier than three unrelated ones.
    first = int(rng.choice(pool))
    kin = [n for n in pool if set(campaigns[n].tags) & set(campaigns[first].tags)]
    interests = (first, int(rng.choice(kin)), int(rng.choice(pool)))
    later = interests
    if rng.random() < DRIFTING:
        later = (int(rng.choice(pool)), interests[1], int(rng.choice(pool)))
    return Reader(
        languages=languages,
        interests=interests,
        later_interests=later,
        drifts_at=float(rng.uniform(0.35, 0.7)),
        activity=float(rng.lognormal(0.0, ACTIVITY_SPREAD)),
    )


def _draw_languages(rng: Generator) -> frozenset[Language]:
    draw = rng.random()
    if draw < CHINESE_READERS:
        return frozenset({Language.CHINESE})
    if draw < CHINESE_READERS + ENGLISH_READERS:
        return frozenset({Language.ENGLISH})
    return frozenset(Language)


def affinities(readers: tuple[Reader, ...], campaigns: tuple[Campaign, ...], rng: Generator) -> Floats:
    """How much each reader cares about each campaign: [before or after the drift, reader, campaign]."""
    kinship = np.array([[_kinship(ours, theirs) for theirs in campaigns] for ours in campaigns])
    whims = rng.normal(0.0, WHIM, (len(readers), len(campaigns)))
    foreign = np.array(
        [
            [FOREIGN_LANGUAGE * (campaign.language not in reader.languages) for campaign in campaigns]
            for reader in readers
        ]
    )
    phases = [
        np.array([kinship[list(interests)].sum(axis=0) for interests in of_phase])
        for of_phase in (
            [reader.interests for reader in readers],
            [reader.later_interests for reader in readers],
        )
    ]
    return np.asarray(np.stack(phases) + whims + foreign)


def _kinship(ours: Campaign, theirs: Campaign) -> float:
    shared = len(set(ours.tags) & set(theirs.tags)) / len(ours.tags)
    return (
        TAG_WEIGHT * shared
        + CATEGORY_WEIGHT * (ours.category.slug == theirs.category.slug)
        + CREATOR_WEIGHT * (ours.creator.slug == theirs.creator.slug)
    )
