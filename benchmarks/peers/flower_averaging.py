"""Flower's FedAvg beside ours: the same clients' weights through `aggregate_arrayrecords` of flwr 1.42.

    tools/federation.sh install
    PYTHONPATH=. .venv-federation/bin/python -m benchmarks.peers.flower_averaging [--clients 7] [--seed 0]

Flower adds up in float32 in the order of the answers, ours in float64 in the order of the names: what is left
between the two is rounding.
"""

import argparse
import importlib
from typing import Any

import numpy as np

from recommender.federation.averaging import Update, federated_average

SHAPES = {"codes": (8, 32, 16), "encoder.weight": (64, 64), "encoder.bias": (64,)}


def drawn(clients: int, seed: int) -> list[Update]:
    """Clients of very different sizes, with weights of very different sizes."""
    rng = np.random.default_rng(seed)
    persons = np.exp(rng.normal(5, 2, clients)).astype(int) + 1
    return [
        Update(
            f"client {number}",
            1,
            int(persons[number]),
            {
                name: rng.normal(0, np.exp(rng.normal()), shape).astype(np.float32)
                for name, shape in SHAPES.items()
            },
        )
        for number in range(clients)
    ]


def flowers_average(updates: list[Update]) -> dict[str, Any]:
    """What Flower's strategy makes of the same answers."""
    app: Any = importlib.import_module("flwr.app")
    utils: Any = importlib.import_module("flwr.serverapp.strategy.strategy_utils")
    records = [
        app.RecordDict(
            {
                "arrays": app.ArrayRecord({name: app.Array(array) for name, array in each.weights.items()}),
                "metrics": app.MetricRecord({"persons": each.persons}),
            }
        )
        for each in updates
    ]
    found = utils.aggregate_arrayrecords(records, "persons")
    return {name: found[name].numpy() for name in SHAPES}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--clients", type=int, default=7)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    updates = drawn(given.clients, given.seed)
    ours, theirs = federated_average(updates), flowers_average(updates)
    print(f"{given.clients} clients of {', '.join(str(each.persons) for each in updates)} persons")
    for name, array in ours.items():
        apart = float(np.abs(array - theirs[name]).max())
        print(f"{name}: at most {apart:.1e} apart, of weights up to {np.abs(array).max():.2f}")


if __name__ == "__main__":
    main()
