"""What the page of a pledge says from the wallet to finality, and which pledges may still be paid."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import AnonymousUser
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from django_project.accounts.models import User
from django_project.ledger.models import Cursor
from django_project.pledges import following, services
from django_project.pledges.models import PledgeIntent
from tests.factories import ETHER, TOKEN, World, address, backer_user, reference
from tests.support.pledging import ALICE, BOB, fulfil, pledge, state

pytestmark = pytest.mark.django_db
State = PledgeIntent.State


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def alice() -> User:
    return backer_user(ALICE)


def test_one_that_was_never_asked_for_stands_in_the_way_for_an_hour(world: World, alice: User) -> None:
    campaign = world.campaign()
    pledge(world, alice, campaign)
    key = (campaign.chain_id, campaign.address)
    PledgeIntent.objects.update(created_at=timezone.now() - following.FRESH + timedelta(seconds=10))
    assert following.under_way(alice, *key).exists()
    PledgeIntent.objects.update(created_at=timezone.now() - following.FRESH)
    assert not following.under_way(alice, *key).exists()


def test_one_that_the_ledger_has_stands_in_nobodys_way(world: World, alice: User) -> None:
    campaign = world.campaign()
    intent = pledge(world, alice, campaign)
    services.report_submitted(intent, reference(5))
    fulfil(world, campaign, intent)
    assert not following.under_way(alice, campaign.chain_id, campaign.address).exists()


def test_what_stands_in_the_way_is_ones_own_and_of_that_campaign(world: World, alice: User) -> None:
    bob = backer_user(BOB)
    campaign, other = world.campaign(), world.campaign()
    first = pledge(world, alice, campaign)
    second = pledge(world, alice, campaign)
    pledge(world, alice, other)
    key = (campaign.chain_id, campaign.address)
    assert [each.pk for each in following.under_way(alice, *key)] == [second.pk, first.pk]
    assert not following.under_way(bob, *key).exists()
    assert not following.under_way(AnonymousUser(), *key).exists()
    assert not following.under_way(alice, campaign.chain_id + 1, campaign.address).exists()


def test_the_latest_ten_that_are_on_their_way_are_listed(world: World, alice: User) -> None:
    campaign = world.campaign()
    made = [pledge(world, alice, campaign) for _ in range(following.ON_THEIR_WAY_SHOWN + 2)]
    for intent in made:
        services.report_opened(intent)
    listed = following.on_their_way(alice)
    assert len(listed) == 10
    assert [each.public_id for each in listed] == [each.public_id for each in made[:1:-1]]
    assert following.on_their_way(backer_user(BOB)) == []


def test_a_pledge_is_its_owners(world: World, alice: User) -> None:
    intent = pledge(world, alice, world.campaign())
    assert following.for_user(alice).get() == intent
    assert not following.for_user(backer_user(BOB)).exists()
    assert not following.for_user(AnonymousUser()).exists()


def test_status_counts_confirmations(
    world: World, alice: User, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    campaign = world.campaign(goal=3 * ETHER)
    intent = pledge(world, alice, campaign)
    fulfil(world, campaign, intent)
    world.mine(2)
    services.reconcile(world.chain.chain_id)
    intent.refresh_from_db()
    with django_assert_max_num_queries(3):
        status = following.pledge_status(intent)
    assert (status.state, status.confirmations, status.confirmations_needed) == ("confirmed", 3, 8)
    assert (status.amount_text, status.confirmed_amount_text, status.is_settled) == ("1", "1", False)
    assert status.card is not None
    assert status.card.raised == ETHER


def test_what_was_rolled_back_has_no_confirmations(world: World, alice: User) -> None:
    campaign = world.campaign()
    intent = pledge(world, alice, campaign)
    lost = fulfil(world, campaign, intent)
    services.reconcile(world.chain.chain_id)
    world.take_back(lost)
    # The indexer is at it again before anybody reconciled.
    world.mine(5)
    intent.refresh_from_db()
    status = following.pledge_status(intent)
    assert (intent.state, status.state) == (State.CONFIRMED, State.REORGED)
    assert (status.confirmations, status.block_number, status.confirmed_amount) == (0, None, None)
    assert status.confirmed_amount_text == ""


@pytest.mark.parametrize("is_listed", [True, False])
def test_without_its_campaign_a_pledge_is_told_in_its_own_token(
    world: World, alice: User, *, is_listed: bool
) -> None:
    campaign = world.campaign(token=TOKEN, goal=10**9)
    intent = pledge(world, alice, campaign, amount=1_500_000)
    if not is_listed:
        PledgeIntent.objects.update(campaign_address=address(4_000))
        intent.refresh_from_db()
    status = following.pledge_status(intent)
    assert (status.card is not None) is is_listed
    assert (status.amount_text, status.token_symbol) == ("1.5", "TUSD")


def test_nothing_is_assumed_of_a_token_that_nobody_knows(world: World, alice: User) -> None:
    intent = pledge(world, alice, world.campaign())
    PledgeIntent.objects.update(campaign_address=address(4_000), token=address(4_001))
    intent.refresh_from_db()
    status = following.pledge_status(intent)
    assert (status.amount_text, status.amount_plain, status.token_symbol) == ("", "", "")


@pytest.mark.parametrize(("above", "expected"), [(0, State.FINAL), (1, State.CONFIRMED)])
def test_a_pledge_is_final_in_the_final_block_itself(
    above: int, expected: State, world: World, alice: User
) -> None:
    campaign = world.campaign()
    intent = pledge(world, alice, campaign)
    block = fulfil(world, campaign, intent).block_number
    Cursor.objects.update(finalized_block=block - above)
    services.reconcile(world.chain.chain_id)
    assert state(intent) == expected
    assert following.pledge_status(intent).state == expected
