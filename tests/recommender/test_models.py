"""The learned models: what they find, what they do not, what they leak, and that they come back the same."""

from typing import Any

import numpy as np
import pytest
import torch

from recommender.data.context import context_of
from recommender.data.dataset import Dataset, build_dataset
from recommender.data.reading import conform
from recommender.data.schema import Tables
from recommender.data.synthetic import SyntheticConfig, synthesize
from recommender.evaluation.bootstrap import Interval, paired
from recommender.evaluation.evaluator import Report, evaluate
from recommender.evaluation.metrics import per_user, rank_targets
from recommender.evaluation.splits import SplitOptions, make_split
from recommender.fitters.fitting import fit_all, fit_split
from recommender.interface import Plan, Recommender
from recommender.models.registry import make_config, make_model, make_plan
from recommender.models.twotower import TwoTower
from recommender.text.cache import TextVectors
from recommender.training.trainable import Batch
from tests.recommender.conftest import word_vectors

LEARNED = ("chainfund", "twotower")
# Small enough for a test, as large as they have to be for 40 items.
SETTINGS: dict[str, dict[str, Any]] = {
    "chainfund": {"token_dims": 16, "heads": 2, "head_dims": 16, "content_dims": 64, "user_dims": 32},
    "twotower": {"text_dims": 16, "dims": 32, "hidden": 64},
}


def plan(name: str, epochs: int = 12, **settings: Any) -> Plan:
    own = SETTINGS.get(name, {}) | settings
    return make_plan(name, own, {"epochs": epochs, "batch_size": 256, "learning_rate": 5e-3})


def measure(tables: Tables, split_name: str, models: list[str]) -> Report:
    data = build_dataset(tables)
    vectors = word_vectors(data.items.texts)
    split = make_split(split_name, data, SplitOptions(core=1))
    plans = {name: plan(name) for name in models}
    return evaluate(
        models,
        lambda name, _: fit_split(plans[name], split, vectors)[0],
        data,
        split,
        1,
        is_random=lambda name: plans[name].has_seed,
    )


@pytest.mark.parametrize("name", LEARNED)
def test_planted_tastes_are_found(name: str, small_tables: Tables) -> None:
    report = measure(small_tables, "last-out", [name, "pop", "random"])
    for other in ("pop", "random"):
        gain = paired(report.values[name]["ndcg@10"], report.values[other]["ndcg@10"])
        assert gain.low > 0, other


@pytest.mark.parametrize("name", LEARNED)
def test_tastes_carry_over_to_items_nobody_backed_yet(name: str) -> None:
    more = SyntheticConfig(users=150, items=80, views=4_000, contributions=3_000, taste=5.0)
    report = measure(conform(synthesize(more)), "cold-items", [name, "random", "pop"])
    assert paired(report.values[name]["ndcg@10"], report.values["random"]["ndcg@10"]).low > 0
    # All are equal to who counts backers: the order is then the items' own.
    assert paired(report.values[name]["ndcg@10"], report.values["pop"]["ndcg@10"]).low > 0


class Average(Recommender):
    """The same list for all: what is left of a model when users are taken out of it."""

    name = "average"

    def __init__(self, model: Recommender) -> None:
        super().__init__(model.config, model.sizes)
        self.scores = scores_of(model, model.sizes.users)[1:].mean(0)

    def score(self, users: torch.Tensor, items: torch.Tensor) -> torch.Tensor:
        return self.scores[items].expand(len(users), -1)


def personal_gain(name: str, tables: Tables) -> Interval:
    """How much better each user's own list is than the average one."""
    data = build_dataset(tables)
    split = make_split("last-out", data, SplitOptions(core=1, among_open=True))
    model, _ = fit_split(plan(name), split, word_vectors(data.items.texts))
    own, average = (
        rank_targets(each, split.test, split.candidates, split.seen, split.windows)
        for each in (model, Average(model))
    )
    mine, common = (per_user(split.test, ranks.rank, ranks.users)["ndcg@10"] for ranks in (own, average))
    return paired(mine, common)


@pytest.mark.parametrize("name", LEARNED)
def test_nothing_is_found_where_nothing_is(name: str, small_tables: Tables, tasteless_tables: Tables) -> None:
    assert personal_gain(name, small_tables).low > 0
    assert personal_gain(name, tasteless_tables).low <= 0


@pytest.mark.parametrize("name", LEARNED)
def test_a_seed_decides_everything(name: str, small: Dataset, small_vectors: TextVectors) -> None:
    first, again = (fit_all(plan(name).with_seed(3), small, small_vectors, epochs=2) for _ in range(2))
    for key, tensor in first.state_dict().items():
        assert torch.equal(tensor, again.state_dict()[key]), key
    other = fit_all(plan(name).with_seed(4), small, small_vectors, epochs=2)
    assert not torch.equal(scores_of(first), scores_of(other))


