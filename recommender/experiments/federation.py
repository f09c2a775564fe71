"""What learning together is worth: each domain alone, all in one place, federated, and with prompts.

Every arm is asked for the same people's last item among their own domain's. All begin with one codebook,
learnt from texts that no domain has, so that arms differ in what they learn from and not in their words. How
long an arm trains is chosen on the validation part, from weights that have not seen it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import torch

from recommender.data.context import context_of
from recommender.data.dataset import Dataset, Floats, build_dataset, item_text
from recommender.data.reading import read_directory
from recommender.data.rules import exclude
from recommender.data.schema import Tables
from recommender.errors import ConfigError, DataError
from recommender.evaluation.bootstrap import Interval, interval, paired
from recommender.evaluation.evaluator import evaluate
from recommender.evaluation.metrics import DECIDING
from recommender.evaluation.splits import Split, SplitOptions, make_split
from recommender.federation.averaging import Weights, seed_of
from recommender.federation.client import Client
from recommender.federation.domains import cut, keys_of, left_over
from recommender.federation.exchange import begin, draw_network, public_codebook, sequences_of
from recommender.federation.settings import FederationConfig
from recommender.federation.simulator import simulate
from recommender.interface import Recommender
from recommender.models.pfcr import Pfcr, PfcrConfig
from recommender.models.registry import make_config, make_plan
from recommender.models.shared_weights import SharedWeights, save_shared
from recommender.pipeline import EMBEDDINGS
from recommender.progress import Progress, silent
from recommender.text.cache import EmbeddingCache, TextVectors
from recommender.text.codes import Codebook

LOCAL, CENTRALISED, FEDERATED, LIGHT, FULL = ARMS = (
    "local", "centralised", "federated", "federated, light prompt", "federated, full prompt",
)  # fmt: skip
OVERALL = "all domains"

Encode = Callable[[Sequence[str]], TextVectors]


@dataclass(frozen=True)
class Domain:
    """One client's platform."""

    name: str
    dataset: Dataset
    split: Split
    vectors: TextVectors

    @classmethod
    def of(cls, name: str, tables: Tables, encode: Encode, core: int) -> "Domain":
        dataset = build_dataset(tables)
        split = make_split("last-out", dataset, SplitOptions(core=core))
        return cls(name, dataset, split, encode(dataset.items.texts))


@dataclass(frozen=True)
class Figures:
    """NDCG@10 of one arm in one domain, and the paired difference to learning alone."""

    epsilon: float | None
    """Promised to each person by what was federated; none: no noise."""
    domain: str
    arm: str
    users: int
    found: Interval
    gain: Interval


