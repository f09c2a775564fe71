"""Lists for whoever has none: from what they did just now, in words, by category, then popular."""

import uuid
from datetime import timedelta

import pytest
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from django_project.discovery import exploration
from django_project.discovery.models import BehaviourEvent, ModelVersion, SimilarCampaign, Visitor
from django_project.discovery.selectors import Recommendation, recommended_for
from django_project.discovery.services import withdraw_consent
from django_project.ledger.models import CampaignLaunched
from tests.factories import World, address
from tests.rankings import ALICE, exploited, publish, rank

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _without_exploring(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exploration, "EPSILON", 0.0)


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def visitor() -> Visitor:
    return Visitor.objects.create(consented_at=timezone.now())


def key(visitor: Visitor) -> str:
    return f"visitor:{visitor.public_id}"


def view(visitor: Visitor, campaign: CampaignLaunched, ago: timedelta = timedelta(minutes=5)) -> None:
    BehaviourEvent.objects.create(
        visitor=visitor,
        client_event_id=uuid.uuid4(),
        kind="view",
        chain_id=campaign.chain_id,
        campaign_address=campaign.address,
        occurred_at=timezone.now() - ago,
    )


def titled(world: World, title: str, category: str = "food") -> CampaignLaunched:
    """A campaign of which nothing is known but its title."""
    return world.campaign(title=title, tagline="", story="", category=category)


def near(version: ModelVersion, of: CampaignLaunched, *campaigns: CampaignLaunched) -> None:
    for place, campaign in enumerate(campaigns, start=1):
        SimilarCampaign.objects.create(
            version=version,
            of_chain_id=of.chain_id,
            of_address=of.address,
            chain_id=campaign.chain_id,
            address=campaign.address,
            rank=place,
            score=1 / place,
        )


def shown(user_key: str) -> list[Recommendation]:
    return recommended_for(user_key, 9)


def test_what_is_near_to_what_was_looked_at_comes_first(
    world: World, visitor: Visitor, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    first, second, third, seen = (world.campaign(title=t) for t in ("first", "second", "third", "seen"))
    world.listing(seen)
    version = publish()
    rank(version, "", [first, seen, second, third])
    near(version, seen, third, second)
    view(visitor, seen)
    shown("")  # what everybody shares has been worked out
    with django_assert_max_num_queries(6):
        entries = shown(key(visitor))
    assert exploited(entries) == ["third", "second", "first", "seen"]
    assert [entry.reason for entry in entries[:3]] == ["viewed", "viewed", "popular"]
    assert not any(entry.is_popular_fallback for entry in entries)
    assert entries[0].model_version == version.run_id


def test_a_new_backer_is_told_which_contribution_it_comes_from(world: World, visitor: Visitor) -> None:
    backed, seen, one, two = (world.campaign(title=t) for t in ("backed", "seen", "one", "two"))
    world.contribute(backed, backer=address(1))
    world.listing(seen)
    version = publish()
    rank(version, "", [one, two])
    near(version, backed, two)
    near(version, seen, one)
    view(visitor, seen)
    BehaviourEvent.objects.update(wallet_address=address(1))
    [best, other, *_] = shown(ALICE)
    # A contribution weighs as three visits.
    assert (best.card.title, best.reason) == ("two", "similar_to")
    assert best.reason_card is not None
    assert best.reason_card.title == "backed"
    assert (other.card.title, other.reason) == ("one", "viewed")


@pytest.mark.parametrize(
    ("looked_at", "alike"),
    [
        ("A beehive on the tram depot", "Honey and a beehive for every roof"),
        ("城市蜂箱与野花", "给每个屋顶一个蜂箱"),
    ],
)
def test_words_stand_in_for_what_is_newer_than_the_model(
    world: World, visitor: Visitor, looked_at: str, alike: str
) -> None:
    popular, kin, new = (titled(world, title) for title in ("Mechanical keyboards", alike, looked_at))
    world.listing(new)
    rank(publish(), "", [popular])
    view(visitor, new)
    entries = shown(key(visitor))
    assert exploited(entries) == [alike, "Mechanical keyboards"]
    assert [entry.reason for entry in entries] == ["viewed", "popular"]
    assert {bytes.fromhex(entry.card.address[2:]) for entry in entries} == {kin.address, popular.address}


def test_where_nothing_is_alike_its_category_comes_first(world: World, visitor: Visitor) -> None:
    games = titled(world, "Chess", "games")
    food, seen = titled(world, "Tea"), titled(world, "Bread")
    world.listing(seen)
    rank(publish(), "", [games, food])
    view(visitor, seen)
    entries = shown(key(visitor))
    assert exploited(entries) == ["Tea", "Chess"]
    assert all(entry.is_popular_fallback for entry in entries)


def test_a_backers_own_list_stays_in_the_models_order(world: World, visitor: Visitor) -> None:
    games, food, seen = titled(world, "Chess", "games"), titled(world, "Tea"), titled(world, "Bread")
    for campaign in (games, food, seen):
        world.listing(campaign)
    rank(publish(), ALICE, [games, food])
    view(visitor, seen)
    BehaviourEvent.objects.update(wallet_address=address(1))
    entries = shown(ALICE)
    assert exploited(entries) == ["Chess", "Tea"]
    assert not any(entry.is_popular_fallback for entry in entries)


def test_only_today_and_only_with_consent(world: World, visitor: Visitor) -> None:
    one, two, seen = (world.campaign(title=t) for t in ("one", "two", "seen"))
    world.listing(seen)
    version = publish()
    rank(version, "", [one, two])
    near(version, seen, two)
    view(visitor, seen, ago=timedelta(days=2))
    assert exploited(shown(key(visitor))) == ["one", "two"]
    view(visitor, seen)
    assert exploited(shown(key(visitor))) == ["two", "one"]
    withdraw_consent(visitor.public_id)
    assert exploited(shown(key(visitor))) == ["one", "two"]


def test_while_a_popularity_list_is_live_nothing_is_called_personal(world: World, visitor: Visitor) -> None:
    one, two, seen = (world.campaign(title=t) for t in ("one", "two", "seen"))
    world.listing(seen)
    version = publish("pop")
    rank(version, "", [one, two])
    near(version, seen, two)
    view(visitor, seen)
    entries = shown(key(visitor))
    assert exploited(entries) == ["one", "two"]
    assert all(entry.is_popular_fallback for entry in entries)
