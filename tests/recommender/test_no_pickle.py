"""Nothing that is read can run code: no module unpickles, and files that would are refused unread."""

import ast
import os
import pickle
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch.nn import Linear

import recommender
from recommender.data.snapshot import open_snapshot
from recommender.errors import ConfigError, DamagedError
from recommender.files import sha256_file, to_json
from recommender.interface import Checkpoint
from recommender.registry.runs import RunInfo, load_model, load_vocabularies, open_run
from recommender.text.encoders import load_encoder
from recommender.training.checkpoint import TrainingState, load_checkpoint, save_checkpoint

SOURCE = Path(recommender.__file__).parents[1]
UNPICKLING = {"pickle", "_pickle", "cPickle", "cloudpickle", "dill", "joblib", "shelve", "marshal"}
READERS = {"torch.load", "np.load", "numpy.load", "pandas.read_pickle", "torch.jit.load", "torch.hub.load"}


def python_files() -> Iterator[Path]:
    for package in ("recommender", "tasks", "django_project"):
        yield from (SOURCE / package).rglob("*.py")


def offences(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.split(".")[0] in UNPICKLING)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in UNPICKLING:
            yield str(node.module)
        elif isinstance(node, ast.Call):
            careless = {"allow_pickle", "trust_remote_code"} & {keyword.arg for keyword in node.keywords}
            if careless or ast.unparse(node.func) in READERS:
                yield ast.unparse(node)


def test_no_module_unpickles() -> None:
    found = {str(path): list(offences(ast.parse(path.read_text()))) for path in python_files()}
    assert len(found) > 200
    assert not {path: names for path, names in found.items() if names}


def test_such_a_module_would_be_found() -> None:
    bad = "import pickle\nfrom joblib import load\ntorch.load(path)\nx.read(path, allow_pickle=True)"
    assert len(list(offences(ast.parse(bad)))) == 4


class Bomb:
    """Makes a directory when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[object, ...]:
        return os.mkdir, (str(self.mark),)


@pytest.fixture
def mark(tmp_path: Path) -> Path:
    return tmp_path / "ran"


@pytest.fixture
def malicious(mark: Path, tmp_path: Path) -> bytes:
    """A file as `torch.save` writes it, that runs code in whoever loads it the careless way."""
    path = tmp_path / "bomb.pt"
    torch.save({"user_id.weight": torch.zeros(2), "x": Bomb(mark)}, path)
    torch.load(path, weights_only=False)
    mark.rmdir()
    return path.read_bytes()


def replace(run: RunInfo, name: str, content: bytes) -> RunInfo:
    """Put other bytes into a run, and their hash into its manifest, as an attacker with the disk would."""
    (run.path / name).write_bytes(content)
    files = run.manifest.files | {name: sha256_file(run.path / name)}
    manifest = run.manifest.model_copy(update={"files": files})
    (run.path / "manifest.json").write_bytes(to_json(manifest.model_dump(mode="json")))
    return open_run(run.path)


def test_weights_that_are_a_pickle_are_refused(
    runs: dict[str, RunInfo], malicious: bytes, mark: Path
) -> None:
    run = replace(runs["twotower"], "model.safetensors", malicious)
    with pytest.raises(DamagedError, match="does not fit its config"):
        load_model(run)
    assert not mark.exists()


def test_a_vocabulary_that_is_a_pickle_is_refused(
    runs: dict[str, RunInfo], malicious: bytes, mark: Path
) -> None:
    run = replace(runs["twotower"], "vocab.parquet", malicious)
    with pytest.raises(DamagedError, match=r"vocab\.parquet cannot be read"):
        load_vocabularies(run)
    assert not mark.exists()


@pytest.mark.parametrize("name", ["manifest.json", "events.parquet"])
def test_a_snapshot_that_is_a_pickle_is_refused(
    name: str, runs: dict[str, RunInfo], root: Path, malicious: bytes, mark: Path
) -> None:
    snapshot = root / runs["pop"].manifest.snapshot_path
    (snapshot / name).write_bytes(malicious)
    with pytest.raises(DamagedError):
        open_snapshot(snapshot)
    assert not mark.exists()


def test_an_encoder_with_pickled_weights_is_refused(tmp_path: Path, mark: Path) -> None:
    folder = tmp_path / "encoder"
    folder.mkdir()
    (folder / "config.json").write_text('{"model_type": "bert", "hidden_size": 8}')
    (folder / "pytorch_model.bin").write_bytes(pickle.dumps(Bomb(mark)))
    with pytest.raises(ConfigError):
        load_encoder(str(folder))
    assert not mark.exists()


class TestCheckpoints:
    @pytest.fixture
    def checkpoint(self, tmp_path: Path) -> Checkpoint:
        return Checkpoint(tmp_path / "one.safetensors", "key")

    @pytest.fixture
    def saved(self, checkpoint: Checkpoint) -> TrainingState:
        layer = Linear(3, 2)
        optimizer = torch.optim.AdamW(layer.parameters())
        torch.autograd.backward(layer(torch.ones(1, 3)).sum())
        optimizer.step()
        weights = dict(layer.state_dict())
        state = TrainingState(2, 1, 0.5, [{"loss": 1.0}], weights, weights, optimizer.state_dict())
        save_checkpoint(checkpoint, state)
        return state

    def test_what_was_saved_comes_back(self, checkpoint: Checkpoint, saved: TrainingState) -> None:
        found = load_checkpoint(checkpoint)
        assert found is not None
        assert (found.epoch, found.best_epoch, found.best_value, found.curve) == (2, 1, 0.5, saved.curve)
        assert torch.equal(found.model["weight"], saved.model["weight"])
        assert torch.equal(found.optimizer["state"][0]["exp_avg"], saved.optimizer["state"][0]["exp_avg"])

    @pytest.mark.usefixtures("saved")
    def test_anothers_is_not_taken(self, checkpoint: Checkpoint) -> None:
        assert load_checkpoint(Checkpoint(checkpoint.path, "another")) is None

    @pytest.mark.usefixtures("saved")
    def test_a_flipped_bit_begins_anew(self, checkpoint: Checkpoint) -> None:
        content = bytearray(checkpoint.path.read_bytes())
        content[-3] ^= 1
        checkpoint.path.write_bytes(content)
        assert load_checkpoint(checkpoint) is None

    @pytest.mark.usefixtures("saved")
    @pytest.mark.parametrize("kept", [0, 4, 100, 400])
    def test_a_cut_file_begins_anew(self, checkpoint: Checkpoint, kept: int) -> None:
        checkpoint.path.write_bytes(checkpoint.path.read_bytes()[:kept])
        assert load_checkpoint(checkpoint) is None

    def test_a_pickle_begins_anew(self, checkpoint: Checkpoint, malicious: bytes, mark: Path) -> None:
        checkpoint.path.write_bytes(malicious)
        assert load_checkpoint(checkpoint) is None
        assert not mark.exists()
