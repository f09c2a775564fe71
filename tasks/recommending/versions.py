"""The site's register of runs: which there are, which is live, what the gates said."""

import logging
from collections.abc import Sequence
from pathlib import Path

from django.conf import settings

from django_project.discovery.models import ModelVersion, RankingPublication
from recommender.errors import RecommenderError
from recommender.pipeline import PromotionDecision, RunInfo, open_run

logger = logging.getLogger(__name__)


def root() -> Path:
    """Where snapshots, runs and the embedding cache lie."""
    return Path(settings.RECOMMENDER_DIR)


def run_of(version: ModelVersion) -> RunInfo:
    """The version's files, verified; raises DamagedError."""
    return open_run(root() / version.run_id)


def warm_start_runs(models: Sequence[str]) -> list[RunInfo]:
    """The newest run of each model whose files are sound, to begin the next training from."""
    found = []
    for model in models:
        for version in ModelVersion.objects.filter(model=model).order_by("-trained_at", "-pk"):
            try:
                found.append(run_of(version))
            except RecommenderError as error:
                logger.warning("no warm start from %s: %s", version.run_id, error)
                continue
            break
    return found


def live_version() -> ModelVersion | None:
    publication = RankingPublication.objects.select_related("version").first()
    return publication.version if publication else None


def register(run: RunInfo) -> ModelVersion:
    """The run's row. A run that is known already keeps its own."""
    version, _ = ModelVersion.objects.get_or_create(
        run_id=run.id,
        defaults={
            "model": run.model,
            "snapshot_hash": run.manifest.snapshot_hash,
            "finalized_blocks": {chain: head.model_dump() for chain, head in run.manifest.finalized.items()},
            "seed": run.manifest.seed,
            "metrics": {
                model: {metric: figures.model_dump() for metric, figures in table.items()}
                for model, table in run.metrics.metrics.items()
            },
            "feedback": _feedback(run),
            "warm_from": run.manifest.warm_from,
            "trained_at": run.manifest.trained_at,
        },
    )
    return version


def record_decision(decision: PromotionDecision, runs: Sequence[RunInfo]) -> None:
    """Write what the gates found beside each run they were asked about."""
    verdicts = {verdict.run.id: verdict for verdict in decision.verdicts}
    for run in runs:
        version = register(run)
        verdict = verdicts.get(run.id)
        found = verdict.results if verdict else decision.results
        version.gate_results = [result.as_json() for result in found]
        is_chosen = run == decision.run or (verdict is not None and verdict.is_accepted)
        if version.state == ModelVersion.State.CANDIDATE and not is_chosen:
            version.state = ModelVersion.State.REFUSED
        version.save(update_fields=["gate_results", "state"])


def _feedback(run: RunInfo) -> dict[str, float]:
    """What tells whether the lists feed on themselves: few campaigns in them, few users behind them."""
    table = run.metrics.metrics.get(run.model, {})
    return {name: table[name].mean for name in ("coverage@10", "gini@10") if name in table} | {
        "top_users_share": run.metrics.top_users_share,
        "top_users_share_uncapped": run.metrics.top_users_share_uncapped,
    }
