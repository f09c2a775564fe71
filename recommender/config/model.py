"""What settings of models have in common."""

from collections.abc import Mapping
from typing import Any

import orjson
from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from recommender.errors import ConfigError


class ModelConfig(BaseModel):
    """Settings of a model; training settings are apart."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _lists_and_groups_may_be_text(cls, given: Any) -> Any:
        """On a command line a list or a group of settings is written as JSON."""
        if not isinstance(given, Mapping):
            return given
        return {name: _from_json(value) for name, value in given.items()}


def _from_json(value: Any) -> Any:
    if not isinstance(value, str) or not value.startswith(("[", "{")):
        return value
    try:
        return orjson.loads(value)
    except orjson.JSONDecodeError:
        return value


class Sizes(BaseModel):
    """How many of each there are, the numbers 0 for `unknown` included; items have none."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    users: int
    items: int
    publishers: int
    categories: int
    languages: int
    text: int
    """Dimensions of a text vector, 0 without texts."""


def setting_error(owner: str, error: ValidationError) -> ConfigError:
    """The first thing that is wrong with settings, in a sentence."""
    first = error.errors()[0]
    setting = ".".join(map(str, first["loc"]))
    if first["type"] == "extra_forbidden":
        return ConfigError(f"{owner} has no such setting {setting}")
    return ConfigError(f"{owner}.{setting} is {first['input']!r}: {first['msg']}")
