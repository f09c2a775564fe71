"""What is read off a model of ratings, against planted structure and loops; as pictures and as a page."""

import io
import math
from copy import deepcopy
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from recommender.data.dataset import Dataset, build_dataset
from recommender.data.reading import conform
from recommender.data.schema import Tables
from recommender.errors import ConfigError
from recommender.fitters.fitting import fit_all
from recommender.models.collaborative import CollaborativeFilter
from recommender.models.dot_product_bias import DotProductBias
from recommender.models.registry import make_plan
from recommender.pipeline import run_snapshot, snapshot_dataset
from recommender.ranking import interpretation_pictures
from recommender.ranking.interpretation import interpret, nearest, principal_components
from recommender.ranking.interpretation_page import page
from recommender.ranking.interpretation_pictures import draw, drawable
from recommender.registry.runs import RunInfo, save_run
from recommender.registry.schema import RunMetrics
from tests.recommender.build import dataset, event, item, tables
from tests.recommender.conftest import Command

USERS = 40
TITLES = {
    "a0": "<b>Bees</b> & $honey", "a1": "蜂箱与蜂蜜", "a2": "Meadow", "a3": "Hives",
    "b0": "Switches", "b1": "键盘", "b2": "Keycaps", "b3": "Firmware",
}  # fmt: skip
"""Two kinds; the last of each is of poor quality."""


def ratings() -> Tables:
    rng = np.random.default_rng(1)
    rows = []
    for user in range(USERS):
        likes = "ab"[user % 2]
        for number, name in enumerate(TITLES):
            if rng.random() < 0.85:
                stars = (4.5 if name[0] == likes else 2.5) - (1.5 if name[1] == "3" else 0.0)
                rows.append(event(f"u{user:02d}", name, user * 10 + number, amount=stars))
    return tables(rows, [item(name, title=title) for name, title in TITLES.items()])


@pytest.fixture(scope="module")
def data() -> Dataset:
    return build_dataset(conform(ratings()))


@pytest.fixture(scope="module")
def factors(data: Dataset) -> DotProductBias:
    model = learnt("dot_product_bias", data)
    assert isinstance(model, DotProductBias)
    return model


def learnt(name: str, data: Dataset) -> CollaborativeFilter:
    settings = {"epochs": 40, "learning_rate": 0.02, "weight_decay": 0.02, "batch_size": 32}
    model = fit_all(make_plan(name, training=settings), data, None)
    assert isinstance(model, CollaborativeFilter)
    return model


@pytest.mark.parametrize("name", ["dot_product_bias", "collab_nn"])
def test_planted_structure_is_read_off(name: str, data: Dataset) -> None:
    found = interpret(learnt(name, data), data)
    assert (found.users, found.items) == (USERS, len(TITLES))
    kinds = {each.item_id: (right > 0) for each, right, _ in found.places}
    assert kinds["a0"] == kinds["a1"] == kinds["a2"] != kinds["b0"] == kinds["b1"] == kinds["b2"]
    first = found.components[0]
    assert first.share > 0.5
    assert {each.item_id[0] for each in first.lowest[:3]} != {each.item_id[0] for each in first.highest[:3]}
    assert {each.item_id for each in found.lowest[:2]} == {"a3", "b3"}
    assert not {each.item_id for each in found.highest[:6]} & {"a3", "b3"}
    for likeness in found.likenesses:
        if likeness.item.item_id[1] != "3":
            assert likeness.by_cosine[0].item.item_id[0] == likeness.item.item_id[0]
    assert all(found.lowest[n].bias <= found.lowest[n + 1].bias for n in range(7))
    assert found.highest == found.lowest[::-1]


def test_figures_of_an_item_equal_loops(data: Dataset, factors: DotProductBias) -> None:
    model = deepcopy(factors)
    told = next(each for each in interpret(model, data).highest if each.item_id == "b1")
    number, pairs = data.item_ids.find("b1"), data.pairs
    rows = np.flatnonzero(pairs.item == number)
    u, v = model.user_factors.weight.detach().numpy(), model.item_factors.weight.detach().numpy()
    match = [sum((u[user] - u[0]) * v[number]) for user in pairs.user[rows]]
    bias = model.item_bias.weight.detach().numpy()[:, 0]
    assert told.ratings == len(rows)
    assert told.mean_rating == pytest.approx(pairs.amount[rows].mean())
    assert told.bias == pytest.approx(bias[number] - bias.mean(), rel=1e-4)
    assert told.match == pytest.approx(float(np.mean(match)), rel=1e-4)


def test_low_yet_well_matched_are_the_lowest_biases_above_the_middle_match(
    data: Dataset, factors: DotProductBias
) -> None:
    model = deepcopy(factors)
    with torch.no_grad():
        model.item_bias.weight[:, 0] = torch.tensor([0.3, 0.2, -0.4, -0.5, 0.1, 0.0, -0.1, 0.4])
    found = interpret(model, data)
    middle = np.median([each.match for each in found.highest])
    expected = [each for each in found.lowest if each.match > middle]
    assert found.matched_but_low == expected
    assert len(expected) == 4


def test_principal_components_equal_the_covariances_eigenvectors() -> None:
    vectors = np.random.default_rng(0).normal(size=(30, 4)) * [3.0, 1.0, 2.0, 0.5]
    coordinates, shares = principal_components(vectors)
    values, directions = np.linalg.eigh(np.cov(vectors.T))
    assert shares == pytest.approx(values[::-1][:2] / values.sum())
    for axis in range(2):
        expected = (vectors - vectors.mean(0)) @ directions[:, 3 - axis]
        np.testing.assert_allclose(np.abs(coordinates[:, axis]), np.abs(expected), atol=1e-9)
        assert coordinates[np.abs(coordinates[:, axis]).argmax(), axis] > 0
    flat, share = principal_components(np.ones((3, 1)))
    assert (flat.tolist(), share.tolist()) == ([[0, 0]] * 3, [0, 0])


