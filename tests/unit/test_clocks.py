"""What the site says of time goes by each chain's own clock, wherever the site's and the database's stand."""

from datetime import datetime, timedelta

import pytest
from django.test import Client
from django.utils import timezone

from django_project.campaigns import selectors
from django_project.community import milestones
from django_project.ledger.clocks import chain_now, is_off
from django_project.ledger.models import CampaignLaunched
from django_project.ledger.selectors import campaigns_with_status
from django_project.pledges.milestone_votes import to_judge
from django_project.pledges.selectors import contributions_by_campaign
from tests.factories import ETHER, World, address, backer_user

pytestmark = pytest.mark.django_db

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
HALF = timedelta(minutes=30)
MONTH = timedelta(days=30)


@pytest.fixture
def world() -> World:
    return World()


def set_clock(world: World, offset: timedelta | None) -> None:
    """Let the world's chain be ahead of the database by so much."""
    world.cursor.clock_offset = offset
    world.cursor.save()


def ending(world: World, when: timedelta, **more: object) -> CampaignLaunched:
    """A listed campaign whose deadline lies so far from now on this machine."""
    campaign = world.campaign(started=timezone.now() + when - MONTH, lasts=MONTH, **more)  # type: ignore[arg-type]
    world.listing(campaign)
    return campaign


@pytest.mark.parametrize(
    ("offset", "believed"),
    [
        (None, timedelta()),
        (HOUR, HOUR),
        (-HOUR, -HOUR),
        (timedelta(days=365), timedelta(days=365)),
        (-DAY, -DAY),
        (-DAY - timedelta(microseconds=1), timedelta()),
    ],
)
def test_a_chains_time_is_its_heads_with_what_has_passed(
    world: World, offset: timedelta | None, believed: timedelta
) -> None:
    set_clock(world, offset)
    earliest = timezone.now() + believed
    told = chain_now(world.chain.chain_id)
    assert earliest <= told <= timezone.now() + believed
    ending(world, HALF)
    [card] = selectors.cards(selectors.visible())
    assert told <= card.now <= timezone.now() + believed


def test_every_chain_has_a_time_of_its_own(world: World) -> None:
    set_clock(world, HOUR)
    other = World(31338)
    before = timezone.now()
    assert before <= chain_now(other.chain.pk) <= timezone.now()
    assert before + HOUR <= chain_now(world.chain.pk) <= timezone.now() + HOUR


def test_a_chain_that_is_not_indexed_has_this_machines_time() -> None:
    before = timezone.now()
    assert before <= chain_now(5) <= timezone.now()


@pytest.mark.parametrize("offset", [HOUR, -HOUR])
def test_campaigns_end_by_the_time_of_their_own_chain(world: World, offset: timedelta) -> None:
    """Lists mix chains: each row goes by its own."""
    other = World(31338)
    set_clock(world, offset)
    for each, name in ((world, "off"), (other, "right")):
        ending(each, HALF, title=f"{name} in half an hour")
        ending(each, -HALF, title=f"{name} half an hour ago")
    found = {card.title: card.status for card in selectors.cards(selectors.visible())}
    told = {(row.chain_id, row.address): row.status for row in campaigns_with_status()}
    assert {card.key: card.status for card in selectors.cards(selectors.visible())} == told
    assert found == {
        "off in half an hour": "open" if offset < timedelta() else "failed",
        "off half an hour ago": "open" if offset < timedelta() else "failed",
        "right in half an hour": "open",
        "right half an hour ago": "failed",
    }


@pytest.mark.parametrize(
    ("offset", "left"), [(HOUR, ""), (-HOUR, "90 minutes left"), (None, "30 minutes left")]
)
def test_the_page_counts_the_time_left_by_the_chain(
    world: World, client: Client, offset: timedelta | None, left: str
) -> None:
    set_clock(world, offset)
    campaign = ending(world, HALF + timedelta(seconds=50))
    page = client.get(f"/campaigns/{world.listing(campaign).slug}/").content.decode()
    assert ("Not funded" in page) == (not left)
    assert left in page


@pytest.mark.parametrize(("offset", "owes"), [(HOUR, True), (-HOUR, False), (None, False)])
def test_refunds_open_by_the_chain(world: World, offset: timedelta | None, *, owes: bool) -> None:
    set_clock(world, offset)
    campaign = ending(world, HALF)
    backer = backer_user(1)
    world.contribute(campaign, backer=address(1), amount=ETHER, at=timezone.now() - timedelta(days=9))
    [backed] = contributions_by_campaign(backer)
    assert (backed.refund_due == ETHER) == owes


@pytest.mark.parametrize(("offset", "may"), [(HOUR, False), (-HOUR, True), (None, True)])
def test_taking_back_ends_by_the_chain(world: World, offset: timedelta | None, *, may: bool) -> None:
    set_clock(world, offset)
    campaign = ending(world, timedelta(days=1) + HALF)
    backer = backer_user(1)
    world.contribute(campaign, backer=address(1), amount=ETHER)
    [backed] = contributions_by_campaign(backer)
    assert backed.can_take_back == may


@pytest.mark.parametrize(
    ("offset", "window", "may"),
    [
        (HOUR, HALF, False),
        (None, HALF, True),
        (-HOUR, -HALF, True),
        (None, -HALF, False),
        # To the second of the chain: at its end the window is over.
        (HOUR, HOUR, False),
        (HOUR, HOUR + timedelta(seconds=40), True),
    ],
)
def test_windows_close_by_the_chain(
    world: World, offset: timedelta | None, window: timedelta, *, may: bool
) -> None:
    set_clock(world, offset)
    now = timezone.now()
    campaign = world.campaign(started=now - timedelta(days=40), goal=ETHER)
    world.contribute(campaign, backer=address(1), amount=2 * ETHER)
    world.milestones(campaign, (5_000, timedelta(days=30)), (5_000, timedelta(days=60)))
    world.submit_milestone(campaign, limit=ETHER, window_end=now + window)
    slug = world.listing(campaign).slug
    backer = backer_user(1)
    assert len(to_judge(backer)) == may
    page = milestones.milestones(selectors.listing_by_slug(slug))
    assert page is not None
    assert page.lines[0].state == ("review" if may else "payable")


@pytest.mark.parametrize(
    ("offset", "off"),
    [
        (None, False),
        (MINUTE, False),
        (-MINUTE, False),
        (MINUTE + timedelta(microseconds=1), True),
        (-MINUTE - timedelta(microseconds=1), True),
    ],
)
def test_what_a_blocks_way_explains_is_no_difference(offset: timedelta | None, *, off: bool) -> None:
    assert is_off(offset) == off


def test_one_reading_of_a_card_equals_the_next(world: World) -> None:
    ending(world, HALF)
    first, second = (selectors.cards(selectors.visible())[0] for _ in range(2))
    assert first.now < second.now
    assert first == second
    assert hash(first) == hash(second)
    assert isinstance(first.now, datetime)
