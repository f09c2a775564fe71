"""What search engines are told: the sitemap, robots.txt, and which address is a page's own."""

import re
from xml.etree import ElementTree as ET

import pytest
from django.conf import settings
from django.test import Client
from django.utils.encoding import iri_to_uri
from pytest_django import DjangoAssertNumQueries

from django_project.accounts.models import User
from django_project.community import moderation
from tests.web.conftest import Shop

PLACE = "{http://www.sitemaps.org/schemas/sitemap/0.9}"


def places(url: str) -> list[str]:
    answer = Client(headers={"Host": "elsewhere.example"}).get(url)
    assert answer["Content-Type"] == "application/xml"
    document = ET.fromstring(answer.content)  # noqa: S314  # our own
    return [str(place.text) for place in document.iter(f"{PLACE}loc")]


def canonical(url: str) -> list[str]:
    return re.findall(r'<link rel="canonical" href="([^"]*)">', Client().get(url).content.decode())


def is_indexed(url: str) -> bool:
    return '<meta name="robots" content="noindex">' not in Client().get(url).content.decode()


def test_the_sitemap_names_each_public_page_by_its_own_address(shop: Shop) -> None:
    assert [place.split("/")[-1] for place in places("/sitemap.xml")] == [
        "sitemap-pages.xml",
        "sitemap-campaigns.xml",
    ]
    pages = places("/sitemap-pages.xml")
    assert pages == [f"{settings.SITE_URL}{path}" for path in ("/", "/explore/", "/about/rankings/")]
    campaigns = places("/sitemap-campaigns.xml")
    assert len(campaigns) == 4
    for place in pages + campaigns:
        path = place.removeprefix(settings.SITE_URL)
        assert canonical(path) == [place]
    assert iri_to_uri(f"{settings.SITE_URL}/campaigns/{shop.tea.slug}/") in campaigns
    assert Client().get("/sitemap-nothing.xml").status_code == 404


def test_what_moderators_hid_or_froze_is_not_in_the_sitemap(shop: Shop) -> None:
    moderator = User.objects.create_superuser("moderator")
    moderation.hide(shop.honey, actor=moderator, reason="copied")
    moderation.unrank(shop.clock, actor=moderator, reason="bought backers")
    assert len(places("/sitemap-campaigns.xml")) == 2


@pytest.mark.usefixtures("shop")
def test_the_sitemap_needs_few_queries(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    with django_assert_num_queries(2):
        Client().get("/sitemap-campaigns.xml")
    with django_assert_num_queries(0):
        Client().get("/sitemap-campaigns.xml")


@pytest.mark.usefixtures("shop")
def test_robots_are_told_where_the_sitemap_is() -> None:
    answer = Client().get("/robots.txt")
    lines = answer.content.decode().splitlines()
    assert answer["Content-Type"] == "text/plain; charset=utf-8"
    assert f"Sitemap: {settings.SITE_URL}/sitemap.xml" in lines
    assert {"Disallow: /me/", "Disallow: /admin/", "Disallow: /api/"} <= set(lines)


@pytest.mark.parametrize(
    ("asked", "own"),
    [
        ("/?utm_source=letter", "/"),
        ("/explore/?sort=newest", "/explore/"),
        ("/explore/?category=food&sort=ending&page=1&nonsense=1", "/explore/?category=food"),
        ("/about/rankings/?x=1", "/about/rankings/"),
    ],
)
@pytest.mark.usefixtures("shop")
def test_a_page_has_one_address(asked: str, own: str) -> None:
    assert canonical(asked) == [f"{settings.SITE_URL}{own}"]
    assert is_indexed(asked)


def test_each_part_of_a_campaign_has_its_own_address(shop: Shop) -> None:
    for part in ("", "rewards/", "updates/", "contributors/", "contract/"):
        path = f"/campaigns/{shop.honey.slug}/{part}"
        assert canonical(f"{path}?from=card") == [f"{settings.SITE_URL}{path}"]


def test_pages_for_one_person_or_one_moment_are_not_indexed(shop: Shop) -> None:
    slug = shop.honey.slug
    for path in (
        "/sign-in/",
        "/nothing/",
        "/explore/?q=tea",
        "/explore/?sort=random",
        f"/campaigns/{slug}/pledge/",
        f"/campaigns/{slug}/pledge/review/?amount=1",
    ):
        assert not is_indexed(path), path
        assert canonical(path) == [], path


def test_no_page_names_the_host_that_was_asked(shop: Shop, backer: Client) -> None:
    """Whoever sends another Host, or says that a proxy saw one, changes no address that others are handed."""
    asked = {"host": "evil.example:81", "x-forwarded-host": "evil.example", "x-forwarded-proto": "gopher"}
    own = f"/campaigns/{shop.honey.slug}"
    paths = [
        *("/", "/explore/?q=honey", "/about/rankings/", f"{own}/", f"{own}/updates/", f"{own}/contract/"),
        *("/feeds/campaigns.atom", "/feeds/categories/food.atom", f"{own}/updates.atom"),
        *("/sitemap.xml", "/sitemap-pages.xml", "/sitemap-campaigns.xml", "/robots.txt"),
        *("/api/v1/schema", "/api/v1/docs", "/api/v1/campaigns", "/sign-in/"),
    ]
    for path in paths:
        for client in (Client(headers=asked), backer):
            reply = client.get(path, headers=asked)
            named = str(dict(reply.items())).encode() + reply.content
            assert b"evil" not in named, path
            assert b"gopher" not in named, path


@pytest.mark.usefixtures("shop")
def test_a_sitemap_is_kept_once_whatever_its_query_says(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    first = Client().get("/sitemap-campaigns.xml")
    with django_assert_num_queries(0):
        again = Client(headers={"host": "other.example"}).get("/sitemap-campaigns.xml?made=up&p=1")
    assert again.content == first.content
    for page in ("2", "0", "01", "-1", "１", "1\0", "9" * 5000, "x", ""):
        assert Client().get("/sitemap-campaigns.xml", {"p": page}).status_code == 404, page