@dataclass
class FederationExperiment:
    """Domains that learn together in this process."""

    domains: Sequence[Domain]
    codebook: Codebook
    encoder: str
    settings: Mapping[str, Any]
    """Of `pfcr`, as `make_plan` reads them, training among them; `words` are the prompts'."""
    federation: FederationConfig
    folder: Path
    """For the files of shared weights."""
    progress: Progress = silent
    _fitted: dict[tuple[int, str], list[Recommender]] = field(default_factory=dict)
    _learnt: dict[tuple[int, str], list[Weights]] = field(default_factory=dict)

    def sweep(self, epsilons: Sequence[float | None], seeds: int) -> list[Figures]:
        """All arms without noise, and what is federated at each promise."""
        found = []
        for epsilon in epsilons:
            federation = self.federation.model_copy(update={"epsilon": epsilon})
            kept = {key: models for key, models in self._fitted.items() if key[1] in (LOCAL, CENTRALISED)}
            self._fitted = kept
            found.extend(replace(self, federation=federation, _fitted=kept, _learnt={}).run(seeds))
        return found

    def run(self, seeds: int, arms: Sequence[str] = ARMS) -> list[Figures]:
        """Measure the arms, `LOCAL` among them, each with so many seeds."""
        if LOCAL not in arms:
            raise ConfigError(f"arms are compared with {LOCAL!r}: measure it as well")
        values: dict[str, list[Floats]] = {arm: [] for arm in arms}
        for place, domain in enumerate(self.domains):
            report = evaluate(
                arms,
                lambda arm, seed, place=place: self.models(arm, seed)[place],  # type: ignore[misc]
                domain.dataset,
                domain.split,
                seeds,
                is_random=lambda _: True,
            )
            for arm in arms:
                values[arm].append(report.values[arm][DECIDING])
        named = [(domain.name, [place]) for place, domain in enumerate(self.domains)]
        return [
            self._figures(name, arm, values, places)
            for name, places in [*named, (OVERALL, list(range(len(self.domains))))]
            for arm in arms
        ]

    def _figures(
        self, name: str, arm: str, values: Mapping[str, Sequence[Floats]], places: Sequence[int]
    ) -> Figures:
        ours, alone = (np.concatenate([values[each][place] for place in places]) for each in (arm, LOCAL))
        return Figures(self.federation.epsilon, name, arm, len(ours), interval(ours), paired(ours, alone))

    def models(self, arm: str, seed: int) -> list[Recommender]:
        """The arm's model of each domain, fitted for the test."""
        if (seed, arm) not in self._fitted:
            self._fitted[seed, arm] = self._fit(arm, seed)
        return self._fitted[seed, arm]

    def _fit(self, arm: str, seed: int) -> list[Recommender]:
        self.progress(f"{arm}, seed {seed}", 0.0)
        if arm == LOCAL:
            nothing = self._save("nothing", {})
            return [self._tuned(domain, nothing, nothing, seed) for domain in self.domains]
        if arm == CENTRALISED:
            weights = self._centralised(seed)
            return [self._as_it_is(domain, weights, self.folder / "central") for domain in self.domains]
        if arm == FEDERATED:
            return [
                self._as_it_is(domain, own, self.folder / "own")
                for domain, own in zip(self.domains, self.rounds(seed, "refit"), strict=True)
            ]
        more = {"words": self.settings.get("words", 8), "tuning": "light" if arm == LIGHT else "full"}
        before, after = self.rounds(seed, "train"), self.rounds(seed, "refit")
        return [
            self._tuned(
                domain, self._save(f"train-{place}", own), self._save(f"refit-{place}", last), seed, **more
            )
            for place, (domain, own, last) in enumerate(zip(self.domains, before, after, strict=True))
        ]

    def rounds(self, seed: int, part: str) -> list[Weights]:
        """What each domain's network holds, but for its prompt, after all rounds on a part of its split."""
        if (seed, part) not in self._learnt:
            self._learnt[seed, part] = self._rounds(seed, part)
        return self._learnt[seed, part]

    def _rounds(self, seed: int, part: str) -> list[Weights]:
        federation = self.federation.model_copy(update={"seed": seed})
        clients = self.clients(federation, part)
        start = self._begin(federation).weights
        simulate(
            clients,
            federation,
            start,
            lambda turn, _: self.progress(f"federated, seed {seed}, {part}", turn / federation.rounds),
        )
        return [_weights(client) for client in clients]

    def clients(self, federation: FederationConfig, part: str) -> list[Client]:
        """A client for each domain. Their secrets follow from the seed: this is a measurement."""
        return [
            Client(
                domain.name,
                draw_network(self._network(), federation),
                self.codebook.codes(domain.vectors.pooled),
                sequences_of(context_of(getattr(domain.split, part), None), self._network().length),
                federation,
                seed_of("secret", federation.seed, domain.name),
            )
            for domain in self.domains
        ]

    def _network(self, **more: object) -> PfcrConfig:
        own = {name: value for name, value in self.settings.items() if name not in ("words", "training")}
        config = make_config("pfcr", own | more)
        if not isinstance(config, PfcrConfig):
            raise TypeError(config)
        return config

    def _begin(self, federation: FederationConfig) -> SharedWeights:
        return begin(self.codebook, self.encoder, self._network(), federation)

    def _save(self, name: str, weights: Weights) -> Path:
        path = self.folder / f"{name}.safetensors"
        save_shared(path, replace(self._begin(self.federation), weights=weights))
        return path

    def _tuned(self, domain: Domain, first: Path, last: Path, seed: int, **more: object) -> Recommender:
        """Trained by a domain alone: from `first` to choose how long, then from `last` for the test."""

        def plan(shared: Path) -> Any:
            own = {name: value for name, value in self.settings.items() if name != "words"}
            return make_plan("pfcr", own | more | {"shared": str(shared)}).with_seed(seed)

        _, log = plan(first).fitter.fit_split(plan(first), domain.split, domain.vectors)
        epochs = log.best_epoch if log else None
        found: Recommender = plan(last).fitter.fit_all(
            plan(last), domain.split.refit, domain.vectors, epochs=epochs
        )
        return found

    def _as_it_is(self, domain: Domain, weights: Weights, path: Path) -> Recommender:
        """Shared weights, bound to a domain without learning there."""
        saved = self._save(path.name, weights)
        context = context_of(domain.split.refit, domain.vectors)
        model = Pfcr(self._network(shared=str(saved)), context.sizes)
        model.fit(context)
        model.bind(context)
        model.freeze()
        return model.eval()

    def _centralised(self, seed: int) -> Weights:
        """Learnt as a client of everybody would, without noise: what giving all away would bring."""
        config = self.federation.model_copy(update={"seed": seed, "epsilon": None, "travels": "all"})
        length = self._network().length
        codes, rows, items = [], [], 0
        for domain in self.domains:
            mine = sequences_of(context_of(domain.split.refit, None), length)
            rows.append(torch.where(mine >= 0, mine + items, -1))
            codes.append(self.codebook.codes(domain.vectors.pooled))
            items += len(codes[-1])
        everybody = Client(
            "everybody",
            draw_network(self._network(), config),
            torch.cat(codes),
            torch.cat(rows),
            config,
            seed,
        )
        simulate([everybody], config, self._begin(config).weights)
        return _weights(everybody)


