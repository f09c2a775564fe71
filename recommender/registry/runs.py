"""A run: a trained model as immutable files that name what they were made from."""

import platform
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

import polars as pl
import torch
from pydantic import ValidationError
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from recommender.config.training import TrainingConfig
from recommender.data.dataset import Dataset, Vocabulary
from recommender.data.snapshot import SnapshotInfo
from recommender.errors import DamagedError
from recommender.files import publish, sha256_file, sha256_hex, staging_directory, to_json
from recommender.interface import Recommender
from recommender.models.registry import make_config, make_model
from recommender.registry.card import CARD, make_card
from recommender.registry.schema import RunConfig, RunManifest, RunMetrics

MANIFEST = "manifest.json"
WEIGHTS = "model.safetensors"
VOCABULARIES = ("users", "item_ids", "publishers", "categories", "languages")


@dataclass(frozen=True)
class RunInfo:
    """An opened and verified run."""

    path: Path
    manifest: RunManifest
    config: RunConfig
    metrics: RunMetrics

    @property
    def id(self) -> str:
        return self.manifest.run_id

    @property
    def model(self) -> str:
        return self.manifest.model


def save_run(
    root: Path,
    model: Recommender,
    dataset: Dataset,
    snapshot: SnapshotInfo,
    *,
    training: TrainingConfig,
    encoder: str,
    metrics: RunMetrics,
    warm_from: str = "",
) -> RunInfo:
    """Write `root/<run id>`, atomically. The id ends in the weights' hash, so equal runs are one."""
    config = RunConfig(
        model=model.name,
        settings=model.config.model_dump(mode="json"),
        training=training,
        encoder=encoder,
        sizes=model.sizes,
    )
    with staging_directory(root) as staging:
        tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in model.state_dict().items()}
        save_file(tensors, staging / WEIGHTS)
        (staging / "config.json").write_bytes(to_json(config.model_dump(mode="json")))
        (staging / "metrics.json").write_bytes(to_json(metrics.model_dump(mode="json")))
        _vocabulary_frame(dataset).write_parquet(staging / "vocab.parquet")
        files = {path.name: sha256_file(path) for path in sorted(staging.iterdir())}
        digest = sha256_hex((files[WEIGHTS] + snapshot.hash + files["config.json"]).encode())
        run_id = f"{model.name}-{snapshot.hash[:8]}-{training.seed}-{digest[:8]}"
        (staging / CARD).write_text(make_card(run_id, config, metrics, snapshot.manifest))
        files[CARD] = sha256_file(staging / CARD)
        manifest = RunManifest(
            run_id=run_id,
            model=model.name,
            seed=training.seed,
            snapshot_hash=snapshot.hash,
            snapshot_path=_relative(snapshot.path, root),
            finalized=snapshot.manifest.provenance.finalized,
            files=files,
            stack=_stack(),
            warm_from=warm_from,
            trained_at=datetime.now(UTC),
        )
        (staging / MANIFEST).write_bytes(to_json(manifest.model_dump(mode="json")))
        publish(staging, root / run_id)
    return open_run(root / run_id)


def open_run(path: Path) -> RunInfo:
    """Verify a run's files against its manifest.

    Raises:
        DamagedError: a file is missing, unreadable, or not the one the manifest names.
    """
    try:
        manifest = RunManifest.model_validate_json((path / MANIFEST).read_bytes())
        for name, expected in manifest.files.items():
            if not (path / name).exists() or sha256_file(path / name) != expected:
                raise DamagedError(
                    f"{path / name} is not the file its manifest names: the run cannot be used"
                )
        config = RunConfig.model_validate_json((path / "config.json").read_bytes())
        metrics = RunMetrics.model_validate_json((path / "metrics.json").read_bytes())
    except FileNotFoundError as error:
        raise DamagedError(f"{path} is not a run: {Path(str(error.filename)).name} is missing") from None
    except ValidationError as error:
        raise DamagedError(f"{path} is damaged: {error.title} has {error.error_count()} errors") from None
    return RunInfo(path, manifest, config, metrics)


def load_model(run: RunInfo) -> Recommender:
    """The run's model with its weights, on the CPU; `bind` it before scoring.

    Raises:
        DamagedError: the weights do not fit the config.
    """
    model = make_model(run.model, make_config(run.model, run.config.settings), run.config.sizes)
    try:
        model.load_state_dict(load_file(run.path / WEIGHTS))
    except (SafetensorError, RuntimeError) as error:
        raise DamagedError(
            f"{run.path / WEIGHTS} does not fit its config: {str(error).splitlines()[0]}"
        ) from None
    return model.eval()


def load_vocabularies(run: RunInfo) -> dict[str, Vocabulary]:
    """The run's names by number, by vocabulary; raises DamagedError."""
    try:
        frame = pl.read_parquet(run.path / "vocab.parquet").sort("vocabulary", "number")
    except (OSError, pl.exceptions.PolarsError) as error:
        raise DamagedError(f"{run.path / 'vocab.parquet'} cannot be read: {error}") from None
    return {
        name: Vocabulary(tuple(frame.filter(pl.col("vocabulary") == name)["name"].to_list()))
        for name in VOCABULARIES
    }


def _vocabulary_frame(dataset: Dataset) -> pl.DataFrame:
    parts = []
    for name in VOCABULARIES:
        vocabulary: Vocabulary = getattr(dataset, name)
        parts.append(
            pl.DataFrame(
                {
                    "vocabulary": [name] * len(vocabulary),
                    "number": range(len(vocabulary)),
                    "name": vocabulary.names,
                },
                schema={"vocabulary": pl.String, "number": pl.Int64, "name": pl.String},
            )
        )
    return pl.concat(parts)


def _relative(path: Path, root: Path) -> str:
    try:
        return str(path.resolve().relative_to(root.resolve()))
    except ValueError:
        return str(path.resolve())


def _stack() -> dict[str, str]:
    packages = ("torch", "numpy", "polars", "safetensors", "transformers")
    return {
        "python": platform.python_version(),
        "machine": platform.machine(),
        "threads": str(torch.get_num_threads()),
        **{package: metadata.version(package) for package in packages},
    }
