"""`dien` learns what it is planted, sees nothing of the future, and is kept and drawn like the others."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from recommender.data.context import context_of
from recommender.data.dataset import Dataset
from recommender.data.schema import Tables
from recommender.errors import ConfigError
from recommender.evaluation.metrics import Targets
from recommender.evaluation.rows import LabelledRows, auc
from recommender.evaluation.sampled_rows import sampled_rows
from recommender.evaluation.splits import SplitOptions, make_split
from recommender.fitters.fitting import fit_all, fit_split
from recommender.models.dien import Dien
from recommender.models.registry import make_config, make_model, make_plan
from recommender.pipeline import build_snapshot, open_ranker, rank_all, snapshots_root, train_candidates
from recommender.registry.card import CARD
from recommender.training.trainable import Batch
from tests.recommender.build import START, dataset, event, item
from tests.recommender.conftest import KEY

TINY: dict[str, Any] = {
    "item_dims": 6, "category_dims": 2, "user_dims": 2, "hidden": (8,), "length": 4, "negatives": 2,
    "retrieved": 10,
}  # fmt: skip
CYCLE = 8


def fitted(data: Dataset, epochs: int = 2, seed: int = 0, **settings: Any) -> Dien:
    training = {"epochs": epochs, "batch_size": 64, "learning_rate": 0.02, "seed": seed, "weight_decay": 0.0}
    model = fit_all(make_plan("dien", TINY | settings, training), data, None)
    assert isinstance(model, Dien)
    return model


def turning(users: int, rng: np.random.Generator, *, planted: bool) -> Dataset:
    """Users go on by 1 around a circle of items each day; or from anywhere to anywhere."""
    rows = []
    for user in range(users):
        path = (int(rng.integers(CYCLE)) + np.arange(5)) % CYCLE if planted else rng.permutation(CYCLE)[:5]
        rows += [event(f"u{user:03d}", f"i{path[day]}", 24 * day + rng.random()) for day in range(5)]
    return dataset(rows, [item(f"i{number}") for number in range(CYCLE)])


def accuracy(model: Dien, data: Dataset) -> float:
    """AUC of each user's third item against those that they never backed."""
    model.bind(context_of(data, None))
    third = data.pairs.backed.where(data.pairs.backed.places_from_the_end == 2)
    rows = sampled_rows(data, Targets(third.user, third.item, third.first_time), seed=0, negatives=3)
    return auc(rows.label, model.chances(rows))(np.ones(len(rows)))


@pytest.mark.parametrize("evolution", ["augru", "none"])
def test_what_follows_from_a_sequence_is_found_where_it_was_planted(evolution: str) -> None:
    rng = np.random.default_rng(5)
    data = turning(120, rng, planted=True)
    model = fitted(data, epochs=8, evolution=evolution, dropout=0.0, hardness=0.0)
    assert accuracy(model, turning(60, rng, planted=True)) > 0.9


def test_nothing_is_found_where_nothing_was_planted() -> None:
    rng = np.random.default_rng(6)
    model = fitted(turning(120, rng, planted=False), epochs=4, hardness=0.0)
    assert accuracy(model, turning(120, rng, planted=False)) == pytest.approx(0.5, abs=0.08)


def test_a_row_sees_nothing_of_its_own_second_or_later(small: Dataset) -> None:
    model = fitted(small, 1)
    backed = small.pairs.backed
    half = float(np.median(backed.first_time))
    asked = backed.where(backed.first_time == backed.first_time[np.abs(backed.first_time - half).argmin()])
    rows = LabelledRows(asked.user, asked.item, asked.first_time, np.ones(len(asked)))
    told = model.chances(rows)
    events = small.events
    model.bind(context_of(small.with_events(events.where(events.time < asked.first_time[0])), None))
    np.testing.assert_array_equal(told, model.chances(rows))
    model.bind(context_of(small.with_events(events.where(events.time < asked.first_time[0] - 4e6)), None))
    assert np.abs(told - model.chances(rows)).max() > 1e-5


def test_it_ranks_first_what_ease_retrieves_then_the_others_as_ease_does(small: Dataset) -> None:
    model, context = fitted(small, 1), context_of(small, None)
    ease = make_model("ease", make_config("ease", {"regularization": 100.0}), context.sizes)
    ease.fit(context)
    ease.bind(context)
    users, items = torch.arange(1, 40), torch.arange(len(small.item_ids))
    with torch.inference_mode():
        told, theirs = model.score(users, items), ease.score(users, items)
    assert torch.isfinite(told).all()
    known = model._backed.rows(users) > 0
    theirs = theirs.masked_fill(known, -torch.inf)
    for row in range(len(users)):
        new = int((~known[row]).sum())
        own = told[row].masked_fill(known[row], -torch.inf).argsort(descending=True)[:new].tolist()
        base = theirs[row].argsort(descending=True)[:new].tolist()
        assert set(own[:10]) == set(base[:10])
        assert own[10:] == base[10:]
    assert (told.argsort(1, descending=True)[:, :10] != theirs.argsort(1, descending=True)[:, :10]).any()


