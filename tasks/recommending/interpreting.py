"""Reads what models of ratings have learnt and keeps it where operators can see it without a worker."""

import logging

from django_project.discovery.models import Interpretation, ModelVersion
from recommender.errors import RecommenderError
from recommender.models.collaborative import CollaborativeFilter
from recommender.models.registry import model_type
from recommender.pipeline import RunInfo, open_ranker, run_snapshot
from recommender.ranking.interpretation import interpret
from recommender.ranking.interpretation_pictures import draw
from tasks.recommending import versions

logger = logging.getLogger(__name__)


def interpret_run(run: RunInfo, version: ModelVersion) -> Interpretation | None:
    """Write the run's interpretation, or nothing for a model without any and for too few ratings."""
    if not issubclass(model_type(run.model), CollaborativeFilter):
        return None
    ranker = open_ranker(run, run_snapshot(run, versions.root()), versions.root())
    try:
        found = interpret(ranker.model, ranker.dataset)
    except RecommenderError as reason:
        logger.warning("%s is not interpreted: %s", run.id, reason)
        return None
    written, _ = Interpretation.objects.update_or_create(
        version=version, defaults={"findings": found.as_json(), **draw(found)}
    )
    return written
