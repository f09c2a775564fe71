"""Chooses how newcomers' lists are made by how well they would have suited those who came before.

At each of several moments the factors are learnt from what had happened until then; whoever backed something
for the first time before the next moment is a newcomer. The ways that ask nothing are measured on all they
backed then. For the questions, answers are read off the first item that somebody backed, and measured on the
others: whoever backed one alone tells nothing about them.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from itertools import pairwise

import numpy as np

from recommender.data.dataset import CONTRIBUTE, Dataset, Floats, Ints
from recommender.errors import DataError
from recommender.evaluation.metrics import DECIDING, Targets, per_user
from recommender.evaluation.splits import Split, SplitOptions, make_split
from recommender.interface import Plan
from recommender.progress import Progress, silent
from recommender.ranking.newcomers import Answers, Blend, Factors, NewcomerLists, Way, log_recent_backers

MOMENTS = 4
LEAST_NEWCOMERS = 10
"""At a moment; with fewer it says too little to choose by."""
TYPICAL_AMONG = 50
"""Users nearest to the mean, of whom the typical one is chosen."""
HALF_LIVES = (1.0, 7.0, 30.0, 90.0, 365.0)
WEIGHTS = (0.0, 0.3, 1.0, 3.0, 10.0, 30.0)


@dataclass(frozen=True)
class Choice:
    """What suited newcomers before."""

    popular: Blend
    """Of recent popularity alone: its weight is 0."""
    blends: Mapping[Way, Blend]
    typical: str
    """A user's id; empty where too few newcomers came to choose one."""

    def lists(self, dataset: Dataset, factors: Factors) -> NewcomerLists:
        """The lists it makes of what was learnt from `dataset`."""
        typical = dataset.users.find(self.typical) if self.typical else None
        return NewcomerLists(
            dataset, factors, self.blends, int(_nearest(factors, 1)[0]) if typical is None else typical
        )


@dataclass(frozen=True)
class Moment:
    """What was known at a moment, and what newcomers backed from then on."""

    before: Dataset
    factors: Factors
    candidates: Ints
    wanted: Targets
    """All they backed until the next moment."""
    first: Targets
    """What their answers are read off: the first of several."""
    others: Targets
    """The rest of several, of the same users."""


def newcomers(split: Split) -> Targets:
    """What was wanted by users who had backed nothing before the test."""
    backed = np.bincount(split.refit.pairs.backed.user, minlength=len(split.refit.users)) > 0
    return split.test.where(~backed[split.test.user])


def moment_of(split: Split, plan: Plan) -> Moment:
    """Learn from what was before the split's test."""
    wanted = newcomers(split)
    order = np.lexsort((wanted.item, wanted.time, wanted.user))
    is_first = np.zeros(len(wanted), np.bool_)
    is_first[order[np.diff(wanted.user[order], prepend=-1) > 0]] = True
    several = np.bincount(wanted.user)[wanted.user] > 1 if len(wanted) else is_first
    return Moment(
        split.refit,
        Factors.learnt(split.refit, plan),
        split.candidates,
        wanted,
        wanted.where(is_first & several),
        wanted.where(~is_first),
    )


def list_ndcg(scores: Floats, candidates: Ints, targets: Targets) -> Floats:
    """NDCG@10 of each user with a target, in order of their numbers: (users,).

    Args:
        scores: (1, items), a list for all; or (users, items), a row for each of those users.
        candidates: numbers of the items in the lists, ascending; of equals the first stands higher.
        targets: of users who have backed nothing before; their items are candidates.
    """
    users, row = np.unique(targets.user, return_inverse=True)
    order = np.argsort(-scores[:, candidates], axis=1, kind="stable")
    rank = np.empty_like(order)
    np.put_along_axis(rank, order, np.arange(1, len(candidates) + 1)[None], axis=1)
    mine = row if len(scores) > 1 else np.zeros_like(row)
    return per_user(targets, rank[mine, np.searchsorted(candidates, targets.item)], users)[DECIDING]


