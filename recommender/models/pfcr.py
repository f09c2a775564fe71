"""`pfcr`: what comes next in a sequence of items, known by their texts' codes alone; learnt with others.

    h⁰_j = v_i + p_j;  layers of self-attention;  s = h_last + MA(P);  score(u, i) = cos(s, v_i) / τ

An item is a few codes out of a codebook (`text.codes`), so that platforms share a vocabulary and no item.
What they learn together (`federation`) comes as a file of shared weights; the prompt P is this platform's
own. Source: Guo et al. 2024, Prompt-enhanced Federated Content Representation Learning for Cross-domain
Recommendation.
"""

from pathlib import Path
from typing import ClassVar, Literal

import torch
from pydantic import Field

from recommender.config.model import ModelConfig, Sizes
from recommender.config.search_space import TRAINING_SPACE, OneOf, Real, SearchSpace, Whole
from recommender.config.training import TrainingConfig
from recommender.data.context import Context, contributions, was_open
from recommender.data.history import History
from recommender.data.sequences import Sequences
from recommender.errors import ConfigError
from recommender.fitters.gradient import GradientFitter
from recommender.interface import TextNeed
from recommender.losses.softmax import full_softmax
from recommender.models.pfcr_network import SequenceNetwork
from recommender.models.shared_weights import load_own, load_shared
from recommender.text.codes import learn_codebook
from recommender.training.trainable import Batch, TrainableModel

USERS_PER_BLOCK = 1_024
PARTS_BY_LENGTH = 5

NETWORK_SETTINGS = ("groups", "centroids", "code_dims", "dims", "heads", "layers", "length", "temperature")
"""What all platforms that learn together have to agree on."""


class PfcrConfig(ModelConfig):
    groups: int = Field(8, ge=1)
    """Codes of an item."""
    centroids: int = Field(32, ge=2)
    """Different codes in each group."""
    code_dims: int = Field(8, ge=1)
    """Principal dimensions of the text in each group."""
    dims: int = Field(64, ge=1)
    heads: int = Field(2, ge=1)
    layers: int = Field(2, ge=0)
    length: int = Field(20, ge=1)
    """Items of a sequence; older ones are forgotten."""
    temperature: float = Field(0.1, gt=0)
    dropout: float = Field(0.2, ge=0, lt=1)
    words: int = Field(0, ge=0)
    """Of the domain's prompt; 0: there is no prompt."""
    shared: str = ""
    """A file of shared weights to begin from; empty: everything is learnt here."""
    own: str = ""
    """Beside it, where not everything travels: `own.safetensors` of this platform's memory."""
    tuning: Literal["full", "light"] = "full"
    """What is learnt here: everything, or the prompt alone."""
    seed: int = Field(0, ge=0)
    """Of a codebook that is learnt here."""


def make_network(config: PfcrConfig) -> SequenceNetwork:
    """The network of these settings, drawn from torch's seed."""
    if config.dims % config.heads:
        raise ConfigError(f"pfcr.dims is {config.dims}: make it a multiple of pfcr.heads, {config.heads}")
    return SequenceNetwork(
        groups=config.groups,
        centroids=config.centroids,
        dims=config.dims,
        heads=config.heads,
        layers=config.layers,
        length=config.length,
        words=config.words,
        dropout=config.dropout,
        temperature=config.temperature,
    )


