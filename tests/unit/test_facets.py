"""What explore is filtered by: bands to their exact bounds, counts that are what choosing an option shows."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.http import QueryDict
from django.utils import timezone

from django_project.campaigns import services
from django_project.catalog import selectors as catalog
from django_project.catalog.catalog_index import DAY_SECONDS, ENDING_BANDS, band_above
from django_project.catalog.selectors import FACET_VALUES, FACETS, ExploreFilters, FacetName, explore
from django_project.community import moderation
from django_project.core.addresses import ZERO_ADDRESS
from tests.factories import ETHER, TOKEN, World, address, backer_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def world() -> World:
    return World()


def only(filters: ExploreFilters, facet: FacetName, *values: str) -> ExploreFilters:
    changes: dict[str, Any] = {facet: values}
    return replace(filters, **changes)


def found(filters: ExploreFilters) -> set[str]:
    return {card.title for card in explore(filters).cards}


@pytest.mark.parametrize(("token", "decimals"), [(ZERO_ADDRESS, 18), (TOKEN, 6)])
def test_a_goal_is_in_the_band_above_whose_bound_it_lies(world: World, token: bytes, decimals: int) -> None:
    unit = 10**decimals
    for bound in FACET_VALUES["goal"]:
        at = int(bound) * unit
        world.campaign(title=f"{bound} and a bit", goal=at + 1, token=token)
        if at:
            world.campaign(title=f"exactly {bound}", goal=at, token=token)
    last = world.campaign(title="without end", goal=2**256 - 1, token=token)
    world.listing(last)
    assert {band: found(ExploreFilters(goal=(band,))) for band in FACET_VALUES["goal"]} == {
        "0": {"0 and a bit", "exactly 1"},
        "1": {"1 and a bit", "exactly 10"},
        "10": {"10 and a bit", "exactly 100"},
        "100": {"100 and a bit", "exactly 1000"},
        "1000": {"1000 and a bit", "exactly 10000"},
        "10000": {"10000 and a bit", "without end"},
    }


@pytest.mark.parametrize(
    ("seconds", "band"),
    [
        (1, "0"),
        (DAY_SECONDS, "0"),
        (DAY_SECONDS + 1, "1"),
        (3 * DAY_SECONDS, "1"),
        (3 * DAY_SECONDS + 1, "3"),
        (7 * DAY_SECONDS, "3"),
        (7 * DAY_SECONDS + 1, "7"),
        (28 * DAY_SECONDS, "7"),
        (28 * DAY_SECONDS + 1, "28"),
    ],
)
def test_time_left_counts_to_its_bound_and_no_second_further(seconds: int, band: str) -> None:
    assert band_above(seconds, DAY_SECONDS, ENDING_BANDS) == band


def test_only_what_is_open_has_time_left(world: World) -> None:
    started = timezone.now() - timedelta(hours=1)
    for days in (0.5, 2, 5, 20, 60):
        world.campaign(title=f"{days}", started=started, lasts=timedelta(days=days))
    stopped = world.campaign(title="stopped", started=started, lasts=timedelta(days=5))
    world.cancel(stopped)
    world.campaign(title="over", started=started - timedelta(days=5), lasts=timedelta(days=2))
    world.listing(stopped)
    assert [found(ExploreFilters(ending=(band,))) for band in FACET_VALUES["ending"]] == [
        {"0.5"},
        {"2"},
        {"5"},
        {"20"},
        {"60"},
    ]
    assert found(ExploreFilters(ending=("0", "1"))) == {"0.5", "2"}
    assert found(ExploreFilters(ending=("3",), status=("cancelled",))) == set()


@pytest.mark.parametrize(
    "filters",
    [
        ExploreFilters(),
        ExploreFilters(query="honey"),
        ExploreFilters(goal=("1",), status=("open",)),
        ExploreFilters(ending=("0", "3"), network=("31337",)),
        ExploreFilters(network=("8453",), category=("games",), token=("TUSD",)),
    ],
)
def test_a_count_is_what_choosing_the_option_shows(world: World, filters: ExploreFilters) -> None:
    other = World(chain_id=8453)
    for number in range(24):
        here = (world, other)[number % 2]
        is_token = number % 3 == 0
        campaign = here.campaign(
            title=("Honey", "Bread")[number % 2],
            category=("food", "games")[number % 5 == 0],
            token=TOKEN if is_token else ZERO_ADDRESS,
            goal=(1, 5, 50, 20_000)[number % 4] * (10**6 if is_token else ETHER),
            started=timezone.now() - timedelta(days=2),
            lasts=timedelta(days=(1, 2.5, 4, 6, 40)[number % 5]),
        )
        here.contribute(campaign, backer=address(number), amount=campaign.goal // (number + 1))
    for each in (world, other):
        services.sync_listings(each.chain.chain_id)
    facets = explore(filters).facets
    counted = {(facet, option.value): option.count for facet in FACETS for option in facets[facet]}
    shown = {key: explore(only(filters, *key)).total for key in counted}
    assert counted == shown
    assert sum(counted.values()) > 0


def test_networks_are_called_by_their_names(world: World) -> None:
    other = World(chain_id=8453)
    other.chain.name = "Base"
    other.chain.save()
    world.listing(world.campaign())
    other.listing(other.campaign(title="On Base"))
    result = explore(ExploreFilters())
    assert [(o.value, o.label, o.count) for o in result.facets["network"]] == [
        ("8453", "Base", 1),
        ("31337", "Test chain", 1),
    ]
    assert found(ExploreFilters(network=("8453",))) == {"On Base"}


def test_a_currency_that_is_not_indexed_has_no_band(world: World) -> None:
    campaign = world.campaign(token=TOKEN, goal=5 * 10**6)
    world.token.delete()
    world.listing(campaign)
    result = explore(ExploreFilters())
    assert result.total == 1
    assert {option.count for option in result.facets["goal"]} == {0}
    assert result.facets["token"] == ()


def test_facets_survive_the_url_and_drop_nonsense() -> None:
    data = QueryDict(
        "goal=10&goal=5&goal=&goal=0&ending=28&ending=2&ending=1.0&network=1&network=x&network=٣&network=-1"
    )
    filters = ExploreFilters.from_query(data)
    assert filters == ExploreFilters(goal=("10", "0"), ending=("28",), network=("1",))
    assert ExploreFilters.from_query(QueryDict(filters.to_query())) == filters
    assert filters.to_query() == "ending=28&goal=10&goal=0&network=1"


def test_what_trends_is_open_may_be_promoted_and_has_backers(world: World) -> None:
    few, many, unranked, stopped = (
        world.campaign(title=title) for title in ("few", "many", "unranked", "gone")
    )
    world.campaign(title="nobody's")
    for backer in range(3):
        for campaign in (many, unranked, stopped):
            world.contribute(campaign, backer=address(backer))
    world.contribute(few, backer=address(1), amount=50 * ETHER)
    world.cancel(stopped)
    moderation.unrank(world.listing(unranked), actor=backer_user(1), reason="asked for it")
    assert [card.title for card in catalog.trending(4)] == ["many", "few"]
    assert [card.title for card in catalog.trending(1)] == ["many"]
