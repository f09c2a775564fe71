"""Begins a new run from an older one's weights: rows are found again by name, new names start fresh."""

import torch

from recommender.config.model import Sizes
from recommender.data.context import context_of
from recommender.data.dataset import Dataset, Vocabulary
from recommender.models.registry import make_model
from recommender.registry.runs import RunInfo, load_model, load_vocabularies
from recommender.text.cache import TextVectors


def warm_weights(run: RunInfo, dataset: Dataset, vectors: TextVectors | None) -> dict[str, torch.Tensor]:
    """A state dict for a model of the run's kind and settings with `dataset`'s sizes."""
    old = load_model(run)
    sizes: Sizes = context_of(dataset, vectors).sizes
    state = make_model(run.model, old.config, sizes).state_dict()
    before = load_vocabularies(run)
    named = old.by_vocabulary
    for name, tensor in old.state_dict().items():
        if name in named:
            _move_rows(
                state[name],
                tensor,
                before[_attribute(named[name])],
                getattr(dataset, _attribute(named[name])),
            )
        elif state[name].shape == tensor.shape:
            state[name] = tensor
    return state


def _attribute(vocabulary: str) -> str:
    return "item_ids" if vocabulary == "items" else vocabulary


def _move_rows(into: torch.Tensor, rows: torch.Tensor, before: Vocabulary, now: Vocabulary) -> None:
    pairs = [
        (place, number) for place, name in enumerate(now.names) if (number := before.find(name)) is not None
    ]
    if pairs:
        places, numbers = zip(*pairs, strict=True)
        into[list(places)] = rows[list(numbers)]
