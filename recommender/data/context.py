"""What a model may look at beside its weights, made from a dataset."""

from dataclasses import dataclass, replace

import numpy as np
import torch

from recommender.config.model import Sizes
from recommender.data.dataset import CONTRIBUTE, Dataset, Events, Impressions, Items, Pairs, pairs_of
from recommender.data.statistics import popularity
from recommender.text.cache import TextVectors


@dataclass(frozen=True)
class Context:
    """What a model may look at beside its weights: the items' features and what users did so far."""

    pairs: Pairs
    publisher: torch.Tensor
    category: torch.Tensor
    language: torch.Tensor
    texts: tuple[str, ...]
    vectors: TextVectors | None
    opened: torch.Tensor
    """Seconds since 1970, by item; −∞ for items without a deadline, see `open_windows`."""
    closed: torch.Tensor
    """The deadline; ∞ where there is none."""
    created: torch.Tensor
    """When each item was launched: the given time, else its first backing in `pairs`, else NaN."""
    now: float
    """Seconds since 1970."""
    sizes: Sizes
    events: Events
    impressions: Impressions

    def to(self, device: torch.device) -> "Context":
        """The same with its features on a device. Times stay on the CPU: not every device has float64."""
        names = ("publisher", "category", "language")
        return replace(self, **{name: getattr(self, name).to(device) for name in names})


def open_windows(items: Items) -> tuple[torch.Tensor, torch.Tensor]:
    """When each item could be backed: from its creation until its deadline.

    An item without a deadline counts as open at all times: its `created_at` is then often no more than the
    first event somebody saw.
    """
    created = np.where(np.isnan(items.deadline), np.nan, items.created)
    opened, closed = np.nan_to_num(created, nan=-np.inf), np.nan_to_num(items.deadline, nan=np.inf)
    return torch.from_numpy(opened), torch.from_numpy(closed)


def context_of(dataset: Dataset, vectors: TextVectors | None) -> Context:
    """The context a dataset gives; `vectors` are of its items' texts, in their order."""
    items = dataset.items
    return Context(
        dataset.pairs,
        torch.from_numpy(items.publisher),
        torch.from_numpy(items.category),
        torch.from_numpy(items.language),
        items.texts,
        vectors,
        *open_windows(items),
        _launched(dataset),
        dataset.now,
        Sizes(
            users=len(dataset.users),
            items=len(dataset.item_ids),
            publishers=len(dataset.publishers),
            categories=len(dataset.categories),
            languages=len(dataset.languages),
            text=vectors.dims if vectors else 0,
        ),
        dataset.events,
        dataset.impressions,
    )


def _launched(dataset: Dataset) -> torch.Tensor:
    backed = dataset.pairs.backed
    first = np.full(len(dataset.item_ids), np.nan)
    np.fmin.at(first, backed.item, backed.first_time)
    declared = dataset.items.declared
    return torch.from_numpy(np.where(np.isnan(declared), first, declared))


def was_open(
    context: Context, times: torch.Tensor, device: torch.device, items: torch.Tensor | None = None
) -> torch.Tensor:
    """Which items, or which of `items`, could be backed at each moment: (times, items).

    What was closed was not turned down.
    """
    moments, chosen = times.unsqueeze(1), slice(None) if items is None else items.cpu()
    return ((context.opened[chosen] <= moments) & (moments < context.closed[chosen])).to(device)


def contributions(context: Context) -> Pairs:
    """The backed pairs by when they were backed: many had been looked at before."""
    events = context.events
    return pairs_of(events.where(events.kind == CONTRIBUTE), context.sizes.items)


def log_rates(context: Context) -> torch.Tensor:
    """Log of the items' backers, by day open where a deadline is known; the items' mean for those without.

    An item that nobody has backed yet is unknown, not unpopular.
    """
    backers = torch.from_numpy(popularity(context.pairs, context.sizes.items)).double()
    days = (context.closed.clamp(max=context.now) - context.opened).clamp(min=86_400.0) / 86_400.0
    rates = torch.log((backers + 0.5) / torch.where(torch.isfinite(days), days, torch.ones_like(days)))
    known = backers > 0
    if not known.any():
        return torch.zeros(len(backers))
    return torch.where(known, rates - rates[known].mean(), torch.zeros_like(rates)).float()
