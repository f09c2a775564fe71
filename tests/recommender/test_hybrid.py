"""The hybrid: what it asks, what it learns from the answers, and what it does with little."""

import numpy as np
import pytest
import torch

from recommender.data.context import context_of
from recommender.data.dataset import Dataset
from recommender.errors import ConfigError
from recommender.evaluation.evaluator import evaluate
from recommender.evaluation.splits import SplitOptions, make_split
from recommender.fitters.fitting import fit_all, fit_split
from recommender.fitters.queries import MOMENTS, queries_by_time, queries_within, split_queries
from recommender.interface import Recommender
from recommender.models.hybrid import NAMES, Hybrid
from recommender.models.mixing import LabelledQuery, Mixer
from recommender.models.registry import make_config, make_model, make_plan
from recommender.models.rerankers import RERANKERS
from recommender.models.shared_bottom import SharedBottom
from recommender.text.cache import TextVectors
from tests.recommender.build import dataset, event, item
from tests.recommender.conftest import word_vectors

LITTLE = {"tower": {"text_dims": 16, "dims": 16, "hidden": 32}, "tower_epochs": 2, "passes": 10}


def labelled(seed: int, helpful: int, misleading: int | None = None) -> LabelledQuery:
    """Users who want what one signal says, where another says nothing or the opposite."""
    generator = torch.Generator().manual_seed(seed)
    z = torch.randn(200, 12, 3, generator=generator)
    best = z[..., helpful].argmax(1)
    if misleading is not None:
        z[..., misleading] = -z[..., helpful]
    share = torch.zeros(200, 12)
    share[torch.arange(200), best] = 1.0
    return LabelledQuery(z, torch.zeros(12, dtype=torch.bool), share)


def untaught() -> Mixer:
    """The same each time."""
    torch.manual_seed(0)
    return Mixer(3, 4)


def found(mixer: Mixer, part: LabelledQuery) -> float:
    """The share of the users whose wanted item comes first."""
    with torch.no_grad():
        first = mixer(part.z, part.cold).argmax(1)
    return float((first == part.share.argmax(1)).float().mean())


def test_weights_find_the_signal_that_was_right() -> None:
    mixer = untaught()
    mixer.learn([labelled(0, helpful=1)], passes=60, decay=1.0, seed=0)
    assert found(mixer, labelled(1, helpful=1)) > 0.8
    assert found(mixer, labelled(1, helpful=0)) < 0.3


def test_a_signal_that_fails_at_some_moments_is_not_trusted() -> None:
    """In two of three moments the first signal is right and the second too; in one the second misleads."""
    calm, other, storm = labelled(0, 0), labelled(1, 0), labelled(2, 0, misleading=1)
    for part in (calm, other):
        part.z[..., 1] = part.z[..., 0]
    mixer = untaught()
    mixer.learn([calm, other, storm], passes=60, decay=1.0, seed=0)
    assert mixer.weights[0] > 3 * mixer.weights[1].abs()


def test_what_cannot_be_wanted_takes_no_part() -> None:
    part = labelled(0, helpful=1)
    barred = part.z[..., 2].argmax(1)
    wanted = part.share.argmax(1)
    part.share[torch.arange(200)[barred != wanted], barred[barred != wanted]] = -1.0
    mixer = untaught()
    mixer.learn([part], passes=60, decay=1.0, seed=0)
    assert torch.isfinite(mixer.weights).all()
    # Where the third signal is highest nothing was ever wanted, but nobody was asked: it learns no dislike.
    assert mixer.weights[2].abs() < 0.5 * mixer.weights[1]


def test_items_without_backers_have_weights_of_their_own() -> None:
    part = labelled(0, helpful=1)
    cold = torch.ones(12, dtype=torch.bool)
    mixer = untaught()
    before = mixer.weights.clone()
    mixer.learn([LabelledQuery(part.z, cold, part.share)], passes=60, decay=1.0, seed=0)
    new = labelled(1, helpful=1)
    assert found(mixer, LabelledQuery(new.z, cold, new.share)) > 0.8
    assert torch.allclose(mixer.weights, before)


@pytest.mark.parametrize("name", ["last-out", "cold-items", "random", "temporal"])
def test_what_is_asked_for_is_neither_learnt_from_nor_in_the_test(name: str, small: Dataset) -> None:
    split = make_split(name, small, SplitOptions(core=1))
    width = len(small.item_ids)
    test = split.test.user * width + split.test.item
    queries = split_queries(split, None)
    assert queries
    for query in queries:
        asked = query.user * width + query.item
        before = query.context.pairs.backed
        known = before.user * width + before.item
        assert not np.isin(asked, known).any()
        assert not np.isin(asked, test).any()
        assert np.isin(query.item, query.candidates).all()
        assert np.isin(query.user, before.user).all()


def test_moments_lie_one_after_the_other_before_now(small: Dataset) -> None:
    queries = queries_by_time(small, None)
    assert 1 <= len(queries) <= MOMENTS
    for query in queries:
        assert (query.context.pairs.last_time < query.context.now).all()
        assert (query.time >= query.context.now).all()
    moments = [query.context.now for query in queries]
    assert moments == sorted(moments)


def test_data_alone_ask_for_the_last_and_for_hidden_items(small: Dataset) -> None:
    assert len(queries_within(small, None)) == 2
    lonely = dataset([event("a", "x", 1)], [item("x")])
    assert queries_within(lonely, None) == []


