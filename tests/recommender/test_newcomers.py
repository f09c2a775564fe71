"""Lists for newcomers, against loops over the factors they are made of, and tastes that are known."""

import json
import math
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
import torch

from recommender.data.context import context_of
from recommender.data.dataset import Dataset, build_dataset
from recommender.data.reading import conform
from recommender.data.synthetic import Liking, SyntheticConfig, draw_platform
from recommender.errors import ConfigError, DataError
from recommender.evaluation.metrics import Targets
from recommender.evaluation.splits import SplitOptions, make_split
from recommender.experiments.cold_start import POPULAR, compare_data, compare_synthetic, told
from recommender.interface import Plan
from recommender.models.dot_product_bias import DotProductBias
from recommender.models.registry import make_config, make_model, make_plan
from recommender.pipeline import newcomer_scores
from recommender.ranking.newcomers import (
    NEVER_BACKED,
    RIDGE,
    Answers,
    Blend,
    Factors,
    NewcomerLists,
    Way,
    newcomers_table,
)
from recommender.ranking.newcomers_choice import (
    Moment,
    _safest,
    choose,
    list_ndcg,
    mean_ndcg,
    newcomers,
    past_moments,
)
from recommender.training.trainer import Rows
from tests.recommender.build import dataset, event, item
from tests.recommender.conftest import Command

PAST_ALL = datetime(2030, 1, 1, tzinfo=UTC)
PLATFORM = SyntheticConfig(users=900, items=48, views=0, contributions=2_400, taste=4.0, seed=3)
BLENDS: dict[Way, Blend] = {
    "mean": Blend(3.0, 0.7),
    "typical": Blend(9.0, 1.3),
    "questions": Blend(2.0, 4.0),
}


def quick(_: Dataset | None = None, seed: int = 0) -> Plan:
    training = {"epochs": 20, "batch_size": 128, "learning_rate": 0.02, "weight_decay": 0.05}
    return make_plan("dot_product_bias", {"factors": 6, "unbacked": 24}, training).with_seed(seed)


@pytest.fixture(scope="module")
def platform() -> tuple[Dataset, Liking]:
    tables, liking = draw_platform(PLATFORM)
    return build_dataset(conform(tables)), liking


@pytest.fixture(scope="module")
def data(platform: tuple[Dataset, Liking]) -> Dataset:
    return platform[0]


@pytest.fixture(scope="module")
def factors(data: Dataset) -> Factors:
    return Factors.learnt(data, quick())


@pytest.fixture
def lists(data: Dataset, factors: Factors) -> NewcomerLists:
    return NewcomerLists(data, factors, BLENDS, typical=int(np.flatnonzero(factors.known)[4]))


def drawn(unbacked: int) -> tuple[DotProductBias, Dataset]:
    """Four users and five items, weights large enough to matter."""
    rows = [event(f"u{u}", f"i{i}", u, amount=0.3 * (u + i) + 1) for u in range(4) for i in range(u + 1)]
    data = dataset(rows, [item(f"i{i}") for i in range(5)])
    context = context_of(data, None)
    torch.manual_seed(1)
    config = make_config("dot_product_bias", {"factors": 3, "unbacked": unbacked})
    model = make_model("dot_product_bias", config, context.sizes)
    assert isinstance(model, DotProductBias)
    model.fit(context)
    model.bind(context)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(std=0.5)
    return model, data


