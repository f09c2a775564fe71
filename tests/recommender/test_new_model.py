"""Adding a model is one file and one line: a tiny one with a fitter of its own goes through every command."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from pydantic import Field

from recommender.config.model import ModelConfig, Sizes
from recommender.config.search_space import Real, SearchSpace
from recommender.config.training import TrainingConfig
from recommender.data.context import context_of
from recommender.data.dataset import Dataset
from recommender.data.schema import Tables
from recommender.data.statistics import popularity
from recommender.evaluation.splits import SplitOptions
from recommender.experiments.experiment import Experiment
from recommender.interface import Checkpoint, Fitter, Plan, Recommender
from recommender.models.registry import MODELS, make_plan
from recommender.pipeline import (
    build_snapshot,
    open_ranker,
    open_run,
    rank_all,
    snapshots_root,
    train_candidates,
)
from recommender.progress import Progress, silent
from recommender.registry.card import CARD
from recommender.registry.runs import load_model
from recommender.text.cache import TextVectors
from tests.recommender.conftest import KEY


class RoundsFitter(Fitter):
    """Neither a closed form nor the training loop: rounds over groups of users who keep their rows."""

    ROUNDS = 3

    def fit_all(
        self,
        plan: Plan,
        data: Dataset,
        vectors: TextVectors | None,
        *,
        epochs: int | None = None,
        start: Mapping[str, Any] | None = None,
        checkpoint: Checkpoint | None = None,
        progress: Progress = silent,
    ) -> Recommender:
        context = context_of(data, vectors)
        model = plan.build(context.sizes, start)
        if not isinstance(model, Averaged):
            raise TypeError(plan.name)
        for turn in range(self.ROUNDS):
            for group in range(2):
                mine = context.pairs.where(context.pairs.user % 2 == group)
                counts = torch.from_numpy(popularity(mine, context.sizes.items)).double()
                model.counts += counts.pow(model.config.power) / self.ROUNDS
            progress(f"round {turn + 1}", (turn + 1) / self.ROUNDS)
        model.bind(context)
        return model.eval()


class AveragedConfig(ModelConfig):
    power: float = Field(1.0, gt=0)


class Averaged(Recommender):
    """`averaged`: how many back an item, summed over groups that never share a row."""

    name = "averaged"
    fitter = RoundsFitter()
    config_type = AveragedConfig
    search_space: ClassVar[SearchSpace] = {"power": Real(0.25, 4.0, log=True)}
    by_vocabulary: ClassVar[Mapping[str, str]] = {"counts": "items"}

    def __init__(self, config: AveragedConfig, sizes: Sizes) -> None:
        super().__init__(config, sizes)
        self.register_buffer("counts", torch.zeros(sizes.items, dtype=torch.float64))
        self.counts: torch.Tensor

    def score(self, users: torch.Tensor, items: torch.Tensor) -> torch.Tensor:
        return self.counts[items].expand(len(users), -1)


@pytest.fixture(autouse=True)
def registered(monkeypatch: pytest.MonkeyPatch) -> None:
    """The one line."""
    monkeypatch.setitem(MODELS, Averaged.name, Averaged)


@pytest.fixture
def experiment(small: Dataset, tmp_path: Path) -> Experiment:
    return Experiment(small, {}, SplitOptions(core=1), tmp_path, "", silent)


@pytest.mark.parametrize("name", list(MODELS))
def test_every_model_declares_a_config_with_what_is_searched_in_it_and_a_fitter(name: str) -> None:
    plan = make_plan(name)
    assert isinstance(plan.fitter, Fitter)
    searched = {key for key in plan.model.search_space if not key.startswith("training.")}
    assert searched <= set(plan.model.config_type.model_fields)
    in_training = {key.removeprefix("training.") for key in plan.model.search_space if key not in searched}
    assert in_training <= set(TrainingConfig.model_fields)


def test_it_is_evaluated_by_its_own_fitter(experiment: Experiment) -> None:
    report = experiment.evaluate("last-out", ["pop", "averaged"], seeds=3)
    assert {row.seeds for row in report.rows} == {1}
    own, count = (report.table(name)["ndcg@10"]["mean"] for name in ("averaged", "pop"))
    assert own == pytest.approx(count, abs=0.1)
    assert own > 0


def test_without_views_of_its_own_contributions_alone_count_and_nobody_is_capped(small: Dataset) -> None:
    plan = make_plan("averaged", training={"max_user_weight": 1.0})
    model = plan.build(context_of(small, None).sizes)
    before, after = plan.fitter.learnt_weights(plan, model, small.pairs)
    assert not small.pairs.contributed.all()
    assert np.array_equal(before, small.pairs.contributed)
    assert np.array_equal(after, before)


def test_its_search_space_is_tuned(experiment: Experiment) -> None:
    found = experiment.tune("last-out", "averaged", trials=2)
    assert [set(trial.settings) for trial in found.trials] == [{"power"}, {"power"}]
    assert found.trials[0].settings["power"] == 1.0
    assert found.value >= (found.default_value or 0)


@pytest.mark.usefixtures("no_encoder")
def test_it_is_trained_saved_loaded_and_ranked_like_any_other(small_tables: Tables, tmp_path: Path) -> None:
    snapshot = build_snapshot(small_tables, KEY, snapshots_root(tmp_path))
    stages: list[str] = []
    runs = train_candidates(
        snapshot,
        ["averaged"],
        tmp_path,
        settings={"averaged": {"power": 2.0}},
        progress=lambda stage, _: stages.append(stage),
    )
    run = open_run(tmp_path / runs[-1].id)
    assert (run.model, run.config.settings) == ("averaged", {"power": 2.0})
    assert {"round 1", "round 3"} < set(stages)
    assert set(run.metrics.better_than) == {"pop", "recent_pop"}
    assert "how many back an item" in (run.path / CARD).read_text()
    loaded = load_model(run)
    assert isinstance(loaded, Averaged)
    ranker = open_ranker(run, snapshot, tmp_path)
    assert np.array_equal(loaded.counts.numpy(), ranker.model.score(torch.tensor([0]), torch.arange(40))[0])
    lists = rank_all(ranker, 5)
    assert lists.num_rows > 5
    scores = lists.filter(np.array(lists["user_id"]) == lists["user_id"][10].as_py())["score"].to_pylist()
    assert scores == sorted(scores, reverse=True)
    same = {"averaged": {"power": 2.0}}
    warm = train_candidates(snapshot, ["averaged"], tmp_path, settings=same, warm=[run])
    assert warm[-1].manifest.warm_from == run.id
