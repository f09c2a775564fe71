"""`shared_bottom`: multi-task learning. What readers do with a card and on a campaign page, from one bottom.

    x = features of user, campaign, the two together and the slot, standardised
        ⊕ embeddings of category, language, publisher
    bottom 64-32-16 → a tower for each scene:
        list (stopped, dwell, clicked), page (minutes, contributed, log amount)
    loss = Σ task weight · target weight · (Σ sample weight · ℓ / Σ sample weight over rows with the target)
    pCTCVR = σ(clicked) · σ(contributed), learnt from all cards: selection is not learnt
    score = log pCTCVR + amount share · expected log amount

Binary targets have a cross-entropy; numbers a squared error in their own standard deviations, cut where a
page was merely left open. What is not known of a row is masked: there are no minutes without a visit, no
amount without a contribution.

Sources: Caruana 1997, Multitask Learning; Ma et al. 2018, Entire Space Multi-Task Model.
"""

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
import torch
from pydantic import Field
from torch import nn

from recommender.config.model import ModelConfig, Sizes
from recommender.config.search_space import TRAINING_SPACE, OneOf, Real, SearchSpace
from recommender.config.training import TrainingConfig
from recommender.data.context import Context
from recommender.data.dataset import Floats, Ints
from recommender.data.scenes import TARGETS, SceneRows, scene_rows
from recommender.data.statistics import recency_weights
from recommender.errors import ConfigError, DataError
from recommender.fitters.gradient import GradientFitter
from recommender.interface import TextNeed
from recommender.losses.conversion import conversion_cross_entropy, log_product
from recommender.losses.masked import masked_cross_entropy, masked_squared_error
from recommender.models.scene_features import CODES, SceneFeatures, feature_names
from recommender.models.text_pca import principal_axes
from recommender.models.towers import SharedBottomNetwork
from recommender.training.trainable import Batch, Observed, TrainableModel

SCENES = {"list": ("stopped", "dwell", "clicked"), "page": ("minutes", "contributed", "log_amount")}
SCENE_OF = {"converted": "list"} | {target: scene for scene, targets in SCENES.items() for target in targets}
BINARY = ("stopped", "clicked", "contributed")
NUMBERS = ("dwell", "minutes", "log_amount")
CELLS_PER_BLOCK = 100_000
"""Pairs scored at once."""


class TaskWeights(ModelConfig):
    """Of the scenes in the loss; a scene that weighs 0 is not learnt."""

    list: float = Field(1.0, ge=0)
    page: float = Field(1.0, ge=0)


class TargetWeights(ModelConfig):
    """Of the targets within their scenes; one that weighs 0 is not learnt."""

    stopped: float = Field(1.0, ge=0)
    dwell: float = Field(1.0, ge=0)
    clicked: float = Field(1.0, ge=0)
    converted: float = Field(1.0, ge=0)
    minutes: float = Field(1.0, ge=0)
    contributed: float = Field(1.0, ge=0)
    log_amount: float = Field(1.0, ge=0)


class SharedBottomConfig(ModelConfig):
    bottom: tuple[int, ...] = (64, 32, 16)
    tower: tuple[int, ...] = (16,)
    dropout: float = Field(0.1, ge=0, lt=1)
    wide: bool = True
    """Whether each target also has weights of its own on the features."""
    text_dims: int = Field(8, ge=1)
    """Text vectors are rotated into this many of their principal dimensions."""
    embedding_dims: int = Field(2, ge=1)
    """Of a category, a language, a publisher."""
    conversion: Literal["whole-space", "visits", "both"] = "both"
    """Whether contributions are learnt from all cards, through pCTCVR, from visits alone, or from both."""
    task_weights: TaskWeights = TaskWeights()
    target_weights: TargetWeights = TargetWeights()
    half_life_days: float = Field(90.0, gt=0)
    """In which a row's weight halves."""
    passed: int = Field(4, ge=1)
    """Campaigns that stand for those passed over beside each visit, where no impressions were recorded."""
    max_dwell: float = Field(60.0, gt=0)
    """Seconds; a card that was longer on the screen was not looked at all the time."""
    max_minutes: float = Field(20.0, gt=0)
    amount_share: float = Field(0.0, ge=0)
    """How much the expected log amount counts beside log pCTCVR."""


