"""What one platform does in a round: learn from its own persons, and send weights and nothing else."""

from collections.abc import Iterator, Mapping

import numpy as np
import torch

from recommender.errors import ConfigError, DataError, RecommenderError
from recommender.federation.averaging import Update, Weights, seed_of
from recommender.federation.privacy import Spent, noise_for, person_gradients, private_gradient
from recommender.federation.settings import FederationConfig, Travels
from recommender.models.pfcr_network import SequenceNetwork

_CODES, _PROMPT = "codes.", "prompt."


def travelling(network: SequenceNetwork, travels: Travels) -> list[str]:
    """Names of the parameters that leave a client. A domain's prompt stays where it was learnt."""
    names = [name for name, _ in network.named_parameters() if not name.startswith(_PROMPT)]
    if travels == "all":
        return names
    return [name for name in names if name.startswith(_CODES) == (travels == "codes")]


class Client:
    """A domain's persons and network. What does not travel is its own, and kept from round to round."""

    def __init__(
        self,
        name: str,
        network: SequenceNetwork,
        codes: torch.Tensor,
        sequences: torch.Tensor,
        config: FederationConfig,
        secret: int,
        answered: int = 0,
    ) -> None:
        """A client as it is before the first round, or after those that it has answered.

        Args:
            name: differs from the other clients'.
            network: drawn from anything: what travels is overwritten by what the coordinator sends.
            codes: (items, groups) of the domain's items.
            sequences: (persons, length) of what they backed, see `SequenceNetwork.states`.
            config: everybody's.
            secret: what the draws and the noise follow from. Who knows it can take the noise away.
            answered: the last round that was answered; what does not travel is then in `network`.

        Raises:
            DataError: nobody has backed anything. ConfigError: δ promises nothing to so many persons.
        """
        self.name = name
        self.network = network
        self._codes = codes
        self._sequences = sequences[(sequences >= 0).any(1)]
        self._config = config
        self._secret = secret
        self._answered = answered
        self.names = travelling(network, config.travels)
        if not self.persons:
            raise DataError(f"client {name} has nobody who backed anything: leave it out")
        if config.epsilon is not None and config.delta * self.persons >= 1:
            raise ConfigError(
                f"client {name} has {self.persons} persons, and a delta of {config.delta} would let one of "
                f"them be told outright: ask for a delta below {1 / self.persons:.2g}"
            )
        steps = config.rounds * self.steps_per_round
        self.noise = noise_for(config.epsilon, config.delta, self.sampling_rate, steps)
        for own_name, weight in network.named_parameters():
            weight.requires_grad_(not own_name.startswith(_PROMPT))

    @property
    def persons(self) -> int:
        return len(self._sequences)

    @property
    def sampling_rate(self) -> float:
        """Chance of each person to be drawn for a step."""
        return min(self._config.persons_per_step / self.persons, 1.0)

    @property
    def steps_per_round(self) -> int:
        return max(round(self._config.local_epochs / self.sampling_rate), 1)

    def spent(self, rounds: int) -> Spent:
        """What so many rounds of this client cost each of its persons."""
        return Spent(self.noise, self.sampling_rate, rounds * self.steps_per_round)

    def own(self) -> dict[str, np.ndarray]:
        """The parameters that are learnt here and stay here."""
        weights = dict(self.network.named_parameters())
        names = [n for n in weights if n not in self.names and not n.startswith(_PROMPT)]
        return {name: weights[name].detach().cpu().numpy().copy() for name in names}

    def shared(self) -> dict[str, np.ndarray]:
        """The parameters that travel, as they are here."""
        weights = dict(self.network.named_parameters())
        return {name: weights[name].detach().cpu().numpy().copy() for name in self.names}

    def receive(self, weights: Weights) -> None:
        """Take over what the coordinator sent.

        Raises:
            DataError: these are not the parameters that travel.
        """
        own = dict(self.network.named_parameters())
        if set(weights) != set(self.names) or any(weights[n].shape != own[n].shape for n in self.names):
            raise DataError(
                f"client {self.name} was sent parameters that do not fit its network: "
                "coordinator and clients have to run the same settings"
            )
        with torch.no_grad():
            for name in self.names:
                own[name].copy_(torch.from_numpy(weights[name]))

    def train(self, given: Weights, turn: int) -> Update:
        """Learn for one round from what the coordinator gave, and give back what travels.

        The same settings, secret, weights and round give the same update, whoever runs it.

        Raises:
            DataError: the round was answered before, or is beyond those that were agreed on: an answer would
                tell more of the persons than was promised to them.
        """
        if not self._answered < turn <= self._config.rounds:
            raise DataError(
                f"client {self.name} answers each of {self._config.rounds} rounds once, and has answered "
                f"{self._answered}: round {turn} would tell more of its persons than was promised"
            )
        self._answered = turn
        self.receive(given)
        seed = seed_of(self._secret, self.name, turn)
        generator = torch.Generator().manual_seed(seed)
        torch.manual_seed(seed)
        # Dropout would be drawn for all persons at once; the noise already keeps from learning by heart.
        self.network.train(not self.noise)
        anchor = {name: torch.from_numpy(weights).clone() for name, weights in given.items()}
        optimizer = torch.optim.Adam(
            [weight for weight in self.network.parameters() if weight.requires_grad],
            self._config.learning_rate,
        )
        for rows in self._draws(generator):
            self._descend(self._sequences[rows], generator)
            self._pull(anchor)
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        self.network.eval()
        return Update(self.name, turn, self.persons, self.shared())

    def _draws(self, generator: torch.Generator) -> Iterator[torch.Tensor]:
        """The persons of each step: in turn, or with noise each by a coin, as its guarantee asks."""
        size, steps = self._config.persons_per_step, self.steps_per_round
        if self.noise:
            for _ in range(steps):
                yield (torch.rand(self.persons, generator=generator) < self.sampling_rate).nonzero()[:, 0]
            return
        parts: list[torch.Tensor] = []
        while len(parts) < steps:
            parts.extend(torch.split(torch.randperm(self.persons, generator=generator), size))
        yield from parts[:steps]

    def _descend(self, sequences: torch.Tensor, generator: torch.Generator) -> None:
        """Leave the gradient of these persons at the parameters."""
        if self.noise:
            found = private_gradient(
                person_gradients(self.network, self._codes, sequences),
                clip=self._config.clip,
                noise=self.noise,
                expected=self.sampling_rate * self.persons,
                generator=generator,
            )
            for name, weight in self.network.named_parameters():
                weight.grad = found.get(name)
            return
        loss = self.network(self._codes, sequences).mean()
        if not torch.isfinite(loss):
            raise RecommenderError(f"client {self.name}: the loss is not a number; lower the learning rate")
        torch.autograd.backward(loss)

    def _pull(self, anchor: Mapping[str, torch.Tensor]) -> None:
        """Add FedProx' gradient μ (w − w₀) to what travels (Li et al. 2020): nobody's data are in it."""
        if not self._config.proximal:
            return
        for name, weight in self.network.named_parameters():
            if name in anchor and weight.grad is not None:
                weight.grad += self._config.proximal * (weight.detach() - anchor[name])
