"""`chainfund`: the original model. A text, read with attention, predicts who cares and for how long.

    token embeddings → multi-head attention → mean → FC 128 + leaky ReLU = content
    item = LN(W[content ⊕ publisher]), of length 1
    user = LN(h + MLP(h) + dropout(id)), of length 1; h = Σ w · item / Σ w over what the user did
    contrastive: user · item / τ + β · log rate, the liked first: softmax or hinge
    duration:    MLP(content ⊕ user ⊕ publisher) → minutes of attention; MSE on measured rows
    users:       W'[content ⊕ publisher] → who of all users this is; cross-entropy

Ranking asks p(item | user). The contrastive score is its logarithm up to a constant of the user's. So is, by
Bayes' rule, log p(user | item) of the users head plus the log of the item's rate. Their weighted mean ranks.

What the original did otherwise, and what each of its parts is worth, is in `models.chainfund_as_published`.
"""

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 the name everybody knows
from torch import nn

from recommender.config.model import Sizes
from recommender.config.search_space import TRAINING_SPACE, OneOf, Real, SearchSpace
from recommender.config.training import TrainingConfig
from recommender.data.context import Context, log_rates, was_open
from recommender.data.dataset import Floats, Ints, Pairs
from recommender.data.history import Entries, History
from recommender.data.statistics import pair_weights
from recommender.fitters.gradient import GradientFitter
from recommender.interface import TextNeed
from recommender.losses.contrastive import hinge
from recommender.losses.duration import masked_mse
from recommender.losses.softmax import full_softmax, log_inclusion
from recommender.losses.user_prediction import user_cross_entropy
from recommender.losses.weighting import make_weighting
from recommender.models.chainfund_config import ChainFundConfig
from recommender.models.content import ContentReader
from recommender.training.trainable import Batch, TrainableModel

TERMS = ("contrastive", "duration", "users")

ALL_USERS = 2_048
"""Up to this many users with a history, the users head names one of them all; else one of the batch's."""


@dataclass(frozen=True)
class StepItems:
    """The distinct items a step reads: those of its rows and those drawn."""

    items: torch.Tensor
    row: torch.Tensor
    """Of each of the batch's rows, the place of its item among `items`."""
    drawn: torch.Tensor
    """Places of the items drawn."""
    kept: torch.Tensor
    """1 where publisher and rate may be seen."""
    contents: torch.Tensor
    about: torch.Tensor
    """Content ⊕ publisher."""
    vectors: torch.Tensor


