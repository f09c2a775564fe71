"""Settings of learning together; those of the network are `pfcr`'s own."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Travels = Literal["codes", "encoder", "all"]
"""Which parameters clients send: the code embeddings alone, everything but them, or both. Never a prompt."""


class FederationConfig(BaseModel):
    """How clients learn and what they send."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rounds: int = Field(20, ge=1)
    travels: Travels = "encoder"
    """More learns worse here, and shows what was backed: see docs/recommender.md."""
    local_epochs: float = Field(1.0, gt=0)
    """Passes over a client's persons in each round."""
    persons_per_step: int = Field(64, ge=1)
    learning_rate: float = Field(3e-3, gt=0)
    proximal: float = Field(0.0, ge=0)
    """μ of FedProx: how much a client is held to what it was given; 0 is federated averaging."""
    participation: float = Field(1.0, gt=0, le=1)
    """Chance of each client to take part in a round."""
    clip: float = Field(1.0, gt=0)
    """Longest gradient of one person, where there is noise; without it none is clipped."""
    epsilon: float | None = Field(None, gt=0)
    """ε of what every client promises each of its persons over all rounds, (ε, δ); none: no noise."""
    delta: float = Field(1e-4, gt=0, lt=1)
    """δ of it: below one over a client's persons."""
    seed: int = Field(0, ge=0)
    """Of who takes part, and of the network that all begin with. Nobody's noise follows from it."""