def test_scores_of_what_is_retrieved_are_logits_and_ease_in_standard_deviations(small: Dataset) -> None:
    model = fitted(small, 1, retrieved=1_000, blend=0.0)
    users, items = torch.tensor([3, 17]), torch.arange(len(small.item_ids))
    with torch.inference_mode():
        alone = model.score(users, items)
        logits = model.logits(users, items.expand(2, -1), torch.full((2,), torch.inf).double())
        # All that a user did is before the moment, which is when they were last here.
        at_last = model._logits(
            users, (past := model._before(users, torch.full((2,), torch.inf).double())),
            model.network.interests(model._embed(past.items)), items.expand(2, -1), model._last[users],
        )  # fmt: skip
        model.config = model.config.model_copy(update={"blend": 2.5})
        both = model.score(users, items)
        base = model._backed.rows(users) @ model.likeness + 1e-6 * model._log_backers
    assert logits.shape == at_last.shape
    for row, new in enumerate(model._backed.rows(users) == 0):
        torch.testing.assert_close(alone[row][new], at_last[row][new])
        z = (base[row][new] - base[row][new].mean()) / base[row][new].std(correction=0)
        torch.testing.assert_close(both[row][new], at_last[row][new] + 2.5 * z, rtol=1e-4, atol=1e-4)


def test_newcomers_choose_among_what_many_backed(small: Dataset) -> None:
    model = fitted(small, 1)
    backers = np.bincount(small.pairs.backed.item, minlength=len(small.item_ids))
    with torch.inference_mode():
        (scores,) = model.score(torch.tensor([0]), torch.arange(len(small.item_ids)))
    chosen = scores.argsort(descending=True)[:10].numpy()
    assert backers[chosen].min() >= np.sort(backers)[-10]


class TestLoss:
    def batch(self, data: Dataset) -> Batch:
        backed = data.pairs.backed
        user, number = torch.from_numpy(backed.user), torch.from_numpy(backed.item)
        weight = torch.linspace(0.2, 1.0, len(backed))
        time, none = torch.from_numpy(backed.first_time), torch.zeros(0)
        return Batch(user, number, weight, none, time, none, torch.arange(len(backed)))

    def model(self, data: Dataset, **settings: Any) -> Dien:
        context = context_of(data, None)
        torch.manual_seed(0)
        model = make_model("dien", make_config("dien", TINY | settings), context.sizes)
        assert isinstance(model, Dien)
        model.fit(context)
        model.bind(context)
        return model.eval()

    def test_negatives_were_open_and_never_backed_by_their_user(self) -> None:
        closed, later = START.replace(day=3), START.replace(day=20)
        shop = [
            item("a"), item("b"), item("c"),
            item("closed", created_at=START.replace(year=2025), deadline=closed),
            item("later", created_at=later, deadline=later.replace(month=6)),
        ]  # fmt: skip
        data = dataset(
            [event("ann", "a", 24 * 9), event("ann", "b", 24 * 30), event("bob", "c", 24 * 9)], shop
        )
        model = self.model(data, negatives=4, hardness=0.0)
        names = np.array(data.item_ids.names)
        ann, bob = (data.users.find(name) or 0 for name in ("ann", "bob"))
        users, day = torch.tensor([ann, bob, ann] * 50), 86_400.0
        times = torch.tensor([START.timestamp() + days * day for days in (9, 9, 30)] * 50).double()
        drawn, is_negative = model._negatives(users, times)
        told = [set(names[drawn[row::3][is_negative[row::3]]]) for row in range(3)]
        assert told == [{"c"}, {"a", "b"}, {"c", "later"}]

    def test_popular_items_are_drawn_more_often_as_the_settings_say(self) -> None:
        rows = [event(f"u{n}", "a" if n < 9 else "b", n) for n in range(10)]
        data = dataset(rows, [item("a"), item("b")])
        for hardness, share in ((0.0, 0.5), (0.5, 0.75), (1.0, 0.9)):
            drawn = self.model(data, hardness=hardness)._drawn(20_000)
            assert float((drawn == 0).float().mean()) == pytest.approx(share, abs=0.02)

    @pytest.mark.parametrize("auxiliary", ["paper", "seed", "none"])
    def test_its_terms_are_those_of_the_settings(self, small: Dataset, auxiliary: str) -> None:
        model = self.model(small, auxiliary=auxiliary, alpha=0.3)
        terms = model.loss(self.batch(small))
        assert set(terms) == {"target"} | ({"auxiliary"} if auxiliary != "none" else set())
        expected = terms["target"] + 0.3 * terms.get("auxiliary", torch.zeros(()))
        torch.testing.assert_close(model.combine(terms), expected)

    def test_with_alpha_0_nothing_auxiliary_is_computed(self, small: Dataset) -> None:
        assert set(self.model(small, alpha=0.0).loss(self.batch(small))) == {"target"}

    def test_the_seed_s_history_holds_what_was_only_looked_at(self, small: Dataset) -> None:
        counted = {}
        for auxiliary in ("paper", "seed"):
            model = self.model(small, auxiliary=auxiliary, length=200)
            users = torch.arange(len(small.users))
            counted[auxiliary] = int(model._before(users, torch.full((len(users),), torch.inf)).mask.sum())
        assert counted == {"paper": len(small.pairs.backed), "seed": len(small.pairs)}


