"""Tuning and comparing: what they look at, what they find, and what they write."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from recommender.config.search_space import OneOf
from recommender.config.settings_files import merge_settings, read_settings
from recommender.data.dataset import CONTRIBUTE, Dataset
from recommender.errors import ConfigError, DataError, RecommenderError
from recommender.evaluation.bootstrap import paired
from recommender.evaluation.splits import Split, SplitOptions, make_split
from recommender.experiments.experiment import Comparison, compare, open_experiment
from recommender.experiments.tuning import nested, search_space, tune
from recommender.fitters.fitting import validation_score
from recommender.models.registry import MODELS, make_plan, model_type
from recommender.text.cache import TextVectors
from recommender.training.trainable import TrainableModel
from tests.recommender.conftest import TOWER

SHORT = {**TOWER["twotower"], "training": {"epochs": 4, "batch_size": 256}}


@pytest.fixture(scope="module")
def split(small: Dataset) -> Split:
    return make_split("last-out", small, SplitOptions(core=2))


@pytest.mark.parametrize("name", list(MODELS))
def test_each_search_space_holds_the_models_own_settings(name: str) -> None:
    plan = make_plan(name)
    for key, kind in model_type(name).search_space.items():
        part, _, setting = key.rpartition(".")
        assert part in ("", "training")
        value = getattr(plan.training if part else plan.config, setting)
        if isinstance(kind, OneOf):
            assert value in kind.options
            ends: tuple[object, ...] = kind.options
        else:
            assert kind.low <= value <= kind.high
            ends = (kind.low, kind.high)
        for end in ends:
            make_plan(name, nested({}, {key: end}))  # type: ignore[dict-item]


def test_all_models_that_are_trained_can_be_tuned() -> None:
    assert all(kind.search_space for kind in MODELS.values() if issubclass(kind, TrainableModel))


def test_tuning_finds_settings_that_are_better_on_the_validation_part(split: Split) -> None:
    found = tune("ease", split, None, 8)
    assert found.trials[0].settings == {"view_weight": 0.0, "regularization": 100.0}
    assert found.trials[0].value == found.default_value
    assert found.value == max(trial.value or 0.0 for trial in found.trials)
    # Views tell of the same tastes here: a model that ignores them can be beaten.
    assert found.default_value is not None
    assert found.value > found.default_value
    assert found.settings["view_weight"] > 0.0
    again = validation_score(make_plan("ease", found.settings), split, None)
    assert again == pytest.approx(found.value)


def test_what_is_set_is_held(split: Split) -> None:
    found = tune("itemknn", split, None, 3, settings={"shrink": "4.0"})
    assert all(trial.settings.keys() == {"view_weight", "neighbours"} for trial in found.trials)
    assert found.settings["shrink"] == "4.0"
    with pytest.raises(ConfigError, match="recent_pop has no settings left to tune"):
        tune("recent_pop", split, None, 2, settings={"half_life_days": 3.0})


def test_tuning_never_looks_at_the_test_part(split: Split) -> None:
    found = tune("ease", split, None, 4, seed=3)
    nobody = replace(split.test, user=split.test.user[::-1].copy(), item=split.test.item[::-1].copy())
    blind = replace(split, test=nobody, refit=split.train.with_events(split.train.events.where(
        np.zeros(len(split.train.events), bool)
    )))  # fmt: skip
    assert tune("ease", blind, None, 4, seed=3) == found


def test_the_same_seed_tries_the_same_settings(split: Split) -> None:
    first, again, other = (tune("ease", split, None, 3, seed=seed) for seed in (1, 1, 2))
    assert first == again
    assert [trial.settings for trial in other.trials] != [trial.settings for trial in first.trials]


def test_a_trained_model_is_tuned_with_its_training(split: Split, small_vectors: TextVectors) -> None:
    found = tune("twotower", split, small_vectors, 2, settings=SHORT)
    assert found.settings["training"]["epochs"] == 4
    assert found.settings["training"].keys() == {"epochs", "learning_rate", "weight_decay", "batch_size"}
    assert found.settings["text_dims"] == 16
    assert make_plan("twotower", found.settings).training.epochs == 4


def test_the_weight_of_views_is_left_alone_where_nobody_views(split: Split) -> None:
    assert "view_weight" in search_space("ease", split)
    events = split.train.events
    without = replace(split, train=split.train.with_events(events.where(events.kind == CONTRIBUTE)))
    assert set(search_space("ease", without)) == {"regularization"}


def test_what_cannot_be_tuned_is_said(split: Split) -> None:
    with pytest.raises(ConfigError, match="pop has no settings left to tune"):
        tune("pop", split, None, 2)
    empty = replace(split, valid=split.valid.where(np.zeros(len(split.valid), bool)))
    with pytest.raises(DataError, match="leaves nobody to validate on"):
        tune("ease", empty, None, 2)


class TestCompare:
    def test_it_tunes_measures_and_compares_user_by_user(self, small_directory: Path, tmp_path: Path) -> None:
        experiment = open_experiment(small_directory, tmp_path, SplitOptions(core=2))
        found = compare(experiment, ["last-out", "random"], ["pop", "itemknn", "ease"], 1, trials=3)
        assert set(found.reports) == {"last-out", "random"}
        for name, report in found.reports.items():
            means = {model: report.table(model)["ndcg@10"]["mean"] for model in report.values}
            best = max(means, key=lambda model: means[model])
            gaps = {gap.model: gap for gap in found.differences[name] if gap.metric == "ndcg@10"}
            assert {gap.reference for gap in gaps.values()} == {best}
            expected = paired(report.values["pop"]["ndcg@10"], report.values[best]["ndcg@10"])
            assert (gaps["pop"].low, gaps["pop"].high) == (expected.low, expected.high)
            assert gaps["pop"].mean == pytest.approx(means["pop"] - means[best])
        assert found.trials["random"] == {"itemknn": 3, "ease": 3}
        assert found.settings["random"].keys() == {"itemknn", "ease"}

    def test_what_it_writes_can_be_read_as_settings_and_gives_the_same_figures(
        self, small_directory: Path, tmp_path: Path
    ) -> None:
        experiment = open_experiment(small_directory, tmp_path, SplitOptions(core=2))
        found = compare(experiment, ["last-out"], ["pop", "ease"], 1, trials=3)
        path = tmp_path / "compared.json"
        path.write_text(json.dumps(found.as_json()))
        again = experiment.evaluate("last-out", ["pop", "ease"], 1, read_settings([path], "last-out"))
        assert again.rows == found.reports["last-out"].rows

    @pytest.mark.usefixtures("no_encoder")
    def test_what_was_measured_is_not_lost_with_what_comes_after(
        self, small_directory: Path, tmp_path: Path
    ) -> None:
        experiment = open_experiment(small_directory, tmp_path, SplitOptions(core=2))
        kept: list[list[str]] = []

        def keep(found: Comparison) -> None:
            kept.append(list(found.reports))

        broken = {**SHORT, "training": {"epochs": 2, "learning_rate": 1e30}}
        settings = {"last-out": {"twotower": SHORT}, "random": {"twotower": broken}}
        with pytest.raises(RecommenderError, match=r"not a number|not finite"):
            compare(experiment, list(settings), ["twotower"], 1, settings=settings, after_split=keep)
        assert kept == [["last-out"]]

    def test_a_wrong_setting_is_told_before_the_work_begins(
        self, small_directory: Path, tmp_path: Path
    ) -> None:
        experiment = open_experiment(small_directory, tmp_path, SplitOptions(core=2))
        wrong = {"random": {"ease": {"regularization": -1.0}}}
        kept: list[Comparison] = []
        with pytest.raises(
            ConfigError, match=r"ease\.regularization is -1\.0: Input should be greater than 0"
        ):
            compare(experiment, ["last-out", "random"], ["ease"], 1, settings=wrong, after_split=kept.append)
        assert not kept

    def test_a_reference_has_to_be_measured(self, small_directory: Path, tmp_path: Path) -> None:
        experiment = open_experiment(small_directory, tmp_path)
        with pytest.raises(ConfigError, match="the reference ease is not measured: add it to --models"):
            compare(experiment, ["last-out"], ["pop"], 1, reference="ease")


class TestSettingsFiles:
    def test_later_files_win_and_set_wins_over_files(self, tmp_path: Path) -> None:
        first, second = tmp_path / "a.json", tmp_path / "b.json"
        first.write_text(
            '{"settings": {"random": {"ease": {"regularization": 1}, "itemknn": {"shrink": 2}}}}'
        )
        second.write_text('{"settings": {"random": {"ease": {"regularization": 3}}}, "value": 0.1}')
        found = read_settings([first, second], "random")
        assert found == {"ease": {"regularization": 3}, "itemknn": {"shrink": 2}}
        above = {"ease": {"training": {"epochs": "1"}}, "pop": {}}
        assert merge_settings(found, above)["ease"] == {"regularization": 3, "training": {"epochs": "1"}}
        below = {"ease": {"training": {"epochs": 2, "seed": 4}}}
        assert merge_settings(below, above)["ease"]["training"] == {"epochs": "1", "seed": 4}

    @pytest.mark.parametrize(
        ("content", "sentence"),
        [
            (None, "cannot be read"),
            ("[1]", "holds no settings"),
            ("{", "holds no settings"),
            ('{"settings": {"temporal": {}}}', "settings for temporal, none for random"),
        ],
    )
    def test_a_file_without_settings_for_the_split_is_refused(
        self, tmp_path: Path, content: str | None, sentence: str
    ) -> None:
        path = tmp_path / "settings.json"
        if content is not None:
            path.write_text(content)
        with pytest.raises(ConfigError, match=sentence):
            read_settings([path], "random")
