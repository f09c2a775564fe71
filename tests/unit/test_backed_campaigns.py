"""The money that a backer has in campaigns, and what is owed back."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import AnonymousUser
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from django_project.accounts.models import User
from django_project.campaigns.selectors import campaign_detail
from django_project.ledger.models import CampaignTotals
from django_project.pledges import selectors
from tests.factories import World, address, backer_user
from tests.support.pledging import ALICE, BOB

pytestmark = pytest.mark.django_db


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def alice() -> User:
    return backer_user(ALICE)


def test_money_by_campaign(
    world: World, alice: User, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    failed = world.campaign(title="failed")
    refunded = world.campaign(title="refunded")
    running = world.campaign(title="running")
    for campaign in (failed, refunded):
        world.contribute(campaign, backer=address(ALICE), amount=3)
        world.contribute(campaign, backer=address(ALICE), amount=4)
        world.contribute(campaign, backer=address(BOB), amount=100)
    world.contribute(running, backer=address(ALICE), amount=5)
    world.cancel(failed)
    world.cancel(refunded)
    world.refund(refunded, backer=address(ALICE))
    world.listing(running)
    with django_assert_max_num_queries(5):
        backed = {entry.card.title: entry for entry in selectors.contributions_by_campaign(alice)}
    assert {title: (b.contributed, b.refunded, b.refund_due) for title, b in backed.items()} == {
        "failed": (7, 0, 7),
        "refunded": (7, 7, 0),
        "running": (5, 0, 0),
    }
    assert len(backed["failed"].contributions) == 2
    assert [entry.card.title for entry in selectors.refunds_due(alice)] == ["failed"]
    assert selectors.contributions_by_campaign(AnonymousUser()) == []


def test_a_pledge_taken_back_is_nobodys_money_any_more(world: World, alice: User) -> None:
    campaign = world.campaign(tiers=[(3, 1)])
    world.contribute(campaign, backer=address(ALICE), amount=3, tier_id=1)
    listing = world.listing(campaign)
    (backed,) = selectors.contributions_by_campaign(alice)
    assert (backed.contributed, backed.can_take_back) == (3, True)
    assert campaign_detail(listing.slug).rewards[0].is_sold_out
    world.take_pledge_back(campaign, backer=address(ALICE))
    (backed,) = selectors.contributions_by_campaign(alice)
    assert (backed.contributed, backed.refund_due, backed.can_take_back) == (0, 0, False)
    assert campaign_detail(listing.slug).rewards[0].left == 1
    world.contribute(campaign, backer=address(ALICE), amount=5)
    (backed,) = selectors.contributions_by_campaign(alice)
    assert (backed.contributed, backed.can_take_back) == (5, True)


def test_when_pledges_are_firm(world: World, alice: User) -> None:
    now = timezone.now()
    campaigns = {
        "last day": world.campaign(started=now - timedelta(days=6, hours=1), lasts=timedelta(days=7)),
        "goal reached": world.campaign(goal=3),
        "kept anyway": world.campaign(all_or_nothing=False),
        "cancelled": world.campaign(),
    }
    for campaign in campaigns.values():
        world.contribute(campaign, backer=address(ALICE), amount=3)
        world.listing(campaign)
    world.cancel(campaigns["cancelled"])
    assert [backed.can_take_back for backed in selectors.contributions_by_campaign(alice)] == 4 * [False]


def test_in_a_wind_down_a_share_is_due_and_after_half_a_year_everything(world: World, alice: User) -> None:
    long_ago = timezone.now() - timedelta(days=300)
    wound_down = world.campaign(title="wound down", started=long_ago, goal=100)
    expired = world.campaign(title="expired", started=long_ago, goal=1)
    for campaign, amount in ((wound_down, 101), (expired, 5)):
        world.contribute(campaign, backer=address(ALICE), amount=amount)
        world.contribute(campaign, backer=address(BOB), amount=100)
        world.listing(campaign)
    CampaignTotals.objects.filter(campaign=wound_down).update(
        milestones=2,
        milestones_released=1,
        milestone_due=timezone.now() - timedelta(days=1),
        withdrawn=78,
        fees=2,
    )
    due = {backed.card.title: backed for backed in selectors.refunds_due(alice)}
    assert {title: (backed.card.status, backed.refund_due) for title, backed in due.items()} == {
        "wound down": ("wind-down", 101 * 121 // 201),
        "expired": ("expired", 5),
    }


def test_what_was_given_last_is_told_first(world: World, alice: User) -> None:
    now = timezone.now()
    early, late = world.campaign(title="early"), world.campaign(title="late")
    for campaign, amount, hours in ((late, 1, 1), (early, 2, 3), (early, 3, 3), (early, 4, 2)):
        world.contribute(
            campaign, backer=address(ALICE), amount=amount, at=now - timedelta(hours=hours), tier_id=amount
        )
    world.take_pledge_back(early, backer=address(ALICE))
    world.contribute(early, backer=address(ALICE), amount=5, at=now - timedelta(minutes=90))
    world.cancel(early)
    world.refund(early, backer=address(ALICE))
    world.listing(early)
    told = selectors.contributions_by_campaign(alice)
    assert [each.card.title for each in told] == ["late", "early"]
    assert [[(row.amount, row.tier_id, row.went_back) for row in each.contributions] for each in told] == [
        [(1, 1, "")],
        [(5, 0, "refunded"), (4, 4, "taken_back"), (3, 3, "taken_back"), (2, 2, "taken_back")],
    ]
    assert [(row.kind, row.amount) for row in told[1].returns] == [("refunded", 5), ("taken_back", 9)]
    assert (told[1].contributed, told[1].refunded, told[1].taken_back, told[1].refund_due) == (5, 5, 9, 0)


def test_a_refund_is_owed_to_each_backer_of_each_campaign_once(world: World, alice: User) -> None:
    bob = backer_user(BOB)
    cancelled, other, running, wound_down = (world.campaign() for _ in range(4))
    for campaign in (cancelled, other, running):
        for backer, amount in ((ALICE, 3), (BOB, 5), (ALICE, 4)):
            world.contribute(campaign, backer=address(backer), amount=amount)
    for backer, amount in ((ALICE, 8), (BOB, 92)):
        world.contribute(wound_down, backer=address(backer), amount=amount)
    world.take_pledge_back(other, backer=address(BOB))
    for campaign in (cancelled, other):
        world.cancel(campaign)
    world.refund(cancelled, backer=address(ALICE))
    world.wind_down(wound_down, since=timezone.now())
    # Ten are left: of them a share of 8 in 100 is nothing.
    CampaignTotals.objects.filter(campaign=wound_down).update(withdrawn=88, fees=2)
    assert {(row.campaign_id, row.backer, row.backer_total) for row in selectors.owed()} == {
        (cancelled.pk, address(BOB), 5),
        (other.pk, address(ALICE), 7),
        (wound_down.pk, address(BOB), 92),
    }
    assert [row.campaign_id for row in selectors.refunds_to_claim(alice)] == [other.pk]
    assert selectors.owing_campaigns(bob) == {
        (campaign.chain_id, campaign.address) for campaign in (cancelled, wound_down)
    }


def test_an_address_shows_the_campaigns_that_it_stays_with_the_latest_first(world: World) -> None:
    now = timezone.now()
    hours = {"first": [9, 2], "second": [3], "tied": [3], "taken back": [1], "others": []}
    for title, ago in hours.items():
        campaign = world.campaign(title=title)
        world.listing(campaign)
        for number in ago:
            world.contribute(campaign, backer=address(ALICE), at=now - timedelta(hours=number))
        world.contribute(campaign, backer=address(BOB), at=now)
        if title == "taken back":
            world.take_pledge_back(campaign, backer=address(ALICE))
    cards, in_all = selectors.backed_by(address(ALICE), 2)
    assert ([card.title for card in cards], in_all) == (["first", "tied"], 3)
    assert [selectors.has_contributed(address(number)) for number in (ALICE, BOB, 3)] == [True, True, False]
