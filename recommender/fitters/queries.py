"""What users can be asked: a split's validation part, or what the data alone can answer."""

import itertools

import numpy as np

from recommender.data.dataset import CONTRIBUTE, Dataset
from recommender.errors import DataError
from recommender.evaluation.metrics import Targets
from recommender.evaluation.splits import Split, SplitOptions, make_split, new_to_user
from recommender.models.base import EvalQuery, context_of
from recommender.text.cache import TextVectors

VALIDATION_USERS = 2_000
"""Enough to choose the number of epochs by; more would only be slower."""


MOMENTS = 8
"""At which a temporal split asks what comes next."""
LEAST_USERS = 10
"""Of a query about a moment: fewer would only add noise."""


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


def validation_targets(split: Split) -> Targets:
    """The validation part for users with a history, at most VALIDATION_USERS of them, the same each time."""
    known = np.zeros(len(split.train.users), np.bool_)
    known[split.train.pairs.backed.user] = True
    targets = split.valid.where(known[split.valid.user])
    users = np.unique(targets.user)
    if len(users) <= VALIDATION_USERS:
        return targets
    chosen = np.random.default_rng(0).choice(users, VALIDATION_USERS, replace=False)
    return targets.where(np.isin(targets.user, chosen))