class TestWhatWasLeftAlone:
    def test_counts_as_rated_at_the_bottom_of_the_range(self) -> None:
        model, data = drawn(unbacked=7)
        rows = Rows.of(model.observed(context_of(data, None)), 2.0, 5)
        batch = next(rows.batches(8, model.negatives, torch.Generator().manual_seed(2), torch.device("cpu")))
        backed = set(zip(data.pairs.user.tolist(), data.pairs.item.tolist(), strict=True))
        tables = [*model.tables("user"), *model.tables("item")]
        p, user_bias, q, item_bias = (table.weight.detach().numpy() for table in tables)
        total = weight = 0.0
        for user, own in zip(batch.user.tolist(), batch.weight.tolist(), strict=True):
            for other in batch.negatives.tolist():
                if (user, other) in backed:
                    continue
                logit = p[user] @ q[other] + user_bias[user, 0] + item_bias[other, 0]
                total += own * (3.3 / (1 + math.exp(-logit))) ** 2
                weight += own
        terms = model.loss(batch)
        assert terms["unbacked"].item() == pytest.approx(total / weight, rel=1e-5)
        assert float(model.mass("unbacked", batch)) == pytest.approx(weight)
        assert float(model.mass("squared_error", batch)) == pytest.approx(float(batch.weight.sum()))
        assert model.combine(terms).item() == pytest.approx(sum(term.item() for term in terms.values()))
        assert 0 < weight < float(batch.weight.sum()) * 7

    def test_is_not_asked_for_unless_it_is_wanted(self) -> None:
        model, data = drawn(unbacked=0)
        rows = Rows.of(model.observed(context_of(data, None)), 2.0, 5)
        batch = next(rows.batches(4, model.negatives, torch.Generator(), torch.device("cpu")))
        assert list(model.loss(batch)) == ["squared_error"]

    def test_tells_who_backs_what_where_amounts_tell_nothing(self, data: Dataset) -> None:
        """A factorization of the amounts alone cannot tell backed items from others; with them it can."""
        gap = {}
        for unbacked in (0, 24):
            plan = make_plan("dot_product_bias", {"unbacked": unbacked}, quick().training.model_dump())
            model = plan.fitter.fit_all(plan, data, None)
            users = np.unique(data.pairs.user)
            scores = model.score(torch.from_numpy(users), torch.arange(len(data.item_ids))).detach().numpy()
            own = scores[np.searchsorted(users, data.pairs.user), data.pairs.item]
            gap[unbacked] = (own.mean() - scores.mean()) / scores.std()
        assert gap[0] < 0.4
        assert gap[24] > 0.8


class TestAnswers:
    def test_are_shares_of_what_was_backed(self) -> None:
        items = [
            item("a", category="tea", language="en"),
            item("b", category="tea", language="zh-hans"),
            item("c", category="bees", language="en"),
            item("d"),
        ]
        rows = [event("u", name, hour) for hour, name in enumerate("abcd")] + [event("v", "d", 9)]
        data = dataset(rows, items)
        found = Answers.read_off(data, data.pairs.backed)
        tea, bees = (data.categories.find(name) or 0 for name in ("tea", "bees"))
        mine, nobody = data.users.find("u") or 0, data.users.find("v")
        assert found.category[mine, [0, tea, bees]].tolist() == pytest.approx([0, 2 / 3, 1 / 3])
        assert found.language[mine].tolist() == pytest.approx([0, 2 / 3, 1 / 3])
        assert not found.category[nobody].any()

    def test_a_question_left_open_changes_nothing(self, data: Dataset, factors: Factors) -> None:
        category, language = np.zeros((3, 9)), np.zeros((3, 3))
        category[0, 2] = language[1, 1] = category[2, 2] = language[2, 1] = 1
        one, other, both = factors.answered(Answers.of(category, language))
        assert both == pytest.approx(one + other)
        assert np.abs(one).max() > 1e-3
        nothing = Answers.of(np.zeros((1, 9)), np.zeros((1, 3)))
        assert not factors.answered(nothing).any()

    def test_the_mean_answer_is_the_mean_user(self, data: Dataset, factors: Factors) -> None:
        known = Answers.read_off(data, data.pairs.backed).of_rows(factors.known)
        mean = Answers(known.category.mean(0, keepdims=True), known.language.mean(0, keepdims=True))
        assert factors.answered(mean) == pytest.approx(np.zeros((1, len(data.item_ids))), abs=1e-9)

    def test_become_factors_by_least_squares(self, data: Dataset, factors: Factors) -> None:
        """The penalty as rows of its own under the answers: `lstsq` then solves the same."""
        known = Answers.read_off(data, data.pairs.backed).of_rows(factors.known)
        given = np.concatenate([known.category, known.language], 1)
        x, y = given - given.mean(0), factors.users[factors.known] - factors.mean
        below = math.sqrt(RIDGE) * np.eye(x.shape[1])
        solved = np.linalg.lstsq(
            np.concatenate([x, below]), np.concatenate([y, np.zeros((len(below), y.shape[1]))]), rcond=None
        )[0]
        centred = known.category - known.category.mean(0)
        ours = known.category @ factors.answers["category"][:, : len(solved[0])]
        assert ours == pytest.approx(centred @ solved[: centred.shape[1]], abs=1e-8)

    def test_point_to_the_topic_that_was_asked_for(self, data: Dataset, factors: Factors) -> None:
        categories, items = len(data.categories), data.items
        right = 0
        for topic in range(1, categories):
            chosen = np.eye(categories)[topic : topic + 1]
            score = factors.answered(Answers.of(chosen, np.zeros((1, len(data.languages)))))[0]
            right += score[items.category == topic].mean() > score[items.category != topic].mean() + 0.05
        assert right == categories - 1


