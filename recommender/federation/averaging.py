"""What the coordinator does with what clients send, without torch: it also runs where Flower is."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recommender.errors import DataError

Weights = Mapping[str, NDArray[np.float32]]


@dataclass(frozen=True)
class Update:
    """What one client sends at the end of a round."""

    client: str
    turn: int
    """The round, from 1."""
    persons: int
    """Whose sequences it learnt from: its weight in the average. On a chain everybody can count them."""
    weights: Weights
    """Of the parameters that travel, by name."""


def federated_average(updates: Sequence[Update]) -> dict[str, NDArray[np.float32]]:
    """W = Σₖ nₖ wₖ / Σₖ nₖ over the clients k with their persons nₖ.

    Summed in float64 and in the order of the clients' names, so that whoever averages gets the same bits.

    Raises:
        DataError: nobody sent anything, or two sent different parameters.

    Source: McMahan et al. 2017, Communication-Efficient Learning of Deep Networks (FederatedAveraging).
    """
    ordered = sorted(updates, key=lambda update: update.client)
    persons = sum(update.persons for update in ordered)
    if not persons:
        raise DataError("no client learnt from anybody in this round: there is nothing to average")
    shapes = {name: array.shape for name, array in ordered[0].weights.items()}
    for update in ordered:
        if {name: array.shape for name, array in update.weights.items()} != shapes:
            raise DataError(
                f"client {update.client} sent other parameters than {ordered[0].client}: "
                "all have to run the same settings of the network and of what travels"
            )
    sums = {name: np.zeros(shape) for name, shape in shapes.items()}
    for update in ordered:
        for name, array in update.weights.items():
            sums[name] += update.persons * array.astype(np.float64)
    return {name: (total / persons).astype(np.float32) for name, total in sums.items()}


def participants(clients: Sequence[str], share: float, seed: int, turn: int) -> list[str]:
    """Who takes part in a round: each client by a coin that shows heads with chance `share`, at least one.

    The coins depend on the seed, the round and the client's name alone.
    """
    drawn = {name: chance(seed, turn, name) for name in clients}
    chosen = [name for name in clients if drawn[name] < share]
    return chosen or [min(clients, key=lambda name: drawn[name])]


def chance(*parts: object) -> float:
    """A number from 0 to below 1 that looks drawn and follows from the parts."""
    return seed_of(*parts) / 2**63


def seed_of(*parts: object) -> int:
    """A seed of 63 bits that follows from the parts."""
    text = "\0".join(map(str, parts))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8]) >> 1