def scores_of(model: Recommender, users: int = 20) -> torch.Tensor:
    with torch.inference_mode():
        return model.score(torch.arange(users), torch.arange(model.sizes.items))


@pytest.mark.parametrize("name", LEARNED)
def test_weights_alone_bring_the_scores_back_without_texts(
    name: str, small: Dataset, small_vectors: TextVectors
) -> None:
    model = fit_all(plan(name), small, small_vectors, epochs=2)
    loaded = make_model(name, model.config, model.sizes)
    loaded.load_state_dict(model.state_dict())
    loaded.bind(context_of(small, None))
    assert torch.equal(scores_of(model), scores_of(loaded.eval()))


@pytest.mark.parametrize("name", LEARNED)
def test_scores_of_some_are_those_of_all(name: str, small: Dataset, small_vectors: TextVectors) -> None:
    model = fit_all(plan(name), small, small_vectors, epochs=1)
    users, items = torch.tensor([5, 2]), torch.tensor([7, 0, 30])
    with torch.inference_mode():
        part = model.score(users, items)
        torch.testing.assert_close(part, scores_of(model)[users][:, items])
        likely = model.audience_scores(items)
    assert likely is not None
    assert likely.shape == (3, len(small.users))


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("chainfund", {"as_published": True}),
        ("chainfund", {"contrast": "hinge"}),
        ("chainfund", {"attention": False, "history": False}),
        ("chainfund", {"users_head": "none"}),
        ("chainfund", {"weighting": "sum"}),
        ("chainfund", {"weighting": "uncertainty"}),
        ("twotower", {"in_batch": True}),
    ],
)
def test_each_option_trains(
    name: str, settings: dict[str, Any], small: Dataset, small_vectors: TextVectors
) -> None:
    model = fit_all(plan(name, **settings), small, small_vectors, epochs=2)
    assert torch.isfinite(scores_of(model)).all()


def test_the_corrected_chainfund_beats_the_published_one(small_tables: Tables) -> None:
    data = build_dataset(small_tables)
    vectors = word_vectors(data.items.texts)
    split = make_split("last-out", data, SplitOptions(core=1))
    plans = {"corrected": plan("chainfund"), "published": plan("chainfund-as-published")}
    report = evaluate(
        list(plans),
        lambda name, _: fit_split(plans[name], split, vectors)[0],
        data,
        split,
        1,
        is_random=lambda _: True,
    )
    assert paired(report.values["corrected"]["ndcg@10"], report.values["published"]["ndcg@10"]).low > 0


class TestTwoTower:
    def test_a_user_is_asked_for_an_item_without_that_item_in_their_history(
        self, small: Dataset, small_vectors: TextVectors, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        config = make_config("twotower", SETTINGS["twotower"])
        model = make_model("twotower", config, context_of(small, small_vectors).sizes)
        assert isinstance(model, TwoTower)
        model.fit(context_of(small, small_vectors))
        model.bind(context_of(small, small_vectors))
        given: list[torch.Tensor] = []
        real = model._users

        def spy(users: torch.Tensor, history: torch.Tensor, vectors: torch.Tensor) -> torch.Tensor:
            given.append(history)
            return real(users, history, vectors)

        monkeypatch.setattr(model, "_users", spy)
        pairs = small.pairs
        model.loss(
            Batch(
                torch.from_numpy(pairs.user[:30]),
                torch.from_numpy(pairs.item[:30]),
                torch.ones(30),
                torch.ones(30),
                torch.from_numpy(pairs.first_time[:30]),
                torch.zeros(0, dtype=torch.int64),
                torch.arange(30),
            )
        )
        history = given[0]
        assert history[torch.arange(30), torch.from_numpy(pairs.item[:30])].abs().max() == 0
        assert (history > 0).any()

    def test_unknown_ids_say_nothing(self, small: Dataset, small_vectors: TextVectors) -> None:
        model = fit_all(plan("twotower"), small, small_vectors, epochs=1)
        before = scores_of(model, 1)
        with torch.no_grad():
            assert isinstance(model, TwoTower)
            model.user_id.weight[0] += 5.0
        # Number 0 is nobody: their embedding was never trained and must not count.
        assert torch.equal(before, scores_of(model, 1))

    def test_a_history_moves_the_list_towards_its_like(
        self, small: Dataset, small_vectors: TextVectors
    ) -> None:
        model = fit_all(plan("twotower"), small, small_vectors, epochs=6)
        scores = scores_of(model, len(small.users)).numpy()
        pairs = small.pairs.backed
        language = small.items.language
        same = []
        for user in np.unique(pairs.user):
            mine = np.bincount(language[pairs.item[pairs.user == user]], minlength=3)
            if mine.max() >= 3 and mine.min() == 0:
                same.append(np.mean(language[np.argsort(-scores[user])[:10]] == mine.argmax()))
        assert np.mean(same) > 0.7
