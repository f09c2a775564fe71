"""Settings of training, apart from those of models."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class TrainingConfig(BaseModel):
    """How a model is trained."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    epochs: int = Field(40, ge=1)
    """At most; validation may stop earlier."""
    patience: int = Field(5, ge=1)
    """Epochs without a better validation before training stops."""
    batch_size: int = Field(1024, ge=1)
    learning_rate: float = Field(3e-3, gt=0)
    """With `one-cycle` the highest, see `training.schedule`."""
    schedule: Literal["constant", "one-cycle"] = "constant"
    """One cycle goes over all `epochs`: a training that stops earlier has not come to its end."""
    adam_beta2: float = Field(0.999, ge=0, lt=1)
    adam_epsilon: float = Field(1e-8, gt=0)
    weight_decay: float = Field(1e-3, ge=0)
    max_gradient_norm: float = Field(5.0, gt=0)
    max_user_weight: float = Field(200.0, gt=0)
    """What all rows of one user may weigh together; a contribution weighs 1. It caps the feedback of power
    users on what everybody is shown."""
    seed: int = Field(0, ge=0)