class TestFactors:
    def test_strangers_among_items_get_what_their_category_and_language_make_likely(self) -> None:
        rows = [
            event(f"u{u:02d}", f"{kind}{i}", u * 9 + i, amount=1.0 + u)
            for u in range(24)
            for i in range(3)
            for kind in ("tea" if u % 2 else "bees",)
        ]
        old = [item(f"{kind}{i}", category=kind, language="en") for kind in ("tea", "bees") for i in range(3)]
        data = dataset(rows, [*old, item("new", category="tea", language="en")])
        plan = make_plan("dot_product_bias", {"factors": 4, "unbacked": 8}, {"epochs": 60, "batch_size": 16})
        found = Factors.learnt(data, plan)
        new = found.items[data.item_ids.find("new")]
        near = {
            kind: np.linalg.norm(
                new - found.items[data.items.category == data.categories.find(kind)][:3].mean(0)
            )
            for kind in ("tea", "bees")
        }
        assert near["tea"] < near["bees"]

    def test_need_amounts(self) -> None:
        data = dataset([event("u", "i", 1)], [item("i")])
        with pytest.raises(DataError, match="nobody has backed anything with an amount"):
            Factors.learnt(data, quick())

    def test_the_same_seed_gives_the_same(self, data: Dataset, factors: Factors) -> None:
        again, other = Factors.learnt(data, quick()), Factors.learnt(data, quick(seed=1))
        assert np.array_equal(again.users, factors.users)
        assert not np.array_equal(other.users, factors.users)


class TestLists:
    def test_are_popularity_and_taste_as_they_say(self, data: Dataset, lists: NewcomerLists) -> None:
        factors, backed = lists.factors, data.pairs.backed
        answers = Answers.of(np.eye(9)[[3, 5]], np.array([[0, 1, 1], [0, 0, 1]]))
        centre = factors.users[factors.known].mean(0)
        for way, row in (("mean", 0), ("typical", 0), ("questions", 1)):
            blend, found = BLENDS[way], lists.scores(way, answers)  # type: ignore[index, arg-type]
            for number in (0, 17, 47):
                ages = (data.now - backed.last_time[backed.item == number]) / 86_400
                recent = sum(0.5 ** (age / blend.half_life_days) for age in ages.tolist())
                if way == "questions":
                    p = factors.answers["category"][5] + factors.answers["language"][2]
                    known = Answers.read_off(data, backed).of_rows(factors.known)
                    taste = float(p[:6] @ factors.items[number])
                    for own, chosen, shares in (
                        (data.items.category, 5, known.category),
                        (data.items.language, 2, known.language),
                    ):
                        taste += float(own[number] == chosen) - shares.mean(0)[own[number]]
                else:
                    p = centre if way == "mean" else factors.users[lists.typical]
                    taste = float(factors.biases[number] + p @ factors.items[number])
                expected = math.log(recent + NEVER_BACKED) + blend.weight * taste
                assert found[row, number] == pytest.approx(expected)

    def test_questions_need_answers(self, lists: NewcomerLists) -> None:
        with pytest.raises(ValueError, match="questions need answers"):
            lists.scores("questions")

    def test_rank_what_was_wanted(self) -> None:
        scores = np.array([[3.0, 9, 1, 1, 7], [0.0, 5, 5, 8, 9]])
        targets = Targets(np.array([4, 4, 6]), np.array([2, 4, 1]), np.zeros(3))
        candidates = np.array([0, 1, 2, 4])
        first = (1 / math.log2(3) + 1 / math.log2(5)) / (1 + 1 / math.log2(3))
        found = list_ndcg(scores, candidates, targets)
        assert found == pytest.approx([first, 1 / math.log2(3)])
        alone = list_ndcg(scores[:1], candidates, targets)
        assert alone == pytest.approx([first, 1.0])

    def test_many_lists_at_once_are_worth_what_each_is(self) -> None:
        rng = np.random.default_rng(4)
        pairs = sorted(
            {
                (int(u), int(i))
                for u, i in zip(rng.integers(9, size=60), rng.integers(30, size=60), strict=True)
            }
        )
        user, number = np.array(pairs).T
        targets = Targets(user, number, np.zeros(len(user)))
        scores, candidates = rng.integers(0, 12, (7, 40)).astype(float), np.arange(30)
        expected = [list_ndcg(row[None], candidates, targets).mean() for row in scores]
        assert mean_ndcg(scores, candidates, targets) == pytest.approx(expected)
        assert len(set(expected)) == 7


