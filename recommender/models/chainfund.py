"""`chainfund`: the original model. A text, read with attention, predicts who cares and for how long.

    token embeddings → multi-head attention → mean → FC 128 + leaky ReLU = content
    contrastive: user · W[content ⊕ publisher], for what the user liked above what they did not; hinge
    duration:    MLP(content ⊕ user ⊕ publisher) → minutes of attention; MSE on measured rows
    users:       W'[content ⊕ publisher] → who of all users this is; cross-entropy

Ranking asks p(item | user) ∝ p(user | item) · p(item): the users head's log-probability plus the log of the
item's share of the contributions, plus the contrastive score.

As published, the contrastive head compares sigmoid features position by position, with one random negative
and no user; the users head is taught the publisher's number; and ranking can only ask the users head. The
option `as_published` does just that, so that the difference can be measured.
"""

from typing import ClassVar

import torch
import torch.nn.functional as F  # noqa: N812 the name everybody knows
from pydantic import Field
from torch import nn

from recommender.losses.contrastive import hinge, hinge_by_position
from recommender.losses.duration import masked_mse
from recommender.losses.user_prediction import user_cross_entropy
from recommender.losses.weighting import Weighting, make_weighting
from recommender.models.attention import MultiHeadAttention, masked_mean
from recommender.models.base import (
    Batch,
    Context,
    ModelConfig,
    Sizes,
    TextNeed,
    TrainableModel,
    log_rates,
    pair_weights,
    was_open,
)
from recommender.models.history import History
from recommender.models.text_space import principal_axes, token_spread
from recommender.text.cache import TextVectors, project
from recommender.training.config import TrainingConfig

TERMS = ("contrastive", "duration", "users")


class ChainFundConfig(ModelConfig):
    max_tokens: int = Field(96, ge=1)
    """How much of a text is read; attention costs its square."""
    token_dims: int = Field(128, ge=1)
    """Token embeddings are rotated into this many of their principal dimensions."""
    heads: int = Field(4, ge=1)
    head_dims: int = Field(32, ge=1)
    content_dims: int = Field(128, ge=1)
    user_dims: int = Field(64, ge=1)
    publisher_dims: int = Field(32, ge=1)
    dropout: float = Field(0.2, ge=0, lt=1)
    id_dropout: float = Field(0.2, ge=0, lt=1)
    """How often a publisher is hidden, so that the unknown one learns to stand in for new ones."""
    margin: float = Field(1.0, gt=0)
    negatives: int = Field(64, ge=1)
    view_weight: float = Field(0.3, ge=0, le=1)
    max_minutes: float = Field(20.0, gt=0)
    """Longer visits were left open in a tab."""
    weighting: Weighting = "dynamic"
    weighting_momentum: float = Field(0.98, ge=0, lt=1)
    weighting_floor: float = Field(0.05, gt=0)
    as_published: bool = False


