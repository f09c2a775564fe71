"""What the page of a pledge says from the wallet to finality, and which pledges may still be paid."""

from dataclasses import replace
from datetime import timedelta

import pytest
from django.contrib.auth.models import AnonymousUser
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from django_project.accounts.models import User
from django_project.core.addresses import format_address, format_hash
from django_project.ledger.models import CampaignLaunched, CampaignTotals, Chain, Contribution, Cursor
from django_project.ledger.services import forget_chain
from django_project.pledges import following, services
from django_project.pledges.models import PledgeIntent
from tests.factories import CHAIN_ID, ETHER, TOKEN, World, address, backer_user, reference
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
    an_hour = timedelta(hours=1)
    PledgeIntent.objects.update(created_at=timezone.now() - an_hour + timedelta(seconds=10))
    assert following.under_way(alice, *key).exists()
    PledgeIntent.objects.update(created_at=timezone.now() - an_hour)
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


# Before the other one in any order.
ELSEWHERE = 10


def twin(world: World, campaign: CampaignLaunched) -> CampaignLaunched:
    """A campaign with the same address on another chain."""
    found = world.campaign(token=campaign.token)
    CampaignLaunched.objects.filter(pk=found.pk).update(address=campaign.address)
    found.refresh_from_db()
    return found


def test_everything_is_told_of_that_very_pledge(world: World, alice: User) -> None:
    """Others have its reference: of its campaign, of its backer, and all the same on another chain."""
    Chain.objects.update(explorer_url="https://explorer.example")
    elsewhere = World(chain_id=ELSEWHERE, finality_depth=3)
    campaign, other = world.campaign(token=TOKEN, tiers=[(5, 0)]), world.campaign(token=TOKEN)
    backer = address(ALICE)
    intent = services.create_intent(alice, world.listing(campaign), 1_234_500_000, 1, backer)
    services.report_submitted(intent, reference(5))
    elsewhere.contribute(twin(elsewhere, campaign), backer=backer, ref=intent.ref, amount=6)
    elsewhere.mine(50)
    world.contribute(other, backer=backer, ref=intent.ref, amount=7)
    world.contribute(campaign, backer=address(BOB), ref=intent.ref, amount=8)
    # The wallet paid more than was asked for, by another transaction than it told of.
    paid = fulfil(world, campaign, intent, amount=2_000_750_000)
    world.mine(2)
    # Nobody has written down yet that it came.
    assert state(intent) == State.SUBMITTED
    status = following.pledge_status(intent)
    assert status.card is not None
    assert status.card.key == (CHAIN_ID, campaign.address)
    assert replace(status, card=None) == following.PledgeStatus(
        public_id=intent.public_id,
        state=State.CONFIRMED,
        failure="",
        is_by_contract=False,
        card=None,
        chain_id=CHAIN_ID,
        campaign_address=format_address(campaign.address),
        backer=format_address(backer),
        ref=format_hash(intent.ref),
        token=format_address(TOKEN),
        token_symbol="TUSD",
        amount=1_234_500_000,
        amount_text="1,234.5",
        amount_plain="1234.5",
        tier_id=1,
        reported_tx_hash=format_hash(reference(5)),
        tx_hash=format_hash(paid.tx_hash),
        explorer_url="https://explorer.example",
        indexed_block=paid.block_number + 2,
        block_number=paid.block_number,
        confirmed_amount=2_000_750_000,
        confirmed_amount_text="2,000.75",
        confirmations=3,
        confirmations_needed=8,
        sequel="",
        created_at=intent.created_at,
        updated_at=intent.updated_at,
    )


@pytest.mark.parametrize(("blocks_later", "log_index"), [(0, 6), (1, 4)])
def test_the_first_contribution_in_the_chain_is_the_pledges(
    blocks_later: int, log_index: int, world: World, alice: User
) -> None:
    campaign = world.campaign()
    intent = pledge(world, alice, campaign)
    first, second = fulfil(world, campaign, intent, amount=2), fulfil(world, campaign, intent, amount=3)
    Contribution.objects.filter(pk=first.pk).update(log_index=5)
    Contribution.objects.filter(pk=second.pk).update(
        block_number=first.block_number + blocks_later, log_index=log_index
    )
    assert following.pledge_status(intent).confirmed_amount == 2
    services.reconcile(CHAIN_ID)
    intent.refresh_from_db()
    assert (intent.log_index, intent.confirmed_amount) == (5, 2)