def test_distance_and_cosine_by_hand() -> None:
    vectors = np.array([[1.0, 0], [3, 0], [0.8, 0.6], [0, -1], [0, 0]])
    order, values = nearest(vectors, 0, "distance")
    assert order.tolist() == [2, 4, 3, 1]
    assert values == pytest.approx([math.sqrt(0.4), 1, math.sqrt(2), 2])
    order, values = nearest(vectors, 0, "cosine")
    assert order.tolist() == [1, 2, 3, 4]
    assert values == pytest.approx([1, 0.8, 0, 0])


def test_items_with_few_ratings_are_not_told_of_where_enough_have_more() -> None:
    rows = [event(f"u{u}", f"i{i:02d}", u * 50 + i, amount=1.0 + u % 5) for u in range(10) for i in range(10)]
    rows += [event(f"u{u}", "rare", 900 + u, amount=5.0) for u in range(9)]
    names = [*(f"i{i:02d}" for i in range(10)), "rare"]
    told = dataset(rows, [item(name) for name in names])
    model = fit_all(make_plan("dot_product_bias", training={"epochs": 1}), told, None)
    assert "rare" not in {each.item_id for each in interpret(model, told).highest}
    fewer = dataset([row for row in rows if row["item_id"] != "i00"], [item(name) for name in names[1:]])
    model = fit_all(make_plan("dot_product_bias", training={"epochs": 1}), fewer, None)
    assert "rare" in {each.item_id for each in interpret(model, fewer).highest}


def test_other_models_and_too_little_are_refused_with_a_sentence(data: Dataset) -> None:
    with pytest.raises(ConfigError, match="pop has no factors and biases to be read: choose a run of dot_"):
        interpret(fit_all(make_plan("pop"), data, None), data)
    small = dataset([event("a", "x", 1, amount=3.0), event("a", "y", 2, amount=1.0)], [item("x"), item("y")])
    model = fit_all(make_plan("dot_product_bias"), small, None)
    with pytest.raises(ConfigError, match="learnt the ratings of 2 items: too few to compare"):
        interpret(model, small)


@pytest.mark.filterwarnings("error")
def test_pictures_are_drawn_with_titles_in_both_languages(data: Dataset, factors: DotProductBias) -> None:
    """A glyph that no font has would be a warning."""
    pictures = draw(interpret(factors, data))
    assert list(pictures) == ["factors", "biases", "neighbours"]
    for content in pictures.values():
        picture = Image.open(io.BytesIO(content))
        assert picture.format == "PNG"
        assert len(picture.convert("L").histogram()) - picture.convert("L").histogram().count(0) > 20


def test_titles_are_cut_and_keep_only_what_can_be_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    assert drawable("Bees for $5 and $6") == r"Bees for \$5 and \$6"
    assert drawable("a" * 28) == "a" * 28
    assert drawable("a" * 29) == "a" * 27 + "…"
    assert drawable("one\u202etwo\x07") == "onetwo"
    monkeypatch.setattr(interpretation_pictures, "_has_glyph", lambda character: character != "x")
    assert drawable("axb") == "ab"


def test_the_page_needs_nothing_else_and_escapes_titles(data: Dataset, factors: DotProductBias) -> None:
    found = interpret(factors, data)
    html = page("dot_product_bias-<i>", found, dict.fromkeys(("factors", "biases", "neighbours"), b"\x89PNG"))
    assert "<b>Bees" not in html
    assert "&lt;b&gt;Bees&lt;/b&gt; &amp; $honey" in html
    assert "dot_product_bias-&lt;i&gt;" in html
    assert "蜂箱与蜂蜜" in html
    assert '<meta charset="utf-8">' in html
    assert "<script" not in html
    assert "http" not in html
    assert html.count('src="data:image/png;base64,') == html.count("src=") == 3
    assert html.count("<td") > 60


def test_the_command_writes_pictures_and_page(
    run: Command, root: Path, runs: dict[str, RunInfo], tmp_path: Path
) -> None:
    snapshot = run_snapshot(runs["pop"], root)
    plan = make_plan("dot_product_bias", training={"epochs": 1})
    saved = save_run(
        root,
        fit_all(plan, snapshot_dataset(snapshot), None),
        snapshot_dataset(snapshot),
        snapshot,
        training=plan.training,
        encoder="",
        metrics=RunMetrics(protocol={}, metrics={}, better_than={}, users=0),
    )
    out = tmp_path / "read"
    status, said, _ = run("interpret", saved.id, out)
    assert (status, said) == (0, f"{out / 'index.html'} tells what {saved.id} has learnt\n")
    assert sorted(path.name for path in out.iterdir()) == [
        "biases.png", "factors.png", "index.html", "neighbours.png",
    ]  # fmt: skip
    assert "A rating is the bucket of the amount, 1 to 5" in (out / "index.html").read_text(encoding="utf-8")
    status, _, error = run("interpret", runs["twotower"].id, out)
    assert status == 1
    assert "twotower has no factors and biases to be read" in error
    status, _, error = run("interpret", saved.id, out / "index.html")
    assert status == 1
    assert "is a file: name a directory" in error
