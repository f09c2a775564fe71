"""The loop: stops early, keeps the best, goes on after a kill as if nothing had happened; caps users."""

from pathlib import Path

import numpy as np
import pytest
import torch

from recommender.config.training import TrainingConfig
from recommender.data.context import context_of
from recommender.data.dataset import Dataset
from recommender.device import seed_everything
from recommender.errors import ConfigError, RecommenderError
from recommender.interface import Checkpoint, TrainingLog
from recommender.models.registry import make_config, make_model, make_plan
from recommender.text.cache import TextVectors
from recommender.training import trainer
from recommender.training.capping import capped
from recommender.training.checkpoint import load_checkpoint
from recommender.training.trainable import Batch, TrainableModel
from recommender.training.trainer import train
from tests.recommender.test_models import SETTINGS

CONFIG = TrainingConfig(epochs=6, batch_size=256, patience=2, seed=1)


def fresh(name: str, data: Dataset, vectors: TextVectors) -> TrainableModel:
    seed_everything(0)
    model = make_model(name, make_config(name, SETTINGS[name]), context_of(data, vectors).sizes)
    assert isinstance(model, TrainableModel)
    return model


class Script:
    """A validation that reads its values from a list, and may pull the plug."""

    def __init__(self, values: list[float], die_after: int | None = None) -> None:
        self.values = iter(values)
        self.left = die_after

    def __call__(self) -> float:
        if self.left == 0:
            raise KeyboardInterrupt
        if self.left is not None:
            self.left -= 1
        return next(self.values)


def run(
    model: TrainableModel,
    data: Dataset,
    vectors: TextVectors,
    script: Script,
    checkpoint: Checkpoint | None = None,
) -> TrainingLog:
    return train(model, context_of(data, vectors), CONFIG, validate=script, checkpoint=checkpoint)


def test_it_stops_when_validation_no_longer_improves_and_keeps_the_best(
    small: Dataset, small_vectors: TextVectors
) -> None:
    model = fresh("twotower", small, small_vectors)
    log = run(model, small, small_vectors, Script([0.1, 0.3, 0.2, 0.25, 0.9]))
    assert log.best_epoch == 2
    assert [epoch["validation"] for epoch in log.curve] == [0.1, 0.3, 0.2, 0.25]
    two = fresh("twotower", small, small_vectors)
    train(two, context_of(small, small_vectors), CONFIG.model_copy(update={"epochs": 2}))
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, two.state_dict()[name]), name


@pytest.mark.parametrize("name", ["chainfund", "twotower"])
def test_a_killed_run_goes_on_to_the_same_weights(
    name: str, small: Dataset, small_vectors: TextVectors, tmp_path: Path
) -> None:
    values = [0.1, 0.2, 0.3, 0.25, 0.4, 0.35]
    whole = fresh(name, small, small_vectors)
    expected = run(whole, small, small_vectors, Script(values))
    checkpoint = Checkpoint(tmp_path / "state.safetensors", "k")
    with pytest.raises(KeyboardInterrupt):
        run(fresh(name, small, small_vectors), small, small_vectors, Script(values, die_after=3), checkpoint)
    again = fresh(name, small, small_vectors)
    found = run(again, small, small_vectors, Script(values[3:]), checkpoint)
    assert found == expected
    for key, tensor in whole.state_dict().items():
        assert torch.equal(tensor, again.state_dict()[key]), key
    assert not checkpoint.path.exists()


def test_a_checkpoint_of_something_else_or_a_torn_one_is_not_taken(
    small: Dataset, small_vectors: TextVectors, tmp_path: Path
) -> None:
    checkpoint = Checkpoint(tmp_path / "state.safetensors", "k")
    with pytest.raises(KeyboardInterrupt):
        run(fresh("twotower", small, small_vectors), small, small_vectors, Script([0.1, 0.2], 1), checkpoint)
    assert load_checkpoint(checkpoint) is not None
    assert load_checkpoint(Checkpoint(checkpoint.path, "another key")) is None
    checkpoint.path.write_bytes(checkpoint.path.read_bytes()[:-20])
    assert load_checkpoint(checkpoint) is None
    assert load_checkpoint(Checkpoint(tmp_path / "nothing", "k")) is None


def test_a_loss_that_is_no_number_ends_with_a_sentence(
    small: Dataset, small_vectors: TextVectors, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = fresh("twotower", small, small_vectors)

    def broken(_: Batch) -> dict[str, torch.Tensor]:
        return {"softmax": torch.tensor(torch.nan)}

    monkeypatch.setattr(model, "loss", broken)
    with pytest.raises(
        RecommenderError, match="the loss is not a number in epoch 1; lower the learning rate"
    ):
        train(model, context_of(small, small_vectors), CONFIG)


@pytest.mark.parametrize("name", ["chainfund", "twotower"])
def test_bfloat16_learns_as_float32_does(
    name: str, small: Dataset, small_vectors: TextVectors, monkeypatch: pytest.MonkeyPatch
) -> None:
    config, context = CONFIG.model_copy(update={"epochs": 3}), context_of(small, small_vectors)
    exact = train(fresh(name, small, small_vectors), context, config)
    monkeypatch.setattr(trainer, "autocast", lambda device: torch.autocast(device.type, torch.bfloat16))
    model = fresh(name, small, small_vectors)
    narrow = train(model, context, config)
    assert narrow != exact  # it was computed in bfloat16
    for epoch, expected in zip(narrow.curve, exact.curve, strict=True):
        assert epoch == pytest.approx(expected, rel=0.03)
    assert {tensor.dtype for tensor in model.parameters()} == {torch.float32}
    assert all(tensor.isfinite().all() for tensor in model.parameters())


def test_progress_ends_at_one(small: Dataset, small_vectors: TextVectors) -> None:
    seen: list[tuple[str, float]] = []
    train(
        fresh("twotower", small, small_vectors),
        context_of(small, small_vectors),
        CONFIG.model_copy(update={"epochs": 2}),
        progress=lambda stage, fraction: seen.append((stage, fraction)),
    )
    assert seen[0] == ("training twotower", 0.5)
    assert seen[-1] == ("training twotower", 1.0)


def test_no_user_teaches_more_than_the_cap() -> None:
    users = np.repeat([1, 2, 3], [300, 5, 5])
    weights = capped(users, np.ones(310), 50.0)
    assert np.bincount(users, weights)[1:].tolist() == pytest.approx([50.0, 5.0, 5.0])


def test_unknown_training_settings_are_refused() -> None:
    with pytest.raises(ConfigError, match="training has no such setting"):
        make_plan("twotower", training={"speed": 11})