class Pfcr(TrainableModel):
    name = "pfcr"
    fitter = GradientFitter()
    text: ClassVar[TextNeed] = "pooled"
    config_type = PfcrConfig
    scores_are_logits = True
    training_defaults = TrainingConfig(learning_rate=1e-3, batch_size=512)
    search_space: ClassVar[SearchSpace] = {
        "groups": OneOf((4, 8, 16)),
        "centroids": OneOf((16, 32, 64)),
        "layers": Whole(1, 3),
        "temperature": Real(0.03, 0.5, log=True),
        "dropout": Real(0.0, 0.6),
        **TRAINING_SPACE,
    }
    terms = ("softmax",)
    by_vocabulary: ClassVar[dict[str, str]] = {"codes": "items", "vectors": "items"}

    def __init__(self, config: PfcrConfig, sizes: Sizes) -> None:
        super().__init__(config, sizes)
        if config.tuning == "light" and not (config.words and config.shared):
            raise ConfigError(
                "pfcr.tuning=light learns a prompt on shared weights: give pfcr.words and pfcr.shared"
            )
        self.network = make_network(config)
        self.register_buffer("codes", torch.zeros(sizes.items, config.groups, dtype=torch.int64))
        self.register_buffer("vectors", torch.zeros(sizes.items, config.dims))
        self.codes: torch.Tensor
        self.vectors: torch.Tensor
        """The items' vectors once training has ended: ranking needs no text."""
        self._sequences: Sequences | None = None
        self._history: History | None = None

    def fit(self, context: Context) -> None:
        if context.vectors is None:
            raise RuntimeError("pfcr needs text vectors")
        config, texts = self.config, context.vectors.pooled
        if not config.shared:
            book = learn_codebook(texts, config.groups, config.centroids, config.code_dims, config.seed)
            self.codes = book.codes(texts)
            return
        shared = load_shared(Path(config.shared))
        if context.vectors.encoder not in ("", shared.encoder):
            raise ConfigError(
                f"{config.shared} was learnt with the encoder {shared.encoder}: "
                f"add --encoder {shared.encoder}, or set CHAINFUND_TEXT_ENCODER to it"
            )
        own = {name: getattr(config, name) for name in NETWORK_SETTINGS}
        if differing := sorted(name for name in own if shared.settings.get(name) != own[name]):
            raise ConfigError(
                f"{config.shared} was learnt with other settings of {', '.join(differing)}: "
                + " ".join(f"--set pfcr.{name}={shared.settings.get(name)}" for name in differing)
            )
        self.codes = shared.codebook.codes(texts)
        weights = dict(shared.weights) | (load_own(Path(config.own)) if config.own else {})
        shapes = {name: tuple(weight.shape) for name, weight in self.network.named_parameters()}
        if any(shapes.get(name) != array.shape for name, array in weights.items()):
            raise ConfigError(f"{config.own or config.shared} is of another network than pfcr's settings say")
        if weights and any(name not in weights and not name.startswith("prompt.") for name in shapes):
            raise ConfigError(
                f"{config.shared} holds a part of the network, for the rest did not travel: "
                "give this platform's as pfcr.own=MEMORY/own.safetensors"
            )
        self.network.load_state_dict({n: torch.from_numpy(a) for n, a in weights.items()}, strict=False)
        if config.tuning == "light":
            for name, weight in self.network.named_parameters():
                weight.requires_grad_(name.startswith("prompt."))

    def bind(self, context: Context) -> None:
        super().bind(context)
        self._sequences = Sequences.of(contributions(context), self.sizes)
        self._history = History.of(context.pairs, self.row_weights(context.pairs), self.sizes)

    def freeze(self) -> None:
        """Keep the items' vectors for ranking."""
        with torch.no_grad():
            self.vectors = self.network.codes(self.codes)

    def _bound(self) -> tuple[Sequences, History]:
        if self._sequences is None or self._history is None:
            raise RuntimeError("bind() comes first")
        return self._sequences, self._history

    def _last_states(self, users: torch.Tensor, times: torch.Tensor, vectors: torch.Tensor) -> torch.Tensor:
        """(users, dims): the states after what each backed before a moment."""
        found = self._bound()[0].before(users, times, self.config.length)
        count = found.mask.sum(1)
        items = torch.where(found.mask, found.items, -1).to(vectors.device)
        last = torch.zeros(len(users), self.config.dims, device=vectors.device)
        # Most histories are short: side by side with their like they need little padding.
        for rows in torch.tensor_split(torch.argsort(count, stable=True), PARTS_BY_LENGTH):
            if len(rows):
                longest = max(int(count[rows[-1]]), 1)
                states = self.network.states(vectors, items[rows, :longest])
                last = last.index_put((rows,), states[torch.arange(len(rows)), count[rows]])
        return last

    def loss(self, batch: Batch) -> dict[str, torch.Tensor]:
        vectors = self.network.codes(self.codes)
        state = self._last_states(batch.user, batch.time, vectors)
        logits = self.network.logits(state, vectors)
        backed = self._bound()[1].rows(batch.user) > 0
        barred = backed | ~was_open(self.context, batch.time, batch.user.device)
        return {"softmax": full_softmax(logits, batch.item, barred, batch.weight)}

    def combine(self, terms: dict[str, torch.Tensor]) -> torch.Tensor:
        return terms["softmax"]

    def score(self, users: torch.Tensor, items: torch.Tensor) -> torch.Tensor:
        parts = [self._score_block(part, items) for part in torch.split(users, USERS_PER_BLOCK)]
        return torch.cat(parts)

    def _score_block(self, users: torch.Tensor, items: torch.Tensor) -> torch.Tensor:
        now = torch.full((len(users),), torch.inf, dtype=torch.float64)
        return self.network.logits(self._last_states(users, now, self.vectors), self.vectors[items])

    def item_vectors(self) -> torch.Tensor:
        return self.vectors

    def audience_scores(self, items: torch.Tensor) -> torch.Tensor:
        every = torch.arange(self.sizes.users, device=self.vectors.device)
        return torch.cat([self._score_block(part, items) for part in torch.split(every, USERS_PER_BLOCK)]).T
