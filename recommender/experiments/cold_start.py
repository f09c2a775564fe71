"""Three ways to begin with people of whom nothing is known, measured on those who came after a moment.

The lists of `ranking.newcomers` beside recent popularity, whose half-life is chosen by the same rule from the
same newcomers of before. On a made-up platform tastes are known, so that the questions can be asked: whoever
comes says which topics they love and which languages they read, whether or not they go on to back any.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass, field

import numpy as np

from recommender.data.dataset import Dataset, Floats, Ints, build_dataset
from recommender.data.reading import conform
from recommender.data.synthetic import LANGUAGES, TOPICS, Liking, SyntheticConfig, draw_platform
from recommender.errors import DataError
from recommender.evaluation.bootstrap import Interval, draws, interval, interval_of, paired
from recommender.evaluation.metrics import DECIDING
from recommender.evaluation.splits import Split, SplitOptions, make_split
from recommender.interface import Plan
from recommender.progress import Progress, silent
from recommender.ranking.newcomers import WAYS, Answers, Factors, log_recent_backers, newcomers_plan
from recommender.ranking.newcomers_choice import choose, list_ndcg, newcomers

POPULAR = "recent popularity"

MakePlan = Callable[[Dataset, int], Plan]
"""How factors are learnt from a dataset with a seed."""


@dataclass(frozen=True)
class Row:
    """NDCG@10 of newcomers' lists, mean over seeds; 95 % intervals by resampling newcomers."""

    way: str
    mean: float
    low: float
    high: float
    difference: Interval
    """Less recent popularity's, for the same newcomers."""
    ratio: Interval
    """By recent popularity's."""


@dataclass(frozen=True)
class ColdStart:
    """What was measured, and how."""

    protocol: dict[str, object]
    rows: list[Row]
    choices: list[dict[str, object]] = field(default_factory=list)
    """By seed: the blends and the typical user's id."""

    def as_json(self) -> dict[str, object]:
        return asdict(self)


def compare_synthetic(
    platform: SyntheticConfig,
    seeds: int,
    progress: Progress = silent,
    *,
    plan: MakePlan = newcomers_plan,
) -> ColdStart:
    """All three ways, on a platform drawn anew for each seed; its last tenth of contributions is the test."""
    values: dict[str, list[Floats]] = {}
    choices = []
    for seed in range(platform.seed, platform.seed + seeds):
        tables, liking = draw_platform(platform.model_copy(update={"seed": seed}))
        dataset = build_dataset(conform(tables))
        split = make_split("temporal", dataset, SplitOptions())
        answers = told(dataset, liking, np.unique(newcomers(split).user))
        found, choice = _measure(split, plan(split.refit, seed), answers, progress)
        choices.append(choice)
        for way, each in found.items():
            values.setdefault(way, []).append(each)
    together = {way: np.concatenate(each) for way, each in values.items()}
    protocol = {"data": "synthetic", "seeds": seeds, **platform.model_dump()}
    return ColdStart(_told(protocol, together), _rows(together), choices)


def compare_data(
    dataset: Dataset,
    options: SplitOptions,
    seeds: int,
    progress: Progress = silent,
    *,
    plan: MakePlan = newcomers_plan,
) -> ColdStart:
    """The ways that ask nothing, on recorded data, for the same newcomers with each seed.

    Raises:
        DataError: nobody new backed anything after the cut.
    """
    split = make_split("temporal", dataset, options)
    if not len(newcomers(split)):
        raise DataError("nobody new came after the cut: choose an earlier --test-from")
    runs = [_measure(split, plan(split.refit, seed), None, progress) for seed in range(seeds)]
    together = {way: np.mean([values[way] for values, _ in runs], axis=0) for way in runs[0][0]}
    protocol = {"data": "recorded", "seeds": seeds, **split.protocol}
    return ColdStart(_told(protocol, together), _rows(together), [choice for _, choice in runs])


def told(dataset: Dataset, liking: Liking, users: Ints) -> Answers:
    """What users of a made-up platform answer: the topics they love, the languages they read."""
    drawn = np.array([int(dataset.users.names[user], 16) - 1 for user in users.tolist()], np.int64)
    category = np.zeros((len(users), len(dataset.categories)))
    language = np.zeros((len(users), len(dataset.languages)))
    for place, topic in enumerate(TOPICS):
        category[:, dataset.categories.find(topic) or 0] = liking.loves[drawn, place]
    for place, spoken in enumerate(LANGUAGES):
        language[:, dataset.languages.find(spoken) or 0] = liking.reads[drawn, place]
    category[:, 0] = language[:, 0] = 0.0
    return Answers.of(category, language)


def _measure(
    split: Split, plan: Plan, answers: Answers | None, progress: Progress
) -> tuple[dict[str, Floats], dict[str, object]]:
    """NDCG@10 of each newcomer by way."""
    wanted = newcomers(split)
    choice = choose(split.refit, plan, progress=progress)
    lists = choice.lists(split.refit, Factors.learnt(split.refit, plan))
    ways = [way for way in WAYS if way != "questions" or answers]
    scores = {POPULAR: log_recent_backers(split.refit, choice.popular.half_life_days)[None]}
    scores |= {way: lists.scores(way, answers) for way in ways}
    found = {way: list_ndcg(each, split.candidates, wanted) for way, each in scores.items()}
    return found, {"seed": plan.training.seed, **asdict(choice)}


def _rows(values: dict[str, Floats]) -> list[Row]:
    popular = values[POPULAR]
    rows = []
    for way, mine in values.items():
        found = interval(mine)
        resampled = [float(mine @ drawn) / max(float(popular @ drawn), 1e-12) for drawn in draws(len(mine))]
        ratio = interval_of(float(mine.sum()) / max(float(popular.sum()), 1e-12), np.array(resampled))
        rows.append(Row(way, found.mean, found.low, found.high, paired(mine, popular), ratio))
    return rows


def _told(protocol: dict[str, object], values: dict[str, Floats]) -> dict[str, object]:
    return {
        **protocol,
        "metric": DECIDING,
        "newcomers": len(values[POPULAR]),
        "intervals": "95 %, bootstrap over newcomers",
    }
