"""Small platforms and made-up text vectors, so that most tests need no encoder."""

import hashlib
import shutil
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from recommender import cli
from recommender.data.dataset import Dataset, build_dataset
from recommender.data.reading import conform
from recommender.data.schema import Tables
from recommender.data.snapshot import ChainHead, Provenance
from recommender.data.synthetic import SyntheticConfig, synthesize
from recommender.models.tfidf import terms
from recommender.pipeline import build_snapshot, snapshots_root, train_candidates
from recommender.progress import Progress, silent
from recommender.registry.runs import RunInfo, open_run
from recommender.text.cache import EmbeddingCache, TextVectors

Command = Callable[..., tuple[int, str, str]]

DIMS = 32
TOWER = {"twotower": {"text_dims": 16, "dims": 16, "hidden": 32}}
KEY = Provenance(
    finalized={"31337": ChainHead(number=9, hash="0xab")}, behaviour_until=datetime(2026, 1, 1, tzinfo=UTC)
)
SMALL = SyntheticConfig(users=120, items=40, views=2_500, contributions=1_500, taste=5.0)


def word_vectors(texts: Sequence[str]) -> TextVectors:
    """A random but fixed vector for each word: texts with common words are alike."""
    tokens = []
    for text in texts:
        words = terms(text) or ["nothing"]
        seeds = [int.from_bytes(hashlib.sha256(word.encode()).digest()[:4]) for word in words[:24]]
        tokens.append(
            np.stack([np.random.default_rng(s).normal(size=DIMS) for s in seeds]).astype(np.float16)
        )
    return TextVectors(tokens, DIMS)


def read_words_alone(patch: pytest.MonkeyPatch) -> None:
    """Have the pipeline take made-up vectors for its texts."""

    def vectors(_: EmbeddingCache, texts: Sequence[str], __: Progress = silent) -> TextVectors:
        return word_vectors(texts)

    patch.setattr(EmbeddingCache, "vectors", vectors)


@pytest.fixture
def no_encoder(monkeypatch: pytest.MonkeyPatch) -> None:
    read_words_alone(monkeypatch)


@pytest.fixture(scope="session")
def trained_root(small_tables: Tables, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root with one snapshot and runs of `pop` and `twotower`; to be copied, not changed."""
    root = tmp_path_factory.mktemp("trained")
    with pytest.MonkeyPatch.context() as patch:
        read_words_alone(patch)
        snapshot = build_snapshot(small_tables, KEY, snapshots_root(root))
        train_candidates(snapshot, ["twotower"], root, settings=TOWER)
    return root


@pytest.fixture
def root(trained_root: Path, tmp_path: Path) -> Path:
    return shutil.copytree(trained_root, tmp_path / "root")


@pytest.fixture
def runs(root: Path) -> dict[str, RunInfo]:
    """The trained runs by model."""
    return runs_under(root)


def runs_under(root: Path) -> dict[str, RunInfo]:
    """The runs in a root, by model."""
    return {run.model: run for run in map(open_run, (path.parent for path in root.glob("*/manifest.json")))}


@pytest.fixture(scope="session")
def small_tables() -> Tables:
    return conform(synthesize(SMALL))


@pytest.fixture(scope="session")
def tasteless_tables() -> Tables:
    return conform(synthesize(SMALL.model_copy(update={"taste": 0.0})))


@pytest.fixture(scope="session")
def small(small_tables: Tables) -> Dataset:
    return build_dataset(small_tables)


@pytest.fixture(scope="session")
def small_vectors(small: Dataset) -> TextVectors:
    return word_vectors(small.items.texts)


@pytest.fixture
def small_directory(small_tables: Tables, tmp_path: Path) -> Path:
    directory = tmp_path / "data"
    directory.mkdir()
    small_tables.events.write_parquet(directory / "events.parquet")
    small_tables.items.write_parquet(directory / "items.parquet")
    return directory


@pytest.fixture
def run(root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Run a command in this process on a copy of the trained root; gives exit status, output and errors."""
    read_words_alone(monkeypatch)
    monkeypatch.setenv("CHAINFUND_RECOMMENDER_DIR", str(root))

    def command(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["recommender", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        streams = capsys.readouterr()
        status = ended.value.code
        if isinstance(status, str):
            return 1, streams.out, streams.err + status
        return int(status or 0), streams.out, streams.err

    return command