class ChainFund(TrainableModel):
    name = "chainfund"
    text: ClassVar[TextNeed] = "tokens"
    config_type = ChainFundConfig
    training_defaults = TrainingConfig(learning_rate=5e-3)
    terms = TERMS
    by_vocabulary: ClassVar[dict[str, str]] = {
        "user.weight": "users",
        "users_head.weight": "users",
        "users_head.bias": "users",
        "publisher.weight": "publishers",
        "contents": "items",
        "prior": "items",
    }

    def __init__(self, config: ChainFundConfig, sizes: Sizes) -> None:
        super().__init__(config, sizes)
        self.negatives = config.negatives
        self.user = nn.Embedding(sizes.users, config.user_dims)
        self.publisher = nn.Embedding(sizes.publishers, config.publisher_dims)
        self.attention = MultiHeadAttention(config.token_dims, config.heads, config.head_dims)
        self.content_layer = nn.Linear(config.heads * config.head_dims, config.content_dims)
        self.dropout = nn.Dropout(config.dropout)
        about = config.content_dims + config.publisher_dims
        self.match = nn.Linear(about, config.user_dims)
        self.duration_head = nn.Sequential(
            nn.Linear(about + config.user_dims, 32), nn.LeakyReLU(), nn.Linear(32, 1), nn.Softplus()
        )
        # As published, the head is taught publishers' numbers and has to hold them.
        self.users_head = nn.Linear(about, max(sizes.users, sizes.publishers if config.as_published else 0))
        nn.init.normal_(self.user.weight, std=0.1)
        nn.init.normal_(self.publisher.weight, std=0.1)
        weighting: Weighting = "as-published" if config.as_published else config.weighting
        self.weighting = make_weighting(weighting, TERMS, config.weighting_momentum, config.weighting_floor)
        self.register_buffer("token_mean", torch.zeros(sizes.text))
        self.register_buffer("token_basis", torch.zeros(sizes.text, config.token_dims))
        self.register_buffer("prior", torch.zeros(sizes.items))
        self.register_buffer("contents", torch.zeros(sizes.items, config.content_dims))
        self.token_mean: torch.Tensor
        self.token_basis: torch.Tensor
        self.prior: torch.Tensor
        """Log of backers, centred; see `log_rates`."""
        self.contents: torch.Tensor
        """The items' content features once training has ended: ranking needs no text."""
        self._tokens = torch.zeros(0)
        self._mask = torch.zeros(0)
        self._history: History | None = None

    def fit(self, context: Context) -> None:
        if context.vectors is None:
            raise RuntimeError("chainfund needs text vectors")
        if not self.token_basis.any():
            mean, basis = principal_axes(context.vectors, self.config.token_dims, of_tokens=True)
            # Unit variance overall keeps the attention's first logits small.
            self.token_mean, self.token_basis = mean, basis / max(token_spread(context.vectors), 1e-6)
        self.prior = log_rates(context)

    def bind(self, context: Context) -> None:
        super().bind(context)
        weights = pair_weights(context.pairs, self.config.view_weight)
        self._history = History.of(context.pairs, weights, self.sizes)
        if context.vectors is not None:
            self._read(context.vectors)

    def _read(self, vectors: TextVectors) -> None:
        tokens, mask = project(
            vectors.tokens, self.token_mean.cpu(), self.token_basis.cpu(), self.config.max_tokens
        )
        self._tokens, self._mask = tokens.to(self.prior.device), mask.to(self.prior.device)

    def freeze(self) -> None:
        """Read every item once more and keep the content features for ranking."""
        with torch.no_grad():
            every = torch.arange(self.sizes.items, device=self.prior.device)
            self.contents = torch.cat([self._content(part) for part in torch.split(every, 256)])

    def _content(self, items: torch.Tensor) -> torch.Tensor:
        """(items, content_dims) from the texts."""
        mask = self._mask[items]
        longest = int(mask.sum(1).max()) if len(items) else 0
        mask = mask[:, :longest]
        states = masked_mean(self.attention(self._tokens[items, :longest], mask), mask)
        return F.leaky_relu(self.content_layer(self.dropout(states)))

    def _about(self, contents: torch.Tensor, items: torch.Tensor) -> torch.Tensor:
        """What is known of items: content ⊕ publisher."""
        publisher = self.context.publisher[items]
        if self.training and self.config.id_dropout:
            hidden = torch.rand(len(publisher), device=publisher.device) < self.config.id_dropout
            publisher = publisher.masked_fill(hidden, 0)
        return torch.cat([contents, self.publisher(publisher)], 1)

    def loss(self, batch: Batch) -> dict[str, torch.Tensor]:
        distinct, place = torch.unique(torch.cat([batch.item, batch.negatives]), return_inverse=True)
        contents = self._content(distinct)
        about = self._about(contents, distinct)
        row, negative = place[: len(batch.item)], place[len(batch.item) :]
        user = self.user(batch.user)
        minutes = self.duration_head(torch.cat([about[row], user], 1)).squeeze(1)
        terms: dict[str, torch.Tensor] = {}
        if not torch.isnan(batch.minutes).all():
            terms["duration"] = masked_mse(minutes, batch.minutes.clamp(max=self.config.max_minutes))
        if self.config.as_published:
            other = contents[negative[torch.arange(len(row), device=row.device) % len(negative)]]
            terms["contrastive"] = hinge_by_position(contents[row], other, self.config.margin)
            taught = self.context.publisher[batch.item]
            terms["users"] = user_cross_entropy(
                self.users_head(about), row, taught, torch.ones_like(batch.weight)
            )
            return terms
        matched = self.match(self.dropout(about))
        positive = (user * matched[row]).sum(1)
        against = user @ matched[negative].T
        known = self._known(batch)
        terms["contrastive"] = hinge(
            positive, against.masked_fill(known, -torch.inf), self.config.margin, batch.weight
        )
        terms["users"] = user_cross_entropy(self.users_head(about), row, batch.user, batch.weight)
        return terms

    def _known(self, batch: Batch) -> torch.Tensor:
        """(rows, negatives): what the user likes, or could not have backed then, is no negative."""
        if self._history is None:
            raise RuntimeError("bind() comes before loss()")
        liked = self._history.contains(batch.user.unsqueeze(1), batch.negatives.unsqueeze(0))
        return liked | ~was_open(self.context, batch.time, liked.device)[:, batch.negatives]

    def mass(self, term: str, batch: Batch) -> torch.Tensor:
        if term == "duration":
            return (~torch.isnan(batch.minutes)).sum()
        return batch.weight.sum() if not self.config.as_published else torch.tensor(len(batch.user))

    def combine(self, terms: dict[str, torch.Tensor]) -> torch.Tensor:
        combined: torch.Tensor = self.weighting(terms)
        return combined

    def score(self, users: torch.Tensor, items: torch.Tensor) -> torch.Tensor:
        about = self._about(self.contents[items], items)
        of_users = F.log_softmax(self.users_head(about), 1)[:, users].T
        if not self.config.as_published:
            of_users = of_users + self.prior[items] + self.user(users) @ self.match(about).T
        return of_users

    def item_vectors(self) -> torch.Tensor:
        centred: torch.Tensor = self.contents - self.contents.mean(0)
        return centred

    def audience_scores(self, items: torch.Tensor) -> torch.Tensor:
        about = self._about(self.contents[items], items)
        return F.log_softmax(self.users_head(about)[:, : self.sizes.users], 1)
