"""Two chains on one site: each campaign's network is named, and play money is never taken for real."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from django_project.campaigns import selectors
from django_project.campaigns.models import Listing
from django_project.catalog import selectors as catalog
from django_project.catalog.selectors import ExploreFilters, explore
from django_project.discovery.selectors import recommended_for, similar_to
from django_project.ledger import services
from django_project.ledger.models import CampaignLaunched, CampaignTotals, Chain, ContributionPause
from django_project.ledger.networks import network_names
from django_project.pledges.selectors import contributions_by_campaign
from django_project.web import receipts, share_picture
from django_project.web.statement_pdf import as_pdf
from tests.factories import ETHER, World, address, backer_user

pytestmark = pytest.mark.django_db

PLAY = "Test network: the coins used here have no value."
LATE = "so amounts here may be out of date"


@pytest.fixture
def world() -> World:
    """A chain whose coins have a value."""
    world = World()
    rename(world, "Mainland", is_test_network=False)
    return world


@pytest.fixture
def other() -> World:
    """A test network beside it."""
    other = World(31338)
    rename(other, "Island", is_test_network=True, currency_symbol="TPOL")
    return other


def rename(world: World, name: str, **more: object) -> None:
    Chain.objects.filter(pk=world.chain.pk).update(name=name, **more)
    cache.clear()


def page(path: str, language: str = "en") -> str:
    answer = Client(headers={"Accept-Language": language}).get(path)
    assert answer.status_code in (200, 409), path
    return re.sub(r"\s+", " ", answer.content.decode())


def listed(world: World, **more: Any) -> Listing:
    return world.listing(world.campaign(**more))


def pause(campaign: CampaignLaunched) -> None:
    """As a guardian does."""
    CampaignTotals.objects.filter(campaign=campaign).update(paused=True)


TABS = ("", "rewards/", "milestones/", "updates/", "messages/", "contributors/", "contract/", "pledge/")


def test_the_ribbon_of_play_money_stands_on_its_campaigns_alone(world: World, other: World) -> None:
    real, play = listed(world, title="Real honey"), listed(other, title="Play honey")
    for tab in TABS:
        assert PLAY not in page(f"/campaigns/{real.slug}/{tab}"), tab
        assert PLAY in page(f"/campaigns/{play.slug}/{tab}"), tab
    for path in ("/", "/explore/", "/about/rankings/"):
        assert PLAY not in page(path)
    mixed = page("/explore/")
    assert mixed.count("Test network, no value") == 1
    assert "测试网络，没有价值" in page("/explore/", "zh-hans")


def test_a_site_of_test_networks_alone_has_the_ribbon_everywhere_and_marks_no_card(other: World) -> None:
    third = World(5)
    for each in (other, third):
        slug = listed(each).slug
        assert PLAY in page(f"/campaigns/{slug}/")
    for path in ("/", "/explore/", "/about/rankings/"):
        assert PLAY in page(path)
    assert "Test network, no value" not in page("/explore/")


def test_networks_are_named_only_where_there_are_several(world: World) -> None:
    slug = listed(world).slug
    for path in ("/explore/", f"/campaigns/{slug}/", f"/campaigns/{slug}/pledge/"):
        assert "Mainland" not in page(path).split('id="chains"')[0]
    World(31338)
    cache.clear()
    for path in ("/explore/", f"/campaigns/{slug}/", f"/campaigns/{slug}/pledge/"):
        assert "Mainland" in page(path).split('id="chains"')[0]


def test_the_network_is_named_wherever_money_is(world: World, other: World) -> None:
    backer = backer_user(1)
    given = {}
    for each, name in ((world, "Mainland"), (other, "Island")):
        campaign = each.campaign(title="Honey")
        each.contribute(campaign, backer=address(1), amount=ETHER)
        given[name] = each.listing(campaign)
    browser = Client()
    browser.force_login(backer)
    for name, listing in given.items():
        rest = ({"Mainland", "Island"} - {name}).pop()
        for tab in (*TABS, "pledge/review/?amount=1"):
            body = page(f"/campaigns/{listing.slug}/{tab}").split('<section class="page pt-16"')[0]
            body = body.split('id="chains"')[0]
            assert name in body, tab
            assert rest not in body, tab
        table = b"".join(browser.get(reverse("web:campaign-contributors-csv", args=[listing.slug])))
        assert f",{name}\r\n".encode() in table
        told = Client().get(f"/api/v1/campaigns/{listing.chain_id}/0x{listing.address.hex()}").json()
        assert told["campaign"]["network"] == name
        card = selectors.card_of(selectors.listing_by_slug(listing.slug))
        assert name in share_picture.state_of(card).foot
    mine = browser.get("/me/").content.decode().split('id="chains"')[0]
    assert "Mainland" in mine
    assert "Island" in mine
    backed = contributions_by_campaign(backer)
    assert {line.rsplit(",", 1)[1] for line in receipts.as_csv(backed).split()[1:]} == {"Mainland", "Island"}
    assert as_pdf(backed).startswith(b"%PDF")


def test_networks_of_one_name_are_told_apart_by_their_ids(world: World, other: World) -> None:
    rename(other, "Mainland")
    assert network_names() == {31337: "Mainland (31337)", 31338: "Mainland (31338)"}
    rename(other, "Elsewhere")
    assert network_names() == {31337: "Mainland", 31338: "Elsewhere"}
    assert world.chain.pk == 31337


def test_the_banner_of_a_late_chain_stands_where_its_amounts_are(
    world: World, other: World, settings: Any
) -> None:
    settings.RPC_URLS = {}
    real, play = listed(world), listed(other)
    other.mine()
    world.mine()
    type(other.cursor).objects.filter(pk=31338).update(updated_at=timezone.now() - timedelta(hours=1))
    for tab in TABS:
        assert LATE not in page(f"/campaigns/{real.slug}/{tab}"), tab
        assert LATE in page(f"/campaigns/{play.slug}/{tab}"), tab
    assert "Our copy of Island is 60 minutes old" in page("/explore/")
    assert LATE not in page("/about/rankings/")
    assert LATE not in page("/sign-in/")
    ready = Client().get("/readyz")
    assert ready.status_code == 200
    assert "s late" in ready.json()["checks"]["index of chain 31338"]
    assert ready.json()["checks"]["index of chain 31337"] == "ok"
    type(other.cursor).objects.update(updated_at=timezone.now() - timedelta(hours=1))
    assert Client().get("/readyz").status_code == 503


def test_a_chain_that_never_started_is_named_and_takes_nothing_down(world: World, settings: Any) -> None:
    world.mine()
    settings.RPC_URLS = {31337: ["http://127.0.0.1:1"], 56: ["http://127.0.0.1:1"]}
    ready = Client().get("/readyz")
    assert ready.status_code == 200
    assert "never started" in ready.json()["checks"]["index of chain 56"]
    states = {
        each["chain_id"]: each["state"]
        for each in Client().get(reverse("api:indexer-status")).json()["chains"]
    }
    assert states == {31337: "ok", 56: "unstarted"}
    services.retire(31337, reason="closed")
    assert Client().get("/readyz").status_code == 200
    settings.RPC_URLS = {}
    assert "index of chain 31337" not in Client().get("/readyz").json()["checks"]


def test_a_clock_that_is_off_is_told_where_its_dates_are(world: World, other: World) -> None:
    real, play = listed(world), listed(other)
    other.cursor.clock_offset = timedelta(hours=-1)
    other.cursor.save()
    world.mine()
    cache.clear()
    words = "The clocks of Island and of this site differ by 60 minutes"
    assert words in page(f"/campaigns/{play.slug}/")
    assert "时钟" in page(f"/campaigns/{play.slug}/", "zh-hans")
    assert words not in page(f"/campaigns/{real.slug}/")
    other.cursor.clock_offset = timedelta(seconds=60)
    other.cursor.save()
    cache.clear()
    assert words not in page(f"/campaigns/{play.slug}/")


@pytest.mark.parametrize(
    ("state", "english", "chinese"),
    [
        ("paused", "Paused", "已暂停"),
        ("full", "Full", "已满额"),
        ("retired", "Network retired", "网络已停用"),
        ("unknown-currency", "Currency unknown", "币种未知"),
    ],
)
def test_what_takes_no_contributions_is_promoted_nowhere_and_says_so(
    other: World, state: str, english: str, chinese: str
) -> None:
    """One predicate for every list; explore still finds it."""
    away = World(5)
    more: dict[str, Any] = {"cap": 5 * ETHER, "goal": 6 * ETHER} if state == "full" else {"goal": 6 * ETHER}
    if state == "unknown-currency":
        more["token"] = bytes.fromhex("01" * 20)
    shut = (away if state == "retired" else other).campaign(title="Shut honey", **more)
    fine = other.campaign(title="Open honey", goal=6 * ETHER)
    for campaign in (shut, fine):
        for number in range(5):
            other.contribute(campaign, backer=address(number), amount=ETHER)
    if state == "paused":
        pause(shut)
    if state == "retired":
        services.retire(5, reason="closed")
    owner = away if state == "retired" else other
    listing = owner.listing(shut)
    twin = other.listing(fine)
    Listing.objects.update(is_staff_pick=True)
    cache.clear()

    [card] = [each for each in selectors.cards(selectors.visible()) if each.title == "Shut honey"]
    assert (card.status, card.closed_by, card.accepts_contributions) == ("open", state, False)
    assert [each.title for each in selectors.cards(selectors.accepting(selectors.visible()))] == [
        "Open honey"
    ]
    rows = catalog.shop_rows(9)
    shown = [
        rows.nearly_funded,
        rows.staff_picks,
        rows.just_launched,
        catalog.just_launched(9),
        catalog.trending(9),
        catalog.most_backed(9, "food", "en", excluding=0),
        [each.card for each in recommended_for(None, 9)],
    ]
    assert [[each.title for each in row] for row in shown] == [["Open honey"]] * len(shown)
    assert similar_to(twin, 9) == []
    assert [count for label, count in catalog.categories_with_counts() if label.slug == "food"] == [1]
    assert explore(ExploreFilters()).total == 2
    assert explore(ExploreFilters()).cards[-1].title == "Shut honey"
    assert [each.title for each in explore(ExploreFilters(status=("open",))).cards] == ["Open honey"]
    assert [each.title for each in explore(ExploreFilters(status=(state,))).cards] == ["Shut honey"]
    told = {each["title"]: each["closed_by"] for each in Client().get("/api/v1/campaigns").json()["results"]}
    assert told == {"Shut honey": state, "Open honey": ""}
    for path in ("/explore/", f"/campaigns/{listing.slug}/"):
        assert english in page(path)
        assert chinese in page(path, "zh-hans")
    assert Client().get(f"/campaigns/{listing.slug}/pledge/").status_code == 409
    in_feed = "Shut honey" in Client().get("/feeds/campaigns.atom").content.decode()
    assert in_feed == (state == "full")


def test_a_cap_is_full_at_its_last_unit(other: World) -> None:
    campaign = other.campaign(cap=5 * ETHER)
    other.listing(campaign)
    for amount, closed_by in ((5 * ETHER - 1, ""), (1, "full")):
        other.contribute(campaign, backer=address(1), amount=amount)
        [card] = selectors.cards(selectors.visible())
        assert card.closed_by == closed_by
    assert not ContributionPause.objects.exists()


def test_pages_of_a_retired_chain_stay_readable_and_its_money_can_be_claimed(
    world: World, other: World
) -> None:
    backer = backer_user(1)
    failed = other.campaign(title="Missed", started=timezone.now() - timedelta(days=40))
    other.contribute(failed, backer=address(1), amount=ETHER)
    slug, real = other.listing(failed).slug, listed(world)
    services.retire(31338, reason="the network closes")
    cache.clear()
    words = "We no longer follow Island"
    for tab in TABS:
        assert words in page(f"/campaigns/{slug}/{tab}"), tab
        assert words not in page(f"/campaigns/{real.slug}/{tab}"), tab
    assert words not in page("/explore/")
    browser = Client()
    browser.force_login(backer)
    mine = browser.get("/me/").content.decode()
    assert 'data-call="refund"' in mine
    assert '"id": 31338' in mine
