"""Ratings and the models that predict them, against loops over their own weights and planted tastes."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch

from recommender.config.training import TrainingConfig
from recommender.data.context import context_of
from recommender.data.dataset import Dataset, Pairs
from recommender.data.ratings import RatingScale, rated
from recommender.errors import ConfigError, DataError
from recommender.evaluation.ratings import predictions, ratings_split
from recommender.evaluation.rows import rmse
from recommender.evaluation.splits import SplitOptions
from recommender.experiments.experiment import Experiment
from recommender.fitters.fitting import fit_all
from recommender.interface import Checkpoint
from recommender.losses.ratings import squared_error
from recommender.models.bias_only import BiasOnly
from recommender.models.collab_nn import embedding_dims
from recommender.models.collaborative import CollaborativeFilter
from recommender.models.dot_product_bias import DotProductBias
from recommender.models.registry import make_config, make_model, make_plan
from recommender.progress import silent
from recommender.training.schedule import one_cycle
from recommender.training.trainer import Rows, part_of, train
from tests.recommender.build import dataset, event, item
from tests.recommender.conftest import Command

BOTH = ("dot_product_bias", "collab_nn")
USERS, ITEMS = 60, 24


def rated_by(ratings: np.ndarray, given: np.ndarray) -> Dataset:
    """User u gave item i the rating, where `given` says that they rated it."""
    rows = [
        event(f"u{u:03d}", f"i{i:03d}", u * len(ratings[0]) + i, amount=float(ratings[u, i]))
        for u, i in np.argwhere(given).tolist()
    ]
    return dataset(rows, [item(f"i{i:03d}") for i in range(ratings.shape[1])])


def planted(taste: float) -> Dataset:
    """Two tastes and two kinds of items: stars are 3 ± taste, half a star more or less by quality."""
    rng = np.random.default_rng(5)
    user, kind = rng.choice([-1, 1], USERS), rng.choice([-1, 1], ITEMS)
    quality, noise = rng.choice([-0.5, 0.5], ITEMS), rng.choice([-0.5, 0.5], (USERS, ITEMS))
    stars = np.clip(np.round(2 * (3 + taste * np.outer(user, kind) + quality + noise)) / 2, 1, 5)
    return rated_by(stars, rng.random((USERS, ITEMS)) < 0.6)


@pytest.fixture(scope="module")
def tasteful() -> Dataset:
    return planted(1.2)


def ready(name: str, data: Dataset, **settings: Any) -> CollaborativeFilter:
    """Drawn, not trained, with weights large enough to matter."""
    context = context_of(data, None)
    torch.manual_seed(0)
    model = make_model(name, make_config(name, settings), context.sizes)
    assert isinstance(model, CollaborativeFilter)
    model.fit(context)
    model.bind(context)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(std=0.4)
    return model.eval()


def trained(name: str, data: Dataset, seed: int = 0, **training: Any) -> CollaborativeFilter:
    plan = make_plan(name, {}, {"epochs": 20, "learning_rate": 0.02, **training}).with_seed(seed)
    model = fit_all(plan, data, None)
    assert isinstance(model, CollaborativeFilter)
    return model


class TestRatingScale:
    def pairs(self, amounts: list[float]) -> Pairs:
        rows = [event(f"u{n:02d}", "i", n, amount=amount) for n, amount in enumerate(amounts)]
        return dataset(rows, [item("i")]).pairs

    def test_few_different_amounts_are_the_ratings(self) -> None:
        scale = RatingScale.of(self.pairs([4, 2, 2, 5]))
        assert (scale.lowest, scale.highest) == (2, 5)
        assert scale.ratings(np.array([4.0, 2, 5])).tolist() == [4, 2, 5]
        assert scale.told == "the amount itself, 2 to 5"

    def test_ten_are_few_and_eleven_are_many(self) -> None:
        assert RatingScale.of(self.pairs([float(n) for n in range(1, 11)])).are_amounts
        assert not RatingScale.of(self.pairs([float(n) for n in range(1, 12)])).are_amounts

    def test_many_fall_into_fifths_of_their_logs(self) -> None:
        amounts = np.exp(np.arange(21.0))
        scale = RatingScale.of(self.pairs(amounts.tolist()))
        assert scale.edges == pytest.approx([4, 8, 12, 16])
        assert (scale.lowest, scale.highest) == (1, 5)
        on_and_beside = np.exp([-9.0, 3.999, 4.001, 11.5, 15.999, 16.001, 99.0])
        assert scale.ratings(on_and_beside).tolist() == [1, 1, 2, 3, 4, 5, 5]
        assert scale.ratings(np.exp(scale.edges[:1])).tolist() == [2]
        assert scale.told.startswith("the bucket of the amount, 1 to 5, with edges at 54.6, ")

    def test_views_and_unknown_amounts_are_no_ratings(self) -> None:
        rows = [event("a", "x", 1, amount=3.0), event("b", "x", 2), event("c", "x", 3, "view", amount=2.0)]
        pairs = rated(dataset(rows, [item("x")]).pairs)
        assert pairs.amount.tolist() == [3.0]
        nobody = RatingScale.of(dataset(rows[1:2], [item("x")]).pairs)
        assert (nobody.lowest, nobody.highest) == (1, 5)


class TestSplit:
    def test_a_share_is_held_out_whole_and_the_seed_says_which(self, tasteful: Dataset) -> None:
        count = len(tasteful.pairs)
        split = ratings_split(tasteful, SplitOptions(test_share=0.25, seed=1))
        assert (len(split.test), len(split.train_rows)) == (round(count / 4), count - round(count / 4))
        held = split.test.user * ITEMS + split.test.item
        kept = split.train_rows.user * ITEMS + split.train_rows.item
        assert not np.isin(held, kept).any()
        assert np.array_equal(
            np.sort(np.concatenate([held, kept])), np.sort(tasteful.pairs.user * ITEMS + tasteful.pairs.item)
        )
        again, other = (ratings_split(tasteful, SplitOptions(test_share=0.25, seed=s)).test for s in (1, 2))
        assert np.array_equal(again.item, split.test.item)
        assert not np.array_equal(other.item, split.test.item)

    def test_the_scale_is_of_what_is_learnt_from(self) -> None:
        rng = np.random.default_rng(0)
        amounts = np.exp(rng.normal(size=(12, 8)))
        data = rated_by(amounts, np.ones((12, 8)))
        split = ratings_split(data, SplitOptions())
        assert split.scale.edges.tolist() == RatingScale.of(split.train.pairs).edges.tolist()
        assert split.scale.edges.tolist() != RatingScale.of(data.pairs).edges.tolist()

    def test_without_amounts_there_is_nothing_to_ask(self) -> None:
        rows = [event(f"u{n}", "x", n, amount=2.0 if n < 9 else None) for n in range(20)]
        with pytest.raises(DataError, match="only 9 pairs have an amount, which is their rating"):
            ratings_split(dataset(rows, [item("x")]), SplitOptions())


@pytest.mark.parametrize(("count", "dims"), [(944, 74), (1656, 102), (1, 2), (2, 2), (10**6, 600)])
def test_embeddings_are_as_wide_as_the_rule_of_thumb_says(count: int, dims: int) -> None:
    assert embedding_dims(count) == dims


def test_the_unknown_user_counts_for_the_width(tasteful: Dataset) -> None:
    model = ready("collab_nn", tasteful)
    assert tuple(model.user_factors.weight.shape) == (USERS + 1, embedding_dims(USERS + 1))
    assert tuple(model.item_factors.weight.shape) == (ITEMS, embedding_dims(ITEMS))


def test_squared_error_equals_a_loop() -> None:
    found, rating, weight = [2.0, 4.5, 1.0], [3.0, 4.0, 5.0], [1.0, 0.5, 0.0]
    expected = sum(w * (f - r) ** 2 for f, r, w in zip(found, rating, weight, strict=True)) / sum(weight)
    assert float(squared_error(*map(torch.tensor, (found, rating, weight)))) == pytest.approx(expected)
    assert float(squared_error(torch.ones(2), torch.zeros(2), torch.zeros(2))) == 0


def slow_rating(model: CollaborativeFilter, user: int, thing: int) -> float:
    weights = {name: tensor.double().numpy() for name, tensor in model.state_dict().items()}
    u, v = weights["user_factors.weight"][user], weights["item_factors.weight"][thing]
    if isinstance(model, DotProductBias):
        logit = sum(a * b for a, b in zip(u, v, strict=True))
        logit += weights["user_bias.weight"][user, 0] + weights["item_bias.weight"][thing, 0]
    else:
        both = [*u, *v]
        logit = weights["output.bias"][0]
        for row, bias, out in zip(
            weights["hidden.weight"], weights["hidden.bias"], weights["output.weight"][0], strict=True
        ):
            logit += out * max(0.0, bias + sum(a * b for a, b in zip(row, both, strict=True)))
    low, high = weights["bounds"][0] - 1.0, weights["bounds"][1] + 0.5
    return float(low + (high - low) / (1 + math.exp(-logit)))


@pytest.mark.parametrize("name", BOTH)
def test_ratings_equal_the_formula(name: str, tasteful: Dataset) -> None:
    model = ready(name, tasteful)
    users, items = torch.tensor([3, 0, 41]), torch.tensor([7, 2])
    with torch.no_grad():
        block = model.score(users, items)
        rows = model.predict_ratings(users.repeat_interleave(2), items.repeat(3))
        audience = model.audience_scores(items)
    expected = [[slow_rating(model, u, i) for i in items.tolist()] for u in users.tolist()]
    np.testing.assert_allclose(block.numpy(), expected, rtol=1e-5)
    np.testing.assert_allclose(rows.view(3, 2).numpy(), expected, rtol=1e-5)
    np.testing.assert_allclose(audience[:, users].T.numpy(), expected, rtol=1e-5)
    assert audience.shape == (2, USERS + 1)
    assert model.score(users[:0], items).shape == (0, 2)


@pytest.mark.parametrize("name", BOTH)
def test_blocks_change_nothing(name: str, tasteful: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    model, users, items = ready(name, tasteful), torch.arange(USERS), torch.arange(ITEMS)
    with torch.no_grad():
        whole = model.score(users, items)
        monkeypatch.setattr(
            "recommender.models.collaborative.CELLS_PER_BLOCK", 7 * ITEMS * model.cells_per_pair
        )
        torch.testing.assert_close(model.score(users, items), whole)


@pytest.mark.parametrize("name", BOTH)
def test_the_loss_is_of_each_rows_own_rating_and_weight(name: str, tasteful: Dataset) -> None:
    model, context = ready(name, tasteful), context_of(tasteful, None)
    rows = Rows.of(model.observed(context), 5.0, ITEMS)
    batch = next(rows.batches(50, 0, torch.Generator().manual_seed(0), torch.device("cpu")))
    pairs = tasteful.pairs
    amount = {(u, i): a for u, i, a in zip(pairs.user, pairs.item, pairs.amount, strict=True)}
    own = list(zip(batch.user.tolist(), batch.item.tolist(), batch.weight.tolist(), strict=True))
    expected = sum(w * (slow_rating(model, u, i) - amount[u, i]) ** 2 for u, i, w in own)
    total = sum(w for _, _, w in own)
    assert total < 50
    assert model.loss(batch)["squared_error"].item() == pytest.approx(expected / total, rel=1e-5)
    parts = [part_of(batch, rank, 3) for rank in range(3)]
    shares = [(model.loss(part)["squared_error"] * model.mass("", part)).item() for part in parts]
    assert sum(shares) / total == pytest.approx(expected / total, rel=1e-5)


def error(model: CollaborativeFilter | BiasOnly, data: Dataset) -> float:
    split = ratings_split(data, SplitOptions())
    return rmse(split.test.label, predictions(model, split.test))(np.ones(len(split.test)))


def biases(data: Dataset) -> BiasOnly:
    model = fit_all(make_plan("bias_only"), data, None)
    assert isinstance(model, BiasOnly)
    return model


@pytest.mark.parametrize("name", BOTH)
def test_planted_tastes_are_found_and_none_where_there_are_none(name: str, tasteful: Dataset) -> None:
    part = ratings_split(tasteful, SplitOptions()).train
    assert error(trained(name, part), tasteful) < 0.75 * error(biases(part), tasteful)
    without = planted(0.0)
    part = ratings_split(without, SplitOptions()).train
    assert error(trained(name, part, weight_decay=1.0), without) > 0.97 * error(biases(part), without)


def test_factors_tell_the_kinds_of_items_apart_and_biases_their_quality(tasteful: Dataset) -> None:
    rng = np.random.default_rng(5)
    rng.choice([-1, 1], USERS)
    kind, quality = rng.choice([-1, 1], ITEMS), rng.choice([-0.5, 0.5], ITEMS)
    model = trained("dot_product_bias", tasteful)
    assert isinstance(model, DotProductBias)
    factors = model.item_factors.weight.detach().numpy()
    first = np.linalg.svd(factors - factors.mean(0), full_matrices=False)[0][:, 0]
    assert abs(np.corrcoef(first, kind)[0, 1]) > 0.95
    bias = model.item_bias.weight.detach().numpy()[:, 0]
    assert bias[quality > 0].min() > bias[quality < 0].max()


@pytest.mark.parametrize("name", BOTH)
def test_strangers_are_the_mean_of_those_who_are_known(name: str, tasteful: Dataset) -> None:
    lonely = [event("zz", "i000", 9_000, "view")]
    names = [item(f"i{i:03d}") for i in range(ITEMS)] + [item("never")]
    rows = [
        event(tasteful.users.names[u], tasteful.item_ids.names[i], n, amount=float(a))
        for n, (u, i, a) in enumerate(
            zip(tasteful.pairs.user, tasteful.pairs.item, tasteful.pairs.amount, strict=True)
        )
    ]
    model = trained(name, dataset([*rows, *lonely], names), epochs=2)
    known = slice(1, USERS + 1)
    for table in model.tables("user"):
        weights = table.weight.detach()
        for stranger in (0, USERS + 1):
            torch.testing.assert_close(weights[stranger], weights[known].mean(0))
    for table in model.tables("item"):
        weights = table.weight.detach()
        torch.testing.assert_close(weights[ITEMS], weights[:ITEMS].mean(0))


@pytest.mark.parametrize("name", BOTH)
def test_a_seed_decides_everything_and_weights_bring_ratings_back(name: str, tasteful: Dataset) -> None:
    first, again, other = (trained(name, tasteful, seed, epochs=2) for seed in (3, 3, 4))
    for key, tensor in first.state_dict().items():
        assert torch.equal(tensor, again.state_dict()[key]), key
    assert not torch.equal(first.item_factors.weight, other.item_factors.weight)
    loaded = make_model(name, first.config, first.sizes)
    loaded.load_state_dict(first.state_dict())
    loaded.bind(context_of(tasteful, None))
    users, items = torch.arange(USERS), torch.arange(ITEMS)
    with torch.inference_mode():
        assert torch.equal(first.score(users, items), loaded.eval().score(users, items))


def test_edges_of_the_buckets_are_kept_in_the_state() -> None:
    amounts = np.exp(np.random.default_rng(0).normal(size=(12, 8)))
    data = rated_by(amounts, np.ones((12, 8)))
    model = trained("dot_product_bias", data, epochs=1)
    loaded = make_model("dot_product_bias", model.config, model.sizes)
    loaded.load_state_dict(model.state_dict())
    assert isinstance(loaded, DotProductBias)
    assert loaded.scale.edges.tolist() == RatingScale.of(data.pairs).edges.tolist()
    assert loaded.scale.ratings(np.array([1e-9, 1e9])).tolist() == [1, 5]


def test_biases_solve_their_normal_equations(tasteful: Dataset) -> None:
    pairs, users = tasteful.pairs, USERS + 1
    design = np.zeros((len(pairs), users + ITEMS))
    design[np.arange(len(pairs)), pairs.user] = 1
    design[np.arange(len(pairs)), users + pairs.item] = 1
    mean = pairs.amount.mean()
    solved = np.linalg.solve(
        design.T @ design + 4.0 * np.eye(users + ITEMS), design.T @ (pairs.amount - mean)
    )
    model = biases(tasteful)
    np.testing.assert_allclose(model.user_bias.numpy(), solved[:users], atol=1e-3)
    np.testing.assert_allclose(model.item_bias.numpy(), solved[users:], atol=1e-3)
    found = model.predict_ratings(torch.tensor([5]), torch.tensor([7]))
    assert float(found) == pytest.approx(mean + solved[5] + solved[users + 7], abs=2e-3)
    assert torch.equal(model.score(torch.tensor([5]), torch.tensor([7]))[0], found)


class TestOneCycle:
    @pytest.mark.parametrize(
        ("share", "rate", "momentum"),
        [
            (0.0, 0.04, 0.95),
            (0.125, 0.52, 0.90),
            (0.25, 1.0, 0.85),
            (0.625, (1 + 1e-5) / 2, 0.90),
            (1.0, 1e-5, 0.95),
        ],
    )
    def test_it_rises_for_a_quarter_and_falls_for_the_rest(
        self, share: float, rate: float, momentum: float
    ) -> None:
        assert one_cycle(share, 1.0) == pytest.approx((rate, momentum))
        assert one_cycle(share, 0.3)[0] == pytest.approx(0.3 * rate)

    def test_each_step_is_taken_at_its_own_share(
        self, tasteful: Dataset, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        given: list[tuple[float, float, float]] = []
        real = torch.optim.AdamW.step

        def step(self: torch.optim.AdamW) -> None:
            group = self.param_groups[0]
            given.append((group["lr"], *group["betas"]))
            real(self)

        monkeypatch.setattr(torch.optim.AdamW, "step", step)
        size = math.ceil(len(tasteful.pairs) / 4)
        trained("dot_product_bias", tasteful, epochs=2, batch_size=size)
        expected = [(*one_cycle(number / 8, 0.02), 0.99) for number in range(8)]
        assert given == [pytest.approx(each) for each in expected]
        given.clear()
        trained("dot_product_bias", tasteful, epochs=1, batch_size=size, schedule="constant")
        assert set(given) == {(0.02, 0.9, 0.99)}

    def test_a_killed_training_goes_on_along_the_cycle(self, tasteful: Dataset, tmp_path: Path) -> None:
        config = TrainingConfig(epochs=4, batch_size=128, schedule="one-cycle", learning_rate=0.02)
        checkpoint, context = Checkpoint(tmp_path / "state.safetensors", "k"), context_of(tasteful, None)

        def fit(stop_after: int, keep: Checkpoint | None) -> CollaborativeFilter:
            model = ready("dot_product_bias", tasteful)

            def watch(_: str, share: float) -> None:
                if share == stop_after / config.epochs:
                    raise KeyboardInterrupt

            train(model, context, config, checkpoint=keep, progress=watch)
            return model

        whole = fit(stop_after=9, keep=None)
        with pytest.raises(KeyboardInterrupt):
            # Progress is told before the state is kept: the third epoch is lost.
            fit(stop_after=3, keep=checkpoint)
        assert checkpoint.path.exists()
        again = fit(stop_after=9, keep=checkpoint)
        for key, tensor in whole.state_dict().items():
            assert torch.equal(tensor, again.state_dict()[key]), key

    def test_an_unknown_schedule_is_refused(self) -> None:
        with pytest.raises(ConfigError, match=r"training.schedule is 'linear'"):
            make_plan("dot_product_bias", training={"schedule": "linear"})


def test_ratings_are_evaluated_beside_the_biases(tasteful: Dataset, tmp_path: Path) -> None:
    experiment = Experiment(tasteful, {}, SplitOptions(), tmp_path, "", silent)
    settings = {"dot_product_bias": {"training": {"epochs": 20, "learning_rate": 0.02}}}
    report = experiment.evaluate_ratings(["bias_only", "dot_product_bias"], 2, settings)
    found = {(row.model, row.metric): row for row in report.rows}
    assert found["dot_product_bias", "rmse"].high < found["bias_only", "rmse"].low
    assert (found["dot_product_bias", "mae"].seeds, found["bias_only", "mae"].seeds) == (2, 1)
    assert report.protocol["test_rows"] == round(len(tasteful.pairs) / 5)
    with pytest.raises(ConfigError, match="ease ranks and predicts no ratings: choose from bias_only"):
        experiment.evaluate_ratings(["ease"], 1)


def test_the_command_prints_errors_and_writes_them(run: Command, tasteful: Dataset, tmp_path: Path) -> None:
    pairs, users, items = tasteful.pairs, tasteful.users.names, tasteful.item_ids.names
    frame = pl.DataFrame(
        {
            "user_id": [users[u] for u in pairs.user],
            "item_id": [items[i] for i in pairs.item],
            "timestamp": pl.Series(pairs.first_time * 1e6).cast(pl.Int64).cast(pl.Datetime("us", "UTC")),
            "kind": ["contribute"] * len(pairs),
            "amount": pairs.amount,
        }
    )
    frame.write_parquet(tmp_path / "events.parquet")
    pl.DataFrame({"item_id": items, "title": items}).write_parquet(tmp_path / "items.parquet")
    out = tmp_path / "out.json"
    arguments = (
        "--split",
        "ratings",
        "--test-share",
        "0.25",
        "--models",
        "bias_only,collab_nn",
        "--json",
        out,
    )
    status, printed, _ = run("evaluate", "--data", tmp_path, *arguments)
    assert status == 0
    assert "rating: the amount itself, 1 to 5" in printed
    report = json.loads(out.read_text())
    assert {row["metric"] for row in report["rows"]} == {"rmse", "mae"}
    assert report["protocol"]["test_rows"] == round(len(pairs) / 4)
    rows = {(row["model"], row["metric"]): row for row in report["rows"]}
    assert f"{rows['bias_only', 'rmse']['mean']:.4f}" in printed


@pytest.mark.parametrize("name", [*BOTH, "bias_only"])
def test_they_rank_like_any_other(name: str, small: Dataset, tmp_path: Path) -> None:
    experiment = Experiment(small, {}, SplitOptions(core=1), tmp_path, "", silent)
    report = experiment.evaluate("last-out", [name], 1, {name: {"training": {"epochs": 1}}})
    assert 0 <= report.table(name)["ndcg@10"]["mean"] <= 1


def test_nobody_teaches_more_than_the_cap(small: Dataset) -> None:
    plan = make_plan("dot_product_bias", training={"max_user_weight": 3.0})
    model = plan.build(context_of(small, None).sizes)
    before, after = plan.fitter.learnt_weights(plan, model, small.pairs)
    assert np.array_equal(before > 0, small.pairs.contributed & (small.pairs.amount > 0))
    assert np.bincount(small.pairs.user, after).max() == pytest.approx(3.0)
    assert np.bincount(small.pairs.user, before).max() > 3.0


def test_one_rating_is_enough() -> None:
    data = dataset([event("a", "x", 1, amount=3.0)], [item("x"), item("y")])
    for name in (*BOTH, "bias_only"):
        model = fit_all(make_plan(name), data, None)
        with torch.inference_mode():
            assert torch.isfinite(model.score(torch.arange(2), torch.arange(2))).all()
