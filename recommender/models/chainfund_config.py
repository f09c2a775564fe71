"""Settings of `chainfund`; the defaults are the corrected model's."""

from typing import Literal

from pydantic import Field

from recommender.config.model import ModelConfig
from recommender.losses.weighting import Weighting


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
    """The original's settings, whatever the others say; see `models.chainfund_as_published`."""
