"""Commands that make something: synthetic data, embeddings, runs."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from recommender.cli.options import (
    DEFAULT_ROOT,
    Data,
    Encoder,
    Model,
    Root,
    Seed,
    Settings,
    SettingsFiles,
)
from recommender.config.settings_entries import settings
from recommender.progress import terminal_progress
from recommender.text.names import DEFAULT_ENCODER

if TYPE_CHECKING:
    from recommender.data.snapshot import SnapshotInfo


def register(app: typer.Typer) -> None:
    app.command()(synthetic)
    app.command()(embed)
    app.command()(train)


def synthetic(
    out: Annotated[Path, typer.Argument(help="Directory to write events.parquet and items.parquet into.")],
    users: int = 400,
    items: int = 60,
    views: int = 20_000,
    contributions: int = 6_000,
    taste: Annotated[float, typer.Option(help="0: everybody picks at random.")] = 3.0,
    seed: Seed = 0,
) -> None:
    """Write a made-up platform whose users' tastes are known."""
    from recommender.data.synthetic import SyntheticConfig, synthesize
    from recommender.data.writing import write_directory

    tables = synthesize(
        SyntheticConfig(
            users=users, items=items, views=views, contributions=contributions, taste=taste, seed=seed
        )
    )
    write_directory(tables, out)
    typer.echo(f"{out}: {len(tables.events):,} events on {len(tables.items):,} items")


def embed(data: Data, root: Root = DEFAULT_ROOT, encoder: Encoder = DEFAULT_ENCODER) -> None:
    """Encode the items' texts into the cache, so that training finds them there."""
    from recommender import pipeline
    from recommender.data.dataset import build_dataset
    from recommender.data.reading import read_directory

    texts = build_dataset(read_directory(data)).items.texts
    with terminal_progress() as progress:
        count = pipeline.encode_texts(texts, root, encoder, progress)
    typer.echo(f"{count:,} texts are in the cache of {encoder}")


def train(
    model: Model,
    data: Annotated[Path | None, typer.Option(help="A data directory, to take a snapshot of.")] = None,
    snapshot: Annotated[Path | None, typer.Option(help="A snapshot taken before.")] = None,
    root: Root = DEFAULT_ROOT,
    encoder: Encoder = DEFAULT_ENCODER,
    seed: Seed = 0,
    warm: Annotated[str, typer.Option(help="Begin the final fit from this run's weights.")] = "",
    settings_files: SettingsFiles = [],  # noqa: B006  typer reads a list's default, and nothing changes it
    set_: Settings = [],  # noqa: B006
) -> None:
    """Train a model on a snapshot, measure it beside the baselines, and save runs of it and of `pop`."""
    from recommender import pipeline
    from recommender.cli.report import run_lines
    from recommender.config.settings_files import MEASURED_BY, merge_settings, read_settings
    from recommender.errors import ConfigError
    from recommender.processes import processes

    if (data is None) == (snapshot is None):
        raise ConfigError("give --data or --snapshot, one of them")
    with processes().main_first():
        info = pipeline.open_snapshot(snapshot) if snapshot else snapshot_of(data or Path(), root)
    chosen = merge_settings(read_settings(settings_files, MEASURED_BY), settings(set_))
    warm_start_runs = [pipeline.open_run(root / warm)] if warm else []
    with terminal_progress() as progress:
        runs = pipeline.train_candidates(
            info,
            [model],
            root,
            seed=seed,
            encoder=encoder,
            settings=chosen,
            warm=warm_start_runs,
            progress=progress,
        )
    if processes().is_main:
        typer.echo(f"snapshot {info.path}")
    for line in run_lines(runs):
        typer.echo(line)


def snapshot_of(data: Path, root: Path) -> "SnapshotInfo":
    """A snapshot of a data directory; its moment is the last event's, so that it can be taken again.

    Events of the future are no events yet: they do not move that moment, and are left out.
    """
    from recommender import pipeline
    from recommender.data.reading import read_directory
    from recommender.errors import DataError

    tables = read_directory(data)
    times = tables.events["timestamp"]
    last = times.filter(times <= datetime.now(UTC)).max()
    if last is None:
        raise DataError(f"{data} has no events up to now: there is nothing to learn from")
    provenance = pipeline.Provenance.model_validate(
        {"finalized": {}, "behaviour_until": last, "source": "files"}
    )
    return pipeline.build_snapshot(tables, provenance, pipeline.snapshots_root(root))
