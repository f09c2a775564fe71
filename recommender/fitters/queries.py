"""What users can be asked: a split's validation part, or what the data alone can answer."""

import itertools
from dataclasses import dataclass

import numpy as np

from recommender.data.context import Context, context_of
from recommender.data.dataset import CONTRIBUTE, Dataset, Floats, Ints, Pairs
from recommender.errors import DataError
from recommender.evaluation.splits import Split, SplitOptions, make_split, new_to_user
from recommender.evaluation.validation import validation_targets
from recommender.text.cache import TextVectors

MOMENTS = 8
"""At which a temporal split asks what comes next."""
LEAST_USERS = 10
"""Of a query about a moment: fewer would only add noise."""


@dataclass(frozen=True)
class EvalQuery:
    """What users turned out to want, and what could be known before."""

    context: Context
    """Without what is asked for."""
    user: Ints
    item: Ints
    """What each of these users wanted."""
    time: Floats
    """When; seconds since 1970."""
    candidates: Ints
    """The items to choose from, ascending; what is wanted is among them."""
    seen: Pairs
    """What users had backed: nobody is asked for it."""
    among_open: bool
    """Ask only for what was open at each user's last time."""


def split_queries(split: Split, vectors: TextVectors | None) -> list[EvalQuery]:
    """What can be asked before the split's test, in the same way; nothing where nobody could answer."""
    if split.name == "temporal":
        return queries_by_time(split.refit, vectors)
    targets = validation_targets(split)
    if not len(targets):
        return []
    return [
        EvalQuery(
            context_of(split.train, vectors),
            targets.user,
            targets.item,
            targets.time,
            split.valid_candidates,
            split.train.pairs.backed,
            split.windows is not None,
        )
    ]


def queries_by_time(data: Dataset, vectors: TextVectors | None) -> list[EvalQuery]:
    """What users with a history backed next, asked at evenly spaced moments of the last third of the time.

    One moment would not do: platforms have seasons, and what helps in one may mislead in the next.
    """
    times = data.events.time[data.events.kind == CONTRIBUTE]
    if not len(times):
        return []
    edges = np.linspace(data.now - (data.now - times.min()) / 3.0, data.now, MOMENTS + 1)
    found = []
    for start, end in itertools.pairwise(edges.tolist()):
        before = data.with_events(data.events.where(data.events.time < start), now=start)
        within = (data.events.time >= start) & (data.events.time < end)
        targets = new_to_user(before, data.events.where(within))
        known = np.isin(targets.user, before.pairs.backed.user)
        candidates = np.flatnonzero(data.items.created < end)
        targets = targets.where(known & np.isin(targets.item, candidates))
        if len(np.unique(targets.user)) < LEAST_USERS:
            continue
        found.append(
            EvalQuery(
                context_of(before, vectors),
                targets.user,
                targets.item,
                targets.time,
                candidates,
                before.pairs.backed,
                among_open=False,
            )
        )
    return found


def queries_within(data: Dataset, vectors: TextVectors | None) -> list[EvalQuery]:
    """What each user backed last, among what was open then, and who backed items that were hidden."""
    found = []
    for name in ("last-out", "cold-items"):
        try:
            split = make_split(name, data, SplitOptions(core=1, among_open=True))
        except DataError:
            # Too few contributions for this kind of query.
            continue
        found.extend(split_queries(split, vectors))
    return found
