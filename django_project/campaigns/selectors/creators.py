"""What an address did as a creator."""

from dataclasses import dataclass

from django.db.models import Count

from django_project.campaigns.selectors.cards import CampaignCard, cards
from django_project.campaigns.selectors.listings import STATUSES, Status, visible
from django_project.ledger.models import CampaignLaunched


@dataclass(frozen=True, slots=True)
class CreatorRecord:
    """The visible campaigns in a creator's hands: the newest as cards, and how many stand where."""

    cards: tuple[CampaignCard, ...]
    by_status: tuple[tuple[Status, int], ...]

    @property
    def total(self) -> int:
        return sum(count for _, count in self.by_status)


def creator_record(creator: bytes, limit: int) -> CreatorRecord:
    """The campaigns whose creator an address is now, the newest `limit` as cards; three queries at most.

    A campaign that was handed over is its new creator's alone.
    """
    launched = CampaignLaunched.objects.filter(creator=creator, totals__creator=None)
    taken_over = CampaignLaunched.objects.filter(totals__creator=creator)
    # Read first and apart: a condition over both tables would go through every campaign of the shop window.
    ids = list(launched.values_list("pk", flat=True).union(taken_over.values_list("pk", flat=True)))
    theirs = visible().filter(launched__pk__in=ids)
    counts = dict(theirs.order_by().values_list("status").annotate(count=Count("pk")))
    newest = theirs.order_by("-launched__start", "-pk")[:limit]
    return CreatorRecord(
        cards=tuple(cards(newest)),
        by_status=tuple((status, counts[status]) for status in STATUSES if status in counts),
    )
