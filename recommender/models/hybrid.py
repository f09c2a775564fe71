"""`hybrid`: contrastive retrieval beside closed-form signals, weighed by what users wanted when asked.

The two-tower's score, the signals of `models.signals` and those of the `models.rerankers` that are asked for
are standardised over each user's candidates and weighed by `models.mixing`. The weights are learnt on
queries: everything is fitted without some of what is known, and asked for it. Then everything is fitted
again to all that is known, and the weights are kept.
"""

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import torch
from pydantic import Field, field_validator
from torch import nn

from recommender.config.model import ModelConfig, Sizes
from recommender.config.search_space import OneOf, Real, SearchSpace, Whole
from recommender.data.context import Context, was_open
from recommender.data.dataset import Ints
from recommender.data.history import History
from recommender.data.statistics import popularity
from recommender.device import seed_everything
from recommender.fitters.queries import EvalQuery
from recommender.fitters.stacked import StackedFitter, StackedModel
from recommender.interface import TextNeed
from recommender.models import signals
from recommender.models.mixing import LabelledQuery, Mixer
from recommender.models.rerankers import RERANKERS
from recommender.models.twotower import TwoTower, TwoTowerConfig
from recommender.training.trainable import TrainableModel
from recommender.training.trainer import train

NAMES = (*signals.SIGNALS, "twotower")
QUERY_CELLS = 2_500_000
"""Users × candidates of one query: more would only cost memory."""
USERS_PER_BLOCK = 256
LARGEST = 20.0
"""Standard deviations; what lies further out is cut."""