def _weights(client: Client) -> Weights:
    return {**client.shared(), **client.own()}


def open_federation(
    data: Path,
    root: Path,
    encoder: str,
    *,
    by: Sequence[str],
    least_persons: int,
    core: int,
    settings: Mapping[str, Any],
    federation: FederationConfig,
    public: Sequence[str] = (),
    progress: Progress = silent,
) -> FederationExperiment:
    """Cut a data directory into domains.

    The codebook is learnt from `public` texts, or without any from the items that are in no domain.

    Raises:
        DataError: what is wrong with the tables, or too little to cut. ConfigError: an unknown key.
    """
    tables, _ = exclude(read_directory(data), until=datetime.now(UTC))
    cache = EmbeddingCache(root / EMBEDDINGS, encoder)
    found = cut(tables, keys_of(by), least_persons=least_persons)
    domains = [
        Domain.of(name, part, lambda texts: cache.vectors(texts, progress), core)
        for name, part in found.items()
    ]
    others = left_over(tables, found).select("title", "description")
    texts = list(public) or [item_text(*row) for row in others.iter_rows()]
    own = {name: value for name, value in settings.items() if name not in ("words", "training")}
    network = make_config("pfcr", own)
    if not isinstance(network, PfcrConfig):
        raise TypeError(network)
    if not texts:
        raise DataError(
            "every item is in a domain, and none is left to learn a codebook from: give texts that anybody "
            "may see with --public, or cut otherwise"
        )
    codebook = public_codebook(cache.vectors(texts, progress), network)
    folder = root / "federation"
    return FederationExperiment(domains, codebook, encoder, settings, federation, folder, progress)


def figures_json(experiment: FederationExperiment, found: Sequence[Figures]) -> dict[str, object]:
    """The table and how it was made."""
    return {
        "protocol": {
            "split": "last-out",
            "domains": {domain.name: domain.split.protocol for domain in experiment.domains},
            "federation": experiment.federation.model_dump(mode="json"),
            "settings": dict(experiment.settings),
            "encoder": experiment.encoder,
        },
        "rows": [asdict(each) for each in found],
    }
