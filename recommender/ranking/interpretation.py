"""What collaborative filtering has learnt, for people to read: directions of taste, biases, likenesses.

Nothing here says why somebody was shown something: it shows what ratings have in common.
"""

from dataclasses import asdict, dataclass

import numpy as np
import torch

from recommender.data.dataset import Bools, Dataset, Floats, Ints
from recommender.data.ratings import rated
from recommender.errors import ConfigError
from recommender.interface import Recommender
from recommender.models.collaborative import CollaborativeFilter
from recommender.models.registry import MODELS

LEAST_RATINGS = 10
"""Of an item that is told of, where enough items have them: the factors of others are mostly chance."""
LEAST_ITEMS = 10
LISTED = 10
SHOWN_AT_ENDS = 5
NEIGHBOURS = 5
ASKED = 8
"""The items with most ratings, whose neighbours are told."""
DRAWN = 50
"""Of the items with most ratings, with their titles in the picture of the factors."""
TITLE_LENGTH = 60


@dataclass(frozen=True)
class Item:
    """An item as it is told of."""

    item_id: str
    title: str
    ratings: int
    mean_rating: float
    bias: float
    """How well it is rated whoever rates it, in logits above the mean item."""
    match: float
    """How well it suits the users who rated it, in logits, mean over them; 0 for the mean user."""


@dataclass(frozen=True)
class Component:
    """A direction in which the items' factors differ."""

    share: float
    """Of the factors' variance."""
    lowest: list[Item]
    highest: list[Item]


@dataclass(frozen=True)
class Neighbour:
    item: Item
    value: float
    """A distance, or a cosine."""


@dataclass(frozen=True)
class Likeness:
    """The items nearest to one, nearest first."""

    item: Item
    by_distance: list[Neighbour]
    by_cosine: list[Neighbour]


@dataclass(frozen=True)
class Interpretation:
    """All of it, in numbers and titles."""

    model: str
    rating: str
    """What a rating is here, told."""
    edges: list[float]
    """Amounts between the ratings, ascending; none where the amounts are the ratings."""
    users: int
    items: int
    components: list[Component]
    places: list[tuple[Item, float, float]]
    """The most rated items on the first two components."""
    highest: list[Item]
    lowest: list[Item]
    matched_but_low: list[Item]
    """Of the items that suit their users better than the middle one does, those with the lowest biases."""
    likenesses: list[Likeness]

    def as_json(self) -> dict[str, object]:
        return asdict(self)


def interpret(model: Recommender, dataset: Dataset) -> Interpretation:
    """Read a model of ratings that is bound to what it learnt from.

    Raises:
        ConfigError: the model has no factors and biases of items, or learnt no ratings.
    """
    if not isinstance(model, CollaborativeFilter):
        able = ", ".join(name for name, kind in MODELS.items() if issubclass(kind, CollaborativeFilter))
        raise ConfigError(f"{model.name} has no factors and biases to be read: choose a run of {able}")
    items, told = _items(model, dataset)
    if len(told) < 3:
        raise ConfigError(f"{model.name} learnt the ratings of {len(told)} items: too few to compare")
    vectors = model.item_factors.weight.detach().cpu().double().numpy()[told]
    count = np.array([items[number].ratings for number in told])
    most = np.argsort(-count, kind="stable")
    mine = [items[number] for number in told]
    coordinates, shares = principal_components(vectors)
    by_bias = sorted(mine, key=lambda item: item.bias)
    suited = np.median([item.match for item in mine])
    return Interpretation(
        model.name,
        model.scale.told,
        np.exp(model.scale.edges).tolist(),
        int((model.user_known > 0).sum()),
        int((model.item_known > 0).sum()),
        [_component(coordinates[:, axis], float(shares[axis]), mine) for axis in range(2)],
        [(mine[n], float(coordinates[n, 0]), float(coordinates[n, 1])) for n in most[:DRAWN]],
        by_bias[::-1][:LISTED],
        by_bias[:LISTED],
        [item for item in by_bias if item.match > suited][:LISTED],
        [_likeness(place, vectors, mine) for place in most[:ASKED].tolist()],
    )


def principal_components(vectors: Floats) -> tuple[Floats, Floats]:
    """The first two principal components of (items, dims): coordinates (items, 2) and shares of the variance.

    A component's sign is free: the item furthest out is on the positive side.
    """
    centred = vectors - vectors.mean(0)
    left, spread, _ = np.linalg.svd(centred, full_matrices=False)
    coordinates = np.zeros((len(vectors), 2))
    shares = np.zeros(2)
    found = min(2, len(spread))
    coordinates[:, :found] = left[:, :found] * spread[:found]
    shares[:found] = (spread**2 / max(float((spread**2).sum()), 1e-12))[:found]
    furthest = np.abs(coordinates).argmax(0)
    signs = np.where(coordinates[furthest, [0, 1]] < 0, -1.0, 1.0)
    return coordinates * signs, shares


def nearest(vectors: Floats, place: int, by: str) -> tuple[Ints, Floats]:
    """The other rows in order of nearness to one, with their values.

    Args:
        vectors: (items, dims).
        place: which row.
        by: `distance`, ‖a − b‖, the smallest first; or `cosine`, a · b / (‖a‖ ‖b‖), the largest first.
    """
    if by == "distance":
        values = np.linalg.norm(vectors - vectors[place], axis=1)
        order = np.argsort(values, kind="stable")
    else:
        lengths = np.maximum(np.linalg.norm(vectors, axis=1), 1e-12)
        values = vectors @ vectors[place] / (lengths * lengths[place])
        order = np.argsort(-values, kind="stable")
    order = order[order != place]
    return order, values[order]


def _items(model: CollaborativeFilter, dataset: Dataset) -> tuple[list[Item], Ints]:
    """All items, and the numbers of those that are told of."""
    pairs, size = rated(dataset.pairs), len(dataset.item_ids)
    ratings = model.scale.ratings(pairs.amount)
    count = np.bincount(pairs.item, minlength=size)
    mean = np.bincount(pairs.item, ratings, size) / np.maximum(count, 1)
    with torch.inference_mode():
        bias = model.item_biases().double().cpu().numpy()
        own = model.matches(torch.from_numpy(pairs.user), torch.from_numpy(pairs.item)).double().cpu().numpy()
    match = np.bincount(pairs.item, own, size) / np.maximum(count, 1)
    centre = bias[count > 0].mean() if (count > 0).any() else 0.0
    items = [
        Item(
            item_id,
            (text.split("\n")[0].strip() or item_id)[:TITLE_LENGTH],
            int(count[number]),
            float(mean[number]),
            float(bias[number] - centre),
            float(match[number]),
        )
        for number, (item_id, text) in enumerate(
            zip(dataset.item_ids.names, dataset.items.texts, strict=True)
        )
    ]
    enough: Bools = count >= LEAST_RATINGS
    return items, np.flatnonzero(enough if enough.sum() >= LEAST_ITEMS else count > 0)


def _component(along: Floats, share: float, items: list[Item]) -> Component:
    order = np.argsort(along, kind="stable").tolist()
    return Component(
        share,
        [items[place] for place in order[:SHOWN_AT_ENDS]],
        [items[place] for place in order[::-1][:SHOWN_AT_ENDS]],
    )


def _likeness(place: int, vectors: Floats, items: list[Item]) -> Likeness:
    found = []
    for by in ("distance", "cosine"):
        order, values = nearest(vectors, place, by)
        near = zip(order[:NEIGHBOURS].tolist(), values[:NEIGHBOURS].tolist(), strict=True)
        found.append([Neighbour(items[other], value) for other, value in near])
    return Likeness(items[place], *found)
