"""Settings found by tuning, as files: what `tune` and `compare` write and `--settings` reads."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from pydantic import BaseModel, ValidationError

from recommender.errors import ConfigError

Settings: TypeAlias = Mapping[str, Mapping[str, Any]]
"""By model, by name; those of training stand under `training`."""

MEASURED_BY = "last-out"
"""The split on which a platform's own candidates are measured."""


class SettingsFile(BaseModel):
    """The part of such a file that is read: by split, by model, by name."""

    settings: dict[str, dict[str, dict[str, Any]]]


def read_settings(paths: Sequence[Path], split: str) -> dict[str, dict[str, Any]]:
    """The settings the files hold for a split, by model; a later file wins.

    Raises:
        ConfigError: a file is missing or not of that kind, or none of them has the split.
    """
    found = [_read(path) for path in paths]
    there = sorted({name for file in found for name in file.settings})
    if paths and split not in there:
        raise ConfigError(
            f"{', '.join(map(str, paths))}: settings for {', '.join(there) or 'no split'}, none for {split}: "
            f"tune with --split {split}"
        )
    merged: dict[str, dict[str, Any]] = {}
    for file in found:
        merged |= file.settings.get(split, {})
    return merged


def merge_settings(below: Settings, above: Settings) -> dict[str, dict[str, Any]]:
    """Both together; where both say something, `above` holds."""
    names = dict.fromkeys([*below, *above])
    return {name: _merged(below.get(name, {}), above.get(name, {})) for name in names}


def _merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(below)
    for name, value in above.items():
        inner = merged.get(name)
        both = isinstance(inner, Mapping) and isinstance(value, Mapping)
        merged[name] = _merged(inner, value) if both and inner is not None else value
    return merged


def _read(path: Path) -> SettingsFile:
    try:
        return SettingsFile.model_validate_json(path.read_bytes())
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from None
    except ValidationError:
        raise ConfigError(
            f"{path} holds no settings: give a file that `tune` or `compare` wrote with --json"
        ) from None
