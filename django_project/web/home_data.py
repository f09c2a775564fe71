"""The part of the home page that is the same for everybody, read once for each generation of the cache."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Exists, OuterRef, Sum

from django_project.campaigns.models import Listing
from django_project.campaigns.selectors import CampaignCard, CategoryLabel, cards_by_key
from django_project.catalog import cache_generation
from django_project.catalog.selectors import ShopRows, categories_with_counts, shop_rows
from django_project.core.addresses import format_hash
from django_project.core.shapes import Shape
from django_project.ledger.models import CampaignTotals, Contribution
from django_project.ledger.selectors import gone_back

ROW_SHOWN = 4
LATEST = 4
# Read more than shown: some may have gone back.
LATEST_CANDIDATES = 100


@dataclass(frozen=True, slots=True)
class LatestContribution:
    card: CampaignCard
    amount_text: str
    block_number: int
    block_time: datetime
    tx_hash: str


@dataclass(frozen=True, slots=True)
class HomeData:
    contributions: int
    campaigns: int
    latest: tuple[LatestContribution, ...]
    rows: ShopRows
    categories: tuple[tuple[CategoryLabel, int], ...]

    @property
    def cards(self) -> list[CampaignCard]:
        """All campaigns that it shows."""
        rows = (self.rows.nearly_funded, self.rows.staff_picks, self.rows.just_launched)
        return [*(row.card for row in self.latest), *(card for row in rows for card in row)]


_SHAPE = Shape[HomeData](HomeData)


def home_data() -> HomeData:
    """The generation's; five queries beside those of its index for whoever asks first."""
    return cache_generation.shared("home-data", _SHAPE, _home_data)


def _home_data() -> HomeData:
    totals = CampaignTotals.objects.aggregate(contributions=Sum("contributions"), campaigns=Count("pk"))
    # Those of campaigns that nobody sees are passed over here, so that they keep no others from being seen.
    shown = Listing.objects.exclude(visibility=Listing.Visibility.HIDDEN).filter(
        chain_id=OuterRef("campaign__chain_id"), address=OuterRef("campaign__address")
    )
    newest = Contribution.objects.order_by("-block_time", "-seq")
    # Looked at one by one: which of all contributions stand would be a question about the whole table.
    candidates = newest.filter(pk__in=newest.filter(Exists(shown)).values("pk")[:LATEST_CANDIDATES])
    stands = ~Exists(gone_back().filter(pk=OuterRef("pk")))
    rows = list(candidates.filter(stands).select_related("campaign"))
    cards = cards_by_key((row.campaign.chain_id, row.campaign.address) for row in rows)
    latest = [
        LatestContribution(
            card=card,
            amount_text=card.amount_text(row.amount),
            block_number=row.block_number,
            block_time=row.block_time,
            tx_hash=format_hash(row.tx_hash),
        )
        for row in rows
        if (card := cards.get((row.campaign.chain_id, row.campaign.address))) and card.token
    ]
    return HomeData(
        contributions=int(totals["contributions"] or 0),
        campaigns=totals["campaigns"],
        latest=tuple(latest[:LATEST]),
        rows=shop_rows(ROW_SHOWN),
        categories=tuple(categories_with_counts()),
    )
