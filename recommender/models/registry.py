"""Models by name. A new model is a file beside this one and a line in MODELS."""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from recommender.config.model import ModelConfig, Sizes, setting_error
from recommender.config.search_space import TRAINING
from recommender.config.training import TrainingConfig
from recommender.errors import ConfigError
from recommender.interface import Plan, Recommender
from recommender.models.bias_only import BiasOnly
from recommender.models.chainfund import ChainFund
from recommender.models.chainfund_as_published import ChainFundAsPublished, ChainFundWithPublishedParts
from recommender.models.collab_nn import CollabNN
from recommender.models.dien import Dien
from recommender.models.dot_product_bias import DotProductBias
from recommender.models.hybrid import Hybrid
from recommender.models.item_to_item import Ease, ItemKnn, TextProfile
from recommender.models.markov import Markov
from recommender.models.pfcr import Pfcr
from recommender.models.popularity import Popularity, RandomOrder, RecentPopularity
from recommender.models.shared_bottom import SharedBottom
from recommender.models.tfidf import TfIdf
from recommender.models.twotower import TwoTower

MODELS: dict[str, type[Recommender]] = {
    model.name: model
    for model in (
        RandomOrder, Popularity, RecentPopularity, ItemKnn, Ease, Markov, TfIdf, TextProfile, ChainFund,
        ChainFundAsPublished, TwoTower, Hybrid, SharedBottom, Pfcr, BiasOnly, DotProductBias,
        CollabNN, Dien,
    )
}  # fmt: skip

VARIANTS = (ChainFundWithPublishedParts,)
"""Classes that take the place of the model of their name where settings ask for it; see `builds`."""


def model_type(name: str) -> type[Recommender]:
    """The model of this name; raises ConfigError if there is none."""
    if name not in MODELS:
        raise ConfigError(f"no model {name!r}: choose from {', '.join(MODELS)}")
    return MODELS[name]


def make_config(name: str, settings: Mapping[str, Any] | None = None) -> ModelConfig:
    """The model's config with these settings; raises ConfigError for one it does not have."""
    try:
        return model_type(name).config_type.model_validate(dict(settings or {}))
    except ValidationError as error:
        raise setting_error(name, error) from None


def make_model(name: str, config: ModelConfig, sizes: Sizes) -> Recommender:
    """A model that is not fitted yet; raises ConfigError for an unknown name."""
    return _builder(name, config)(config, sizes)


def make_plan(
    name: str, settings: Mapping[str, Any] | None = None, training: Mapping[str, Any] | None = None
) -> Plan:
    """A plan with the model's own defaults, changed by `settings` and `training`.

    `settings` are the model's own; those of training may stand in them under `training`.

    Raises:
        ConfigError: an unknown model or setting.
    """
    kind = model_type(name)
    own = dict(settings or {})
    inner = own.pop(TRAINING, {})
    if not isinstance(inner, Mapping):
        raise ConfigError(f"{name}.{TRAINING} is {inner!r}: write its settings as {TRAINING}.name=value")
    given = kind.training_defaults.model_dump() | dict(inner) | dict(training or {})
    try:
        chosen = TrainingConfig.model_validate(given)
    except ValidationError as error:
        raise setting_error(TRAINING, error) from None
    config = make_config(name, own)
    return Plan(_builder(name, config), config, chosen)


def _builder(name: str, config: ModelConfig) -> type[Recommender]:
    """The class that builds such a config."""
    for variant in VARIANTS:
        if variant.name == name and variant.builds(config):
            return variant
    return model_type(name)
