"""Published lists for tests, as the recommender would have written them."""

from collections.abc import Mapping, Sequence

from django.utils import timezone

from django_project.discovery.models import ModelVersion, NewcomerScore, Ranking, RankingPublication
from django_project.discovery.selectors import Recommendation
from django_project.ledger.models import CampaignLaunched
from tests.factories import address

ALICE = "0x" + address(1).hex()


def publish(model: str = "chainfund") -> ModelVersion:
    version = ModelVersion.objects.create(
        run_id=f"run-{model}",
        model=model,
        state=ModelVersion.State.LIVE,
        snapshot_hash="ab" * 32,
        finalized_blocks={"31337": {"number": 7, "hash": "0x00"}},
        seed=3,
        metrics={model: {"ndcg@10": {"mean": 0.3, "low": 0.2, "high": 0.4}}},
        reasons=["It beat pop."],
        trained_at=timezone.now(),
    )
    RankingPublication.objects.create(id=1, version=version, rankings_hash=bytes(32))
    return version


def rank(
    version: ModelVersion,
    user_key: str,
    campaigns: Sequence[CampaignLaunched],
    reason: str = "popular",
    because: CampaignLaunched | None = None,
) -> None:
    for place, campaign in enumerate(campaigns, start=1):
        Ranking.objects.create(
            version=version,
            user_key=user_key,
            chain_id=campaign.chain_id,
            address=campaign.address,
            rank=place,
            score=1 / place,
            reason=reason,
            reason_chain_id=because.chain_id if because else None,
            reason_address=because.address if because else None,
        )


def score_newcomers(
    version: ModelVersion, question: str, answer: str, scores: Mapping[CampaignLaunched, float]
) -> None:
    for campaign, score in scores.items():
        NewcomerScore.objects.create(
            version=version,
            question=question,
            answer=answer,
            chain_id=campaign.chain_id,
            address=campaign.address,
            score=score,
        )


def exploited(entries: list[Recommendation]) -> list[str]:
    return [entry.card.title for entry in entries if entry.reason != "exploration"]
