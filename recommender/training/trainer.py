"""The training loop: batch → losses → one number → step; validation after each epoch; checkpoints."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from recommender.config.training import TrainingConfig
from recommender.data.context import Context
from recommender.device import autocast, seed_everything, use_threads
from recommender.errors import ConfigError, RecommenderError
from recommender.interface import Checkpoint, TrainingLog
from recommender.processes import Processes, processes
from recommender.progress import Progress, silent
from recommender.training.capping import capped
from recommender.training.checkpoint import TrainingState, load_checkpoint, save_checkpoint
from recommender.training.schedule import follow_schedule
from recommender.training.trainable import Batch, Observed, TrainableModel

ROW_FIELDS = ("user", "item", "weight", "minutes", "time", "row")

Validate = Callable[[], float]
"""Larger is better."""


@dataclass(frozen=True)
class Rows:
    """What was observed as tensors, ready to be cut into batches."""

    user: torch.Tensor
    item: torch.Tensor
    weight: torch.Tensor
    minutes: torch.Tensor
    time: torch.Tensor
    items: int

    @classmethod
    def of(cls, observed: Observed, max_user_weight: float, items: int) -> "Rows":
        """With each user's sum of weights brought down to `max_user_weight`; number 0 is many users."""
        weights = capped(observed.user, observed.weight, max_user_weight)
        weights = np.where(observed.user == 0, observed.weight, weights)
        return cls(
            torch.from_numpy(observed.user),
            torch.from_numpy(observed.item),
            torch.from_numpy(weights).float(),
            torch.from_numpy(observed.minutes).float(),
            torch.from_numpy(observed.time),
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
                part.to(device),
            )


def part_of(batch: Batch, rank: int, count: int) -> Batch:
    """The rows of one of several processes; together they have all of them. Negatives are everybody's."""
    cut = torch.tensor_split(torch.arange(len(batch.user)), count)[rank]
    start, stop = int(cut[0]) if len(cut) else 0, int(cut[-1]) + 1 if len(cut) else 0
    rows = {name: getattr(batch, name)[start:stop] for name in ROW_FIELDS}
    return Batch(**rows, negatives=batch.negatives)


class Step(nn.Module):
    """Forward is a batch's loss: where the gradients of several processes are gathered.

    Each process computes the terms of its part. A term is a mean, so that the whole batch's is the sum of the
    parts', each by its share of what the mean is over; and as gradients are averaged over the processes, a
    part's counts as often as there are processes. Terms then have the value they have in one process, and so
    do weights that follow them.
    """

    def __init__(self, model: TrainableModel, group: Processes) -> None:
        super().__init__()
        self.model = model
        self.group = group

    def forward(self, batch: Batch) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        """The number to descend, and the terms without gradients."""
        group, model = self.group, self.model
        with autocast(group.device):
            part = part_of(batch, group.rank, group.count) if group.count > 1 else batch
            terms = model.loss(part)
            if group.count > 1:
                terms = self._together(terms, part, batch)
            return model.combine(terms), {name: term.detach() for name, term in terms.items()}

    def _together(self, terms: dict[str, torch.Tensor], part: Batch, whole: Batch) -> dict[str, torch.Tensor]:
        names, nothing = self.model.terms, torch.zeros((), device=self.group.device)
        mine = dict.fromkeys(names, nothing)
        for name, term in terms.items():
            share = float(self.model.mass(name, part)) / max(float(self.model.mass(name, whole)), 1e-9)
            mine[name] = term.float() * share
        is_there = torch.tensor([float(name in terms) for name in names], device=self.group.device)
        summed = self.group.sum(torch.cat([torch.stack(list(mine.values())), is_there]))
        found = {}
        for name, value, processes_with in zip(names, summed, summed[len(names) :], strict=False):
            if processes_with > 0:
                term = mine[name] * self.group.count
                found[name] = term + (value - term.detach())
        return found


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

    Several processes each take a part of every batch and come to what one would have come to, up to rounding
    and to what is dropped out; the first one alone validates and writes checkpoints.

    With `validate` training stops after `patience` epochs without a better value and the best weights are
    put back; without it all epochs are run. With `checkpoint` a killed run goes on from its last epoch and
    ends with the same weights: each epoch draws its randomness from (seed, epoch) alone.

    Raises:
        RecommenderError: the loss is not a number. ConfigError: the model is not made for several processes.
    """
    use_threads()
    group = processes()
    if group.count > 1 and not model.terms:
        raise ConfigError(f"{model.name} does not name its loss terms: train it in one process")
    model.fit(context)
    model.to(group.device)
    model.bind(context)
    optimizer = torch.optim.AdamW(
        model.parameters(),
        config.learning_rate,
        betas=(0.9, config.adam_beta2),
        eps=config.adam_epsilon,
        weight_decay=config.weight_decay,
        fused=True,
    )
    rows = Rows.of(model.observed(context), config.max_user_weight, context.sizes.items)
    state = load_checkpoint(checkpoint) if checkpoint else None
    if state is None:
        state = TrainingState(0, 0, -np.inf, [], {}, {}, {})
    else:
        model.load_state_dict(state.model)
        optimizer.load_state_dict(state.optimizer)
    # A part of a batch may lack a term, such as minutes that nobody measured.
    step = group.share(Step(model, group), may_skip=len(model.terms) > 1)
    while state.epoch < config.epochs and not _is_over(state, config, validate):
        losses = _epoch(model, step, optimizer, rows, config, state.epoch, group)
        state.epoch += 1
        if validate:
            model.eval()
            model.freeze()
            losses["validation"] = group.broadcast(validate() if group.is_main else 0.0)
        _keep_if_best(state, model, losses)
        state.curve.append(losses)
        progress(f"training {model.name}", state.epoch / config.epochs)
        if checkpoint and group.is_main:
            state.model, state.optimizer = model.state_dict(), optimizer.state_dict()
            save_checkpoint(checkpoint, state)
    model.load_state_dict(state.best_model)
    model.cpu().eval()
    model.bind(context)
    model.freeze()
    progress(f"training {model.name}", 1.0)
    if checkpoint and group.is_main:
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
    step: nn.Module,
    optimizer: torch.optim.Optimizer,
    rows: Rows,
    config: TrainingConfig,
    epoch: int,
    group: Processes,
) -> dict[str, float]:
    """One pass over the rows; the mean of each term."""
    seed = config.seed * 100_003 + epoch
    # What is dropped out differs between processes; the order of the rows must not.
    seed_everything(seed + group.rank)
    generator = torch.Generator().manual_seed(seed)
    model.train()
    sums: dict[str, float] = {}
    steps, all_steps = 0, config.epochs * max(math.ceil(len(rows.user) / config.batch_size), 1)
    done = epoch * all_steps // config.epochs
    for batch in rows.batches(config.batch_size, model.negatives, generator, group.device):
        total, terms = step(batch)
        if not torch.isfinite(total):
            raise RecommenderError(
                f"{model.name}: the loss is not a number in epoch {epoch + 1}; lower the learning rate"
            )
        follow_schedule(optimizer, config, (done + steps) / all_steps)
        optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(total)
        torch.nn.utils.clip_grad_norm_(model.parameters(), config.max_gradient_norm)
        optimizer.step()
        steps += 1
        for name, value in terms.items():
            sums[name] = sums.get(name, 0.0) + float(value)
    return {name: value / max(steps, 1) for name, value in sums.items()}
