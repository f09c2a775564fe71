"""Chooses how newcomers' lists are made by how well they would have suited those who came before.

At each of several moments the factors are learnt from what had happened until then; whoever backed something
for the first time before the next moment is a newcomer. The ways that ask nothing are measured on all they
backed then. For the questions, answers are read off the first item that somebody backed, and measured on the
others: whoever backed one alone tells nothing about them.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise

import numpy as np
import polars as pl

from recommender.data.dataset import CONTRIBUTE, Dataset, Floats, Ints
from recommender.errors import DataError
from recommender.evaluation.metrics import DECIDING, TOP, Targets, per_user
from recommender.evaluation.splits import Split, SplitOptions, make_split
from recommender.interface import Plan
from recommender.progress import Progress, silent
from recommender.ranking.newcomers import Answers, Blend, Factors, NewcomerLists, Way, log_recent_backers

MOMENTS = 4
LEAST_NEWCOMERS = 30
"""At a moment; with fewer it says too little to choose by."""
ASKED_FOR = Blend(weight=3.0)
"""Of the questions, until enough newcomers have shown what suits them: the list is to follow the answers."""
MOST_NEWCOMERS = 2_000
"""At a moment; of more a part is drawn."""
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


def mean_ndcg(lists: Floats, candidates: Ints, targets: Targets) -> Floats:
    """The mean of `list_ndcg` over the users, of many lists at once: (lists,).

    It is linear in what a list gains with each item: an item weighs what it would add at the first place, and
    a list is worth the weights of its first ten, discounted.
    """
    _, row = np.unique(targets.user, return_inverse=True)
    wanted = np.bincount(row)
    discount = 1.0 / np.log2(np.arange(2, TOP + 2))
    best = np.cumsum(discount)[np.minimum(wanted, TOP) - 1]
    weight = np.bincount(targets.item, 1.0 / (best * len(wanted))[row], lists.shape[1])
    top = candidates[np.argsort(-lists[:, candidates], axis=1, kind="stable")[:, :TOP]]
    found: Floats = weight[top] @ discount[: top.shape[1]]
    return found


def choose(dataset: Dataset, plan: Plan, moments: int = MOMENTS, progress: Progress = silent) -> Choice:
    """Choose half-lives, weights and the typical user by those who came in the later half of contributions.

    The worst moment decides: of each blend that is its share of what the best blend had there. Newcomers come
    in waves and in quiet times, which the moments, the same time apart, both have; a mean over them would be
    about the waves. Where too few came, the defaults stay.

    Raises:
        DataError: nobody has backed anything with an amount.
    """
    asked = past_moments(dataset, plan, moments, progress)
    if not asked:
        return Choice(Blend(weight=0.0), {"mean": Blend(), "typical": Blend(), "questions": ASKED_FOR}, "")
    alone = [Blend(days, 0.0) for days in HALF_LIVES]
    every = [Blend(days, weight) for weight in WEIGHTS for days in HALF_LIVES]
    means = [moment.factors.mean[None] for moment in asked]
    popular = alone[_safest(_values(asked, means, alone))]
    mean = every[_safest(_values(asked, means, every))]
    names = [asked[0].before.users.names[user] for user in _nearest(asked[0].factors, TYPICAL_AMONG).tolist()]
    theirs = [moment.factors.users[moment.before.users.numbers(pl.Series(names))] for moment in asked]
    user, blend = divmod(_safest(_values(asked, theirs, every)), len(every))
    mixed = [Blend(popular.half_life_days, weight) for weight in WEIGHTS]
    several = [moment for moment in asked if len(moment.first) >= LEAST_NEWCOMERS]
    answered = [[_questions(moment, blend) for moment in several] for blend in mixed]
    questions = mixed[_safest(np.array(answered))] if several else ASKED_FOR
    return Choice(popular, {"mean": mean, "typical": every[blend], "questions": questions}, names[user])


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
            wanted = _some(newcomers(split), np.random.default_rng([plan.training.seed, number]))
            if len(np.unique(wanted.user)) >= LEAST_NEWCOMERS:
                found.append(_at(split, wanted, plan))
        progress("newcomers before", number / moments)
    return found


def _some(wanted: Targets, rng: np.random.Generator) -> Targets:
    """What MOST_NEWCOMERS of them wanted."""
    users = np.unique(wanted.user)
    if len(users) <= MOST_NEWCOMERS:
        return wanted
    return wanted.where(np.isin(wanted.user, rng.choice(users, MOST_NEWCOMERS, replace=False)))


def _at(split: Split, wanted: Targets, plan: Plan) -> Moment:
    """Learn from what was before the split's test."""
    order = np.lexsort((wanted.item, wanted.time, wanted.user))
    is_first = np.zeros(len(wanted), np.bool_)
    is_first[order[np.diff(wanted.user[order], prepend=-1) > 0]] = True
    several = np.bincount(wanted.user)[wanted.user] > 1
    factors = Factors.learnt(split.refit, plan)
    first, others = wanted.where(is_first & several), wanted.where(~is_first)
    return Moment(split.refit, factors, split.candidates, wanted, first, others)


def _values(moments: Sequence[Moment], tastes: Sequence[Floats], blends: Sequence[Blend]) -> Floats:
    """What lists for one taste are worth: (tastes × blends, moments), of (tastes, dims) at each moment."""
    columns = []
    for moment, own in zip(moments, tastes, strict=True):
        popular = {
            days: log_recent_backers(moment.before, days) for days in {b.half_life_days for b in blends}
        }
        matched = [moment.factors.matched(taste) for taste in own]
        lists = [popular[b.half_life_days] + b.weight * suited for suited in matched for b in blends]
        columns.append(mean_ndcg(np.array(lists), moment.candidates, moment.wanted))
    return np.stack(columns, 1)


def _safest(values: Floats) -> int:
    """Which row has most of what could be had at its worst moment; the first of equals."""
    best = values.max(0)
    # Where there was nothing to be had, nobody missed any of it.
    shares = np.divide(values, best, out=np.ones_like(values), where=best > 0)
    return int(np.argmax(shares.min(1)))


def _questions(moment: Moment, blend: Blend) -> float:
    """Of the others they backed, with the one that answered for them taken off the list."""
    first = moment.first
    answers = Answers.read_off(moment.before, first).of_rows(first.user)
    scores = log_recent_backers(moment.before, blend.half_life_days) + blend.weight * moment.factors.answered(
        answers
    )
    scores[np.arange(len(first)), first.item] = -np.inf
    return float(list_ndcg(scores, moment.candidates, moment.others).mean())


def _nearest(factors: Factors, count: int) -> Ints:
    """The known users nearest to the mean."""
    known = np.flatnonzero(factors.known)
    distance = np.square(factors.users[known] - factors.mean).sum(1)
    return known[np.argsort(distance, kind="stable")[:count]]


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