class HybridConfig(ModelConfig):
    seed: int = Field(0, ge=0)
    tower: TwoTowerConfig = TwoTowerConfig()
    tower_epochs: int = Field(10, ge=1)
    hidden: int = Field(16, ge=1)
    passes: int = Field(90, ge=1)
    """Over the queries, when weights are learnt."""
    decay: float = Field(30.0, ge=0)
    """λ of the weights, see `models.mixing`."""
    rerankers: tuple[str, ...] = ()
    """Of `models.rerankers`: models that are trained too, and whose scores are signals."""
    reranker_epochs: int = Field(8, ge=1)

    @field_validator("rerankers", mode="before")
    @classmethod
    def _listed(cls, names: object) -> object:
        """A command line has commas."""
        return tuple(names.split(",")) if isinstance(names, str) else names

    @field_validator("rerankers")
    @classmethod
    def _are_known(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        unknown = [name for name in names if name not in RERANKERS]
        if unknown or len(set(names)) < len(names):
            raise ValueError(f"name each of {', '.join(RERANKERS)} once at most")
        return names


class Hybrid(StackedModel):
    name = "hybrid"
    fitter = StackedFitter()
    text: ClassVar[TextNeed] = "pooled"
    config_type = HybridConfig
    search_space: ClassVar[SearchSpace] = {
        "decay": Real(0.5, 200.0, log=True),
        "hidden": OneOf((8, 16, 32)),
        "tower_epochs": Whole(3, 30, log=True),
    }

    def __init__(self, config: HybridConfig, sizes: Sizes) -> None:
        super().__init__(config, sizes)
        self.tower = TwoTower(config.tower, sizes)
        self.names = NAMES + tuple(
            signal for name in config.rerankers for signal in RERANKERS[name].signal_names()
        )
        self.mixer = Mixer(len(self.names), config.hidden)
        self.rerankers = nn.ModuleDict({name: _drawn(name, sizes) for name in config.rerankers})
        kept = signals.kept_entries(sizes.items)
        for matrix in signals.MATRICES:
            self.register_buffer(f"{matrix}_rows", torch.zeros(kept, sizes.items, dtype=torch.int32))
            self.register_buffer(f"{matrix}_values", torch.zeros(kept, sizes.items))
        self._bound: signals.Bound | None = None

    def fit_stacked(self, context: Context, queries: Sequence[EvalQuery]) -> None:
        """Learn the weights from the queries, then everything else from the context."""
        seed_everything(self.config.seed)
        self.mixer = Mixer(len(self.names), self.config.hidden)
        labelled = []
        learnt: Context | None = None
        for query in queries:
            if query.context is not learnt:
                self._learn_parts(query.context)
                learnt = query.context
            labelled.append(self._labelled(query))
        if labelled:
            self.mixer.learn(
                labelled, passes=self.config.passes, decay=self.config.decay, seed=self.config.seed
            )
        else:
            self.mixer.prefer(NAMES.index("pop"), NAMES.index("twotower"))
        if context is not learnt:
            self._learn_parts(context)

    def fit(self, context: Context) -> None:
        self.fit_stacked(context, ())

    def bind(self, context: Context) -> None:
        super().bind(context)
        self.tower.bind(context)
        for reranker in self._rerankers().values():
            reranker.bind(context)
        matrices = {
            name: signals.to_sparse(self.get_buffer(f"{name}_rows"), self.get_buffer(f"{name}_values"))
            for name in signals.MATRICES
        }
        self._bound = signals.Bound.of(context, matrices)

    def _learn_parts(self, context: Context) -> None:
        """All but the weights."""
        for name, matrix in signals.learn_matrices(context):
            rows, values = signals.keep_largest(matrix)
            setattr(self, f"{name}_rows", rows)
            setattr(self, f"{name}_values", values)
        seed_everything(self.config.seed)
        self.tower = TwoTower(self.config.tower, self.sizes)
        settings = TwoTower.training_defaults.model_copy(
            update={"epochs": self.config.tower_epochs, "seed": self.config.seed}
        )
        train(self.tower, context, settings)
        self.tower.eval()
        for name in self.config.rerankers:
            self._train_reranker(name, context)
        self.bind(context)

    def _train_reranker(self, name: str, context: Context) -> None:
        seed_everything(self.config.seed)
        model = _drawn(name, self.sizes)
        settings = model.training_defaults.model_copy(
            update={"epochs": self.config.reranker_epochs, "seed": self.config.seed}
        )
        train(model, context, settings)
        self.rerankers[name] = model.eval()

    def _rerankers(self) -> dict[str, TrainableModel]:
        return {name: model for name, model in self.rerankers.items() if isinstance(model, TrainableModel)}

    def _signals(self, users: torch.Tensor, items: torch.Tensor) -> torch.Tensor:
        """z, (users, items, signals). What the user backed takes no part in mean and variance."""
        bound = self._bound_signals()
        numbers, columns = users.cpu().numpy(), items.cpu().numpy()
        found = bound.of_users(numbers, columns)
        new = torch.from_numpy(bound.is_new(numbers, columns))
        count = new.sum(1, keepdim=True).clamp(min=1)
        scores = {name: torch.from_numpy(values) for name, values in found.items()}
        scores["twotower"] = self.tower.score(users, items)
        for name, model in self._rerankers().items():
            scores |= RERANKERS[name].signals(model, users, items)
        z = torch.empty(len(users), len(items), len(self.names))
        for place, name in enumerate(self.names):
            raw = scores[name]
            mean = (raw * new).sum(1, keepdim=True) / count
            centred = raw - mean
            spread = ((centred.square() * new).sum(1, keepdim=True) / count).sqrt()
            scaled = (centred / spread.clamp(min=1e-6)).clamp(-LARGEST, LARGEST)
            z[:, :, place] = torch.where(spread > 1e-6, scaled, torch.zeros(()))
        return z

    def _labelled(self, query: EvalQuery) -> LabelledQuery:
        items = query.candidates
        users: Ints = np.unique(query.user)
        most = max(QUERY_CELLS // len(items), 1)
        if len(users) > most:
            rng = np.random.default_rng(self.config.seed)
            users = np.sort(rng.choice(users, most, replace=False))
        asked = np.isin(query.user, users)
        row = np.searchsorted(users, query.user[asked])
        with torch.no_grad():
            z = self._signals(torch.from_numpy(users), torch.from_numpy(items))
        share = torch.zeros(len(users), len(items))
        share[torch.from_numpy(row), torch.from_numpy(np.searchsorted(items, query.item[asked]))] = 1.0
        share /= share.sum(1, keepdim=True)
        known = History.of(query.seen, np.ones(len(query.seen)), self.sizes)
        barred = known.rows(torch.from_numpy(users))[:, torch.from_numpy(items)] > 0
        if query.among_open:
            when = np.full(len(users), -np.inf)
            np.maximum.at(when, row, query.time[asked])
            barred |= ~was_open(query.context, torch.from_numpy(when), torch.device("cpu"))[:, items]
        backers = popularity(query.context.pairs, self.sizes.items)
        return LabelledQuery(
            z, torch.from_numpy(backers[items] == 0), torch.where(barred & (share == 0), -1.0, share)
        )

    def score(self, users: torch.Tensor, items: torch.Tensor) -> torch.Tensor:
        cold = torch.from_numpy(self._bound_signals().backers[items.cpu().numpy()] == 0)
        parts = [self._scored(part, items, cold) for part in torch.split(users, USERS_PER_BLOCK)]
        return torch.cat(parts) if parts else torch.zeros(0, len(items))

    def _scored(self, users: torch.Tensor, items: torch.Tensor, cold: torch.Tensor) -> torch.Tensor:
        """(users, items). Nobody was asked who had no history: newcomers get what many backed."""
        z = self._signals(users, items)
        has_history = torch.from_numpy(self._bound_signals().has_history(users.cpu().numpy()))
        return torch.where(has_history.unsqueeze(1), self.mixer(z, cold), z[..., NAMES.index("pop")])

    def _bound_signals(self) -> signals.Bound:
        if self._bound is None:
            raise RuntimeError("hybrid: bind() comes first")
        return self._bound

    def item_vectors(self) -> torch.Tensor:
        return self.tower.item_vectors()

    def audience_scores(self, items: torch.Tensor) -> torch.Tensor:
        return self.tower.audience_scores(items)


def _drawn(name: str, sizes: Sizes) -> TrainableModel:
    """A re-ranker with its own defaults, not trained yet."""
    kind = RERANKERS[name].model
    return kind(kind.config_type(), sizes)
