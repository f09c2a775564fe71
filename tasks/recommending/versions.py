"""The site's register of runs: which there are, which is live, what the gates said."""

from collections.abc import Sequence
from pathlib import Path

from django.conf import settings

from django_project.discovery.models import ModelVersion, RankingPublication
from recommender.pipeline import PromotionDecision, RunInfo, open_run


def root() -> Path:
    """Where snapshots, runs and the embedding cache lie."""
    return Path(settings.RECOMMENDER_DIR)


def run_of(version: ModelVersion) -> RunInfo:
    """The version's files, verified; raises DamagedError."""
    return open_run(root() / version.run_id)


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
            "trained_at": run.manifest.trained_at,
        },
    )
    return version


def note(decision: PromotionDecision, runs: Sequence[RunInfo]) -> None:
    """Write what the gates said beside each run they were asked about."""
    said = {verdict.run.id: verdict for verdict in decision.verdicts}
    for run in runs:
        version = register(run)
        verdict = said.get(run.id)
        version.reasons = verdict.sentences if verdict else decision.sentences
        if version.state != ModelVersion.State.LIVE and run != decision.run:
            version.state = ModelVersion.State.REFUSED
        version.save(update_fields=["reasons", "state"])