@pytest.fixture(scope="module")
def little(small: Dataset, small_vectors: TextVectors) -> Recommender:
    return fit_all(make_plan("hybrid", LITTLE), small, small_vectors)


def test_the_same_scores_after_loading_and_for_the_same_seed(
    little: Recommender, small: Dataset, small_vectors: TextVectors
) -> None:
    users, items = torch.arange(20), torch.arange(len(small.item_ids))
    with torch.inference_mode():
        scores = little.score(users, items)
    loaded = make_model("hybrid", make_config("hybrid", LITTLE), little.sizes).eval()
    loaded.load_state_dict(little.state_dict())
    loaded.bind(context_of(small, None))
    again = fit_all(make_plan("hybrid", LITTLE), small, small_vectors)
    with torch.inference_mode():
        assert torch.equal(loaded.score(users, items), scores)
        assert torch.equal(again.score(users, items), scores)
    assert torch.isfinite(scores).all()


def test_finds_planted_taste(small: Dataset, small_vectors: TextVectors) -> None:
    split = make_split("last-out", small, SplitOptions(core=1, among_open=True))

    def fit(name: str, _: int) -> Recommender:
        return fit_split(make_plan(name, LITTLE if name == "hybrid" else None), split, small_vectors)[0]

    report = evaluate(["pop", "hybrid"], fit, small, split, 1, is_random=lambda _: False)
    ours, theirs = (report.table(name)["ndcg@10"] for name in ("hybrid", "pop"))
    assert ours["low"] > theirs["mean"]


def test_one_user_and_one_item_are_enough() -> None:
    data = dataset([event("a", "x", 1)], [item("x")])
    model = fit_all(make_plan("hybrid", LITTLE), data, word_vectors(data.items.texts))
    with torch.inference_mode():
        scores = model.score(torch.tensor([0, 1]), torch.tensor([0]))
    assert scores.shape == (2, 1)
    assert torch.isfinite(scores).all()
    assert len(NAMES) == len(set(NAMES))


def test_newcomers_get_what_many_backed(little: Recommender, small: Dataset) -> None:
    items = torch.arange(len(small.item_ids))
    backers = torch.from_numpy(np.bincount(small.pairs.backed.item, minlength=len(items)))
    with torch.inference_mode():
        (scores,) = little.score(torch.tensor([0]), items)
    assert torch.equal(backers[scores.argsort(descending=True)], backers.sort(descending=True).values)


class TestRerankers:
    SETTINGS = LITTLE | {"rerankers": ("shared_bottom",), "reranker_epochs": 1}

    def test_their_heads_are_signals_beside_the_others(
        self, small: Dataset, small_vectors: TextVectors
    ) -> None:
        context = context_of(small, small_vectors)
        model = make_model("hybrid", make_config("hybrid", self.SETTINGS), context.sizes)
        assert isinstance(model, Hybrid)
        model.fit(context)
        model.bind(context)
        assert model.names[: len(NAMES)] == NAMES
        place = model.names.index("shared_bottom/contributed")
        users, items = torch.tensor([4, 9]), torch.arange(len(small.item_ids))
        reranker = model.rerankers["shared_bottom"]
        assert isinstance(reranker, SharedBottom)
        told = reranker.predictions(users, items)["contributed"]
        new = torch.from_numpy(model._bound_signals().is_new(users.numpy(), items.numpy()))
        z = model._signals(users, items)[..., place]
        for row in range(2):
            mine = told[row][new[row]]
            expected = (told[row] - mine.mean()) / mine.std(correction=0)
            torch.testing.assert_close(z[row], expected, rtol=1e-4, atol=1e-4)
        again = make_model("hybrid", make_config("hybrid", self.SETTINGS), context.sizes)
        again.load_state_dict(model.state_dict())
        again.bind(context)
        assert torch.equal(again.eval().score(users, items), model.score(users, items))

    def test_a_model_without_named_heads_is_one_signal_of_its_name(self, small: Dataset) -> None:
        reranker, sizes = RERANKERS["dien"], context_of(small, None).sizes
        model = reranker.model(make_config("dien", {"hidden": (4,)}), sizes)
        model.fit(context_of(small, None))
        model.bind(context_of(small, None))
        users, items = torch.tensor([4, 9]), torch.arange(sizes.items)
        with torch.inference_mode():
            told = reranker.signals(model.eval(), users, items)
            assert reranker.signal_names() == tuple(told) == ("dien",)
            assert torch.equal(told["dien"], model.score(users, items))

    @pytest.mark.parametrize("names", [("ease",), ("shared_bottom", "shared_bottom")])
    def test_unknown_or_repeated_ones_are_refused(self, names: tuple[str, ...]) -> None:
        with pytest.raises(ConfigError, match="shared_bottom, dien once at most"):
            make_config("hybrid", {"rerankers": names})

    def test_a_command_line_names_them_with_commas(self) -> None:
        told = make_config("hybrid", {"rerankers": "dien,shared_bottom"}).model_dump()["rerankers"]
        assert told == ("dien", "shared_bottom")

    def test_without_any_nothing_is_trained_beside(self) -> None:
        assert make_config("hybrid").model_dump()["rerankers"] == ()
