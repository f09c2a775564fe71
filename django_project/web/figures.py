"""What the home page shows of the chain: the newest contributions and how much there is."""

from dataclasses import dataclass
from datetime import datetime

from django.core.cache import cache
from django.db.models import Count, Sum

from django_project.campaigns.selectors import CampaignCard, cards_by_key
from django_project.core.addresses import format_hash
from django_project.core.money import format_units
from django_project.ledger.models import CampaignTotals, Contribution

CACHE_SECONDS = 5
LATEST = 5
# Read a few more than shown: some may belong to campaigns that moderators hid.
LATEST_CANDIDATES = 12


@dataclass(frozen=True, slots=True)
class LatestContribution:
    card: CampaignCard
    amount_text: str
    block_number: int
    block_time: datetime
    tx_hash: str


@dataclass(frozen=True, slots=True)
class Figures:
    contributions: int
    campaigns: int
    latest: tuple[LatestContribution, ...]


def figures() -> Figures:
    """At most a few seconds old; three queries when it is not in the cache."""
    found: Figures | None = cache.get_or_set("web:figures", _figures, CACHE_SECONDS)
    return found or _figures()


def _figures() -> Figures:
    totals = CampaignTotals.objects.aggregate(contributions=Sum("contributions"), campaigns=Count("pk"))
    rows = Contribution.objects.select_related("campaign").order_by("-block_time", "-seq")[:LATEST_CANDIDATES]
    cards = cards_by_key((row.campaign.chain_id, row.campaign.address) for row in rows)
    latest = [
        LatestContribution(
            card=card,
            amount_text=format_units(row.amount, card.token_decimals, grouping=True),
            block_number=row.block_number,
            block_time=row.block_time,
            tx_hash=format_hash(row.tx_hash),
        )
        for row in rows
        if (card := cards.get((row.campaign.chain_id, row.campaign.address)))
    ]
    return Figures(
        contributions=int(totals["contributions"] or 0),
        campaigns=totals["campaigns"],
        latest=tuple(latest[:LATEST]),
    )
