"""How likely each new campaign is to be the one people want: Thompson sampling, worked out ahead.

Each campaign's chance of a click is Beta(1 + clicks, 1 + impressions − clicks) given what was seen. Thompson
sampling draws from each and takes the largest; a campaign is taken with the probability that it is the best.
These probabilities are worked out here by drawing many times, so that a page only reads them, draws one
campaign with them and can write down the exact probability of its choice (Thompson 1933; Chapelle and Li
2011).
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

import numpy as np
from django.db import transaction
from django.db.models import Count, Exists, Q

from django_project.campaigns.selectors import CampaignKey, accepting, key_filter, listed_campaigns
from django_project.discovery.experiment_statistics import clicks_on_it
from django_project.discovery.models import BehaviourEvent, ExplorationArm
from django_project.discovery.selectors import EXPLORATION_POOL

DRAWS = 20_000
SEEN_WITHIN = timedelta(days=30)


def update_arms(now: datetime) -> int:
    """Work the probabilities out anew for the newest open campaigns; returns how many there are."""
    listed = accepting(listed_campaigns())
    newest = listed.order_by("-launched__start", "-pk")[:EXPLORATION_POOL]
    keys = [(chain_id, bytes(address)) for chain_id, address in newest.values_list("chain_id", "address")]
    seen = _seen(keys, now)
    counts = [seen.get(key, (0, 0)) for key in keys]
    rows = [
        ExplorationArm(
            chain_id=key[0], address=key[1], impressions=shown, clicks=clicked, probability=probability
        )
        for key, (shown, clicked), probability in zip(keys, counts, best_of(counts), strict=True)
    ]
    with transaction.atomic():
        ExplorationArm.objects.all().delete()
        ExplorationArm.objects.bulk_create(rows)
    return len(rows)


def best_of(counts: Sequence[tuple[int, int]], seed: int = 0) -> list[float]:
    """For (impressions, clicks) of each campaign, the probability that its rate is the highest; never 0."""
    if not counts:
        return []
    shown, clicked = np.array(counts, np.float64).T
    draws = np.random.default_rng(seed).beta(1 + clicked, 1 + shown - clicked, (DRAWS, len(counts)))
    wins = np.bincount(draws.argmax(1), minlength=len(counts)) + 1.0
    return [float(share) for share in wins / wins.sum()]


def _seen(keys: Sequence[CampaignKey], now: datetime) -> dict[CampaignKey, tuple[int, int]]:
    """Impressions and clicks by campaign, each visitor counted once."""
    if not keys:
        return {}
    rows = (
        BehaviourEvent.objects.filter(
            key_filter(set(keys), "chain_id", "campaign_address"),
            kind=BehaviourEvent.Kind.IMPRESSION,
            occurred_at__gte=now - SEEN_WITHIN,
        )
        .annotate(was_clicked=Exists(clicks_on_it()))
        .values("chain_id", "campaign_address")
        .annotate(
            shown=Count("visitor", distinct=True),
            clicked=Count("visitor", distinct=True, filter=Q(was_clicked=True)),
        )
        .order_by()
    )
    return {(row["chain_id"], bytes(row["campaign_address"])): (row["shown"], row["clicked"]) for row in rows}
