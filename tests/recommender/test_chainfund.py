"""`chainfund`, part by part: each against slow and obvious loops over the model's own weights."""

import math
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest
import torch

from recommender.data.context import context_of
from recommender.data.dataset import Dataset
from recommender.data.history import History
from recommender.data.statistics import pair_weights
from recommender.fitters.fitting import fit_all
from recommender.losses.weighting import DynamicLossWeights
from recommender.models.chainfund import ChainFund
from recommender.models.chainfund_as_published import ChainFundAsPublished, ChainFundWithPublishedParts
from recommender.models.registry import make_config, make_model, make_plan
from recommender.text.cache import TextVectors
from recommender.training.trainable import Batch
from tests.recommender.build import dataset, event, item
from tests.recommender.conftest import word_vectors

SMALL = {"token_dims": 16, "heads": 2, "head_dims": 16, "content_dims": 24, "user_dims": 12}
STILL = {"dropout": 0, "id_dropout": 0, "user_dropout": 0}
"""Nothing is hidden: what a loss is can be worked out."""
LATE = datetime(2025, 12, 31, tzinfo=UTC).timestamp()
"""Everything is open then."""
ALL_ITEMS = list(range(40))


def ready(data: Dataset, vectors: TextVectors, name: str = "chainfund", **settings: Any) -> ChainFund:
    """A model that has read the items and learnt nothing yet."""
    context = context_of(data, vectors)
    torch.manual_seed(0)
    model = make_model(name, make_config(name, SMALL | STILL | settings), context.sizes)
    assert isinstance(model, ChainFund)
    model.fit(context)
    model.bind(context)
    with torch.no_grad():
        model.rate_weight.fill_(0.7)
    model.freeze()
    return model


def batch_of(data: Dataset, rows: slice, negatives: list[int]) -> Batch:
    pairs = data.pairs
    count = len(pairs.user[rows])
    return Batch(
        torch.from_numpy(pairs.user[rows]),
        torch.from_numpy(pairs.item[rows]),
        torch.linspace(0.2, 1.0, count),
        torch.from_numpy(pairs.minutes[rows]).float(),
        torch.full((count,), LATE, dtype=torch.float64),
        torch.tensor(negatives),
        torch.arange(len(pairs))[rows],
    )


def about(model: ChainFund, data: Dataset) -> np.ndarray:
    """Content ⊕ publisher of each item."""
    publishers = model.publisher.weight.detach().numpy()[data.items.publisher]
    return np.concatenate([model.contents.numpy(), publishers], 1)


def unit(vector: np.ndarray) -> np.ndarray:
    scaled: np.ndarray = vector / np.linalg.norm(vector)
    return scaled


def item_vector(model: ChainFund, data: Dataset, number: int) -> np.ndarray:
    linear, norm = model.item_layer
    assert isinstance(linear, torch.nn.Linear)
    assert isinstance(norm, torch.nn.LayerNorm)
    x = linear.weight.detach().numpy() @ about(model, data)[number] + linear.bias.detach().numpy()
    return unit((x - x.mean()) / math.sqrt(x.var() + norm.eps))


def user_vector(model: ChainFund, data: Dataset, user: int, without: int = -1) -> np.ndarray:
    """LN(h + MLP(h) + id), of length 1; `without` is the item the user is asked for."""
    pairs, dims = data.pairs, model.config.user_dims
    weights = pair_weights(pairs, model.config.view_weight)
    pooled, total = np.zeros(dims), 0.0
    for row in np.flatnonzero((pairs.user == user) & (pairs.item != without)):
        pooled += weights[row] * item_vector(model, data, int(pairs.item[row]))
        total += weights[row]
    pooled /= max(total, 1e-6)
    with torch.no_grad():
        pooled = pooled + model.history_layer(torch.from_numpy(pooled).float()).numpy()
    x = pooled + model.user.weight.detach().numpy()[user]
    return unit((x - x.mean()) / math.sqrt(x.var() + model.user_norm.eps))


def log_rate(data: Dataset, number: int) -> float:
    backers = np.bincount(data.pairs.backed.item, minlength=len(data.item_ids))
    days = (np.minimum(data.items.deadline, data.now) - data.items.created) / 86_400
    rates = np.log((backers + 0.5) / np.maximum(days, 1.0))
    return float(rates[number] - rates[backers > 0].mean())


