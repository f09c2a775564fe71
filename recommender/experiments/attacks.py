"""Attacks on one client's updates, at several promises: who was learnt from, and what they backed.

The persons are of the synthetic source. Those who are asked about are the client's members and as many
strangers with the same tastes; further persons, whom the attacker has, are for its shadow models. An attack
that fails without noise would prove nothing, so the same attacks are measured with and without.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from recommender.data.context import context_of
from recommender.data.dataset import Dataset, Floats, build_dataset
from recommender.data.reading import conform
from recommender.data.synthetic import SyntheticConfig, synthesize
from recommender.evaluation.bootstrap import Interval, interval_of
from recommender.federation.attacks import ReadCodes, membership_scores, person_losses, read_codes
from recommender.federation.averaging import Weights, seed_of
from recommender.federation.client import Client, travelling
from recommender.federation.exchange import draw_network, public_codebook, sequences_of
from recommender.federation.settings import FederationConfig
from recommender.models.pfcr import PfcrConfig
from recommender.models.pfcr_network import SequenceNetwork
from recommender.progress import Progress, silent
from recommender.text.cache import TextVectors

RESAMPLES = 1_000


@dataclass(frozen=True)
class AttackConfig:
    """How many persons of each kind there are, and how often the attacker learns for itself."""

    members: int = 2_000
    """As many strangers beside them."""
    shadows: int = 8
    """Shadow models; each learns from as many persons as there are members."""
    readers: int = 40
    """Clients of a few persons whose codes are read."""
    readers_persons: int = 4
    items: int = 400
    seed: int = 0


@dataclass(frozen=True)
class Findings:
    """What the attacks found in one population at one promise."""

    noise: float
    members: Floats
    """How much each looks like a member; higher is likelier."""
    strangers: Floats
    read: tuple[ReadCodes, ...]
    """Of each reader; nothing where the code embedding stays at home."""


@dataclass(frozen=True)
class Attacked:
    """What the attacks found at one promise, over all populations."""

    epsilon: float | None
    noise: float
    """σ; 0 without a promise."""
    auc: Interval
    """Of telling members from strangers, the mean over the populations; 0.5 is a blind guess."""
    codes_found: float | None
    """Share of the codes of what was backed that were read; none where the code embedding stays at home."""
    codes_by_chance: float | None


class AttackExperiment:
    """One population, attacked at each promise."""

    def __init__(
        self,
        config: AttackConfig,
        network: PfcrConfig,
        federation: FederationConfig,
        vectors: TextVectors,
        data: Dataset,
        progress: Progress = silent,
    ) -> None:
        """`data` as `population` makes them, `vectors` of their items' texts; see `AttackConfig`."""
        self._config, self._network, self._federation = config, network, federation
        self._codes = public_codebook(vectors, network).codes(vectors.pooled)
        everybody = sequences_of(context_of(data, None), network.length)
        active = everybody[(everybody >= 0).sum(1) >= 2]
        order = torch.randperm(len(active), generator=torch.Generator().manual_seed(config.seed))
        self._persons = active[order]
        self._progress = progress

    def attack(self, epsilon: float | None) -> Findings:
        """Both attacks at one promise; every model, the attacker's too, is learnt as the attacked one is."""
        federation = self._federation.model_copy(update={"epsilon": epsilon})
        count = self._config.members
        members, strangers = self._persons[:count], self._persons[count : 2 * count]
        theirs = self._persons[2 * count :]
        asked = torch.cat([members, strangers])
        noise = 0.0
        networks: list[SequenceNetwork] = []
        for number in range(self._config.shadows + 1):
            pool = members if number == 0 else theirs[self._drawn(number, len(theirs), count)]
            client = self._client(f"{number}", pool, federation)
            self._learn(client, federation)
            networks.append(client.network)
            noise = client.noise
            self._progress(f"attack at ε {epsilon}", (number + 1) / (self._config.shadows + 1))
        scores = self._scores(networks[0], networks[1:], asked, federation)
        readers = range(self._config.readers if federation.travels != "encoder" else 0)
        read = tuple(self._read(number, federation) for number in readers)
        return Findings(noise, scores[:count], scores[count:], read)

    def _scores(
        self,
        attacked: SequenceNetwork,
        shadows: Sequence[SequenceNetwork],
        asked: torch.Tensor,
        federation: FederationConfig,
    ) -> Floats:
        """How much each person looks like a member; what was not sent is the shadow model's own."""
        sent = {
            name: dict(attacked.named_parameters())[name] for name in travelling(attacked, federation.travels)
        }
        expected = [person_losses(shadow, self._codes, asked) for shadow in shadows]
        found = []
        for shadow in shadows:
            shadow.load_state_dict(sent, strict=False)
            found.append(person_losses(shadow, self._codes, asked))
        return membership_scores(np.mean(found, axis=0), expected)

    def _drawn(self, number: int, size: int, count: int) -> torch.Tensor:
        generator = torch.Generator().manual_seed(seed_of(self._config.seed, "shadow", number))
        return torch.randperm(size, generator=generator)[:count]

    def _client(self, name: str, persons: torch.Tensor, federation: FederationConfig) -> Client:
        secret = seed_of(self._config.seed, "secret", name)
        return Client(name, draw_network(self._network, federation), self._codes, persons, federation, secret)

    def _learn(self, client: Client, federation: FederationConfig) -> Weights:
        """All rounds of a client whose updates the attacker sees, with nobody else's in between."""
        weights: Weights = client.shared()
        for turn in range(1, federation.rounds + 1):
            weights = client.train(weights, turn).weights
        return weights

    def _read(self, number: int, federation: FederationConfig) -> ReadCodes:
        """Read a small client's codes off the update of its first round."""
        persons = self._persons[number * self._config.readers_persons :][: self._config.readers_persons]
        client = self._client(f"reader {number}", persons, federation)
        before = client.shared()
        after = client.train(before, 1).weights
        network = draw_network(self._network, federation).eval()
        with torch.inference_mode():
            vectors = network.codes(self._codes)
            nobody = network.states(vectors, torch.full((1, 1), -1))[0, 0]
        truth = np.zeros((self._network.groups, self._network.centroids), np.bool_)
        truth[np.arange(self._network.groups), self._codes[persons[persons >= 0]].numpy()] = True
        first, last = (torch.from_numpy(weights["codes.weight"]) for weights in (before, after))
        return read_codes(first, last, truth, nobody)


