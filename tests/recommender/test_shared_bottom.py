"""`shared_bottom`: its losses and network by hand, weights that do what they say, tastes that are found."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from recommender.data.context import Context, context_of
from recommender.data.dataset import Dataset, build_dataset
from recommender.data.reading import conform
from recommender.data.scenes import TARGETS, SceneRows, scene_rows
from recommender.data.schema import Tables
from recommender.data.synthetic import SyntheticConfig, synthesize
from recommender.errors import ConfigError, DataError
from recommender.evaluation.splits import SplitOptions
from recommender.experiments.experiment import Experiment
from recommender.interface import Checkpoint
from recommender.losses.conversion import conversion_cross_entropy, log_product
from recommender.losses.masked import masked_cross_entropy, masked_squared_error
from recommender.models.registry import make_plan
from recommender.models.shared_bottom import SharedBottom
from recommender.models.towers import SharedBottomNetwork
from recommender.pipeline import build_snapshot, open_ranker, rank_all, snapshots_root, train_candidates
from recommender.progress import silent
from recommender.registry.runs import load_model
from recommender.training.trainable import Batch
from recommender.training.trainer import Rows, train
from tests.recommender.build import dataset, event, item
from tests.recommender.conftest import KEY, word_vectors

SEEN = SyntheticConfig(users=80, items=24, views=0, contributions=60, impressions=6_000, words=6, seed=5)
SMALL = {"text_dims": 4, "embedding_dims": 2}


@pytest.fixture(scope="module")
def seen_tables() -> Tables:
    return conform(synthesize(SEEN))


@pytest.fixture(scope="module")
def seen(seen_tables: Tables) -> Dataset:
    return build_dataset(seen_tables)


@pytest.fixture(scope="module")
def shown(seen: Dataset) -> Context:
    return context_of(seen, word_vectors(seen.items.texts))


def unfitted(shown: Context, **settings: Any) -> SharedBottom:
    plan = make_plan("shared_bottom", {"dropout": 0, **SMALL, **settings}, {"seed": 3})
    model = plan.build(shown.sizes)
    assert isinstance(model, SharedBottom)
    return model


def ready(shown: Context, **settings: Any) -> tuple[SharedBottom, Rows]:
    """Fitted and bound, with the rows to learn from; not trained."""
    model = unfitted(shown, **settings)
    model.fit(shown)
    model.bind(shown)
    return model, Rows.of(model.observed(shown), 1e9, shown.sizes.items)


def batch_of(rows: Rows, chosen: torch.Tensor, weight: torch.Tensor | None = None) -> Batch:
    weight = rows.weight[chosen] if weight is None else weight
    nothing = torch.zeros(0, dtype=torch.int64)
    return Batch(
        rows.user[chosen], rows.item[chosen], weight, rows.minutes[chosen], rows.time[chosen], nothing, chosen
    )


def gradients(model: SharedBottom, batch: Batch) -> dict[str, torch.Tensor]:
    model.zero_grad(set_to_none=True)
    torch.autograd.backward(model.combine(model.loss(batch)))
    return {n: p.grad.clone() for n, p in model.named_parameters() if p.grad is not None}


def trained(shown: Context, epochs: int = 6, **settings: Any) -> SharedBottom:
    model = unfitted(shown, **settings)
    train(model, shown, make_plan("shared_bottom", {}, {"epochs": epochs, "batch_size": 256}).training)
    return model


def terms_of(model: SharedBottom, batch: Batch) -> dict[str, float]:
    return {name: float(term.detach()) for name, term in model.loss(batch).items()}


def sigmoid(x: float) -> float:
    return float(1 / (1 + np.exp(-x)))


class TestLosses:
    LOGIT = torch.tensor([0.3, -1.2, 2.0, 0.0, 5.0])
    TARGET = torch.tensor([1.0, 0.0, torch.nan, 1.0, 0.0])
    WEIGHT = torch.tensor([1.0, 0.25, 9.0, 0.0, 0.5])

    def test_a_cross_entropy_is_that_of_a_loop_over_what_is_there(self) -> None:
        total, mass = 0.0, 0.0
        for logit, y, w in zip(self.LOGIT.tolist(), self.TARGET.tolist(), self.WEIGHT.tolist(), strict=True):
            if not np.isnan(y):
                total -= w * (y * np.log(sigmoid(logit)) + (1 - y) * np.log(1 - sigmoid(logit)))
                mass += w
        found = masked_cross_entropy(self.LOGIT, self.TARGET, self.WEIGHT)
        assert float(found) == pytest.approx(total / mass, rel=1e-5)

    def test_a_squared_error_is_that_of_a_loop_over_what_is_there(self) -> None:
        rows = zip(self.LOGIT.tolist(), self.TARGET.tolist(), self.WEIGHT.tolist(), strict=True)
        there = [(o, y, w) for o, y, w in rows if not np.isnan(y)]
        expected = sum(w * (o - y) ** 2 for o, y, w in there) / sum(w for _, _, w in there)
        found = masked_squared_error(self.LOGIT, self.TARGET, self.WEIGHT)
        assert float(found) == pytest.approx(expected, rel=1e-6)

    def test_conversion_is_the_product_of_both_over_all_that_was_shown(self) -> None:
        conversion = torch.tensor([-0.7, 0.4, 1.0, 2.0, -3.0])
        total, mass = 0.0, 0.0
        for n, y in enumerate(self.TARGET.tolist()):
            p = sigmoid(float(self.LOGIT[n])) * sigmoid(float(conversion[n]))
            if not np.isnan(y):
                total -= float(self.WEIGHT[n]) * (y * np.log(p) + (1 - y) * np.log(1 - p))
                mass += float(self.WEIGHT[n])
            assert float(log_product(self.LOGIT, conversion)[n]) == pytest.approx(np.log(p), rel=1e-5)
        found = conversion_cross_entropy(self.LOGIT, conversion, self.TARGET, self.WEIGHT)
        assert float(found) == pytest.approx(total / mass, rel=1e-5)

    @pytest.mark.parametrize("size", [60.0, 200.0])
    def test_conversion_stays_finite_where_it_is_certain(self, size: float) -> None:
        click = torch.tensor([size, -size, size, -size], requires_grad=True)
        conversion = torch.tensor([size, size, -size, -size], requires_grad=True)
        for target in (0.0, 1.0):
            loss = conversion_cross_entropy(click, conversion, torch.full((4,), target), torch.ones(4))
            first, second = torch.autograd.grad(loss, (click, conversion))
            assert torch.isfinite(torch.stack([loss, *first, *second])).all()

    def test_where_nothing_is_there_nothing_is_lost_or_learnt(self) -> None:
        logit = self.LOGIT.clone().requires_grad_()
        loss = masked_cross_entropy(logit, torch.full((5,), torch.nan), torch.ones(5))
        (slope,) = torch.autograd.grad(loss, logit)
        assert float(loss.detach()) == 0
        assert not slope.any()


@pytest.mark.parametrize("wide", [False, True])
def test_the_network_is_a_loop_over_its_layers(wide: bool) -> None:
    torch.manual_seed(0)
    scenes = {"one": ("a",), "two": ("b", "c")}
    network = SharedBottomNetwork(5, scenes, bottom=(4, 3), tower=(2,), dropout=0.5, wide=wide).eval()
    for weights in network.wide.parameters() if network.wide else ():
        assert not weights.any()
        torch.nn.init.normal_(weights)
    x = np.random.default_rng(0).normal(size=(7, 5)).astype(np.float32)
    found = network(torch.from_numpy(x))
    state = {name: value.numpy() for name, value in network.state_dict().items()}

    def layer(name: str, values: np.ndarray) -> np.ndarray:
        rows = [[sum(w * v for w, v in zip(unit, row, strict=True)) for unit in state[f"{name}.weight"]]
                for row in values]  # fmt: skip
        outputs: np.ndarray = np.array(rows) + state[f"{name}.bias"]
        return outputs

    shared = np.maximum(layer("bottom.3", np.maximum(layer("bottom.0", x), 0)), 0)
    for scene, targets in scenes.items():
        heads = layer(f"heads.{scene}", np.maximum(layer(f"towers.{scene}.0", shared), 0))
        if wide:
            heads = heads + x @ state[f"wide.{scene}.weight"].T
        for column, target in enumerate(targets):
            assert found[target].tolist() == pytest.approx(heads[:, column].tolist(), abs=1e-5)


class TestWeights:
    def test_a_row_that_weighs_twice_is_the_row_twice_and_one_that_weighs_nothing_is_not_there(
        self, shown: Context
    ) -> None:
        model, rows = ready(shown)
        chosen = torch.cat([torch.arange(60), torch.arange(len(rows.user) - 60, len(rows.user))])
        weight = torch.linspace(0.2, 1.0, 120)
        twice = weight.clone()
        twice[7] *= 2
        twice[70] *= 2
        again = torch.tensor([7, 70])
        repeated = batch_of(rows, torch.cat([chosen, chosen[again]]), torch.cat([weight, weight[again]]))
        self.same(gradients(model, batch_of(rows, chosen, twice)), gradients(model, repeated))
        absent = weight.clone()
        absent[20:90] = 0
        kept = torch.cat([torch.arange(20), torch.arange(90, 120)])
        self.same(
            gradients(model, batch_of(rows, chosen, absent)),
            gradients(model, batch_of(rows, chosen[kept], weight[kept])),
        )

    @pytest.mark.parametrize(
        ("settings", "factors"),
        [
            ({"target_weights": {"dwell": 3.0}}, {"dwell": 3.0}),
            ({"target_weights": {"clicked": 0.0, "minutes": 0.25}}, {"clicked": 0.0, "minutes": 0.25}),
            (
                {"task_weights": {"page": 0.5}},
                {"minutes": 0.5, "contributed": 0.5, "log_amount": 0.5},
            ),
            (
                {"task_weights": {"list": 2.0}, "target_weights": {"stopped": 3.0}},
                {"stopped": 6.0, "dwell": 2.0, "clicked": 2.0, "converted": 2.0},
            ),
        ],
    )
    def test_a_target_counts_as_much_as_it_and_its_task_weigh(
        self, shown: Context, settings: dict[str, Any], factors: dict[str, float]
    ) -> None:
        plain, rows = ready(shown)
        model, _ = ready(shown, **settings)
        batch = batch_of(rows, torch.arange(len(rows.user)))
        expected = sum(factors.get(name, 1.0) * term for name, term in terms_of(plain, batch).items())
        assert float(model.combine(model.loss(batch)).detach()) == pytest.approx(expected, rel=1e-5)

    def test_a_task_that_weighs_nothing_might_as_well_not_be_there(self, shown: Context) -> None:
        """With no row of it at all the others learn the same."""
        model, rows = ready(shown, task_weights={"page": 0.0})
        assert set(model.learns) == {"stopped", "dwell", "clicked", "converted"}
        both, every = ready(shown)
        prepared = both._fitted()
        cards = torch.from_numpy(np.flatnonzero(~prepared.rows.is_page))
        alone, without = gradients(both, batch_of(every, cards)), gradients(
            model, batch_of(rows, torch.arange(len(rows.user)))
        )  # fmt: skip
        self.same(alone, without)
        assert "network.towers.list.0.weight" in without

    def test_rows_without_a_target_have_no_part_in_its_loss(self, shown: Context) -> None:
        model, rows = ready(shown)
        prepared, batch = model._fitted(), batch_of(rows, torch.arange(len(rows.user)))
        cards = torch.from_numpy(~prepared.rows.is_page)
        assert torch.isnan(prepared.targets["minutes"][cards]).all()
        before = terms_of(model, batch)
        prepared.dense[cards] += 1.0
        after = terms_of(model, batch)
        same = {name for name in before if before[name] == after[name]}
        assert same == {"minutes", "contributed", "log_amount"}

    def test_older_rows_weigh_less(self, shown: Context) -> None:
        model, _ = ready(shown, half_life_days=10.0)
        observed = model.observed(shown)
        age = (shown.now - observed.time) / 86_400
        assert observed.weight == pytest.approx(0.5 ** (age / 10.0))
        assert observed.weight.min() < 0.01

    def same(self, ours: dict[str, torch.Tensor], theirs: dict[str, torch.Tensor]) -> None:
        assert ours.keys() == theirs.keys()
        for name, slope in ours.items():
            torch.testing.assert_close(slope, theirs[name], rtol=1e-4, atol=1e-6, msg=name)


class TestConversion:
    def test_over_the_whole_space_visits_alone_teach_nobody_who_gives(self, shown: Context) -> None:
        model, rows = ready(shown, conversion="whole-space")
        assert set(model.learns) == set(TARGETS) - {"contributed"}
        only = {name: 0.0 for name in TARGETS if name != "converted"}
        model, rows = ready(shown, conversion="whole-space", target_weights=only)
        assert not model._fitted().rows.is_page.any()
        slopes = gradients(model, batch_of(rows, torch.arange(len(rows.user))))
        # pCTCVR teaches both of its factors, and no other head.
        assert slopes["network.heads.page.weight"][1].any()
        assert not slopes["network.heads.page.weight"][[0, 2]].any()
        assert slopes["network.heads.list.weight"][2].any()
        assert not slopes["network.heads.list.weight"][:2].any()

    def test_from_visits_the_two_are_learnt_apart(self, shown: Context) -> None:
        model, _ = ready(shown, conversion="visits")
        assert set(model.learns) == set(TARGETS) - {"converted"}

    def test_both_ways_at_once_have_both_losses(self, shown: Context) -> None:
        model, _ = ready(shown, conversion="both")
        assert model.learns == TARGETS

    def test_it_is_told_as_the_product(self, shown: Context) -> None:
        model, _ = ready(shown, amount_share=0.5)
        users, items = torch.tensor([3, 0, 9]), torch.tensor([5, 1])
        heads = model.predictions(users, items)
        assert set(heads) == set(TARGETS)
        torch.testing.assert_close(heads["converted"], heads["clicked"] * heads["contributed"])
        expected = heads["converted"].log() + 0.5 * heads["log_amount"]
        torch.testing.assert_close(model.score(users, items), expected)
        torch.testing.assert_close(model.audience_scores(items)[:, users], expected.T)


class TestWhatItFinds:
    def auc(self, predicted: np.ndarray, label: np.ndarray) -> float:
        there = ~np.isnan(label)
        positive, negative = predicted[there][label[there] == 1], predicted[there][label[there] == 0]
        return float((positive[:, None] > negative[None, :]).mean())

    def halves(self, data: Dataset) -> tuple[Context, Context, SceneRows]:
        """What is learnt from, everything, and the cards and visits after."""
        cut = float(np.quantile(data.impressions.time, 0.7))
        vectors = word_vectors(data.items.texts)
        before = data.with_events(data.events.where(data.events.time < cut), now=cut)
        every = context_of(data, vectors)
        rows = scene_rows(every, 1)
        return context_of(before, vectors), every, rows.where(rows.time >= cut)

    def test_planted_tastes_in_both_scenes(self, seen: Dataset) -> None:
        before, every, rows = self.halves(seen)
        model = trained(before)
        model.bind(every)
        found = model.predict_rows(rows)
        for name, least in {"stopped": 0.68, "clicked": 0.68, "converted": 0.68, "contributed": 0.52}.items():
            assert self.auc(found[name], rows.targets[name]) > least, name
        for name in ("dwell", "minutes"):
            target = rows.targets[name]
            there = ~np.isnan(target)
            error = ((found[name] - target)[there] ** 2).mean()
            assert error < 0.97 * target[there].var(), name

    def test_nothing_where_cards_have_nothing_to_do_with_clicks(self, seen: Dataset) -> None:
        before, every, rows = self.halves(seen)
        rng = np.random.default_rng(0)
        shuffled = before.impressions
        mixed = rng.permutation(len(shuffled))
        told = np.nan_to_num(scene_rows(before, 1).targets["clicked"][: len(shuffled)][mixed])
        blind = replace(shuffled, clicked=told)
        others = {name: 0.0 for name in TARGETS if name != "clicked"}
        model = trained(replace(before, impressions=blind), target_weights=others)
        model.bind(every)
        found = model.predict_rows(rows)
        assert 0.4 < self.auc(found["clicked"], rows.targets["clicked"]) < 0.6


def test_terms_of_parts_weighed_by_their_mass_are_those_of_the_whole(shown: Context) -> None:
    model, rows = ready(shown)
    order = torch.randperm(len(rows.user), generator=torch.Generator().manual_seed(0))[:301]
    whole = batch_of(rows, order)
    parts = [batch_of(rows, order[:90]), batch_of(rows, order[90:])]
    for name, term in terms_of(model, whole).items():
        total = sum(terms_of(model, p).get(name, 0.0) * float(model.mass(name, p)) for p in parts)
        assert total / float(model.mass(name, whole)) == pytest.approx(term, rel=1e-4), name
    assert set(model.loss(whole)) <= set(model.terms)


def test_a_killed_training_goes_on_to_the_same_weights(shown: Context, tmp_path: Any) -> None:
    config = make_plan("shared_bottom", {}, {"epochs": 3, "batch_size": 512, "seed": 2}).training
    whole, again = unfitted(shown, dropout=0.2), unfitted(shown, dropout=0.2)
    log = train(whole, shown, config)
    checkpoint = Checkpoint(tmp_path / "state", "k")
    calls = iter([0.1])

    def die() -> float:
        return next(calls)

    with pytest.raises(StopIteration):
        train(again, shown, config, validate=die, checkpoint=checkpoint)
    again = unfitted(shown, dropout=0.2)
    found = train(again, shown, config, checkpoint=checkpoint)
    assert [e["clicked"] for e in found.curve] == [e["clicked"] for e in log.curve]
    for name, tensor in whole.state_dict().items():
        assert torch.equal(tensor, again.state_dict()[name]), name


@pytest.mark.usefixtures("no_encoder")
def test_it_is_trained_saved_loaded_and_ranked_like_any_other(seen_tables: Tables, tmp_path: Any) -> None:
    snapshot = build_snapshot(seen_tables, KEY, snapshots_root(tmp_path))
    settings = {"shared_bottom": {**SMALL, "training": {"epochs": 2}}}
    run = train_candidates(snapshot, ["shared_bottom"], tmp_path, settings=settings)[-1]
    assert run.model == "shared_bottom"
    assert "from one bottom" in (run.path / "card.md").read_text()
    ranker = open_ranker(run, snapshot, tmp_path)
    loaded = load_model(run)
    assert isinstance(loaded, SharedBottom)
    loaded.bind(ranker.model.context)
    users, items = torch.arange(6), torch.arange(loaded.sizes.items)
    assert torch.equal(loaded.score(users, items), ranker.model.score(users, items))
    assert rank_all(ranker, 5).num_rows > 5
    warm = train_candidates(snapshot, ["shared_bottom"], tmp_path, settings=settings, warm=[run])
    assert warm[-1].manifest.warm_from == run.id


def test_it_is_evaluated_by_the_harness(seen: Dataset, tmp_path: Any) -> None:
    experiment = Experiment(seen, {}, SplitOptions(core=1), tmp_path, "", silent)
    experiment._vectors[""] = word_vectors(seen.items.texts)
    settings = {"shared_bottom": {**SMALL, "training": {"epochs": 2}}}
    report = experiment.evaluate("last-out", ["random", "shared_bottom"], seeds=1, settings=settings)
    mine, chance = (report.table(name)["auc"]["mean"] for name in ("shared_bottom", "random"))
    assert mine > chance + 0.1


class TestBadInput:
    def test_nothing_to_learn_from_is_said(self) -> None:
        data = dataset([event("u", "a", 0, "save")], [item("a")])
        with pytest.raises(DataError, match="nobody saw, visited or backed anything"):
            ready(context_of(data, word_vectors(data.items.texts)))

    def test_weights_that_leave_nothing_to_learn_are_said(self) -> None:
        data = dataset([event("u", "a", 0)], [item("a")])
        weights = {name: 0.0 for name in TARGETS if name != "stopped"}
        with pytest.raises(ConfigError, match="none of stopped was recorded: weigh others too"):
            ready(context_of(data, word_vectors(data.items.texts)), target_weights=weights)

    @pytest.mark.parametrize(
        "settings", [{"target_weights": {"clicks": 1}}, {"task_weights": {"list": -1}}, {"conversion": "all"}]
    )
    def test_unknown_and_negative_settings_are_refused(self, settings: dict[str, Any]) -> None:
        with pytest.raises(ConfigError, match="shared_bottom"):
            make_plan("shared_bottom", settings)