class TestPublished:
    def sums(self, data: Dataset, lists: NewcomerLists, k: int) -> dict[str, dict[str, dict[str, float]]]:
        found: dict[str, dict[str, dict[str, float]]] = {}
        for row in newcomers_table(lists, k).to_pylist():
            found.setdefault(row["question"], {}).setdefault(row["answer"], {})[row["item_id"]] = row["score"]
        return found

    def test_rows_add_up_to_the_list(self, data: Dataset, lists: NewcomerLists) -> None:
        """Two categories and a language: means of their rows beside everybody's."""
        rows = self.sums(data, lists, 100)
        chosen = np.zeros((1, 9))
        chosen[0, [2, 7]] = 1
        score = lists.scores("questions", Answers.of(chosen, np.array([[0, 1, 0]])))[0]
        two, seven, language = data.categories.names[2], data.categories.names[7], data.languages.names[1]
        for number, name in enumerate(data.item_ids.names):
            summed = rows[""][""][name] + rows["language"][language][name]
            summed += (rows["category"][two][name] + rows["category"][seven][name]) / 2
            assert summed == pytest.approx(score[number])

    def test_all_answers_have_the_same_items_and_none_is_lost_from_a_list(
        self, data: Dataset, lists: NewcomerLists
    ) -> None:
        rows = self.sums(data, lists, 3)
        assert set(rows) == {"", "category", "language"}
        assert set(rows["category"]) == set(data.categories.names[1:])
        assert set(rows["language"]) == set(data.languages.names[1:])
        listed = {frozenset(items) for answers in rows.values() for items in answers.values()}
        assert len(listed) == 1
        assert 3 < len(kept := next(iter(listed))) < len(data.item_ids)
        for category in range(1, 9):
            answers = Answers.of(np.eye(9)[[category]], np.eye(3)[[2]])
            best = np.argsort(-lists.scores("questions", answers)[0])[:3]
            assert {data.item_ids.names[number] for number in best.tolist()} <= kept

    def test_closed_items_are_not_in_it(self, data: Dataset, lists: NewcomerLists) -> None:
        is_open = np.arange(len(data.item_ids)) % 2 == 0
        closed = replace(data, items=replace(data.items, is_open=is_open))
        rows = newcomers_table(replace(lists, dataset=closed), 100).to_pylist()
        assert {row["item_id"] for row in rows} == set(data.item_ids.names[::2])

    def test_nothing_where_answers_change_nothing(self, lists: NewcomerLists) -> None:
        without = replace(lists, blends={**BLENDS, "questions": Blend(2.0, 0.0)})
        assert newcomers_table(without, 5).num_rows == 0

    def test_too_little_to_learn_from_is_no_error(self) -> None:
        assert newcomer_scores(dataset([event("u", "i", 1)], [item("i")]), 5).num_rows == 0
        assert newcomer_scores(dataset([], [item("i")]), 5).num_rows == 0

    def test_the_same_data_give_the_same_rows(self, data: Dataset) -> None:
        small = data.with_events(data.events.where(data.events.item < 16))
        first = newcomer_scores(small, 4)
        assert first.num_rows > 0
        assert first.equals(newcomer_scores(small, 4))


