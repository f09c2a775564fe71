"""Feeds: what is in them, what is not, and that asking again costs little."""

from datetime import timedelta
from urllib.parse import quote
from xml.etree import ElementTree as ET

import pytest
from django.conf import settings
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from django_project.accounts.models import User
from django_project.campaigns import services
from django_project.community import moderation
from django_project.web.feeds import ENTRIES, xml_text
from tests.factories import World
from tests.support.markup import flat
from tests.web.conftest import Shop

ATOM = "{http://www.w3.org/2005/Atom}"
ALL = "/feeds/campaigns.atom"
HOSTILE = '</title><script>alert(1)</script> & "tea"'


def entries(url: str, **headers: str) -> list[ET.Element]:
    answer = Client(headers=headers or None).get(url)
    assert answer.status_code == 200
    assert answer["Content-Type"] == "application/atom+xml; charset=utf-8"
    return ET.fromstring(answer.content).findall(f"{ATOM}entry")  # noqa: S314  # our own


def titles(url: str) -> list[str | None]:
    return [entry.findtext(f"{ATOM}title") for entry in entries(url)]


def text_of(url: str, language: str = "en") -> str:
    return Client(headers={"Accept-Language": language}).get(url).content.decode()


@pytest.mark.usefixtures("shop")
def test_all_campaigns_the_newest_first() -> None:
    found = titles(ALL)
    assert found[-1] == "A bench that folds"
    assert set(found) == {
        "Honey from eight roofs",
        "半坡春茶",
        "A bench that folds",
        "A clock for the square",
    }


@pytest.mark.usefixtures("shop")
def test_a_category_has_its_own() -> None:
    assert titles("/feeds/categories/technology.atom") == ["半坡春茶"]
    assert "饮食" in text_of("/feeds/categories/food.atom", "zh-hans")
    assert "ChainFund 新项目" in text_of(ALL, "zh-hans")
    assert Client().get("/feeds/categories/nothing.atom").status_code == 404


def test_a_campaigns_updates_with_their_text(shop: Shop) -> None:
    (entry,) = entries(f"/campaigns/{shop.honey.slug}/updates.atom")
    assert entry.findtext(f"{ATOM}title") == "First frames"
    assert entry.findtext(f"{ATOM}summary") == "<p>They <strong>hum</strong>.</p>\n"
    link = entry.find(f"{ATOM}link")
    assert link is not None
    page, anchor = link.attrib["href"].split("#")
    assert page == f"{settings.SITE_URL}/campaigns/{shop.honey.slug}/updates/"
    assert f'id="{anchor}"' in text_of(f"/campaigns/{shop.honey.slug}/updates/")
    assert Client().get("/campaigns/nothing/updates.atom").status_code == 404


def test_an_entry_speaks_its_own_language_and_names_the_sites_own_address(shop: Shop) -> None:
    (entry,) = entries("/feeds/categories/technology.atom", **{"Accept-Language": "en"})
    assert entry.attrib["{http://www.w3.org/XML/1998/namespace}lang"] == "zh-hans"
    link = entry.find(f"{ATOM}link")
    assert link is not None
    assert link.attrib["href"] == settings.SITE_URL + quote(f"/campaigns/{shop.tea.slug}/")


@pytest.mark.django_db
def test_what_strangers_write_is_text() -> None:
    world = World()
    campaign = world.campaign(title=HOSTILE, tagline="<b>bold</b>", publisher="a <i>b</i>")
    listing = world.listing(campaign)
    world.post_update(campaign, HOSTILE, "<script>alert(1)</script>[x](javascript:alert(1))")
    (entry,) = entries(ALL)
    assert entry.findtext(f"{ATOM}title") == HOSTILE
    assert entry.findtext(f"{ATOM}summary") == "&lt;b&gt;bold&lt;/b&gt;"
    (update,) = entries(f"/campaigns/{listing.slug}/updates.atom")
    assert update.findtext(f"{ATOM}title") == HOSTILE
    summary = str(update.findtext(f"{ATOM}summary"))
    assert "<script" not in summary
    assert 'href="javascript' not in summary


def test_characters_that_xml_refuses_are_left_out() -> None:
    assert xml_text("a\x00b\x0bc\ufffed\ud800e\U0001f41d\n") == "abcde\U0001f41d\n"


def test_what_moderation_hides_stays_out_at_once(shop: Shop) -> None:
    client = Client()
    before = client.get(ALL)
    moderator = User.objects.create_superuser("moderator")
    moderation.hide(shop.honey, actor=moderator, reason="copied")
    moderation.unrank(shop.clock, actor=moderator, reason="bought backers")
    after = client.get(ALL, headers={"If-None-Match": before["ETag"]})
    assert after.status_code == 200
    assert "Honey" not in after.content.decode()
    assert "clock" not in after.content.decode()
    assert Client().get(f"/campaigns/{shop.honey.slug}/updates.atom").status_code == 404


@pytest.mark.parametrize("which", ["all", "category", "updates", "no updates"])
def test_a_feed_that_did_not_change_is_not_sent_again(which: str, shop: Shop) -> None:
    url = {
        "all": ALL,
        "category": "/feeds/categories/food.atom",
        "updates": f"/campaigns/{shop.honey.slug}/updates.atom",
        "no updates": f"/campaigns/{shop.tea.slug}/updates.atom",
    }[which]
    first = Client().get(url)
    assert "Set-Cookie" not in first
    assert {"Accept-Language", "Cookie"} <= {part.strip() for part in first["Vary"].split(",")}
    again = Client().get(url, headers={"If-None-Match": first["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert Client().get(url, headers={"If-None-Match": '"other"'}).status_code == 200
    assert Client().post(url).status_code == 405


@pytest.mark.django_db
def test_a_long_history_stays_a_short_feed(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    world = World()
    for hours in range(ENTRIES + 3):
        world.campaign(title=f"Campaign {hours}", started=timezone.now() - timedelta(hours=hours + 1))
    services.sync_listings(world.chain.chain_id)
    with django_assert_num_queries(1):
        assert titles(ALL)[:2] == ["Campaign 0", "Campaign 1"]
    assert len(titles(ALL)) == ENTRIES


def test_feeds_need_few_queries(shop: Shop, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    for url, queries in (
        (ALL, 1),
        ("/feeds/categories/food.atom", 2),
        (f"/campaigns/{shop.honey.slug}/updates.atom", 3),
    ):
        with django_assert_num_queries(queries):
            Client().get(url)


def test_pages_name_their_feeds(shop: Shop) -> None:
    def feeds(url: str) -> list[str]:
        lines = flat(text_of(url)).split('type="application/atom+xml" href="')[1:]
        return [line.split('"')[0] for line in lines if 'title="' in line.split(">")[0]]

    assert feeds("/") == [ALL]
    assert feeds("/explore/?category=food") == [ALL, "/feeds/categories/food.atom"]
    assert feeds(f"/campaigns/{shop.honey.slug}/") == [ALL, f"/campaigns/{shop.honey.slug}/updates.atom"]
