"""Settings as they are typed: `model.name=value`, one by one."""

from collections.abc import Iterable
from typing import Any

from recommender.errors import ConfigError


def settings(entries: Iterable[str], where: str = "--set") -> dict[str, dict[str, Any]]:
    """`model.name=value` entries by model; raises ConfigError, naming `where`, for another form."""
    found: dict[str, dict[str, Any]] = {}
    for entry in entries:
        path, has_value, value = entry.partition("=")
        parts = path.split(".")
        if not (has_value and all(parts) and len(parts) in (2, 3)):
            raise ConfigError(
                f"{where} {entry}: write it as model.name=value, such as ease.regularization=50"
            )
        model, *groups, name = parts
        place = found.setdefault(model, {})
        for group in groups:
            place = place.setdefault(group, {})
        place[name] = value
    return found
