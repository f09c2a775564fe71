"""`pfcr` alone on a platform: what it finds, and what its loss is."""

import numpy as np
import pytest
import torch

from recommender.data.context import context_of
from recommender.data.dataset import Dataset
from recommender.evaluation.splits import SplitOptions, make_split
from recommender.federation.exchange import sequences_of
from recommender.interface import Plan
from recommender.models.pfcr import Pfcr
from recommender.models.registry import make_plan
from recommender.text.cache import TextVectors
from recommender.training.trainable import Batch
from tests.recommender.build import dataset, event, item
from tests.recommender.conftest import word_vectors

SMALL = {
    "groups": 3,
    "centroids": 8,
    "code_dims": 2,
    "dims": 16,
    "layers": 1,
    "length": 6,
    "temperature": 0.2,
}
WORDS = ("tea", "honey", "maps", "film", "songs", "dice", "books", "keys")


def plan(seed: int = 0, **settings: object) -> Plan:
    training = {"epochs": 15, "batch_size": 32, "learning_rate": 0.02}
    return make_plan("pfcr", SMALL | {"dropout": 0.0} | settings, training).with_seed(seed)


def rounds(*, ordered: bool) -> Dataset:
    """Forty people who back six of eight items, in a circle from where they begin, or in any order."""
    rng = np.random.default_rng(3)
    rows = []
    for person in range(40):
        order = (person + np.arange(6)) % 8 if ordered else rng.permutation(8)[:6]
        rows += [
            event(f"u{person:02d}", f"i{number}", 10 * person + step) for step, number in enumerate(order)
        ]
    return dataset(rows, [item(f"i{number}", title=word) for number, word in enumerate(WORDS)])


def share_first(data: Dataset, seed: int = 0) -> float:
    """How often the item that comes next is the first of the list."""
    split = make_split("last-out", data, SplitOptions(core=1))
    model = plan(seed).fitter.fit_all(plan(seed), split.refit, word_vectors(data.items.texts))
    scores = model.score(torch.from_numpy(split.test.user), torch.from_numpy(split.candidates)).detach()
    for row, user in enumerate(split.test.user.tolist()):
        known = split.seen.item[split.seen.user == user]
        scores[row, torch.from_numpy(np.searchsorted(split.candidates, known))] = -torch.inf
    return float((split.candidates[scores.argmax(1).numpy()] == split.test.item).mean())


def test_an_order_that_is_planted_is_found_and_none_where_there_is_none() -> None:
    assert share_first(rounds(ordered=True)) > 0.9
    # One of three is right by chance.
    assert share_first(rounds(ordered=False)) < 0.6


@pytest.fixture
def fitted(small: Dataset, small_vectors: TextVectors) -> Pfcr:
    own = plan(0, dims=8)
    model = own.fitter.fit_all(own, small, small_vectors, epochs=1)
    assert isinstance(model, Pfcr)
    return model


def test_the_loss_of_a_person_is_the_mean_over_their_rows() -> None:
    """What clients learn from is what a platform alone learns from, for histories that fit."""
    data = rounds(ordered=False)
    own, vectors = plan(), word_vectors(data.items.texts)
    model = own.fitter.fit_all(own, data, vectors, epochs=2)
    assert isinstance(model, Pfcr)
    sequences = sequences_of(context_of(data, None), 6)
    whole = model.network(model.codes, sequences).detach()
    backed = data.pairs.backed
    for user in (1, 7, 40):
        mine = backed.where(backed.user == user)
        batch = Batch(
            user=torch.from_numpy(mine.user),
            item=torch.from_numpy(mine.item),
            weight=torch.ones(6),
            minutes=torch.full((6,), torch.nan),
            time=torch.from_numpy(mine.first_time),
            negatives=torch.zeros(0, dtype=torch.int64),
            row=torch.arange(6),
        )
        assert float(model.loss(batch)["softmax"].detach()) == pytest.approx(float(whole[user]), abs=1e-5)


def test_a_newcomer_and_a_campaign_that_nobody_backed_are_ranked(fitted: Pfcr, small: Dataset) -> None:
    scores = fitted.score(torch.tensor([0, 1]), torch.arange(len(small.item_ids))).detach()
    assert torch.isfinite(scores).all()
    # Whoever has no history is one and the same; their list is no constant.
    assert float(scores[0].std()) > 0
    audience = fitted.audience_scores(torch.tensor([3, 5]))
    assert audience.shape == (2, len(small.users))
    assert torch.allclose(audience[:, 1], scores[1, [3, 5]], atol=1e-5)


def test_the_same_seed_gives_the_same_weights_and_another_one_others(
    small: Dataset, small_vectors: TextVectors
) -> None:
    first, again, other = (
        plan(seed).fitter.fit_all(plan(seed), small, small_vectors, epochs=1).state_dict()
        for seed in (4, 4, 5)
    )
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first["network.codes.weight"], other["network.codes.weight"])


def test_weights_that_are_loaded_rank_alike_without_any_text(fitted: Pfcr, small: Dataset) -> None:
    copy = Pfcr(fitted.config, fitted.sizes)
    copy.load_state_dict(fitted.state_dict())
    copy.bind(context_of(small, None))
    users, items = torch.arange(20), torch.arange(len(small.item_ids))
    assert torch.equal(copy.eval().score(users, items), fitted.score(users, items))
