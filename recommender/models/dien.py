"""`dien`: the first items of EASE's list, put in order by how a user's interests have evolved.

    retrieval: Steck 2019, EASE; popularity decides between items it says nothing about
    score of what was retrieved = logit of `models.dien_network` + blend · z(EASE), z over those items
    the others follow in EASE's order

The network learns from contributions against items that were open then and that the user never backed; each
row sees what its user had done strictly before it. L = L_target + α · L_auxiliary.
Source: Zhou et al. 2019, Deep Interest Evolution Network for Click-Through Rate Prediction.
"""

from collections.abc import Mapping
from typing import ClassVar, Literal

import numpy as np
import torch
from pydantic import Field

from recommender.config.model import ModelConfig, Sizes
from recommender.config.search_space import TRAINING_SPACE, OneOf, Real, SearchSpace, Whole
from recommender.config.training import TrainingConfig
from recommender.data.context import Context, contributions
from recommender.data.dataset import Floats, Pairs
from recommender.data.history import History
from recommender.data.sequences import Before, Sequences
from recommender.data.statistics import popularity
from recommender.evaluation.rows import LabelledRows
from recommender.fitters.gradient import GradientFitter
from recommender.losses.interest import next_interest, same_interest
from recommender.losses.masked import masked_cross_entropy
from recommender.models.dien_network import Activation, DienNetwork, Evolving
from recommender.models.item_to_item import ease_weights
from recommender.models.moment_features import NAMES, MomentFeatures
from recommender.training.trainable import Batch, Observed, TrainableModel

USERS_PER_BLOCK = 128
ROWS_PER_BLOCK = 4096
TRIES = 3
"""Items drawn for each negative that is wanted: some were closed, or the user backed them."""


class DienConfig(ModelConfig):
    item_dims: int = Field(24, ge=1)
    category_dims: int = Field(8, ge=1)
    user_dims: int = Field(8, ge=1)
    length: int = Field(20, ge=1)
    """Of the history: a row sees its user's last so many items."""
    evolution: Evolving = "augru"
    """See `models.augru`; `none`: the history's last state, whatever the target."""
    auxiliary: Literal["paper", "seed", "none"] = "paper"
    """`paper`: was the next item this one or a drawn one? `seed`: was the user interested in this one? The
    history then holds what was only looked at, too."""
    alpha: float = Field(1.0, ge=0)
    """What the auxiliary loss counts beside that of the target."""
    hidden: tuple[int, ...] = (64, 32)
    activation: Activation = "dice"
    dropout: float = Field(0.1, ge=0, lt=1)
    negatives: int = Field(4, ge=1)
    """For each contribution."""
    hardness: float = Field(0.5, ge=0, le=1)
    """Items are drawn as negatives in proportion to backers^hardness."""
    regularization: float = Field(100.0, gt=0)
    """λ of the retrieval."""
    retrieved: int = Field(100, ge=1)
    blend: float = Field(1.0, ge=0)
    """What a standard deviation of EASE's scores counts; 0: the logit alone decides."""


