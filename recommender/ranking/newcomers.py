"""Lists for newcomers, of whom nothing is known but what they say: three ways to give them a taste.

    mean       log r_i + λ (b_i + p̄ · q_i)         the mean of all users' factors p
    typical    log r_i + λ (b_i + p_u · q_i)        those of one user u, chosen for suiting newcomers before
    questions  log r_i + λ (W (a − ā) · q_i + (a − ā) · x_i)
                                                   a: what they answer; W: answers → factors; x: what i is

q and b are the factors and biases of items in `dot_product_bias`, told of pairs that were left alone as well;
r are an item's backers, each counting half as much with every half-life, so that λ = 0 is recent popularity.
What somebody would answer is read off what they backed: the shares of its categories and of its languages, of
which each item has one, x. W is the ridge regression of users' factors on these (Howard and Gugger 2020, Deep
Learning for Coders, chapter 8, "Bootstrapping a Collaborative Filtering Model"). What was named counts beside
it: where few have a taste in common, the factors alone would leave it out. An item without backers has the
factors that its category and language make likely.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import pyarrow as pa
import torch

from recommender.data.dataset import Bools, Dataset, Floats, Ints, Pairs
from recommender.data.ratings import rated
from recommender.data.statistics import recency_weights
from recommender.errors import DataError
from recommender.evaluation.metrics import Targets
from recommender.fitters.fitting import fit_all
from recommender.interface import Plan
from recommender.models.dot_product_bias import DotProductBias
from recommender.models.registry import make_plan

Way = Literal["mean", "typical", "questions"]
WAYS: tuple[Way, ...] = get_args(Way)
Question = Literal["category", "language"]
QUESTIONS: tuple[Question, ...] = get_args(Question)

NEWCOMERS = pa.schema(
    [
        ("question", pa.string()),
        ("answer", pa.string()),
        ("item_id", pa.string()),
        ("score", pa.float64()),
    ]
)
NEVER_BACKED = 0.01
"""Backers that an item without any counts as: it is unknown, not impossible."""
BATCH = 256
STEPS = 1_500
"""Of the optimizer, where EPOCHS, the fewest and the most, allow for it."""
EPOCHS = (5, 60)
RIDGE = 5.0
"""Penalty on W, in users; and on the regression of items' factors, in items."""


def newcomers_plan(dataset: Dataset, seed: int = 0) -> Plan:
    """How the factors are learnt that newcomers are given a part of: a small platform needs more epochs."""
    pairs = len(rated(dataset.pairs))
    epochs = int(np.clip(np.ceil(STEPS * BATCH / max(pairs, 1)), *EPOCHS))
    training = {"epochs": epochs, "batch_size": BATCH, "weight_decay": 0.05}
    return make_plan("dot_product_bias", {"factors": 16, "unbacked": 64}, training).with_seed(seed)


@dataclass(frozen=True)
class Blend:
    """How recent popularity and taste make one score."""

    half_life_days: float = 7.0
    weight: float = 1.0
    """λ."""


@dataclass(frozen=True)
class Answers:
    """What newcomers say they care about, a row each: shares that add up to 1 a question, or 0 unanswered."""

    category: Floats
    """(rows, categories), by number; number 0, items without a category, is never asked for."""
    language: Floats
    """(rows, languages), likewise."""

    @classmethod
    def of(cls, category: Floats, language: Floats) -> "Answers":
        """From 1 where something was chosen, or from how often."""
        return cls(_shares(category), _shares(language))

    @classmethod
    def read_off(cls, dataset: Dataset, backed: Pairs | Targets) -> "Answers":
        """What all users would say, to judge by what they backed: a row for each user."""
        items, users = dataset.items, len(dataset.users)
        category = np.zeros((users, len(dataset.categories)))
        language = np.zeros((users, len(dataset.languages)))
        np.add.at(category, (backed.user, items.category[backed.item]), 1.0)
        np.add.at(language, (backed.user, items.language[backed.item]), 1.0)
        category[:, 0] = language[:, 0] = 0.0
        return cls.of(category, language)

    def of_rows(self, rows: Ints | Bools) -> "Answers":
        return Answers(self.category[rows], self.language[rows])

    def __len__(self) -> int:
        return len(self.category)


@dataclass(frozen=True)
class Factors:
    """What was learnt of users and items, as arrays."""

    users: Floats
    """(users, dims)."""
    known: Bools
    """(users,): who has backed anything, and is somebody."""
    items: Floats
    """(items, dims)."""
    biases: Floats
    """(items,)."""
    described: Floats
    """q and x, (items, dims + answers)."""
    answers: Mapping[Question, Floats]
    """Of each question, what an answer wants of `described`, less what the mean one does: as many columns."""

    @classmethod
    def learnt(cls, dataset: Dataset, plan: Plan) -> "Factors":
        """Fit the plan and read it.

        Raises:
            DataError: nobody backed anything with an amount.
        """
        if not rated(dataset.pairs).user.any():
            raise DataError("nobody has backed anything with an amount: there are no factors to learn")
        model = fit_all(plan, dataset, None)
        if not isinstance(model, DotProductBias):
            raise TypeError(plan.name)
        known = model.user_known.numpy() > 0
        known[0] = False
        features = _item_features(dataset)
        learnt = np.concatenate([_numbers(model.item_factors.weight), _numbers(model.item_bias.weight)], 1)
        _fill_in(learnt, features, model.item_known.numpy() > 0)
        items, biases = learnt[:, :-1], learnt[:, -1]
        users = _numbers(model.user_factors.weight)
        answers = Answers.read_off(dataset, dataset.pairs.backed).of_rows(known)
        described = np.concatenate([items, features], 1)
        return cls(users, known, items, biases, described, _answer_weights(users[known], answers))

    @property
    def mean(self) -> Floats:
        centre: Floats = self.users[self.known].mean(0)
        return centre

    def matched(self, taste: Floats) -> Floats:
        """What everybody with one taste is told, b + p · q: (items,)."""
        return self.biases + self.items @ taste

    def answered(self, answers: Answers) -> Floats:
        """What λ weighs where somebody answered: (rows, items)."""
        taste = answers.category @ self.answers["category"] + answers.language @ self.answers["language"]
        found: Floats = taste @ self.described.T
        return found


