"""All clients in one process: for measuring, and to know what the networked rounds have to come to."""

from collections.abc import Callable, Mapping, Sequence

from recommender.federation.averaging import Weights, federated_average, participants
from recommender.federation.client import Client
from recommender.federation.settings import FederationConfig

OnRound = Callable[[int, Weights], None]
"""Given each round's number, from 1, and the weights it ended with."""


def simulate(
    clients: Sequence[Client], config: FederationConfig, start: Weights, on_round: OnRound | None = None
) -> Mapping[str, int]:
    """Run all rounds; each client then holds the last average. How many rounds each took part in, by name.

    Args:
        clients: with different names.
        config: the same that the clients were made with.
        start: the parameters that travel, as the coordinator draws them.
        on_round: called after each round.
    """
    by_name = {client.name: client for client in clients}
    weights, taken = start, dict.fromkeys(by_name, 0)
    for turn in range(1, config.rounds + 1):
        chosen = participants(list(by_name), config.participation, config.seed, turn)
        weights = federated_average([by_name[name].train(weights, turn) for name in chosen])
        for name in chosen:
            taken[name] += 1
        if on_round:
            on_round(turn, weights)
    for client in clients:
        client.receive(weights)
    return taken