@dataclass(frozen=True)
class Prepared:
    """The rows of a training, described once."""

    rows: SceneRows
    dense: torch.Tensor
    codes: torch.Tensor
    targets: dict[str, torch.Tensor]


class SharedBottom(TrainableModel):
    name = "shared_bottom"
    fitter = GradientFitter()
    text: ClassVar[TextNeed] = "pooled"
    config_type = SharedBottomConfig
    training_defaults = TrainingConfig(
        learning_rate=4e-3, schedule="one-cycle", batch_size=512, weight_decay=0.1, epochs=8, patience=8
    )
    has_confidence = False
    search_space: ClassVar[SearchSpace] = {
        "dropout": Real(0.0, 0.5),
        "text_dims": OneOf((8, 16, 32)),
        "embedding_dims": OneOf((2, 4, 8)),
        "half_life_days": Real(10.0, 3_650.0, log=True),
        "passed": OneOf((2, 4, 8)),
        "amount_share": Real(0.0, 1.0),
        **TRAINING_SPACE,
    }
    terms = TARGETS
    by_vocabulary: ClassVar[dict[str, str]] = {
        "category.weight": "categories",
        "language.weight": "languages",
        "publisher.weight": "publishers",
        "item_text": "items",
    }

    def __init__(self, config: SharedBottomConfig, sizes: Sizes) -> None:
        super().__init__(config, sizes)
        dims, dense = config.embedding_dims, len(feature_names(config.text_dims))
        self.category = nn.Embedding(sizes.categories, dims)
        self.language = nn.Embedding(sizes.languages, dims)
        self.publisher = nn.Embedding(sizes.publishers, dims)
        for table in (self.category, self.language, self.publisher):
            nn.init.normal_(table.weight, std=0.05)
        self.network = SharedBottomNetwork(
            len(CODES) * dims + dense,
            SCENES,
            bottom=config.bottom,
            tower=config.tower,
            dropout=config.dropout,
            wide=config.wide,
        )
        self.register_buffer("text_mean", torch.zeros(sizes.text))
        self.register_buffer("text_basis", torch.zeros(sizes.text, config.text_dims))
        self.register_buffer("item_text", torch.zeros(sizes.items, config.text_dims))
        self.register_buffer("feature_mean", torch.zeros(dense))
        self.register_buffer("feature_scale", torch.zeros(dense))
        self.register_buffer("target_mean", torch.zeros(len(NUMBERS)))
        self.register_buffer("target_scale", torch.ones(len(NUMBERS)))
        self.text_mean: torch.Tensor
        self.text_basis: torch.Tensor
        self.item_text: torch.Tensor
        """(items, text dims): ranking needs no text."""
        self.feature_mean: torch.Tensor
        self.feature_scale: torch.Tensor
        """Standard deviations; 0 before anything was learnt."""
        self.target_mean: torch.Tensor
        self.target_scale: torch.Tensor
        self._features: SceneFeatures | None = None
        self._prepared: Prepared | None = None

    @property
    def learns(self) -> tuple[str, ...]:
        """The targets that have a loss, with a weight above 0."""
        left_out = {"whole-space": "contributed", "visits": "converted"}.get(self.config.conversion)
        return tuple(name for name in TARGETS if name != left_out and self._weight(name) > 0)

    def _weight(self, target: str) -> float:
        of_task = getattr(self.config.task_weights, SCENE_OF[target])
        return float(of_task * getattr(self.config.target_weights, target))

    def fit(self, context: Context) -> None:
        """Rotate the texts and standardise; what was fitted before, as in a warm start, is kept."""
        if context.vectors is None:
            raise RuntimeError("shared_bottom needs text vectors")
        if not self.text_basis.any():
            mean, basis = principal_axes(context.vectors, self.config.text_dims, of_tokens=False)
            spread = (torch.from_numpy(context.vectors.pooled) - mean).norm(dim=1).mean()
            self.text_mean, self.text_basis = mean, basis / spread.clamp(min=1e-6)
        pooled = torch.from_numpy(context.vectors.pooled).float()
        self.item_text = (pooled - self.text_mean) @ self.text_basis
        features = SceneFeatures(context, self.item_text.numpy())
        rows = scene_rows(context, self.config.passed)
        dense = torch.from_numpy(features.of(rows)).float()
        if not len(rows):
            raise DataError(
                "shared_bottom: nobody saw, visited or backed anything: there is nothing to learn"
            )
        targets = {name: torch.from_numpy(self._cut(name, values)) for name, values in rows.targets.items()}
        if not self.feature_scale.any():
            self.feature_mean, self.feature_scale = dense.mean(0), dense.std(0, correction=0)
            moments = [_moments(targets[name]) for name in NUMBERS]
            self.target_mean, self.target_scale = torch.stack(moments, 1).float()
        codes = torch.from_numpy(features.codes(rows.item))
        self._prepared = Prepared(
            rows, dense, codes, {name: values.float() for name, values in targets.items()}
        )

    def _cut(self, target: str, values: Floats) -> Floats:
        limits = {"dwell": self.config.max_dwell, "minutes": self.config.max_minutes}
        return np.minimum(values, limits[target]) if target in limits else values

    def bind(self, context: Context) -> None:
        super().bind(context)
        self._features = SceneFeatures(context, self.item_text.cpu().numpy())

    def observed(self, context: Context) -> Observed:
        """A row for each card and each visit that has a target which is learnt."""
        prepared = self._fitted()
        rows = prepared.rows
        has_any = np.zeros(len(rows), np.bool_)
        for name in self.learns:
            has_any |= np.isfinite(rows.targets[name])
        if not has_any.any():
            named = ", ".join(self.learns) or "its targets"
            raise ConfigError(f"shared_bottom: none of {named} was recorded: weigh others too")
        kept = np.flatnonzero(has_any)
        chosen = rows.where(has_any)
        self._prepared = Prepared(
            chosen,
            prepared.dense[kept],
            prepared.codes[kept],
            {name: values[kept] for name, values in prepared.targets.items()},
        )
        weights = recency_weights(chosen.time, context.now, self.config.half_life_days)
        return Observed(chosen.user, chosen.item, weights, chosen.targets["minutes"], chosen.time)

    def freeze(self) -> None:
        """Nothing is left to keep: the items' texts are rotated once, before training."""

    def _fitted(self) -> Prepared:
        if self._prepared is None:
            raise RuntimeError("shared_bottom: fit() comes first")
        return self._prepared

    def _outputs(self, dense: torch.Tensor, codes: torch.Tensor) -> dict[str, torch.Tensor]:
        """Logits, and numbers in standard deviations from their mean."""
        category, language, publisher = codes.unbind(-1)
        scaled = (dense - self.feature_mean) / self.feature_scale.clamp(min=1e-6)
        embedded = [self.category(category), self.language(language), self.publisher(publisher)]
        found: dict[str, torch.Tensor] = self.network(torch.cat([*embedded, scaled.clamp(-10, 10)], -1))
        return found

    def _targets(self, batch: Batch) -> dict[str, torch.Tensor]:
        row = batch.row.cpu()
        return {name: values[row].to(batch.user.device) for name, values in self._fitted().targets.items()}

    def loss(self, batch: Batch) -> dict[str, torch.Tensor]:
        prepared, row = self._fitted(), batch.row.cpu()
        device = batch.user.device
        found = self._outputs(prepared.dense[row].to(device), prepared.codes[row].to(device))
        targets = self._targets(batch)
        terms: dict[str, torch.Tensor] = {}
        for name in self.learns:
            target, weight = targets[name], batch.weight
            if not (weight[~torch.isnan(target)] > 0).any():
                continue
            if name == "converted":
                term = conversion_cross_entropy(found["clicked"], found["contributed"], target, weight)
            elif name in BINARY:
                term = masked_cross_entropy(found[name], target, weight)
            else:
                place = NUMBERS.index(name)
                scaled = (target - self.target_mean[place]) / self.target_scale[place]
                term = masked_squared_error(found[name], scaled, weight)
            terms[name] = term
        return terms

    def mass(self, term: str, batch: Batch) -> torch.Tensor:
        """The weights of the rows that have the target."""
        return batch.weight[~torch.isnan(self._targets(batch)[term])].sum()

    def combine(self, terms: dict[str, torch.Tensor]) -> torch.Tensor:
        return torch.stack([self._weight(name) * term for name, term in terms.items()]).sum()

    def score(self, users: torch.Tensor, items: torch.Tensor) -> torch.Tensor:
        heads = self.predictions(users, items)
        scores = heads["converted"].clamp(min=1e-12).log()
        if self.config.amount_share > 0:
            scores = scores + self.config.amount_share * heads["log_amount"]
        return scores

    def item_vectors(self) -> torch.Tensor:
        return self.item_text

    def audience_scores(self, items: torch.Tensor) -> torch.Tensor:
        return self.score(torch.arange(self.sizes.users), items).T

    def predictions(self, users: torch.Tensor, items: torch.Tensor) -> dict[str, torch.Tensor]:
        """Each of TARGETS as expected now, on the first slot, (users, items).

        Chances, seconds, minutes and a logarithm of the amount.
        """
        block = max(CELLS_PER_BLOCK // max(len(items), 1), 1)
        parts = [self._predicted(part, items) for part in torch.split(users, block)]
        return {name: torch.cat([part[name] for part in parts]) for name in TARGETS}

    def predict_rows(self, rows: SceneRows) -> dict[str, Floats]:
        """Each of TARGETS for rows as of their moments, (rows,), from what the model is bound to."""
        features = self._bound_features()
        dense, codes = features.of(rows), features.codes(rows.item)
        blocks = range(0, max(len(rows), 1), CELLS_PER_BLOCK)
        parts = [
            self._told(dense[at : at + CELLS_PER_BLOCK], codes[at : at + CELLS_PER_BLOCK]) for at in blocks
        ]
        return {name: torch.cat([part[name] for part in parts]).cpu().numpy() for name in TARGETS}

    def _predicted(self, users: torch.Tensor, items: torch.Tensor) -> dict[str, torch.Tensor]:
        features, item = self._bound_features(), items.cpu().numpy()
        dense = features.of_pairs(users.cpu().numpy(), item, self.context.now)
        told = self._told(dense, np.tile(features.codes(item), (len(users), 1)))
        return {name: values.reshape(len(users), len(items)) for name, values in told.items()}

    def _told(self, dense: Floats, codes: Ints) -> dict[str, torch.Tensor]:
        """Chances, and numbers in their own units."""
        device = self.feature_mean.device
        with torch.no_grad():
            found = self._outputs(
                torch.from_numpy(dense).float().to(device), torch.from_numpy(codes).to(device)
            )
        found["converted"] = log_product(found["clicked"], found["contributed"]).exp()
        for name in BINARY:
            found[name] = torch.sigmoid(found[name])
        for place, name in enumerate(NUMBERS):
            found[name] = self.target_mean[place] + self.target_scale[place] * found[name]
        return found

    def _bound_features(self) -> SceneFeatures:
        if self._features is None:
            raise RuntimeError("shared_bottom: bind() comes first")
        return self._features


def _moments(target: torch.Tensor) -> torch.Tensor:
    """Mean and standard deviation of what is there; 0 and 1 where it does not vary."""
    there = target[~torch.isnan(target)]
    if not len(there):
        return torch.tensor([0.0, 1.0], dtype=target.dtype)
    spread = there.std(correction=0)
    return torch.stack([there.mean(), spread if spread > 0 else torch.ones_like(spread)])