class Dien(TrainableModel):
    name = "dien"
    fitter = GradientFitter()
    config_type = DienConfig
    training_defaults = TrainingConfig(
        learning_rate=3e-3, batch_size=512, epochs=15, patience=3, weight_decay=1e-2
    )
    search_space: ClassVar[SearchSpace] = {
        "item_dims": OneOf((16, 24, 40, 56)),
        "length": Whole(5, 50, log=True),
        "evolution": OneOf(("augru", "agru", "aigru")),
        "alpha": Real(0.0, 2.0),
        "dropout": Real(0.0, 0.5),
        "negatives": OneOf((1, 4, 8)),
        "hardness": Real(0.0, 1.0),
        "regularization": Real(1.0, 5_000.0, log=True),
        "blend": Real(0.0, 4.0),
        **TRAINING_SPACE,
    }
    by_vocabulary: ClassVar[Mapping[str, str]] = {
        "network.item_id.weight": "items",
        "network.category.weight": "categories",
        "network.user_id.weight": "users",
        "item_known": "items",
        "vectors": "items",
    }
    has_confidence = False

    def __init__(self, config: DienConfig, sizes: Sizes) -> None:
        super().__init__(config, sizes)
        self.network = DienNetwork(
            sizes,
            item_dims=config.item_dims,
            category_dims=config.category_dims,
            user_dims=config.user_dims,
            evolution=config.evolution,
            hidden=config.hidden,
            activation=config.activation,
            dropout=config.dropout,
            numbers=len(NAMES),
        )
        self.register_buffer("likeness", torch.zeros(sizes.items, sizes.items))
        self.register_buffer("item_known", torch.zeros(sizes.items))
        self.register_buffer("vectors", torch.zeros(sizes.items, config.item_dims + config.category_dims))
        self.likeness: torch.Tensor
        self.item_known: torch.Tensor
        """1 for items that somebody backed in training: the others' ids were never learnt."""
        self.vectors: torch.Tensor
        """The items' embeddings once training has ended."""

    def observed(self, context: Context) -> Observed:
        backed = context.pairs.backed
        return Observed.of(backed, self.row_weights(backed))

    def fit(self, context: Context) -> None:
        backed, sizes = context.pairs.backed, self.sizes
        history = History.of(backed, np.ones(len(backed)), sizes).matrix
        gram = (history.T @ history).toarray().astype(np.float32)
        self.likeness = torch.from_numpy(ease_weights(gram, self.config.regularization))
        self.item_known = torch.from_numpy(popularity(context.pairs, sizes.items) > 0).float()

    def bind(self, context: Context) -> None:
        super().bind(context)
        backed, sizes = context.pairs.backed, self.sizes
        given = contributions(context)
        turned_to = context.pairs if self.config.auxiliary == "seed" else given
        self._sequences = Sequences.of(turned_to, sizes)
        self._features = MomentFeatures(given)
        self._backed = History.of(backed, np.ones(len(backed)), sizes)
        backers = popularity(context.pairs, sizes.items)
        self._log_backers = torch.from_numpy(np.log1p(backers)).float()
        self._chances = torch.from_numpy(np.maximum(backers, 1.0) ** self.config.hardness).float()
        self._last = torch.from_numpy(_last_times(given, sizes.users, context.now))

    def freeze(self) -> None:
        """Keep the items' embeddings, which are asked for before anything is bound."""
        with torch.no_grad():
            self.vectors = self._embed(torch.arange(self.sizes.items, device=self.item_known.device))

    def loss(self, batch: Batch) -> dict[str, torch.Tensor]:
        device = batch.user.device
        drawn, is_negative = self._negatives(batch.user, batch.time)
        targets = torch.cat([batch.item.unsqueeze(1), drawn], 1)
        history = self._before(batch.user, batch.time)
        states = self.network.interests(self._embed(history.items))
        logits = self._logits(batch.user, history, states, targets, batch.time)
        labels = torch.full_like(logits, torch.nan)
        labels[:, 0] = 1.0
        labels[:, 1:][is_negative] = 0.0
        weights = batch.weight.unsqueeze(1).expand_as(logits)
        terms = {"target": masked_cross_entropy(logits, labels, weights)}
        if self.config.auxiliary != "none" and self.config.alpha > 0:
            terms["auxiliary"] = self._auxiliary(batch.user.to(device), history, states)
        return terms

    def combine(self, terms: dict[str, torch.Tensor]) -> torch.Tensor:
        total = terms["target"]
        return total + self.config.alpha * terms["auxiliary"] if "auxiliary" in terms else total

    def _auxiliary(self, users: torch.Tensor, history: Before, states: torch.Tensor) -> torch.Tensor:
        own = self._embed(history.items)
        if self.config.auxiliary == "seed":
            interested = self._backed.contains(users.unsqueeze(1), history.items).float()
            return same_interest(states, own, interested, history.mask)
        drawn = self._drawn(history.items.numel()).view_as(history.items).to(history.items.device)
        is_negative = ~self._backed.contains(users.unsqueeze(1), drawn)
        return next_interest(states, own, self._embed(drawn), history.mask, is_negative)

    def _negatives(self, users: torch.Tensor, times: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Items for each row, (rows, negatives), and whether they were open and never backed by its user."""
        count = self.config.negatives
        drawn = self._drawn(len(users) * count * TRIES).view(len(users), -1)
        opened, closed, when = self.context.opened[drawn], self.context.closed[drawn], times.unsqueeze(1)
        drawn = drawn.to(users.device)
        was_open = ((opened <= when) & (when < closed)).to(users.device)
        is_negative = was_open & ~self._backed.contains(users.unsqueeze(1), drawn)
        first = (~is_negative).int().argsort(dim=1, stable=True)[:, :count]
        return drawn.gather(1, first), is_negative.gather(1, first)

    def _drawn(self, count: int) -> torch.Tensor:
        edges = self._chances.double().cumsum(0)
        places = torch.rand(count, dtype=torch.float64) * edges[-1]
        return torch.searchsorted(edges, places, right=True).clamp(max=len(edges) - 1)

    def _before(self, users: torch.Tensor, times: torch.Tensor) -> Before:
        """No longer than the longest of them."""
        found = self._sequences.before(users, times, self.config.length)
        longest = max(int(found.mask.sum(1).max()) if len(users) else 0, 1)
        return Before(found.items[:, :longest].to(users.device), found.mask[:, :longest].to(users.device))

    def _embed(self, items: torch.Tensor) -> torch.Tensor:
        return self.network.embed(items, self.context.category[items], self.item_known[items])

    def _logits(
        self,
        users: torch.Tensor,
        history: Before,
        states: torch.Tensor,
        items: torch.Tensor,
        times: torch.Tensor,
    ) -> torch.Tensor:
        numbers = self._features.of(users, items, times).to(users.device)
        logits: torch.Tensor = self.network(users, states, history.mask, self._embed(items), numbers)
        return logits

    def logits(self, users: torch.Tensor, items: torch.Tensor, times: torch.Tensor) -> torch.Tensor:
        """Of each user's own items at a moment: (rows, targets) from (rows,), (rows, targets) and (rows,)."""
        history = self._before(users, times)
        states = self.network.interests(self._embed(history.items))
        return self._logits(users, history, states, items, times)

    def chances(self, rows: LabelledRows) -> Floats:
        """That each row's user backs its item at its time, (rows,), from what they did strictly before."""
        columns = (torch.from_numpy(each) for each in (rows.user, rows.item, rows.time))
        parts = zip(*(torch.split(each, ROWS_PER_BLOCK) for each in columns), strict=True)
        device = self.item_known.device
        with torch.inference_mode():
            found = [
                torch.sigmoid(self.logits(user.to(device), item.to(device).unsqueeze(1), time))
                for user, item, time in parts
            ]
        joined: Floats = torch.cat(found).squeeze(1).double().cpu().numpy()
        return joined

    def score(self, users: torch.Tensor, items: torch.Tensor) -> torch.Tensor:
        return torch.cat([self._reranked(part, items) for part in torch.split(users, USERS_PER_BLOCK)])

    def _reranked(self, users: torch.Tensor, items: torch.Tensor) -> torch.Tensor:
        """(users, items). The moment is when a user was last here; all they backed is known by then."""
        history = self._backed.rows(users)
        base = history @ self.likeness[:, items] + 1e-6 * self._log_backers.to(users.device)[items]
        asked = base.masked_fill(history[:, items] > 0, -torch.inf)
        found = asked.topk(min(self.config.retrieved, len(items)), dim=1)
        new = torch.isfinite(found.values)
        values = torch.where(new, found.values, torch.zeros_like(found.values))
        past = self._before(users, torch.full((len(users),), torch.inf, dtype=torch.float64))
        states = self.network.interests(self._embed(past.items))
        moments = self._last[users.cpu()]
        logits = self._logits(users, past, states, items[found.indices], moments)
        blended = logits + self.config.blend * _standardised(values, new)
        lowest = blended.masked_fill(~new, torch.inf).min(1, keepdim=True).values.nan_to_num(posinf=0.0)
        edge = values.masked_fill(~new, torch.inf).min(1, keepdim=True).values.nan_to_num(posinf=0.0)
        rest = lowest - 1.0 + (base - edge).clamp(max=0.0)
        placed: torch.Tensor = rest.scatter(1, found.indices, torch.where(new, blended, lowest - 1.0))
        return placed

    def item_vectors(self) -> torch.Tensor:
        return self.vectors


def _standardised(values: torch.Tensor, counted: torch.Tensor) -> torch.Tensor:
    """Each row's values less their mean, in standard deviations; of those that count."""
    number = counted.sum(1, keepdim=True).clamp(min=1)
    centred = (values - (values * counted).sum(1, keepdim=True) / number) * counted
    return centred / (centred.square().sum(1, keepdim=True) / number).sqrt().clamp(min=1e-9)


def _last_times(backed: Pairs, users: int, now: float) -> Floats:
    """When each user was last here, (users,); `now` for those who backed nothing."""
    last = np.full(users, -np.inf)
    np.maximum.at(last, backed.user, backed.first_time)
    return np.where(np.isinf(last), now, last)
