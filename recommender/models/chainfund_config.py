"""Settings of `chainfund`: the corrected ones are the defaults, the published ones have a name."""

from typing import Any, Literal, Self

from pydantic import Field

from recommender.losses.weighting import Weighting
from recommender.models.base import ModelConfig


class ChainFundConfig(ModelConfig):
    max_tokens: int = Field(96, ge=1)
    """How much of a text is read; attention costs its square."""
    token_dims: int = Field(64, ge=1)
    """Token embeddings are rotated into this many of their principal dimensions."""
    heads: int = Field(4, ge=1)
    head_dims: int = Field(16, ge=1)
    content_dims: int = Field(128, ge=1)
    user_dims: int = Field(64, ge=1)
    publisher_dims: int = Field(32, ge=1)
    dropout: float = Field(0.2, ge=0, lt=1)
    id_dropout: float = Field(0.2, ge=0, lt=1)
    """How often a publisher is hidden, so that the unknown one learns to stand in for new ones."""
    user_dropout: float = Field(0.5, ge=0, lt=1)
    """How often a user's own vector is hidden, so that the history alone learns to speak for them."""
    attention: bool = True
    history: bool = True
    """Whether users are also what they did, or their own vector alone."""
    contrast: Literal["softmax", "hinge", "by-position"] = "softmax"
    temperature: float = Field(0.15, gt=0)
    margin: float = Field(1.0, gt=0)
    """Of the hinge."""
    negatives: int = Field(256, ge=1)
    """Items drawn for each batch; with as many as there are, all of them are looked at."""
    users_head: Literal["users", "publishers", "none"] = "users"
    """Whose number the users head is taught, if there is one."""
    users_share: float = Field(0.25, ge=0, le=1)
    """The users head's share of the score; the contrastive head has the rest."""
    view_weight: float = Field(0.3, ge=0, le=1)
    max_minutes: float = Field(20.0, gt=0)
    """Longer visits were left open in a tab."""
    weighting: Weighting = "dynamic"
    weighting_momentum: float = Field(0.98, ge=0, lt=1)
    weighting_floor: float = Field(0.05, gt=0)
    as_published: bool = False
    """The original's settings, whatever the others say."""

    def in_effect(self) -> Self:
        """The settings with what `as_published` decides."""
        return self.model_copy(update=AS_PUBLISHED) if self.as_published else self


AS_PUBLISHED: dict[str, Any] = {
    "contrast": "by-position",
    "users_head": "publishers",
    "users_share": 1.0,
    "history": False,
    "weighting": "as-published",
}


class AsPublishedConfig(ChainFundConfig):
    as_published: bool = True
