"""Models by name."""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from recommender.errors import ConfigError
from recommender.models.base import ModelConfig, Recommender, Sizes
from recommender.models.chainfund import ChainFund, ChainFundAsPublished
from recommender.models.hybrid import Hybrid
from recommender.models.item_to_item import Ease, ItemKnn, TextProfile
from recommender.models.markov import Markov
from recommender.models.popularity import Popularity, RandomOrder, RecentPopularity
from recommender.models.tfidf import TfIdf
from recommender.models.twotower import TwoTower

MODELS: dict[str, type[Recommender]] = {
    model.name: model
    for model in (
        RandomOrder, Popularity, RecentPopularity, ItemKnn, Ease, Markov, TfIdf, TextProfile, ChainFund,
        ChainFundAsPublished, TwoTower, Hybrid,
    )
}  # fmt: skip


def model_type(name: str) -> type[Recommender]:
    """Raises ConfigError for a name that is not here."""
    if name not in MODELS:
        raise ConfigError(f"no model {name!r}: choose from {', '.join(MODELS)}")
    return MODELS[name]


def make_config(name: str, settings: Mapping[str, Any] | None = None) -> ModelConfig:
    """The model's config with these settings; raises ConfigError for one it does not have."""
    try:
        return model_type(name).config_type.model_validate(dict(settings or {}))
    except ValidationError as error:
        raise wrong_setting(name, error) from None


def wrong_setting(owner: str, error: ValidationError) -> ConfigError:
    """The first thing that is wrong with settings, in a sentence."""
    first = error.errors()[0]
    setting = ".".join(map(str, first["loc"]))
    if first["type"] == "extra_forbidden":
        return ConfigError(f"{owner} has no such setting {setting}")
    return ConfigError(f"{owner}.{setting} is {first['input']!r}: {first['msg']}")


def make_model(name: str, config: ModelConfig, sizes: Sizes) -> Recommender:
    return model_type(name)(config, sizes)
