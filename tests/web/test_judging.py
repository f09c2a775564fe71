"""Who may object to a milestone's evidence, with what weight, and what everybody else reads instead."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from django_project.accounts.models import User, Wallet
from django_project.community.milestones import MilestoneState
from django_project.core.addresses import format_address
from django_project.notifications import services as notifications
from django_project.notifications.models import Kind
from django_project.notifications.selectors import notices
from django_project.pledges.milestone_votes import to_judge
from tests.factories import ETHER, World, address, backer_user
from tests.support.markup import flat
from tests.web.conftest import signed_in
from tests.web.test_milestones import LIMIT, funded, states, url
from tests.web.test_pages import MAX_QUERIES

pytestmark = pytest.mark.django_db

OBJECT = "Object to this milestone"
WITHDRAW = "Withdraw my objection"


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def alice() -> User:
    return backer_user(1, "Alice")


def read(client: Client, page: str) -> str:
    answer = client.get(page)
    assert answer.status_code == 200
    return flat(answer.content.decode())


def test_a_backer_may_object_and_withdraw_it(world: World, alice: User) -> None:
    campaign = funded(world)
    world.submit_milestone(campaign, limit=8 * ETHER)
    page, client = url(world, campaign), signed_in(alice)
    text = read(client, page)
    assert "You contributed 6 ETH, 75% of the limit, and do not object." in text
    assert OBJECT in text
    assert WITHDRAW not in text
    assert f'data-backer="{format_address(address(1))}" data-call="object"' in text
    assert 'data-message="objection-sent"' in text
    world.raise_objection(campaign, backer=address(1))
    text = read(client, page)
    assert "Your objection counts for 6 ETH." in text
    assert OBJECT not in text
    assert 'data-call="unobject"' in text
    world.withdraw_objection(campaign, backer=address(1))
    assert OBJECT in read(client, page)


def test_an_objection_to_an_earlier_milestone_is_none_to_this(world: World, alice: User) -> None:
    campaign = funded(world)
    world.listing(campaign)
    world.submit_milestone(campaign, limit=9 * ETHER, window_end=timezone.now())
    world.raise_objection(campaign, backer=address(1))
    world.release_milestone(campaign)
    world.submit_milestone(campaign, limit=9 * ETHER)
    assert [(vote.milestone_id, vote.has_objected) for vote in to_judge(alice)] == [(2, False)]


def test_every_wallet_of_an_account_has_its_own_say(world: World, alice: User) -> None:
    Wallet.objects.create(user=alice, address=address(2))
    campaign = funded(world)
    world.submit_milestone(campaign, limit=LIMIT)
    world.raise_objection(campaign, backer=address(2))
    text = read(signed_in_with(alice, 1), url(world, campaign))
    for backer, call in ((1, "object"), (2, "unobject")):
        assert f'data-backer="{format_address(address(backer))}" data-call="{call}"' in text


def signed_in_with(user: User, number: int) -> Client:
    client = Client()
    client.force_login(user)
    session = client.session
    session["wallet"] = format_address(address(number))
    session.save()
    return client


def test_everybody_else_reads_why_not(world: World) -> None:
    campaign = funded(world)
    world.submit_milestone(campaign, limit=LIMIT)
    page = url(world, campaign)
    stranger, launcher = backer_user(50), backer_user(51)
    Wallet.objects.filter(user=launcher).update(address=campaign.creator)
    for client, reason in (
        (Client(), "Only backers can object. If you are one, sign in"),
        (signed_in(stranger), "none of your wallets has contributed to this campaign"),
        (signed_in(launcher), "You launched or manage this campaign, so you cannot object."),
    ):
        text = read(client, page)
        assert reason in text
        assert OBJECT not in text
        assert "<wallet-call" not in text


def test_neither_launcher_nor_owner_may_object_with_what_they_gave(world: World) -> None:
    started = timezone.now() - timedelta(days=40)
    campaign = world.campaign(started=started, creator=address(60), goal=ETHER)
    world.milestones(campaign, (10_000, timedelta(days=30)))
    for number in (60, 61, 62):
        world.contribute(campaign, backer=address(number), at=started)
    world.submit_milestone(campaign)
    page = url(world, campaign)
    people = {number: backer_user(number) for number in (60, 61, 62)}
    assert {number for number, user in people.items() if to_judge(user)} == {61, 62}
    world.hand_over(campaign, address(61))
    assert {number for number, user in people.items() if to_judge(user)} == {62}
    assert "You launched or manage this campaign, so you cannot object." in read(signed_in(people[60]), page)
    assert "You launched or manage this campaign, so you cannot object." in read(signed_in(people[61]), page)


def test_an_objection_from_before_the_hand_over_can_be_withdrawn_once(world: World, alice: User) -> None:
    Wallet.objects.create(user=alice, address=address(2))
    campaign = funded(world)
    world.submit_milestone(campaign, limit=LIMIT)
    world.raise_objection(campaign, backer=address(1))
    world.hand_over(campaign, address(1))
    page, client = url(world, campaign), signed_in_with(alice, 1)
    text = read(client, page)
    assert f'data-backer="{format_address(address(1))}" data-call="unobject"' in text
    assert f'data-backer="{format_address(address(2))}" data-call="object"' in text
    assert "The campaign is yours now, so you cannot object again." in text
    assert {vote.has_objected for vote in to_judge(alice)} == {True, False}
    world.withdraw_objection(campaign, backer=address(1))
    text = read(client, page)
    assert WITHDRAW not in text
    assert text.count('data-call="object"') == 1
    Wallet.objects.filter(address=address(2)).delete()
    assert "You launched or manage this campaign, so you cannot object." in read(client, page)


def test_an_objection_to_what_was_paid_cannot_be_withdrawn(world: World, alice: User) -> None:
    campaign = funded(world)
    world.submit_milestone(campaign, limit=9 * ETHER, window_end=timezone.now())
    world.raise_objection(campaign, backer=address(1))
    world.release_milestone(campaign)
    world.hand_over(campaign, address(1))
    world.submit_milestone(campaign, limit=9 * ETHER)
    assert to_judge(alice) == []


def test_a_weight_beside_a_large_limit_is_something(world: World, alice: User) -> None:
    campaign = funded(world)
    world.submit_milestone(campaign, limit=601 * ETHER)
    assert "You contributed 6 ETH, &lt;1% of the limit" in read(signed_in(alice), url(world, campaign))


def test_nothing_is_to_judge_outside_of_an_open_window(world: World, alice: User) -> None:
    waiting, over, stopped, taken_back = (funded(world) for _ in range(4))
    world.listing(waiting)
    world.submit_milestone(over, window_end=timezone.now())
    world.submit_milestone(stopped)
    world.wind_down(stopped, since=timezone.now())
    world.take_pledge_back(taken_back, backer=address(1))
    world.contribute(taken_back, backer=address(4), amount=6 * ETHER)
    world.submit_milestone(taken_back)
    assert to_judge(alice) == []
    assert states(world, taken_back)[0] == MilestoneState.REVIEW
    for campaign in (waiting, over, stopped):
        assert "<wallet-call" not in read(signed_in(alice), url(world, campaign))


def test_the_dashboard_lists_the_soonest_first(world: World, alice: User) -> None:
    now = timezone.now()
    for days in (3, 1, 2):
        campaign = funded(world)
        world.listing(campaign)
        world.submit_milestone(campaign, limit=8 * ETHER, window_end=now + timedelta(days=days, minutes=5))
    assert [(vote.window_end - now).days for vote in to_judge(alice)] == [1, 2, 3]
    text = read(signed_in(alice), "/me/")
    assert text.count("data-to-judge=") == 3
    assert "Your weight: 6 ETH, 75% of the limit" in text
    assert f'{to_judge(alice)[0].card.milestones_url}#milestone-1"' in text
    assert "data-to-judge" not in read(signed_in(backer_user(50)), "/me/")


def test_an_open_window_is_news_that_leads_to_it(world: World, alice: User) -> None:
    campaign = funded(world)
    world.listing(campaign)
    world.submit_milestone(campaign)
    launcher = backer_user(51)
    Wallet.objects.filter(user=launcher).update(address=campaign.creator)
    world.contribute(campaign, backer=campaign.creator)
    world.mine(20)
    assert notifications.notify(campaign.chain_id) == 1
    (notice,) = notices(alice).rows
    assert notice.kind == Kind.MILESTONE_REVIEW
    assert notice.url == url(world, campaign)
    assert f'href="{notice.url}"' in read(signed_in(alice), "/me/notifications/")


def test_judging_needs_few_queries(
    world: World, alice: User, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    campaign = funded(world)
    world.submit_milestone(campaign, window_end=timezone.now())
    world.release_milestone(campaign)
    world.submit_milestone(campaign)
    page, client = url(world, campaign), signed_in(alice)
    for each in (page, "/me/"):
        read(client, each)
        with django_assert_max_num_queries(MAX_QUERIES):
            read(client, each)
