"""The milestones tab: what was asked, shown, objected to and paid, and what each backer may do about it."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone
from django.utils.formats import date_format
from pytest_django import DjangoAssertNumQueries

from django_project.campaigns.selectors import listing_by_slug
from django_project.community import services as community_services
from django_project.community.milestones import LatePayment, MilestonesPage, MilestoneState, milestones
from django_project.community.models import CampaignUpdate
from django_project.core.addresses import format_hash
from django_project.ledger.models import (
    FIRST_VERSION,
    SECOND_VERSION,
    CampaignLaunched,
    Milestone,
    MilestoneRelease,
    MilestoneSubmission,
)
from django_project.ledger.totals import recompute_totals
from tests.factories import ETHER, World, address
from tests.support.markup import flat
from tests.web.test_pages import MAX_QUERIES

pytestmark = pytest.mark.django_db

TERMS = ((5_000, timedelta(days=30)), (3_000, timedelta(days=60)), (2_000, timedelta(days=90)))
LIMIT = 2 * ETHER


@pytest.fixture
def world() -> World:
    return World()


def funded(world: World, days_ago: int = 10) -> CampaignLaunched:
    """A success of 10 ETH in three milestones, from backers 1, 2 and 3 (6, 3, 1), ended `days_ago`."""
    started = timezone.now() - timedelta(days=30 + days_ago)
    campaign = world.campaign(started=started, title="Honey from eight roofs")
    world.milestones(campaign, *TERMS)
    for backer, amount in ((1, 6), (2, 3), (3, 1)):
        world.contribute(campaign, backer=address(backer), amount=amount * ETHER, at=started)
    return campaign


def url(world: World, campaign: CampaignLaunched) -> str:
    return f"/campaigns/{world.listing(campaign).slug}/milestones/"


def view(world: World, campaign: CampaignLaunched) -> MilestonesPage:
    page = milestones(listing_by_slug(world.listing(campaign).slug))
    assert page is not None
    return page


def states(world: World, campaign: CampaignLaunched) -> list[str]:
    return [line.state for line in view(world, campaign).lines]


def read(address: str, language: str = "en") -> str:
    answer = Client(headers={"Accept-Language": language}).get(address)
    assert answer.status_code == 200
    return flat(answer.content.decode().replace("<wbr>", ""))


def test_a_milestone_from_the_first_pledge_to_its_payment(world: World) -> None:
    campaign = world.campaign()
    world.milestones(campaign, *TERMS)
    assert states(world, campaign) == [MilestoneState.UPCOMING] * 3

    campaign = funded(world)
    later = [MilestoneState.UPCOMING] * 2
    assert states(world, campaign) == [MilestoneState.AWAITED, *later]
    world.submit_milestone(campaign, limit=LIMIT)
    assert states(world, campaign) == [MilestoneState.REVIEW, *later]
    MilestoneSubmission.objects.update(window_end=timezone.now())
    recompute_totals([campaign.pk])
    assert states(world, campaign) == [MilestoneState.PAYABLE, *later]
    world.release_milestone(campaign)
    assert states(world, campaign) == [MilestoneState.PAID, MilestoneState.AWAITED, MilestoneState.UPCOMING]


@pytest.mark.parametrize(
    ("ending", "state"),
    [
        ("missed", MilestoneState.MISSED),
        ("refused", MilestoneState.REFUSED),
        ("unclaimed", MilestoneState.UNCLAIMED),
        ("stopped", MilestoneState.STOPPED),
        ("stopped in review", MilestoneState.STOPPED),
    ],
)
def test_why_payouts_are_over(ending: str, state: str, world: World) -> None:
    campaign = funded(world, days_ago=31 if ending == "missed" else 10)
    now = timezone.now()
    window_end = {"refused": now - timedelta(hours=1), "unclaimed": now - timedelta(days=180, seconds=1)}.get(
        ending
    )
    if ending not in ("missed", "stopped"):
        world.submit_milestone(campaign, limit=LIMIT, window_end=window_end)
    if ending == "refused":
        world.raise_objection(campaign, backer=address(2))
    if ending.startswith("stopped"):
        world.wind_down(campaign, since=now)
    assert states(world, campaign) == [state, MilestoneState.VOID, MilestoneState.VOID]
    text = read(url(world, campaign))
    assert "backers can claim what is left" in text.lower()
    assert "Left for backers to claim" in text
    assert "10 ETH" in text
    assert "Left after it" not in text


@pytest.mark.parametrize("is_cancelled", [True, False])
def test_milestones_of_what_came_to_nothing_are_void(is_cancelled: bool, world: World) -> None:
    campaign = world.campaign(started=timezone.now() - timedelta(days=31))
    world.milestones(campaign, *TERMS)
    if is_cancelled:
        world.cancel(campaign)
    assert states(world, campaign) == [MilestoneState.VOID] * 3


def test_shares_are_rounded_as_the_contract_rounds_and_lose_nothing(world: World) -> None:
    campaign = world.campaign(started=timezone.now() - timedelta(days=31), goal=7)
    world.milestones(
        campaign, (3_333, timedelta(days=30)), (3_333, timedelta(days=60)), (3_334, timedelta(days=90))
    )
    world.contribute(campaign, backer=address(1), amount=10**18 + 7)
    amounts = [line.amount for line in view(world, campaign).lines]
    assert amounts == [333300000000000002, 333300000000000002, 333400000000000003]
    assert sum(amounts) == 10**18 + 7
    world.submit_milestone(campaign, window_end=timezone.now())
    assert world.release_milestone(campaign).amount == amounts[0]
    assert [line.amount for line in view(world, campaign).lines] == amounts


def test_the_page_tells_shares_dates_evidence_and_objections(world: World) -> None:
    campaign = funded(world)
    row = world.submit_milestone(campaign, limit=LIMIT)
    world.raise_objection(campaign, backer=address(3))
    text = read(url(world, campaign))
    for shown in (
        "50% · 5 ETH",
        "30% · 3 ETH",
        "20% · 2 ETH",
        "Objections: 1 ETH, 50% of the limit of 2 ETH",
        'href="https://example.org/evidence" rel="noopener noreferrer nofollow ugc"',
        format_hash(row.content_hash),
        f"until {date_format(row.window_end, 'j M Y, H:i')} UTC. As it stands, the creator can collect",
        f"{campaign.deadline + timedelta(days=30):%Y-%m-%d %H:%M} UTC",
        "We do not have this evidence ourselves",
        '<rect width="50" height="4" class="fill-over"/>',
    ):
        assert shown in text
    world.raise_objection(campaign, backer=address(2))
    text = read(url(world, campaign))
    assert "Objections: 4 ETH, above the limit of 2 ETH" in text
    assert "As it stands, payouts stop then and backers can claim what is left." in text
    world.withdraw_objection(campaign, backer=address(2))
    assert "Objections: 1 ETH, 50% of the limit of 2 ETH" in read(url(world, campaign))


def test_objections_to_a_paid_milestone_stay_with_it(world: World) -> None:
    campaign = funded(world)
    world.submit_milestone(campaign, limit=LIMIT, window_end=timezone.now())
    world.raise_objection(campaign, backer=address(3))
    release = world.release_milestone(campaign)
    world.submit_milestone(campaign, limit=LIMIT)
    first, second, _ = view(world, campaign).lines
    assert first.objections is not None
    assert second.objections is not None
    assert (first.objections.total, second.objections.total) == (ETHER, 0)
    text = read(url(world, campaign))
    assert f"block {release.block_number}" in text
    assert format_hash(release.tx_hash) in text


def test_evidence_is_shown_where_its_hash_is_the_contracts(world: World) -> None:
    campaign = funded(world)
    text = community_services.store_update(
        {"schema": 1, "title": "All frames stand", "body": "Count **them**."},
        campaign.chain_id,
        campaign.address,
    )
    world.submit_milestone(campaign, content_hash=text.content_hash, uri="chainfund:metadata:0x00")
    page = read(url(world, campaign))
    assert "All frames stand" in page
    assert "<strong>them</strong>" in page
    assert "has exactly the hash that the contract carries" in page
    CampaignUpdate.objects.update(document=b'{"title":"Something else"}')
    page = read(url(world, campaign))
    assert "All frames stand" not in page
    assert "We do not have this evidence ourselves" in page


@pytest.mark.parametrize(
    "uri", ["javascript:alert(1)", "data:text/html,x", "ipfs://evidence", "http://a.example"]
)
def test_only_a_safe_address_becomes_a_link(uri: str, world: World) -> None:
    campaign = funded(world)
    world.submit_milestone(campaign, uri=uri)
    page = read(url(world, campaign))
    assert uri in page
    assert f'href="{uri}"' not in page


def test_the_tab_counts_and_needs_few_queries(
    world: World, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    campaign = funded(world)
    world.submit_milestone(campaign, window_end=timezone.now())
    world.release_milestone(campaign)
    world.submit_milestone(campaign)
    address_of_page = url(world, campaign)
    assert 'Milestones <span class="count">3</span>' in read(address_of_page)
    with django_assert_max_num_queries(MAX_QUERIES):
        read(address_of_page)


def test_the_tab_speaks_chinese(world: World) -> None:
    campaign = funded(world)
    world.submit_milestone(campaign, limit=LIMIT)
    text = read(url(world, campaign), "zh-hans")
    assert "可提出异议" in text
    assert "异议：0 ETH，为上限 2 ETH 的 0%" in text


def paid_late(world: World, days: int) -> CampaignLaunched:
    """A success whose first milestone, due before day 30, was paid on day `days` after the deadline."""
    campaign = funded(world, days_ago=days)
    world.submit_milestone(campaign, limit=LIMIT, window_end=timezone.now())
    world.release_milestone(campaign, at=campaign.deadline + timedelta(days=days))
    return campaign


def test_a_late_payment_moves_the_next_date_and_says_so(world: World) -> None:
    campaign = paid_late(world, days=40)
    first, second, third = view(world, campaign).lines
    # Thirty days lie between the two, three of which are the window's.
    assert second.due == campaign.deadline + timedelta(days=67)
    assert second.promised_due == campaign.deadline + timedelta(days=60)
    assert (first.due, third.due) == (first.promised_due, third.promised_due)
    assert [line.late_payment for line in (first, second, third)] == [None] * 3
    text = read(url(world, campaign))
    assert f"{second.due:%Y-%m-%d %H:%M} UTC" in text
    assert text.count(f"moved from {second.promised_due:%Y-%m-%d %H:%M} UTC because") == 1
    assert "keeps the time between the two dates" in text
    assert "因上一里程碑拨付较晚而顺延" in read(url(world, campaign), "zh-hans")


def test_a_payment_in_time_moves_nothing(world: World) -> None:
    campaign = paid_late(world, days=33)
    assert [line.due for line in view(world, campaign).lines] == [
        campaign.deadline + timedelta(days=days) for days in (30, 60, 90)
    ]
    assert "moved from" not in read(url(world, campaign))


def test_the_moved_date_decides_when_a_milestone_is_missed(world: World) -> None:
    campaign = paid_late(world, days=68)
    later = MilestoneState.UPCOMING
    assert states(world, campaign) == [MilestoneState.PAID, MilestoneState.AWAITED, later]
    moved = timezone.now() - timedelta(seconds=1)
    MilestoneRelease.objects.filter(campaign=campaign).update(next_due=moved)
    recompute_totals([campaign.pk])
    assert states(world, campaign) == [MilestoneState.PAID, MilestoneState.MISSED, MilestoneState.VOID]


def test_the_first_version_keeps_its_dates_and_warns() -> None:
    world = World(version=FIRST_VERSION)
    missed = funded(world, days_ago=35)
    first = view(world, missed).lines[0]
    # Nothing is left to warn of.
    assert (first.state, first.late_payment) == (MilestoneState.MISSED, None)

    campaign = funded(world, days_ago=59)
    world.submit_milestone(campaign, limit=LIMIT, window_end=timezone.now())
    page = view(world, campaign)
    warning = page.lines[0].late_payment
    assert warning == LatePayment(2, campaign.deadline + timedelta(days=60), "5", is_certain=False)
    assert [line.late_payment for line in page.lines[1:]] == [None, None]
    assert not page.moves_dates
    text = read(url(world, campaign))
    assert "Unless this part is paid and the evidence for milestone 2 is shown before" in text
    assert "the 5 ETH of later milestones are left for backers to claim" in text
    assert "本合约不会顺延后面的日期" in read(url(world, campaign), "zh-hans")


@pytest.mark.parametrize(("seconds_left", "is_certain"), [(30, False), (0, True)])
def test_the_first_version_says_when_a_payment_ends_the_payouts(seconds_left: int, is_certain: bool) -> None:
    world = World(version=FIRST_VERSION)
    campaign = funded(world, days_ago=40)
    Milestone.objects.filter(milestone_id=2).update(due=timezone.now() + timedelta(seconds=seconds_left))
    world.submit_milestone(campaign, limit=LIMIT, window_end=timezone.now())
    warning = view(world, campaign).lines[0].late_payment
    assert warning is not None
    assert warning.is_certain == is_certain
    certain = "was due before" in read(url(world, campaign))
    assert certain == is_certain


def test_a_date_before_which_no_evidence_is_taken_is_told(world: World) -> None:
    campaign = world.campaign()
    world.milestones(campaign, *TERMS, not_before=(None, timedelta(days=45)))
    lines = view(world, campaign).lines
    assert [line.not_before for line in lines] == [None, campaign.deadline + timedelta(days=45), None]
    text = read(url(world, campaign))
    assert text.count("Evidence accepted from") == 1
    assert f"{campaign.deadline + timedelta(days=45):%Y-%m-%d %H:%M} UTC" in text


@pytest.mark.parametrize("version", [FIRST_VERSION, SECOND_VERSION])
def test_the_contract_page_names_its_version(version: int) -> None:
    world = World(version=version)
    listing = world.listing(world.campaign())
    assert f"<dt>Contract version</dt><dd>{version}</dd>" in read(f"/campaigns/{listing.slug}/contract/")