def population(config: AttackConfig) -> Dataset:
    """Members, strangers and the attacker's own persons, of one platform with known tastes."""
    users = 4 * config.members
    tables = synthesize(
        SyntheticConfig(
            users=users, items=config.items, views=0, contributions=9 * users, taste=4.0, seed=config.seed
        )
    )
    return build_dataset(conform(tables))


def attack_all(experiments: Sequence[AttackExperiment], epsilons: Sequence[float | None]) -> list[Attacked]:
    """Both attacks at each promise, on several populations."""
    return [attacked_over(epsilon, [each.attack(epsilon) for each in experiments]) for epsilon in epsilons]


def attacked_over(epsilon: float | None, findings: Sequence[Findings]) -> Attacked:
    """One promise's findings in several populations as one."""
    read = [one for each in findings for one in each.read]
    return Attacked(
        epsilon,
        findings[0].noise,
        _auc(findings),
        float(np.mean([each.found for each in read])) if read else None,
        float(np.mean([each.by_chance for each in read])) if read else None,
    )


def _auc(findings: Sequence[Findings]) -> Interval:
    """Chance that a member scores above a stranger of the same population, with its interval over persons."""

    def one(inside: Floats, outside: Floats) -> float:
        ranks = np.searchsorted(np.sort(outside), inside, "left") + np.searchsorted(
            np.sort(outside), inside, "right"
        )
        return float(ranks.mean() / 2 / len(outside))

    rng = np.random.default_rng(0)
    drawn = [
        np.mean(
            [
                one(
                    rng.choice(each.members, len(each.members)),
                    rng.choice(each.strangers, len(each.strangers)),
                )
                for each in findings
            ]
        )
        for _ in range(RESAMPLES)
    ]
    found = float(np.mean([one(each.members, each.strangers) for each in findings]))
    return interval_of(found, np.array(drawn))
