"""What settings of models have in common."""

from pydantic import BaseModel, ConfigDict, ValidationError

from recommender.errors import ConfigError


class ModelConfig(BaseModel):
    """Settings of a model; training settings are apart."""

    model_config = ConfigDict(frozen=True, extra="forbid")


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
