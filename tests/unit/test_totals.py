"""A campaign's totals as its events have them, of several campaigns at once."""

from datetime import datetime, timedelta

import pytest
from django.utils import timezone

from django_project.ledger.models import CampaignLaunched, CampaignTotals
from django_project.ledger.totals import recompute_totals, refresh_milestones
from tests.factories import ETHER, World, address

pytestmark = pytest.mark.django_db

FIRST, SECOND, THIRD = timedelta(days=30), timedelta(days=50), timedelta(days=90)
WINDOW = timedelta(days=3)


def paid(world: World, *payments: datetime) -> CampaignLaunched:
    """A success whose milestones were paid at these times."""
    campaign = world.campaign(started=timezone.now() - timedelta(days=90), goal=ETHER)
    world.milestones(campaign, (5_000, FIRST), (3_000, SECOND), (2_000, THIRD), window=WINDOW)
    world.contribute(campaign, backer=address(1))
    for at in payments:
        world.submit_milestone(campaign)
        world.release_milestone(campaign, at)
    return campaign


def test_the_next_evidence_is_due_by_the_campaigns_own_last_payment() -> None:
    world, now = World(), timezone.now()
    once, early = (paid(world, now - timedelta(days=days)) for days in (5, 60))
    twice = paid(world, now - timedelta(days=20), now - timedelta(days=2))
    unpaid = paid(world)
    due = {
        # A late payment moves it.
        once.pk: now - timedelta(days=5) + (SECOND - FIRST) - WINDOW,
        early.pk: early.deadline + SECOND,
        twice.pk: now - timedelta(days=2) + (THIRD - SECOND) - WINDOW,
        unpaid.pk: unpaid.deadline + FIRST,
    }
    for write in (recompute_totals, refresh_milestones):
        CampaignTotals.objects.update(milestone_due=None)
        write(due)
        assert dict(CampaignTotals.objects.values_list("campaign", "milestone_due")) == due
