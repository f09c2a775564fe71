"""The training loop: batch → losses → one number → step; validation after each epoch; checkpoints."""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch

from recommender.data.dataset import Pairs
from recommender.device import autocast, best_device, use_threads
from recommender.errors import RecommenderError
from recommender.models.base import Batch, Context, TrainableModel, pair_weights
from recommender.progress import Progress, silent
from recommender.training.capping import capped
from recommender.training.checkpoint import Checkpoint, TrainingState, load_checkpoint, save_checkpoint
from recommender.training.config import TrainingConfig

Validate = Callable[[], float]
"""Larger is better."""


@dataclass(frozen=True)
class TrainingLog:
    """What came of training."""

    best_epoch: int
    """The epoch whose weights the model has now, from 1."""
    curve: list[dict[str, float]]
    """Mean of each loss term, and `validation`, by epoch."""


def seed_everything(seed: int) -> None:
    """Make what follows repeatable on one device and number of threads."""
    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.manual_seed(seed)


@dataclass(frozen=True)
class Rows:
    """Observed pairs as tensors, ready to be cut into batches."""

    user: torch.Tensor
    item: torch.Tensor
    weight: torch.Tensor
    minutes: torch.Tensor
    time: torch.Tensor
    items: int

    @classmethod
    def of(cls, pairs: Pairs, view_weight: float, max_user_weight: float, items: int) -> "Rows":
        weights = capped(pairs.user, pair_weights(pairs, view_weight), max_user_weight)
        return cls(
            torch.from_numpy(pairs.user),
            torch.from_numpy(pairs.item),
            torch.from_numpy(weights).float(),
            torch.from_numpy(pairs.minutes).float(),
            torch.from_numpy(pairs.first_time),
            items,
        )

    def batches(
        self, size: int, negatives: int, generator: torch.Generator, device: torch.device
    ) -> Iterator[Batch]:
        """All rows once, in a random order."""
        for part in torch.split(torch.randperm(len(self.user), generator=generator), size):
            yield Batch(
                self.user[part].to(device),
                self.item[part].to(device),
                self.weight[part].to(device),
                self.minutes[part].to(device),
                self.time[part],
                torch.randint(self.items, (negatives,), generator=generator).to(device),
            )


def train(
    model: TrainableModel,
    context: Context,
    config: TrainingConfig,
    *,
    validate: Validate | None = None,
    checkpoint: Checkpoint | None = None,
    progress: Progress = silent,
) -> TrainingLog:
    """Fit, bind and train a model in place, then freeze it. It ends on the CPU.

    With `validate` training stops after `patience` epochs without a better value and the best weights are
    put back; without it all epochs are run. With `checkpoint` a killed run goes on from its last epoch and
    ends with the same weights: each epoch draws its randomness from (seed, epoch) alone.

    Raises:
        RecommenderError: the loss is not a number.
    """
    use_threads()
    device = best_device()
    model.fit(context)
    model.to(device)
    model.bind(context)
    optimizer = torch.optim.AdamW(model.parameters(), config.learning_rate, weight_decay=config.weight_decay)
    rows = Rows.of(context.pairs, model.config.view_weight, config.max_user_weight, context.sizes.items)
    state = load_checkpoint(checkpoint) if checkpoint else None
    if state is None:
        state = TrainingState(0, 0, -np.inf, [], {}, {}, {})
    else:
        model.load_state_dict(state.model)
        optimizer.load_state_dict(state.optimizer)
    while state.epoch < config.epochs and not _is_over(state, config, validate):
        losses = _epoch(model, optimizer, rows, config, state.epoch, device)
        state.epoch += 1
        if validate:
            model.eval()
            model.freeze()
            losses["validation"] = validate()
        _keep_if_best(state, model, losses)
        state.curve.append(losses)
        progress(f"training {model.name}", state.epoch / config.epochs)
        if checkpoint:
            state.model, state.optimizer = model.state_dict(), optimizer.state_dict()
            save_checkpoint(checkpoint, state)
    model.load_state_dict(state.best_model)
    model.cpu().eval()
    model.bind(context)
    model.freeze()
    progress(f"training {model.name}", 1.0)
    if checkpoint:
        checkpoint.path.unlink(missing_ok=True)
    return TrainingLog(state.best_epoch, state.curve)


def _is_over(state: TrainingState, config: TrainingConfig, validate: Validate | None) -> bool:
    return validate is not None and state.epoch - state.best_epoch >= config.patience


def _keep_if_best(state: TrainingState, model: TrainableModel, losses: dict[str, float]) -> None:
    value = losses.get("validation", float(state.epoch))
    if value > state.best_value or not state.best_model:
        state.best_value, state.best_epoch = value, state.epoch
        state.best_model = {
            name: tensor.detach().cpu().clone() for name, tensor in model.state_dict().items()
        }


def _epoch(
    model: TrainableModel,
    optimizer: torch.optim.Optimizer,
    rows: Rows,
    config: TrainingConfig,
    epoch: int,
    device: torch.device,
) -> dict[str, float]:
    """One pass over the rows; the mean of each term."""
    seed = config.seed * 100_003 + epoch
    seed_everything(seed)
    generator = torch.Generator().manual_seed(seed)
    model.train()
    sums: dict[str, float] = {}
    steps = 0
    for batch in rows.batches(config.batch_size, model.negatives, generator, device):
        with autocast(device):
            terms = model.loss(batch)
            total = model.combine(terms)
        if not torch.isfinite(total):
            raise RecommenderError(
                f"{model.name}: the loss is not a number in epoch {epoch + 1}; lower the learning rate"
            )
        optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(total)
        torch.nn.utils.clip_grad_norm_(model.parameters(), config.max_gradient_norm)
        optimizer.step()
        steps += 1
        for name, value in terms.items():
            sums[name] = sums.get(name, 0.0) + float(value.detach())
    return {name: value / max(steps, 1) for name, value in sums.items()}