class ChainFund(TrainableModel):
    name = "chainfund"
    fitter = GradientFitter()
    text: ClassVar[TextNeed] = "tokens"
    config_type = ChainFundConfig
    training_defaults = TrainingConfig(learning_rate=5e-3, batch_size=4096, epochs=60, patience=4)
    terms = TERMS
    search_space: ClassVar[SearchSpace] = {
        "content_dims": OneOf((64, 128, 256)),
        "user_dims": OneOf((32, 64, 128)),
        "dropout": Real(0.0, 0.6),
        "user_dropout": Real(0.0, 0.8),
        "temperature": Real(0.03, 0.5, log=True),
        "users_share": Real(0.0, 1.0),
        "negatives": OneOf((64, 256, 1024)),
        "view_weight": Real(0.0, 1.0),
        **TRAINING_SPACE,
    }
    by_vocabulary: ClassVar[dict[str, str]] = {
        "user.weight": "users",
        "user_known": "users",
        "users_head.weight": "users",
        "users_head.bias": "users",
        "publisher.weight": "publishers",
        "publisher_known": "publishers",
        "contents": "items",
        "vectors": "items",
        "log_total": "items",
        "log_rate": "items",
        "log_share": "items",
    }

    def __init__(self, config: ChainFundConfig, sizes: Sizes) -> None:
        super().__init__(config, sizes)
        self.negatives = config.negatives
        dims = config.user_dims
        self.user = nn.Embedding(sizes.users, dims)
        self.publisher = nn.Embedding(sizes.publishers, config.publisher_dims)
        self.reader = ContentReader(
            sizes.text,
            config.token_dims,
            config.heads,
            config.head_dims,
            config.content_dims,
            max_tokens=config.max_tokens,
            dropout=config.dropout,
            has_attention=config.attention,
        )
        self.dropout = nn.Dropout(config.dropout)
        about = config.content_dims + config.publisher_dims
        self.item_layer = nn.Sequential(nn.Linear(about, dims), nn.LayerNorm(dims))
        self.history_layer = nn.Sequential(
            nn.Linear(dims, 2 * dims), nn.GELU(), self.dropout, nn.Linear(2 * dims, dims)
        )
        self.user_norm = nn.LayerNorm(dims)
        self.duration_head = nn.Sequential(
            nn.Linear(about + dims, 32), nn.LeakyReLU(), nn.Linear(32, 1), nn.Softplus()
        )
        self.users_head = nn.Linear(about, self._classes())
        self.log_temperature = nn.Parameter(torch.tensor(config.temperature).log())
        self.rate_weight = nn.Parameter(torch.tensor(0.5))
        nn.init.normal_(self.user.weight, std=0.1)
        nn.init.normal_(self.publisher.weight, std=0.1)
        self.weighting = make_weighting(
            config.weighting, TERMS, config.weighting_momentum, config.weighting_floor
        )
        self.register_buffer("user_known", torch.zeros(sizes.users, dtype=torch.bool))
        self.register_buffer("publisher_known", torch.zeros(sizes.publishers, dtype=torch.bool))
        self.register_buffer("log_rate", torch.zeros(sizes.items))
        self.register_buffer("contents", torch.zeros(sizes.items, config.content_dims))
        self.register_buffer("vectors", torch.zeros(sizes.items, dims))
        self.register_buffer("log_total", torch.zeros(sizes.items))
        self.user_known: torch.Tensor
        """Those with a history; nothing was ever learnt of the others."""
        self.publisher_known: torch.Tensor
        """Those of an item that somebody turned to; the others' vectors are as they were drawn."""
        self.log_rate: torch.Tensor
        """Of backers, centred; see `log_rates`."""
        self.contents: torch.Tensor
        """The items' content features once training has ended: ranking needs no text."""
        self.vectors: torch.Tensor
        """The items' vectors, also for what users did before."""
        self.log_total: torch.Tensor
        """The users head's log Σ exp for each item, so that a score asks for one user and not for all."""
        self._item_share = torch.zeros(0)
        self._user_share = torch.zeros(0)
        self._history: History | None = None
        self._names_all = False

    def _classes(self) -> int:
        """How many the users head tells apart."""
        return self.sizes.users

    def row_weights(self, pairs: Pairs) -> Floats:
        return pair_weights(pairs, self.config.view_weight)

    def fit(self, context: Context) -> None:
        if context.vectors is None:
            raise RuntimeError("chainfund needs text vectors")
        self.reader.fit(context.vectors)
        self.log_rate = log_rates(context)
        self.user_known = torch.zeros(self.sizes.users, dtype=torch.bool)
        self.user_known[torch.from_numpy(context.pairs.user)] = True
        self.publisher_known = torch.zeros(self.sizes.publishers, dtype=torch.bool)
        self.publisher_known[context.publisher[torch.from_numpy(np.unique(context.pairs.item))]] = True

    def bind(self, context: Context) -> None:
        super().bind(context)
        self._history = History.of(context.pairs, self.row_weights(context.pairs), self.sizes)
        self._names_all = int(self.user_known.sum()) <= ALL_USERS
        device = self.log_rate.device
        self._item_share = _shares(context.pairs.item, self.sizes.items).to(device)
        self._user_share = _shares(context.pairs.user, self.sizes.users).to(device)
        if context.vectors is not None:
            self.reader.bind(context.vectors)

    def train(self, mode: bool = True) -> Self:
        """An epoch begins: what is not read in a step stands in histories as it is now."""
        if mode and self._context is not None:
            self.eval()
            self._read_items()
        return super().train(mode)

    def freeze(self) -> None:
        """Read every item once more and keep what ranking needs."""
        about = self._read_items()
        with torch.no_grad():
            known = self._known_classes()
            weight, bias = self.users_head.weight[known], self.users_head.bias[known]
            self.log_total = torch.cat(
                [(part @ weight.T + bias).logsumexp(1) for part in torch.split(about, 256)]
            )

    def _known_classes(self) -> torch.Tensor:
        """Which classes of the users head something was learnt of, (classes,)."""
        return self.user_known

    def _read_items(self) -> torch.Tensor:
        """All items' contents and vectors, kept; returns what is known of them."""
        with torch.no_grad():
            every = torch.arange(self.sizes.items, device=self.log_rate.device)
            self.contents = self.reader(every)
            about = self._about(self.contents, every, torch.ones_like(self.log_rate))
            self.vectors = F.normalize(self.item_layer(about), dim=1)
        return about

    def _about(self, contents: torch.Tensor, items: torch.Tensor, kept: torch.Tensor) -> torch.Tensor:
        """What is known of items: content ⊕ publisher, the unknown one where it is new or not kept."""
        publisher = self.context.publisher[items]
        publisher = publisher.masked_fill((kept == 0) | ~self.publisher_known[publisher], 0)
        return torch.cat([contents, self.publisher(publisher)], 1)

    def _kept(self, count: int, dropped: float) -> torch.Tensor:
        """1 where an id may be seen: in training some are hidden; (count,)."""
        device = self.log_rate.device
        if not self.training:
            return torch.ones(count, device=device)
        return (torch.rand(count, device=device) >= dropped).float()

    def _past(self, users: torch.Tensor) -> Entries:
        if self._history is None:
            raise RuntimeError("bind() comes first")
        return self._history.entries(users)

    def _users(self, users: torch.Tensor, past: Entries, vectors: torch.Tensor) -> torch.Tensor:
        """(users, dims) of length 1, from what they did and all items' vectors."""
        kept = self.user_known[users].float()
        pooled = torch.zeros(len(users), vectors.shape[1], device=vectors.device)
        if self.config.history:
            kept = kept * self._kept(len(users), self.config.user_dropout)
            pooled = past.mean(vectors)
            pooled = pooled + self.history_layer(pooled)
        return F.normalize(self.user_norm(pooled + kept.unsqueeze(1) * self.user(users)), dim=1)

    def _match(self, user: torch.Tensor, vectors: torch.Tensor, log_rate: torch.Tensor) -> torch.Tensor:
        """The contrastive head's logits, (users, items)."""
        return torch.exp(-self.log_temperature) * user @ vectors.T + self.rate_weight * log_rate

    def loss(self, batch: Batch) -> dict[str, torch.Tensor]:
        step = self._step_items(batch)
        past = self._past(batch.user)
        vectors = self.vectors.index_copy(0, step.items, step.vectors)
        user = self._users(batch.user, past.without(batch.item), vectors)
        terms: dict[str, torch.Tensor] = {}
        if not torch.isnan(batch.minutes).all():
            minutes = self.duration_head(torch.cat([step.about[step.row], user], 1)).squeeze(1)
            terms["duration"] = masked_mse(minutes, batch.minutes.clamp(max=self.config.max_minutes))
        terms["contrastive"] = self._contrastive_loss(batch, step, user, past)
        if self.config.users_head != "none":
            terms["users"] = self._user_loss(batch, step)
        return terms

    def _step_items(self, batch: Batch) -> StepItems:
        asked = torch.cat([batch.item, batch.negatives])
        if self.negatives < self.sizes.items:
            items, place = torch.unique(asked, return_inverse=True)
        else:
            items, place = torch.arange(self.sizes.items, device=asked.device), asked
        kept = self._kept(len(items), self.config.id_dropout)
        contents = self.reader(items)
        about = self._about(contents, items, kept)
        vectors = F.normalize(self.item_layer(self.dropout(about)), dim=1)
        rows = len(batch.item)
        return StepItems(items, place[:rows], place[rows:], kept, contents, about, vectors)

    def _contrastive_loss(
        self, batch: Batch, step: StepItems, user: torch.Tensor, past: Entries
    ) -> torch.Tensor:
        """What the user liked against what was looked at; what they like or could not back is no negative."""
        unfit = past.among(step.items, self.sizes.items)
        unfit |= ~was_open(self.context, batch.time, unfit.device, step.items)
        logits = self._match(user, step.vectors, step.kept * self.log_rate[step.items])
        if self.config.contrast == "softmax":
            if len(step.items) < self.sizes.items:
                chance = log_inclusion(self._item_share, len(step.row), len(step.drawn))
                logits = logits - chance[step.items]
            return full_softmax(logits, step.row, unfit, batch.weight)
        positive = logits.gather(1, step.row.unsqueeze(1)).squeeze(1)
        against = logits.masked_fill(unfit, -torch.inf)[:, step.drawn]
        return hinge(positive, against, self.config.margin, batch.weight)

    def _user_loss(self, batch: Batch, step: StepItems) -> torch.Tensor:
        """Whose items are the batch's? Asked once for each item, among all users or the batch's.

        Among the batch's, log q as in the contrast makes it an estimate of the same, at a tenth of the cost.
        """
        backed, row = torch.unique(step.row, return_inverse=True)
        about = step.about[backed]
        if self._names_all:
            weight, bias = self.users_head.weight[self.user_known], self.users_head.bias[self.user_known]
            logits, number = about @ weight.T + bias, (self.user_known.cumsum(0) - 1)[batch.user]
        else:
            named, number = torch.unique(batch.user, return_inverse=True)
            chance = log_inclusion(self._user_share, len(row), 0)[named]
            logits = about @ self.users_head.weight[named].T + self.users_head.bias[named] - chance
        return user_cross_entropy(logits, row, number, batch.weight)

    def mass(self, term: str, batch: Batch) -> torch.Tensor:
        return (~torch.isnan(batch.minutes)).sum() if term == "duration" else batch.weight.sum()

    def combine(self, terms: dict[str, torch.Tensor]) -> torch.Tensor:
        combined: torch.Tensor = self.weighting(terms)
        return combined

    def score(self, users: torch.Tensor, items: torch.Tensor) -> torch.Tensor:
        share = self.config.users_share if self.config.users_head != "none" else 0.0
        scores = torch.zeros(len(users), len(items), device=self.log_rate.device)
        if share < 1:
            user = self._users(users, self._past(users), self.vectors)
            scores += (1 - share) * self._match(user, self.vectors[items], self.log_rate[items])
        if share > 0:
            scores += share * self._from_users_head(users, items)
        return scores

    def _from_users_head(self, users: torch.Tensor, items: torch.Tensor) -> torch.Tensor:
        """By Bayes' rule log p(item | user) up to a constant of the user's, (users, items)."""
        likely = self._log_likelihood(users, items) * self.user_known[users].unsqueeze(1)
        return likely + self.log_rate[items]

    def _log_likelihood(self, users: torch.Tensor, items: torch.Tensor) -> torch.Tensor:
        """The users head's log p(user | item) as (users, items), among the classes that were learnt."""
        about = self._about(self.contents[items], items, torch.ones(len(items), device=items.device))
        logits = about @ self.users_head.weight[users].T + self.users_head.bias[users]
        return logits.T - self.log_total[items]

    def item_vectors(self) -> torch.Tensor:
        centred: torch.Tensor = self.contents - self.contents.mean(0)
        return centred

    def audience_scores(self, items: torch.Tensor) -> torch.Tensor:
        every = torch.arange(self.sizes.users, device=items.device)
        if self.config.users_head == "none":
            users = [self._users(part, self._past(part), self.vectors) for part in torch.split(every, 4096)]
            return self.vectors[items] @ torch.cat(users).T
        return self._log_likelihood(every, items).T.masked_fill(~self.user_known, -torch.inf)


def _shares(numbers: Ints, count: int) -> torch.Tensor:
    """Each number's share of all, as (count,)."""
    found = torch.bincount(torch.from_numpy(numbers), minlength=count)
    return found / found.sum().clamp(min=1)