@dataclass(frozen=True)
class NewcomerLists:
    """What each way gives newcomers on a dataset."""

    dataset: Dataset
    factors: Factors
    blends: Mapping[Way, Blend]
    typical: int
    """A user's number: whose factors stand for everybody's."""

    def scores(self, way: Way, answers: Answers | None = None) -> Floats:
        """(rows, items): a row for each of the answers, one for everybody by the ways that ask nothing.

        Raises:
            ValueError: questions without answers.
        """
        blend, factors = self.blends[way], self.factors
        if way != "questions":
            taste = factors.matched(factors.mean if way == "mean" else factors.users[self.typical])[None]
        elif answers is None:
            raise ValueError("questions need answers")
        else:
            taste = factors.answered(answers)
        return log_recent_backers(self.dataset, blend.half_life_days) + blend.weight * taste


def newcomers_table(lists: NewcomerLists, k: int) -> pa.Table:
    """What each answer says of each open item: a table like NEWCOMERS, empty where answers change nothing.

    An item's score is its row without a question, and of each question the mean of the rows that are chosen.
    Left out is what is not among the first `k` of no answer, of one, or of a category with a language.
    """
    blend, names = lists.blends["questions"], lists.dataset
    open_items = np.flatnonzero(names.items.is_open)
    if not blend.weight or not len(open_items):
        return NEWCOMERS.empty_table()
    popular = log_recent_backers(names, blend.half_life_days)[open_items]
    vectors = blend.weight * lists.factors.described[open_items].T
    # Number 0 is of items that say none.
    category = lists.factors.answers["category"][1:] @ vectors
    language = lists.factors.answers["language"][1:] @ vectors
    asked = [popular[None], popular + category, popular + language]
    asked += [popular + category + each for each in language]
    kept = np.unique(np.argsort(-np.concatenate(asked), axis=1, kind="stable")[:, :k])
    parts = [("", ("",), popular[None]), ("category", names.categories.names[1:], category)]
    parts += [("language", names.languages.names[1:], language)]
    rows = [
        (question, answer, names.item_ids.names[open_items[place]], float(score[place]))
        for question, answers, scores in parts
        for answer, score in zip(answers, scores, strict=True)
        for place in kept.tolist()
    ]
    return pa.table([list(column) for column in zip(*rows, strict=True)], schema=NEWCOMERS)


def log_recent_backers(dataset: Dataset, half_life_days: float) -> Floats:
    """What recent popularity is, log r: (items,)."""
    backed = dataset.pairs.backed
    weights = recency_weights(backed.last_time, dataset.now, half_life_days)
    found: Floats = np.log(np.bincount(backed.item, weights, len(dataset.item_ids)) + NEVER_BACKED)
    return found


def _shares(chosen: Floats) -> Floats:
    found: Floats = chosen / np.maximum(chosen.sum(1, keepdims=True), 1e-12)
    return found


def _numbers(weights: torch.Tensor) -> Floats:
    return weights.detach().cpu().double().numpy().copy()


def _item_features(dataset: Dataset) -> Floats:
    """x, (items, categories + languages): 1 at each item's own, if it has one."""
    items, rows = dataset.items, np.arange(len(dataset.item_ids))
    category = np.zeros((len(rows), len(dataset.categories)))
    language = np.zeros((len(rows), len(dataset.languages)))
    category[rows, items.category] = language[rows, items.language] = 1.0
    category[:, 0] = language[:, 0] = 0.0
    return np.concatenate([category, language], 1)


def _fill_in(values: Floats, features: Floats, known: Bools) -> None:
    """Give rows that are not known what their features make likely, in place."""
    centre, mean = features[known].mean(0), values[known].mean(0)
    weights = _ridge(features[known] - centre, values[known] - mean)
    values[~known] = mean + (features[~known] - centre) @ weights


def _answer_weights(users: Floats, answers: Answers) -> dict[Question, Floats]:
    """Each question's W beside the answers themselves, less the mean's: one left open changes nothing."""
    width = answers.category.shape[1]
    given = np.concatenate([answers.category, answers.language], 1)
    mean = given.mean(0)
    weights = np.concatenate([_ridge(given - mean, users - users.mean(0)), np.eye(len(mean))], 1)
    category, language = weights[:width], weights[width:]
    return {
        "category": category - mean[:width] @ category,
        "language": language - mean[width:] @ language,
    }


def _ridge(x: Floats, y: Floats) -> Floats:
    """The argmin of ‖x w − y‖² + RIDGE ‖w‖²: (columns of x, columns of y)."""
    return np.asarray(np.linalg.solve(x.T @ x + RIDGE * np.eye(x.shape[1]), x.T @ y), np.float64)
