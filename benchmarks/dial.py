"""Two regressions whose likeness is a dial, learnt together and apart: how much a shared bottom can take.

    w₁ = c u₁, w₂ = c (p u₁ + √(1 − p²) u₂) with u₁ ⟂ u₂ of length 1
    yₖ = wₖ·x + Σᵢ sin(αᵢ wₖ·x + βᵢ) + ε, x ~ N(0, I), ε ~ N(0, .01)

p is the cosine of the two tasks' weights: 1 for the same task, 0 for tasks that have nothing in common.

Source: Ma et al. 2018, Modeling Task Relationships in Multi-task Learning with Multi-gate Mixture-of-Experts.
"""

from typing import Any

import numpy as np
import torch

from recommender.config.model import ModelConfig, Sizes
from recommender.config.training import TrainingConfig
from recommender.data.context import Context, context_of
from recommender.data.dataset import Floats, build_dataset
from recommender.data.reading import conform
from recommender.data.synthetic import SyntheticConfig, synthesize
from recommender.device import seed_everything
from recommender.evaluation.rows import LabelledRows, difference, measure
from recommender.losses.masked import masked_squared_error
from recommender.models.towers import SharedBottomNetwork
from recommender.training.trainable import Batch, Observed, TrainableModel
from recommender.training.trainer import train

COSINES = (0.0, 0.5, 0.9, 1.0)
INPUTS, SCALE = 100, 1.0
ALPHA, BETA = (1.0, 2.0, 3.0), (0.0, 0.5, 1.0)
NOISE = 0.1
"""Standard deviation of ε."""
ROWS = 10_000
"""Of each part at scale 1: to learn from, to stop by, to measure on."""
TASKS = ("first", "second")


def draw(rng: np.random.Generator, cosine: float, rows: int) -> tuple[Floats, Floats]:
    """Features (rows, INPUTS) and both targets (rows, 2)."""
    basis, _ = np.linalg.qr(rng.normal(size=(INPUTS, 2)))
    first, second = basis.T
    weights = SCALE * np.stack([first, cosine * first + np.sqrt(1 - cosine**2) * second], 1)
    features = rng.normal(size=(rows, INPUTS))
    odds = features @ weights
    waves = np.sum([np.sin(a * odds + b) for a, b in zip(ALPHA, BETA, strict=True)], axis=0)
    return features, odds + waves + rng.normal(0, NOISE, odds.shape)


class Regressions(TrainableModel):
    """The network of `shared_bottom` on rows of numbers, in the loop that all models are trained by."""

    name = "regressions"
    terms = TASKS

    def __init__(self, features: Floats, targets: Floats, learnt: tuple[str, ...], sizes: Sizes) -> None:
        super().__init__(ModelConfig(), sizes)
        self.network = SharedBottomNetwork(
            INPUTS,
            {task: (task,) for task in TASKS},
            bottom=(64, 32, 16),
            tower=(16,),
            dropout=0.0,
            wide=False,
        )
        self.features = torch.from_numpy(features).float()
        self.targets = torch.from_numpy(targets).float()
        self.learnt = learnt

    def observed(self, context: Context) -> Observed:
        rows = len(self.features)
        nobody, nothing = np.zeros(rows, np.int64), np.zeros(rows)
        return Observed(nobody, nobody, np.ones(rows), nothing, nothing)

    def loss(self, batch: Batch) -> dict[str, torch.Tensor]:
        found = self.network(self.features[batch.row])
        return {
            task: masked_squared_error(found[task], self.targets[batch.row, TASKS.index(task)], batch.weight)
            for task in self.learnt
        }

    def combine(self, terms: dict[str, torch.Tensor]) -> torch.Tensor:
        return torch.stack(list(terms.values())).sum()

    def freeze(self) -> None:
        """Nothing is kept: nobody ranks with it."""

    def score(self, users: torch.Tensor, items: torch.Tensor) -> torch.Tensor:
        raise NotImplementedError("these rows have neither users nor items")

    def predict(self, features: Floats) -> dict[str, Floats]:
        with torch.no_grad():
            found = self.network(torch.from_numpy(features).float())
        return {task: found[task].double().numpy() for task in self.learnt}


def compared(seeds: int, scale: float) -> list[dict[str, Any]]:
    """For each cosine and task the RMSE learnt together and alone, and the difference with its interval."""
    context = context_of(build_dataset(conform(synthesize(SyntheticConfig(users=2, items=2)))), None)
    rows, table = round(ROWS * scale), []
    for cosine in COSINES:
        features, targets = draw(np.random.default_rng(0), cosine, 3 * rows)
        parts = np.split(np.arange(3 * rows), 3)
        found: dict[str, dict[str, list[Floats]]] = {task: {"ours": [], "twin": []} for task in TASKS}
        for seed in range(seeds):
            for learnt in (TASKS, *((task,) for task in TASKS)):
                told = _learn(context, features, targets, parts, learnt, seed)
                for task in learnt:
                    found[task]["ours" if learnt == TASKS else "twin"].append(told[task])
        for column, task in enumerate(TASKS):
            label = targets[parts[2], column]
            # Every row is drawn by itself: it is its own user.
            own = LabelledRows(np.arange(rows), np.zeros(rows, np.int64), np.zeros(rows), label)
            gap = difference(own, found[task]["ours"], found[task]["twin"], "rmse")
            table.append(
                {
                    "cosine": cosine,
                    "correlation": float(
                        np.mean(np.prod((targets - targets.mean(0)) / targets.std(0), axis=1))
                    ),
                    "target": task,
                    **{name: measure(own, each, "rmse").mean for name, each in found[task].items()},
                    "less twin": [gap.mean, gap.low, gap.high],
                }
            )
    return table


def _learn(
    context: Context, features: Floats, targets: Floats, parts: list[Any], learnt: tuple[str, ...], seed: int
) -> dict[str, Floats]:
    learning, stopping, measuring = parts
    seed_everything(seed)
    model = Regressions(features[learning], targets[learning], learnt, context.sizes)

    def validate() -> float:
        told = model.predict(features[stopping])
        return -sum(
            float(((told[task] - targets[stopping, TASKS.index(task)]) ** 2).mean()) for task in learnt
        )

    config = TrainingConfig(
        epochs=60, patience=5, batch_size=256, learning_rate=1e-3, weight_decay=1e-3, seed=seed
    )
    train(model, context, config, validate=validate)
    return model.predict(features[measuring])