def logit(model: ChainFund, data: Dataset, user: int, number: int, *, asked: bool = False) -> float:
    """The contrastive head: user · item / τ + β · log rate."""
    mine = user_vector(model, data, user, number if asked else -1)
    return float(mine @ item_vector(model, data, number)) / 0.15 + 0.7 * log_rate(data, number)


def test_content_is_the_mean_of_the_attended_tokens_whatever_else_is_read(
    small: Dataset, small_vectors: TextVectors, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("recommender.models.content.TEXTS_TOGETHER", 3)
    model = ready(small, small_vectors, max_tokens=20)
    reader = model.reader
    mean, basis = reader.token_mean.numpy(), reader.token_basis.numpy()
    for number in (0, 7, 39):
        tokens = (small_vectors.tokens[number][:20].astype(np.float32) - mean) @ basis
        assert reader.attention is not None
        query, key, value = (
            tokens @ layer.weight.detach().numpy().T + layer.bias.detach().numpy()
            for layer in (reader.attention.query, reader.attention.key, reader.attention.value)
        )
        heads = []
        for head in (slice(0, 16), slice(16, 32)):
            odds = np.exp(query[:, head] @ key[:, head].T / math.sqrt(16))
            heads.append(odds / odds.sum(1, keepdims=True) @ value[:, head])
        states = np.concatenate(heads, 1).mean(0)
        x = reader.layer.weight.detach().numpy() @ states + reader.layer.bias.detach().numpy()
        np.testing.assert_allclose(model.contents[number], np.where(x > 0, x, 0.01 * x), atol=1e-5)


def test_without_attention_content_is_read_off_the_mean_token(
    small: Dataset, small_vectors: TextVectors
) -> None:
    model = ready(small, small_vectors, attention=False)
    reader = model.reader
    tokens = (
        small_vectors.tokens[5].astype(np.float32) - reader.token_mean.numpy()
    ) @ reader.token_basis.numpy()
    x = reader.layer.weight.detach().numpy() @ tokens.mean(0) + reader.layer.bias.detach().numpy()
    np.testing.assert_allclose(model.contents[5], np.where(x > 0, x, 0.01 * x), atol=1e-5)


def test_entries_say_what_the_dense_rows_say(small: Dataset) -> None:
    history = History.of(small.pairs, pair_weights(small.pairs, 0.3), context_of(small, None).sizes)
    users, asked, chosen = torch.tensor([7, 0, 3]), torch.tensor([2, 5, 9]), torch.tensor([9, 1, 30])
    rows, vectors = history.rows(users), torch.randn(40, 6)
    past = history.entries(users)
    assert torch.equal(past.among(chosen, 40), rows[:, chosen] > 0)
    for entries, dense in ((past, rows), (past.without(asked), rows.scatter(1, asked.unsqueeze(1), 0.0))):
        expected = dense @ vectors / dense.sum(1, keepdim=True).clamp(min=1e-6)
        torch.testing.assert_close(entries.mean(vectors), expected)
    # Nobody did nothing: number 0 has no entries, and their mean is no vector at all.
    assert not past.mean(vectors)[1].any()


@pytest.mark.parametrize("name", ["chainfund", "chainfund-as-published"])
def test_the_loss_can_be_computed_in_bfloat16(name: str, small: Dataset, small_vectors: TextVectors) -> None:
    model = ready(small, small_vectors, name)
    batch = batch_of(small, slice(0, 200), [0, 3, 30])
    exact = model.combine(model.loss(batch)).item()
    with torch.autocast("cpu", torch.bfloat16):
        narrow = model.combine(model.loss(batch))
    torch.autograd.backward(narrow)
    assert narrow.item() == pytest.approx(exact, rel=0.05)
    assert all(torch.isfinite(p.grad).all() for p in model.parameters() if p.grad is not None)


def test_the_softmax_is_over_all_items_the_user_does_not_know(
    small: Dataset, small_vectors: TextVectors
) -> None:
    model = ready(small, small_vectors, negatives=1000)
    batch = batch_of(small, slice(0, 12), [0, 1])
    total = 0.0
    for user, wanted, weight in zip(
        batch.user.tolist(), batch.item.tolist(), batch.weight.tolist(), strict=True
    ):
        mine = user_vector(model, small, user, wanted)
        known = small.pairs.item[small.pairs.user == user]
        odds = {
            number: math.exp(
                float(mine @ item_vector(model, small, number)) / 0.15 + 0.7 * log_rate(small, number)
            )
            for number in ALL_ITEMS
            if number == wanted or number not in known
        }
        total -= weight * math.log(odds[wanted] / sum(odds.values()))
    found = model.loss(batch)["contrastive"].item()
    assert found == pytest.approx(total / batch.weight.sum().item(), rel=1e-3)


def test_a_softmax_over_some_items_makes_up_for_how_often_they_are_looked_at(
    small: Dataset, small_vectors: TextVectors
) -> None:
    model = ready(small, small_vectors, negatives=3)
    batch = batch_of(small, slice(0, 6), [4, 31, 31])
    looked_at = sorted({*batch.item.tolist(), 4, 31})
    share = np.bincount(small.pairs.item, minlength=40) / len(small.pairs)
    total = 0.0
    for user, wanted, weight in zip(
        batch.user.tolist(), batch.item.tolist(), batch.weight.tolist(), strict=True
    ):
        mine = user_vector(model, small, user, wanted)
        known = small.pairs.item[small.pairs.user == user]
        odds = {}
        for number in looked_at:
            if number == wanted or number not in known:
                chance = 1 - (1 - share[number]) ** 6 * (1 - 1 / 40) ** 3
                own = float(mine @ item_vector(model, small, number)) / 0.15 + 0.7 * log_rate(small, number)
                odds[number] = math.exp(own) / chance
        total -= weight * math.log(odds[wanted] / sum(odds.values()))
    found = model.loss(batch)["contrastive"].item()
    assert found == pytest.approx(total / batch.weight.sum().item(), rel=1e-3)


def test_a_users_own_item_is_not_in_the_history_they_are_asked_with(
    small: Dataset, small_vectors: TextVectors
) -> None:
    model = ready(small, small_vectors, contrast="hinge", margin=100.0)
    batch = batch_of(small, slice(0, 1), [30])
    user, wanted = int(batch.user[0]), int(batch.item[0])
    assert 30 not in small.pairs.item[small.pairs.user == user]
    mine = user_vector(model, small, user, wanted)
    against = float(mine @ item_vector(model, small, 30)) / 0.15 + 0.7 * log_rate(small, 30)
    expected = 100.0 - (logit(model, small, user, wanted, asked=True) - against)
    assert model.loss(batch)["contrastive"].item() == pytest.approx(expected, rel=1e-4)


def test_what_the_user_knows_or_could_not_back_is_no_negative(
    small: Dataset, small_vectors: TextVectors
) -> None:
    model = ready(small, small_vectors, contrast="hinge", margin=100.0)
    user = small.pairs.user[0]
    mine = small.pairs.item[small.pairs.user == user]
    others = np.setdiff1d(ALL_ITEMS, mine)
    rows = slice(0, 1)
    assert model.loss(batch_of(small, rows, mine.tolist()))["contrastive"].item() == 0.0
    batch = batch_of(small, rows, others.tolist())
    assert model.loss(batch)["contrastive"].item() > 0.0
    early = replace(batch, time=torch.tensor([small.items.created.min() - 1.0], dtype=torch.float64))
    assert model.loss(early)["contrastive"].item() == 0.0


@pytest.mark.parametrize("most", [1_000, 10])
def test_the_users_head_names_one_of_all_users_or_of_the_batchs(
    most: int, small: Dataset, small_vectors: TextVectors, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("recommender.models.chainfund.ALL_USERS", most)
    model = ready(small, small_vectors)
    batch = batch_of(small, slice(0, 30), [3])
    weights, biases = model.users_head.weight.detach().numpy(), model.users_head.bias.detach().numpy()
    known = np.unique(small.pairs.user)
    assert 10 < len(known) < len(small.users)
    named, chance = known, np.ones(len(small.users))
    if most < len(known):
        share = np.bincount(small.pairs.user, minlength=len(small.users)) / len(small.pairs)
        named, chance = np.unique(batch.user), 1 - (1 - share.clip(min=1e-9)) ** 30
    total = 0.0
    for user, wanted, weight in zip(
        batch.user.tolist(), batch.item.tolist(), batch.weight.tolist(), strict=True
    ):
        odds = np.exp(weights @ about(model, small)[wanted] + biases) / chance
        total -= weight * math.log(odds[user] / odds[named].sum())
    found = model.loss(batch)["users"].item()
    assert found == pytest.approx(total / batch.weight.sum().item(), rel=1e-4)


def test_ranking_is_the_mean_of_both_heads_log_odds(small: Dataset, small_vectors: TextVectors) -> None:
    model = ready(small, small_vectors, users_share=0.3)
    weights, biases = model.users_head.weight.detach().numpy(), model.users_head.bias.detach().numpy()
    known = np.unique(small.pairs.user)
    for user, thing in ((3, 4), (10, 22)):
        odds = np.exp(weights @ about(model, small)[thing] + biases)
        named = math.log(odds[user] / odds[known].sum()) + log_rate(small, thing)
        expected = 0.3 * named + 0.7 * logit(model, small, user, thing)
        found = model.score(torch.tensor([user]), torch.tensor([thing])).item()
        assert found == pytest.approx(expected, rel=1e-3)


def test_a_stranger_is_ranked_for_by_rate_and_match_alone(small: Dataset, small_vectors: TextVectors) -> None:
    model = ready(small, small_vectors)
    before = model.score(torch.tensor([0]), torch.tensor(ALL_ITEMS))
    with torch.no_grad():
        model.users_head.weight[0] += 5.0
        model.user.weight[0] += 5.0
    # Number 0 is nobody: nothing was ever learnt of them, so nothing of it counts.
    assert torch.equal(before, model.score(torch.tensor([0]), torch.tensor(ALL_ITEMS)))


def test_a_publisher_nothing_was_learnt_of_counts_as_unknown() -> None:
    events = [event("a", "x", 1), event("b", "y", 2)]
    data = dataset(events, [item(name, publisher_id=f"p{name}") for name in "xyz"])
    vectors = word_vectors(data.items.texts)
    model = ready(data, vectors)
    before = model.vectors.clone()
    with torch.no_grad():
        model.publisher.weight[data.items.publisher] += 5.0
    model.freeze()
    assert torch.equal(model.vectors[2], before[2])
    assert not torch.allclose(model.vectors[:2], before[:2])


def test_rows_without_minutes_do_not_move_the_duration(small: Dataset, small_vectors: TextVectors) -> None:
    model = ready(small, small_vectors)
    batch = batch_of(small, slice(0, 40), [0, 1])
    assert torch.isnan(batch.minutes).any()
    errors = []
    for user, thing, minutes in zip(
        batch.user.tolist(), batch.item.tolist(), batch.minutes.tolist(), strict=True
    ):
        if not math.isnan(minutes):
            known = np.concatenate([about(model, small)[thing], user_vector(model, small, user, thing)])
            predicted = model.duration_head(torch.from_numpy(known).float()).item()
            errors.append((predicted - min(minutes, model.config.max_minutes)) ** 2)
    assert model.loss(batch)["duration"].item() == pytest.approx(float(np.mean(errors)), rel=1e-3)


def test_without_any_minutes_there_is_no_duration() -> None:
    data = dataset([event("a", "x", 1), event("b", "y", 2)], [item("x"), item("y")])
    model = ready(data, word_vectors(data.items.texts))
    assert set(model.loss(batch_of(data, slice(0, 2), [0]))) == {"contrastive", "users"}


class TestAsPublished:
    @pytest.fixture
    def published(self, small: Dataset, small_vectors: TextVectors) -> ChainFund:
        return ready(small, small_vectors, "chainfund-as-published")

    def test_a_name_and_a_setting_mean_the_same(
        self, published: ChainFund, small: Dataset, small_vectors: TextVectors
    ) -> None:
        other = ready(small, small_vectors, as_published=True, contrast="hinge")
        assert (
            published.config.model_dump()
            == other.config.model_copy(update={"contrast": "by-position"}).model_dump()
        )
        every = torch.arange(20), torch.tensor(ALL_ITEMS)
        assert torch.equal(published.score(*every), other.score(*every))

    def test_features_are_compared_position_by_position_with_one_random_text(
        self, published: ChainFund, small: Dataset
    ) -> None:
        batch = batch_of(small, slice(0, 5), [3, 8])
        contents = published.contents.numpy()
        gaps = [
            max(0.0, 1.0 - (1 / (1 + math.exp(-mine)) - 1 / (1 + math.exp(-other))))
            for row, number in enumerate(batch.item.tolist())
            for mine, other in zip(contents[number], contents[[3, 8][row % 2]], strict=True)
        ]
        assert published.loss(batch)["contrastive"].item() == pytest.approx(np.mean(gaps), rel=1e-4)

    def test_the_users_head_is_taught_the_publisher(self, published: ChainFund, small: Dataset) -> None:
        batch = batch_of(small, slice(0, 5), [3])
        logits = published.users_head(torch.from_numpy(about(published, small)).float()).detach()
        publishers = torch.from_numpy(small.items.publisher)[batch.item]
        expected = -logits[batch.item].log_softmax(1)[torch.arange(5), publishers].mean()
        assert published.loss(batch)["users"].item() == pytest.approx(expected.item(), rel=1e-4)

    def test_weights_have_no_floor_and_ranking_asks_the_users_head_alone(
        self, published: ChainFund, small: Dataset
    ) -> None:
        assert isinstance(published.weighting, DynamicLossWeights)
        assert published.weighting.momentum == 0.0
        assert published.weighting.floor == 1e-8
        logits = published.users_head(torch.from_numpy(about(published, small)).float()).detach()
        expected = logits.log_softmax(1)[:, :20].T
        found = published.score(torch.arange(20), torch.tensor(ALL_ITEMS))
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


def test_an_epoch_begins_with_the_items_as_they_are_now(small: Dataset, small_vectors: TextVectors) -> None:
    model = ready(small, small_vectors)
    before = model.vectors.clone()
    with torch.no_grad():
        next(model.item_layer.parameters()).mul_(-1.0)
    model.train()
    assert not torch.allclose(before, model.vectors)
    assert model.training
    fresh = ready(small, small_vectors)
    with torch.no_grad():
        next(fresh.item_layer.parameters()).mul_(-1.0)
    fresh.freeze()
    assert torch.equal(model.vectors, fresh.vectors)


def test_an_audience_is_of_people_with_a_history_in_the_order_of_the_users_head(
    small: Dataset, small_vectors: TextVectors
) -> None:
    plan = make_plan("chainfund", SMALL, {"epochs": 3, "batch_size": 256})
    model = fit_all(plan, small, small_vectors)
    assert isinstance(model, ChainFund)
    with torch.inference_mode():
        likely = model.audience_scores(torch.arange(40))
        logits = model.users_head(torch.from_numpy(about(model, small)).float())
    known = torch.from_numpy(np.unique(small.pairs.user))
    expected = logits[:, known].log_softmax(1)
    torch.testing.assert_close(likely[:, known], expected, rtol=1e-4, atol=1e-4)
    assert (likely[:, 0] == -torch.inf).all()


@pytest.mark.parametrize(
    ("name", "settings", "kind"),
    [
        ("chainfund", {}, ChainFund),
        ("chainfund", {"contrast": "hinge", "users_head": "none", "weighting": "as-published"}, ChainFund),
        ("chainfund", {"contrast": "by-position"}, ChainFundWithPublishedParts),
        ("chainfund", {"users_head": "publishers"}, ChainFundWithPublishedParts),
        ("chainfund", {"as_published": "true"}, ChainFundWithPublishedParts),
        ("chainfund-as-published", {}, ChainFundAsPublished),
        ("chainfund-as-published", {"as_published": "false"}, ChainFundAsPublished),
    ],
)
def test_settings_choose_the_published_parts_under_the_name_that_was_asked_for(
    small: Dataset, small_vectors: TextVectors, name: str, settings: dict[str, Any], kind: type[ChainFund]
) -> None:
    sizes = context_of(small, small_vectors).sizes
    plan = make_plan(name, SMALL | settings)
    built = plan.build(sizes)
    assert (plan.model, type(built), built.name) == (kind, kind, name)
    # Runs are kept with the settings in effect, and read again by them.
    again = make_model(name, make_config(name, built.config.model_dump(mode="json")), sizes)
    assert type(again) is kind
    shapes = {key: tuple(value.shape) for key, value in built.state_dict().items()}
    assert {key: tuple(value.shape) for key, value in again.state_dict().items()} == shapes
    classes = max(sizes.users, sizes.publishers if built.config.users_head == "publishers" else 0)
    assert shapes["users_head.bias"] == (classes,)


def test_published_terms_are_means_over_rows_and_the_others_over_weights(
    small: Dataset, small_vectors: TextVectors
) -> None:
    batch = batch_of(small, slice(5), [1])
    published, corrected = (
        ready(small, small_vectors, name) for name in ("chainfund-as-published", "chainfund")
    )
    assert [float(published.mass(term, batch)) for term in ("contrastive", "users")] == [5.0, 5.0]
    assert float(corrected.mass("users", batch)) == pytest.approx(3.0)
    assert float(published.mass("duration", batch)) == float(corrected.mass("duration", batch))
