"""Whose word on a milestone's evidence counts, with what weight, and who is told that it may be given."""

from datetime import timedelta

import pytest
from django.utils import timezone

from django_project.accounts.models import User
from django_project.campaigns.selectors import listing_by_key
from django_project.core.addresses import format_address
from django_project.ledger.models import CampaignLaunched
from django_project.pledges.milestone_votes import Vote, judges, judging, to_judge, undecided_judges
from tests.factories import ETHER, World, address, backer_user

pytestmark = pytest.mark.django_db

ALICE, BOB, CAROL = 1, 2, 3


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def alice() -> User:
    return backer_user(ALICE)


def reviewed(world: World, *given: tuple[int, int], creator: bytes | None = None) -> CampaignLaunched:
    """A success whose first milestone is judged now; `given` are (backer, ETH) in their order."""
    started = timezone.now() - timedelta(days=40)
    campaign = world.campaign(started=started, goal=ETHER, creator=creator)
    world.milestones(campaign, (5_000, timedelta(days=30)), (5_000, timedelta(days=60)))
    for backer, amount in given:
        world.contribute(campaign, backer=address(backer), amount=amount * ETHER, at=started)
    world.submit_milestone(campaign, limit=10 * ETHER)
    return campaign


def object_again(world: World, campaign: CampaignLaunched, backer: int) -> None:
    """Object, take it back, and object once more."""
    world.raise_objection(campaign, backer=address(backer))
    world.withdraw_objection(campaign, backer=address(backer))
    world.raise_objection(campaign, backer=address(backer))


def votes(user: User, world: World, campaign: CampaignLaunched) -> tuple[Vote, ...]:
    listing = world.listing(campaign)
    return judging(user, listing_by_key(listing.chain_id, listing.address)).votes


def test_a_wallets_last_word_counts_with_all_that_it_gave_there(world: World, alice: User) -> None:
    campaign = reviewed(world, (ALICE, 2), (BOB, 7), (ALICE, 3))
    other = reviewed(world, (ALICE, 1), (CAROL, 6))
    object_again(world, campaign, ALICE)
    told = [votes(alice, world, each) for each in (campaign, other)]
    assert [(vote.weight_text, vote.percent_of_limit, vote.call) for (vote,) in told] == [
        ("5", "50", "unobject"),
        ("1", "10", "object"),
    ]
    assert to_judge(alice) == [*told[0], *told[1]]


def test_of_the_asked_for_campaigns_those_who_do_not_object_are_reminded(world: World) -> None:
    # Carol has no account that could be told.
    backer_user(ALICE), backer_user(BOB)
    campaign, other = reviewed(world, (ALICE, 5), (BOB, 7), (CAROL, 1)), reviewed(world, (ALICE, 4))
    object_again(world, campaign, ALICE)
    world.raise_objection(campaign, backer=address(BOB))
    world.withdraw_objection(campaign, backer=address(BOB))
    of_alice, of_bob = ((campaign.pk, address(each)) for each in (ALICE, BOB))
    assert judges([campaign.pk]) == {of_alice, of_bob}
    assert undecided_judges([campaign.pk]) == {of_bob}
    assert undecided_judges([other.pk]) == judges([other.pk]) == {(other.pk, address(ALICE))}


def test_a_creator_is_not_asked_to_judge_and_may_withdraw_what_stands(world: World, alice: User) -> None:
    backer_user(BOB), backer_user(CAROL)
    campaign = reviewed(world, (ALICE, 5), (BOB, 7), (CAROL, 1), creator=address(CAROL))
    object_again(world, campaign, ALICE)
    world.hand_over(campaign, address(ALICE))
    (vote,) = votes(alice, world, campaign)
    assert (vote.backer, vote.call, vote.is_creators) == (format_address(address(ALICE)), "unobject", True)
    assert judges([campaign.pk]) == {(campaign.pk, address(BOB))}
