"""Puts a run's lists into the database and makes the site show them, in one transaction; and goes back."""

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
from django.db import transaction

from django_project.core.addresses import format_address, parse_address
from django_project.core.copying import copy_rows
from django_project.discovery import services as discovery
from django_project.discovery.models import (
    AudienceMember,
    ModelVersion,
    NewcomerScore,
    Ranking,
    RankingPublication,
    SimilarCampaign,
)
from recommender.pipeline import Ranker, audiences, digest, newcomer_scores, rank_all, similar_items
from recommender.progress import Progress
from recommender.ranking.lists import RANKINGS

RANKED = 200
"""Campaigns in each user's list."""
SIMILAR = 12
AUDIENCE = 50
ALL = "all"
WHERE = {
    ALL: "is live",
    RankingPublication.Stage.SHADOW: "is scored in the shadow",
    RankingPublication.Stage.CANARY: "is shown to a tenth of the users",
}
KEPT_VERSIONS = 15
"""Newest runs whose files and lists are kept, to go back to and to reproduce from."""


@dataclass(frozen=True)
class Published:
    version: ModelVersion
    stage: str
    rankings: int
    users: int
    rankings_hash: str

    @property
    def sentence(self) -> str:
        return f"{self.version.run_id} {WHERE[self.stage]}: {self.rankings:,} rows for {self.users:,} users"


def publish_run(version: ModelVersion, ranker: Ranker, progress: Progress, stage: str = ALL) -> Published:
    """Rank everybody and show it, or put it beside what is live (`shadow`, `canary`).

    Doing it again with the same run writes the same rows.
    """
    table = rank_all(ranker, RANKED, progress)
    similar = similar_items(ranker, SIMILAR).to_pylist()
    likely = audiences(ranker, AUDIENCE).to_pylist()
    answered = newcomer_scores(ranker.dataset, RANKED, progress).to_pylist()
    with transaction.atomic():
        for model in (Ranking, SimilarCampaign, AudienceMember, NewcomerScore):
            model.objects.filter(version=version).delete()
        copy_rows(Ranking, _RANKING_COLUMNS, _rankings(version, table.to_pylist()))
        copy_rows(SimilarCampaign, _SIMILAR_COLUMNS, _similar(version, similar))
        copy_rows(AudienceMember, _AUDIENCE_COLUMNS, _audience(version, likely))
        copy_rows(NewcomerScore, _NEWCOMER_COLUMNS, _newcomers(version, answered))
        version.rankings_hash = bytes.fromhex(digest(table))
        version.save(update_fields=["rankings_hash"])
        if stage == ALL:
            discovery.show_version(version)
        else:
            discovery.stage_candidate(version, RankingPublication.Stage(stage))
    return Published(version, stage, table.num_rows, len(table["user_id"].unique()) - 1, digest(table))


def published_table(version: ModelVersion) -> pa.Table:
    """The version's lists as they were when they were ranked: the same rows, so the same digest."""
    rows = Ranking.objects.filter(version=version)
    columns = zip(*sorted(_published_row(row) for row in rows.iterator()), strict=True)
    user, rank, item, score, reason, past = columns
    return pa.table([user, item, rank, score, reason, past], schema=RANKINGS)


def forget_old(root: Path) -> int:
    """Delete versions beyond the newest KEPT_VERSIONS, their lists and files; returns how many."""
    publication = RankingPublication.objects.first()
    protected: set[int | None] = set()
    if publication:
        protected = {publication.version_id, publication.previous_id, publication.candidate_id}
    newest = list(ModelVersion.objects.order_by("-trained_at", "-pk"))
    old = [version for version in newest[KEPT_VERSIONS:] if version.pk not in protected]
    for version in old:
        shutil.rmtree(root / version.run_id, ignore_errors=True)
        version.delete()
    kept = {digits[:16] for digits in ModelVersion.objects.values_list("snapshot_hash", flat=True)}
    for path in (root / "snapshots").glob("*"):
        if old and path.name not in kept:
            shutil.rmtree(path, ignore_errors=True)
    return len(old)


_ITEM_COLUMNS = ("version_id", "chain_id", "address", "rank", "score")
_RANKING_COLUMNS = (*_ITEM_COLUMNS, "user_key", "reason", "reason_chain_id", "reason_address")
_SIMILAR_COLUMNS = (*_ITEM_COLUMNS, "of_chain_id", "of_address")
_AUDIENCE_COLUMNS = (*_ITEM_COLUMNS, "user_key")
_NEWCOMER_COLUMNS = ("version_id", "question", "answer", "chain_id", "address", "score")

Row = dict[str, Any]


def _rankings(version: ModelVersion, rows: Sequence[Row]) -> Iterator[tuple[Any, ...]]:
    for row in rows:
        past = _campaign(row["reason_item_id"]) if row["reason_item_id"] else (None, None)
        yield (*_item(version, row["item_id"], row), row["user_id"], row["reason"], *past)


def _similar(version: ModelVersion, rows: Sequence[Row]) -> Iterator[tuple[Any, ...]]:
    for row in rows:
        yield (*_item(version, row["similar_item_id"], row), *_campaign(row["item_id"]))


def _audience(version: ModelVersion, rows: Sequence[Row]) -> Iterator[tuple[Any, ...]]:
    for row in rows:
        yield (*_item(version, row["item_id"], row), row["user_id"])


def _newcomers(version: ModelVersion, rows: Sequence[Row]) -> Iterator[tuple[Any, ...]]:
    for row in rows:
        yield (version.pk, row["question"], row["answer"], *_campaign(row["item_id"]), row["score"])


def _item(version: ModelVersion, item_id: str, row: Row) -> tuple[Any, ...]:
    return (version.pk, *_campaign(item_id), row["rank"], row["score"])


def _published_row(row: Ranking) -> tuple[str, int, str, float, str, str | None]:
    past = None
    if row.reason_chain_id is not None and row.reason_address is not None:
        past = _item_id(row.reason_chain_id, row.reason_address)
    return row.user_key, row.rank, _item_id(row.chain_id, row.address), row.score, row.reason, past


def _item_id(chain_id: int, address: bytes) -> str:
    return f"{chain_id}:{format_address(address).lower()}"


def _campaign(item_id: str) -> tuple[int, bytes]:
    chain_id, _, address = item_id.partition(":")
    return int(chain_id), parse_address(address)