def test_it_is_the_same_for_the_same_seed_and_after_it_was_kept(small: Dataset) -> None:
    one, again, other = fitted(small, seed=3), fitted(small, seed=3), fitted(small, seed=4)
    users, items = torch.arange(20), torch.arange(len(small.item_ids))
    weights = again.state_dict()
    assert all(torch.equal(each, weights[name]) for name, each in one.state_dict().items())
    assert not torch.equal(one.score(users, items), other.score(users, items))
    kept = make_model("dien", one.config, one.sizes)
    kept.load_state_dict(one.state_dict())
    kept.bind(context_of(small, None))
    assert torch.equal(kept.eval().score(users, items), one.score(users, items))


def test_blocks_of_users_change_nothing(small: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    model, users, items = fitted(small, 1), torch.arange(30), torch.arange(len(small.item_ids))
    with torch.inference_mode():
        whole = model.score(users, items)
        monkeypatch.setattr("recommender.models.dien.USERS_PER_BLOCK", 7)
        torch.testing.assert_close(model.score(users, items), whole, rtol=0, atol=1e-5)
    assert model.score(users[:0], items).shape == (0, len(items))


def test_epochs_are_chosen_on_the_validation_part_of_a_split(small: Dataset) -> None:
    split = make_split("last-out", small, SplitOptions(core=1))
    model, log = fit_split(make_plan("dien", TINY, {"epochs": 2}), split, None)
    assert log is not None
    assert {"target", "auxiliary", "validation"} <= set(log.curve[0])
    assert model.item_vectors() is not None


@pytest.mark.usefixtures("no_encoder")
def test_a_run_is_kept_told_loaded_ranked_and_begun_from(small_tables: Tables, tmp_path: Path) -> None:
    snapshot = build_snapshot(small_tables, KEY, snapshots_root(tmp_path))
    settings = {"dien": TINY | {"training": {"epochs": 1}}}
    run = train_candidates(snapshot, ["dien"], tmp_path, settings=settings)[-1]
    assert run.model == "dien"
    assert "put in order by how a user's interests have evolved" in (run.path / CARD).read_text()
    ranker = open_ranker(run, snapshot, tmp_path)
    assert rank_all(ranker, 5).num_rows > 5
    again = train_candidates(snapshot, ["dien"], tmp_path, settings=settings, warm=[run])[-1]
    assert again.manifest.warm_from == run.id


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"evolution": "lstm"}, "dien.evolution is 'lstm'"),
        ({"auxiliary": "click"}, "dien.auxiliary is 'click'"),
        ({"alpha": -1}, "dien.alpha is -1"),
        ({"length": 0}, "dien.length is 0"),
        ({"attention": 1}, "dien has no such setting attention"),
    ],
)
def test_bad_settings_are_told(settings: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        make_plan("dien", settings)


class TestSampledRows:
    def wanted(self, data: Dataset, rows: Sequence[int]) -> Targets:
        chosen = data.pairs.backed.where(np.isin(np.arange(len(data.pairs.backed)), rows))
        return Targets(chosen.user, chosen.item, chosen.first_time)

    def test_each_wanted_row_stands_before_its_negatives_the_same_each_time(self, small: Dataset) -> None:
        wanted = self.wanted(small, range(0, 200, 3))
        rows = sampled_rows(small, wanted, seed=1, negatives=2)
        assert np.array_equal(rows.label.reshape(-1, 3), np.tile([1.0, 0.0, 0.0], (len(wanted), 1)))
        assert np.array_equal(rows.item.reshape(-1, 3)[:, 0], wanted.item)
        assert np.array_equal(rows.time.reshape(-1, 3)[:, 2], wanted.time)
        backed = set(zip(small.pairs.backed.user.tolist(), small.pairs.backed.item.tolist(), strict=True))
        drawn = rows.where(rows.label == 0)
        assert not backed & set(zip(drawn.user.tolist(), drawn.item.tolist(), strict=True))
        for time, number in zip(drawn.time, drawn.item, strict=True):
            deadline, created = small.items.deadline[number], small.items.created[number]
            assert np.isnan(deadline) or created <= time < deadline
        again, other = (sampled_rows(small, wanted, seed=seed, negatives=2).item for seed in (1, 2))
        assert np.array_equal(rows.item, again)
        assert not np.array_equal(rows.item, other)

    def test_who_backed_everything_has_no_negatives(self) -> None:
        data = dataset(
            [event("ann", "a", 1), event("ann", "b", 2), event("bob", "a", 3)], [item("a"), item("b")]
        )
        rows = sampled_rows(data, self.wanted(data, range(3)), seed=0)
        assert rows.label.tolist() == [1.0, 1.0, 1.0, 0.0]