def choose(dataset: Dataset, plan: Plan, moments: int = MOMENTS, progress: Progress = silent) -> Choice:
    """Choose half-lives, weights and the typical user by those who came in the later half of contributions.

    The worst moment decides: of each blend that is its share of what the best blend had there. Newcomers come
    in waves and in quiet times, which the moments, the same time apart, both have; a mean over them would be
    about the waves. Where too few came, the defaults stay.

    Raises:
        DataError: nobody has backed anything with an amount.
    """
    asked = past_moments(dataset, plan, moments, progress)
    several = [moment for moment in asked if len(moment.first) >= LEAST_NEWCOMERS]
    alone = [Blend(days, 0.0) for days in HALF_LIVES]
    every = [Blend(days, weight) for weight in WEIGHTS for days in HALF_LIVES]
    popular = alone[_safest(_values(alone, asked, _mean))] if asked else Blend(weight=0.0)
    mixed = [Blend(popular.half_life_days, weight) for weight in WEIGHTS]
    mean = every[_safest(_values(every, asked, _mean))] if asked else Blend()
    questions = mixed[_safest(_values(mixed, several, _questions))] if several else Blend()
    typical, of_typical = "", Blend()
    if asked:
        names = _known_throughout(asked)
        values = [_values(every, asked, partial(_typical, name=name)) for name in names]
        user, blend = divmod(_safest(np.concatenate(values)), len(every))
        typical, of_typical = names[user], every[blend]
    return Choice(popular, {"mean": mean, "typical": of_typical, "questions": questions}, typical)


def past_moments(dataset: Dataset, plan: Plan, moments: int, progress: Progress = silent) -> list[Moment]:
    """Moments with enough newcomers until the next, from when half of the contributions had been made."""
    times = dataset.events.time[dataset.events.kind == CONTRIBUTE]
    if not len(times):
        raise DataError("nobody has backed anything: there are no newcomers to learn from")
    edges = np.linspace(np.median(times), times[-1] + 1.0, moments + 1)
    found = []
    for number, (start, end) in enumerate(pairwise(edges.tolist()), 1):
        options = SplitOptions(test_from=_moment(start), test_to=_moment(end))
        with suppress(DataError):
            split = make_split("temporal", dataset, options)
            if len(np.unique(newcomers(split).user)) >= LEAST_NEWCOMERS:
                found.append(moment_of(split, plan))
        progress("newcomers before", number / moments)
    return found


def _values(
    blends: Sequence[Blend], moments: Sequence[Moment], value: Callable[[Moment, Blend], float]
) -> Floats:
    """(blends, moments)."""
    return np.array([[value(moment, blend) for moment in moments] for blend in blends])


def _safest(values: Floats) -> int:
    """Which row has most of what could be had at its worst moment; the first of equals."""
    best = values.max(0)
    return int(np.argmax((values / np.where(best > 0, best, 1.0)).min(1)))


def _mean(moment: Moment, blend: Blend) -> float:
    return _of_list(moment, blend, moment.factors.matched(moment.factors.mean))


def _typical(moment: Moment, blend: Blend, name: str) -> float:
    factors = moment.factors
    return _of_list(moment, blend, factors.matched(factors.users[moment.before.users.find(name) or 0]))


def _questions(moment: Moment, blend: Blend) -> float:
    """Of the others they backed, with the one that answered for them taken off the list."""
    first = moment.first
    answers = Answers.read_off(moment.before, first).of_rows(first.user)
    scores = log_recent_backers(moment.before, blend.half_life_days) + blend.weight * moment.factors.answered(
        answers
    )
    scores[np.arange(len(first)), first.item] = -np.inf
    return float(list_ndcg(scores, moment.candidates, moment.others).mean())


def _of_list(moment: Moment, blend: Blend, taste: Floats) -> float:
    scores = log_recent_backers(moment.before, blend.half_life_days) + blend.weight * taste
    return float(list_ndcg(scores[None], moment.candidates, moment.wanted).mean())


def _known_throughout(moments: Sequence[Moment]) -> list[str]:
    """Users near to the mean when the first moment came: those are known at all."""
    if not moments:
        return []
    names = moments[0].before.users.names
    return [names[user] for user in _nearest(moments[0].factors, TYPICAL_AMONG).tolist()]


def _nearest(factors: Factors, count: int) -> Ints:
    """The known users nearest to the mean."""
    known = np.flatnonzero(factors.known)
    distance = np.square(factors.users[known] - factors.mean).sum(1)
    return known[np.argsort(distance, kind="stable")[:count]]


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
