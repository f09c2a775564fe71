"""What a run's JSON files hold. Runs of older versions are read by it too: names and forms stay."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict

from recommender.config.model import Sizes
from recommender.config.training import TrainingConfig
from recommender.data.snapshot import ChainHead


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class RunConfig(_Strict):
    """config.json: all that is needed to build the model again."""

    model: str
    settings: dict[str, Any]
    training: TrainingConfig
    encoder: str
    sizes: Sizes


class Measured(_Strict):
    mean: float
    low: float
    high: float


class MeasuredSlice(Measured):
    users: int


class RunMetrics(_Strict):
    """metrics.json: how the model and the baselines did on the run's snapshot."""

    protocol: dict[str, Any]
    metrics: dict[str, dict[str, Measured]]
    """By model, by metric, for all users."""
    better_than: dict[str, Measured]
    """NDCG@10 of this model less a baseline's, paired by user, by baseline."""
    users: int
    """Measured ones."""
    best_epoch: int = 0
    curve: list[dict[str, float]] = []
    slices: dict[str, MeasuredSlice] = {}
    """NDCG@10 of this model by slice."""
    cold_items: Measured | None = None
    """NDCG@10 on the cold-items split."""
    cold_items_gain: Measured | None = None
    """The same less that of `tfidf`, paired by user."""
    cold_items_unmeasured: str = ""
    """Why there is no such split."""
    calibration_error: float | None = None
    """None where the model gives no probabilities."""
    latency_p95_ms: float | None = None
    top_users_share: float = 0.0
    """Of what was learnt from, that of the 1 % of users with most of it; after the cap on each user."""
    top_users_share_uncapped: float = 0.0


class RunManifest(_Strict):
    """manifest.json: where the run comes from and the hashes of its other files."""

    run_id: str
    model: str
    seed: int
    snapshot_hash: str
    snapshot_path: str
    """Relative to the runs' root."""
    finalized: dict[str, ChainHead]
    files: dict[str, str]
    stack: dict[str, str]
    """The software the weights were trained with: training is bitwise the same only there."""
    warm_from: str = ""
    """The run whose weights it began with; empty: it was trained from nothing."""
    trained_at: datetime