class TestChoice:
    @pytest.fixture(scope="class")
    def moments(self, data: Dataset) -> list[Moment]:
        return past_moments(data, quick(), 3)

    def test_moments_know_nothing_of_what_comes_after(self, data: Dataset, moments: list[Moment]) -> None:
        assert len(moments) == 3
        steps = np.diff([moment.before.now for moment in moments])
        assert steps == pytest.approx(np.full(2, steps[0]))
        for moment in moments:
            before = moment.before.pairs.backed
            assert before.last_time.max() < moment.before.now <= moment.wanted.time.min()
            assert not np.isin(moment.wanted.user, before.user).any()
            assert not np.isin(np.flatnonzero(moment.factors.known), moment.wanted.user).any()

    def test_answers_are_read_off_one_and_asked_of_the_others(self, moments: list[Moment]) -> None:
        for moment in moments:
            wanted, first, others = moment.wanted, moment.first, moment.others
            count = np.bincount(wanted.user)
            assert np.array_equal(first.user, np.flatnonzero(count > 1))
            assert np.array_equal(np.unique(others.user), first.user)
            assert len(first) + len(others) == int(count[count > 1].sum())
            for user, number, time in zip(first.user, first.item, first.time, strict=True):
                mine = others.where(others.user == user)
                assert number not in mine.item
                assert (mine.time >= time).all()

    def test_the_worst_moment_decides(self) -> None:
        """Of what the best had at each, the first has a third at its worst, the second five ninths."""
        assert _safest(np.array([[0.9, 0.01], [0.5, 0.03], [0.8, 0.018]])) == 2
        assert _safest(np.array([[0.9, 0.01], [0.5, 0.03], [0.8, 0.016]])) == 1
        assert _safest(np.array([[0.4, 0.0], [0.5, 0.0], [0.5, 0.0]])) == 1

    def test_answers_count_where_people_have_tastes(self, data: Dataset) -> None:
        choice = choose(data, quick(), moments=2)
        assert choice.blends["questions"].weight >= 1
        assert choice.popular.weight == 0
        assert choice.lists(data, Factors.learnt(data, quick())).typical == data.users.find(choice.typical)

    def test_where_nobody_new_came_the_defaults_stay(self) -> None:
        rows = [event("u", f"i{i}", i, amount=2.0 + i) for i in range(9)]
        data = dataset(rows, [item(f"i{i}") for i in range(9)])
        choice = choose(data, quick())
        assert (choice.typical, choice.blends["mean"], choice.blends["questions"]) == (
            "",
            Blend(),
            Blend(weight=3.0),
        )
        assert choice.lists(data, Factors.learnt(data, quick())).typical == data.users.find("u")

    def test_nobody_at_all(self) -> None:
        with pytest.raises(DataError, match="no newcomers to learn from"):
            choose(dataset([event("u", "i", 1, "view")], [item("i")]), quick())


class TestComparison:
    def test_made_up_people_say_what_they_love_and_read(self, platform: tuple[Dataset, Liking]) -> None:
        data, liking = platform
        users = np.flatnonzero([name.endswith(("1a", "2b")) for name in data.users.names])
        answers = told(data, liking, users)
        for row, user in enumerate(users.tolist()):
            number = int(data.users.names[user], 16) - 1
            loved = {data.categories.names[place] for place in np.flatnonzero(answers.category[row])}
            read = {data.languages.names[place] for place in np.flatnonzero(answers.language[row])}
            for campaign in range(len(data.item_ids)):
                of_topic = data.categories.names[data.items.category[campaign]] in loved
                readable = data.languages.names[data.items.language[campaign]] in read
                odds = float(liking.of(np.array(number), np.array(campaign)))
                expected = 4.0 * (of_topic + 0.7 * readable - 0.7) + liking.popularity[campaign]
                assert odds == pytest.approx(expected)

    def test_questions_are_worth_asking(self) -> None:
        larger = {"users": 2_500, "items": 100, "contributions": 4_500, "taste": 5.0}
        found = compare_synthetic(PLATFORM.model_copy(update=larger), 1, plan=quick)
        rows = {row.way: row for row in found.rows}
        assert list(rows) == [POPULAR, "mean", "typical", "questions"]
        assert rows["questions"].ratio.mean > 1.2
        assert rows["questions"].difference.low > 0
        assert rows[POPULAR].ratio == replace(rows[POPULAR].ratio, mean=1.0, low=1.0, high=1.0)

    def test_recorded_data_have_no_answers(self, data: Dataset) -> None:
        found = compare_data(data, SplitOptions(), 1, plan=quick)
        assert [row.way for row in found.rows] == [POPULAR, "mean", "typical"]
        wanted = newcomers(make_split("temporal", data, SplitOptions()))
        assert found.protocol["newcomers"] == len(np.unique(wanted.user))

    def test_the_command_prints_what_it_writes(self, run: Command, tmp_path: Path) -> None:
        out = tmp_path / "found.json"
        words = ("--seeds", "1", "--users", "900", "--items", "40", "--contributions", "900")
        status, printed, _ = run("cold-start", *words, "--json", str(out))
        assert status == 0
        rows = json.loads(out.read_text())["rows"]
        assert [row["way"] for row in rows] == [POPULAR, "mean", "typical", "questions"]
        assert f"| questions | {rows[3]['mean']:.4f} (" in printed

    def test_a_cut_after_everything_is_refused(self, data: Dataset) -> None:
        with pytest.raises((DataError, ConfigError), match="test"):
            compare_data(data, SplitOptions(test_from=PAST_ALL), 1)