@pytest.mark.parametrize(
    ("depth", "behind", "newer", "expected"),
    [
        (8, 8, 2, (State.CONFIRMED, 3, 8)),
        (8, 8, 20, (State.FINAL, 8, 8)),
        # Without a depth of ours, it is as far as the node's own finality is behind.
        (None, 5, 2, (State.CONFIRMED, 3, 5)),
        (None, 1, 0, (State.CONFIRMED, 1, 1)),
        (None, 0, 0, (State.FINAL, 1, 1)),
    ],
)
def test_blocks_are_counted_up_to_finality(
    depth: int | None, behind: int, newer: int, expected: tuple[str, int, int], world: World, alice: User
) -> None:
    campaign = world.campaign()
    intent = pledge(world, alice, campaign)
    fulfil(world, campaign, intent)
    Chain.objects.update(finality_depth=depth)
    Cursor.objects.update(next_block=world.block + newer + 1, finalized_block=world.block + newer - behind)
    status = following.pledge_status(intent)
    assert (status.state, status.confirmations, status.confirmations_needed) == expected


def told(intent: PledgeIntent) -> tuple[object, ...]:
    """What became of it, and how far the index and its confirmations are."""
    status = following.pledge_status(intent)
    return (
        *(status.state, status.confirmed_amount_text, status.tx_hash, status.block_number),
        *(status.indexed_block, status.confirmations, status.confirmations_needed),
    )


def test_what_is_final_is_told_as_it_was_while_its_chain_is_indexed_anew(world: World, alice: User) -> None:
    campaign = world.campaign()
    intent = pledge(world, alice, campaign, amount=2 * ETHER)
    paid = fulfil(world, campaign, intent, amount=3 * ETHER)
    world.mine(8)
    services.reconcile(CHAIN_ID)
    assert state(intent) == State.FINAL
    forget_chain(CHAIN_ID)
    assert told(intent) == (State.FINAL, "3", format_hash(paid.tx_hash), paid.block_number, -1, 0, 0)
    Cursor.objects.create(chain=world.chain, next_block=1)
    assert told(intent) == (State.FINAL, "3", format_hash(paid.tx_hash), paid.block_number, 0, 0, 8)


def test_nothing_is_final_before_anybody_says_so(world: World, alice: User) -> None:
    campaign = world.campaign()
    intent = pledge(world, alice, campaign)
    fulfil(world, campaign, intent)
    Contribution.objects.update(block_number=0)
    Cursor.objects.all().delete()
    assert following.pledge_status(intent).state == State.CONFIRMED


def test_what_is_due_is_that_backers_and_from_that_campaign(world: World, alice: User) -> None:
    """Of a wind-down a tenth is left: a share of 8 of 100 is nothing there, one of 92 is something."""
    wound_down, cancelled = world.campaign(), world.campaign()
    bob = backer_user(BOB)
    bobs = services.create_intent(bob, world.listing(wound_down), 92, 0, address(BOB))
    too_little, back = pledge(world, alice, wound_down, 8), pledge(world, alice, cancelled, 5)
    fulfil(world, wound_down, bobs, 92)
    fulfil(world, wound_down, too_little, 8)
    fulfil(world, cancelled, back, 5)
    assert {following.pledge_status(each).sequel for each in (bobs, too_little, back)} == {""}
    world.wind_down(wound_down, since=timezone.now())
    CampaignTotals.objects.filter(campaign=wound_down).update(withdrawn=88, fees=2)
    world.cancel(cancelled)
    assert [following.pledge_status(each).sequel for each in (bobs, too_little, back)] == ["due", "", "due"]
    world.refund(cancelled, backer=address(ALICE))
    assert [following.pledge_status(each).sequel for each in (bobs, back)] == ["due", "taken-back"]


def test_only_what_went_back_itself_is_on_its_way_no_more(world: World, alice: User) -> None:
    """Others are in the same block, in the same place of another block, and in that of another chain."""
    elsewhere = World(chain_id=ELSEWHERE)
    places = {
        "gone": (world, 40, 3),
        "same block": (world, 40, 4),
        "other block": (world, 41, 3),
        "other chain": (elsewhere, 40, 3),
    }
    intents = {}
    for amount, (name, (on, block_number, log_index)) in enumerate(places.items(), start=1):
        campaign = on.campaign(token=TOKEN)
        intent = intents[name] = pledge(on, alice, campaign, amount=1_000_000)
        paid = fulfil(on, campaign, intent, amount=1_000_000 * amount)
        if name == "gone":
            on.take_pledge_back(campaign, backer=address(ALICE))
        Contribution.objects.filter(pk=paid.pk).update(block_number=block_number, log_index=log_index)
    asked = pledge(world, alice, world.campaign(token=TOKEN), amount=9_000_000)
    services.report_opened(asked)
    for chain_id in (CHAIN_ID, ELSEWHERE):
        services.reconcile(chain_id)
    assert {state(each) for each in intents.values()} == {State.CONFIRMED}
    assert [(each.public_id, each.state, each.amount_text) for each in following.on_their_way(alice)] == [
        (asked.public_id, State.ASKED, "9"),
        (intents["other chain"].public_id, State.CONFIRMED, "4"),
        (intents["other block"].public_id, State.CONFIRMED, "3"),
        (intents["same block"].public_id, State.CONFIRMED, "2"),
    ]
