"""What everybody sees alike is made once for a generation; what is one visitor's own never is."""

import re
from typing import Any

import pytest
import redis
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest
from django.test import Client, RequestFactory
from pytest_django import DjangoAssertNumQueries, DjangoCaptureOnCommitCallbacks

from django_project.catalog import cache_generation
from django_project.community import moderation
from django_project.web import shared_pages
from django_project.web.views import shop as shop_views
from tests.factories import ETHER, address, backer_user
from tests.web.conftest import Shop

SHARED = ("/", "/explore/", "/explore/?status=open&sort=newest", "/explore/?q=honey")


def token(page: bytes) -> str:
    found = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page.decode())
    assert found
    return found.group(1)


@pytest.mark.usefixtures("shop")
@pytest.mark.parametrize("url", SHARED)
def test_the_second_visitor_costs_no_query(
    url: str, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    first = Client().get(url).content
    with django_assert_num_queries(0):
        second = Client().get(url).content
    assert first.replace(token(first).encode(), b"") == second.replace(token(second).encode(), b"")


@pytest.mark.usefixtures("shop")
@pytest.mark.parametrize("url", SHARED)
def test_each_visitors_forms_carry_their_own_token(url: str) -> None:
    Client().get(url)
    guarded = Client(enforce_csrf_checks=True)
    page = guarded.get(url).content
    assert shared_pages._placeholder() not in page.decode()
    assert token(page) != token(Client().get(url).content)
    form = {"theme": "night", "csrfmiddlewaretoken": token(page)}
    assert guarded.post("/theme/", form).status_code == 302


@pytest.mark.usefixtures("shop")
def test_languages_themes_and_answers_to_the_banner_are_told_apart() -> None:
    assert "How it works" in Client().get("/").content.decode()
    assert "如何运作" in Client(headers={"Accept-Language": "zh-hans"}).get("/").content.decode()
    dark = Client()
    dark.cookies["theme"] = "night"
    assert 'data-theme="night"' in dark.get("/").content.decode()
    refused = Client()
    refused.post("/consent/", {"granted": "false"})
    text = refused.get("/").content.decode()
    assert 'data-consent="refused"' in text
    assert "consent-title" not in text
    assert "consent-title" in Client().get("/").content.decode()


@pytest.mark.usefixtures("shop")
def test_nobody_gets_the_page_of_somebody_signed_in(backer: Client) -> None:
    assert "My contributions" in backer.get("/").content.decode()
    assert "My contributions" not in Client().get("/").content.decode()
    assert "My contributions" in backer.get("/").content.decode()


@pytest.mark.usefixtures("shop")
def test_who_agreed_to_be_remembered_has_a_list_of_their_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    visitor = Client()
    visitor.post("/consent/", {"granted": "true"})
    Client().get("/")
    monkeypatch.setattr(shared_pages, "_made", lambda *_: pytest.fail("this page is nobody else's"))
    assert visitor.get("/").status_code == 200


@pytest.mark.usefixtures("shop")
def test_an_order_by_lot_is_drawn_for_each_visitor() -> None:
    seeds = {
        re.search(r'name="seed" value="(\d+)"', Client().get("/explore/?sort=random").content.decode())
        for _ in range(3)
    }
    assert len({found and found.group(1) for found in seeds}) > 1


def test_lists_wait_for_the_next_generation_and_the_campaigns_page_does_not(shop: Shop) -> None:
    campaign_url = f"/campaigns/{shop.honey.slug}/"
    Client().get("/explore/")
    Client().get(campaign_url)
    shop.world.contribute(shop.launched(shop.honey), backer=address(4), amount=ETHER)
    assert "7.000000000000000021" in Client().get(campaign_url).content.decode()
    assert "7.000000000000000021" not in Client().get("/explore/").content.decode()
    cache_generation.end()
    assert "7.000000000000000021" in Client().get("/explore/").content.decode()


def test_what_moderators_hide_is_gone_at_once(
    shop: Shop, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    assert "Honey from eight roofs" in Client().get("/explore/").content.decode()
    with django_capture_on_commit_callbacks(execute=True):
        moderation.hide(shop.honey, actor=backer_user(9), reason="stolen pictures")
    for url in ("/", "/explore/"):
        assert "Honey from eight roofs" not in Client().get(url).content.decode()


def made(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The queries that pages are made for from now on."""
    queries = []
    make = shared_pages._made

    def note(page: shared_pages.Page, request: HttpRequest) -> bytes:
        queries.append(request.META["QUERY_STRING"])
        return make(page, request)

    monkeypatch.setattr(shared_pages, "_made", note)
    return queries


@pytest.mark.usefixtures("shop")
def test_what_a_page_does_not_read_makes_no_other_page(monkeypatch: pytest.MonkeyPatch) -> None:
    queries = made(monkeypatch)
    for number in range(3):
        page = Client().get(f"/?made={number}&up={'x' * number}").content.decode()
        assert "made=" not in page
        Client().get(f"/explore/?made={number}&status=open&sort=newest&page={'0' * number}1")
        Client().get(f"/explore/?sort=newest&status=open&status=open&utm_source=s{number}&seed=")
        Client().get("/explore/", headers={"host": f"h{number}.example", "x-forwarded-proto": "https"})
    assert queries == ["", "status=open&sort=newest", ""]


@pytest.mark.usefixtures("shop")
def test_no_more_queries_are_kept_than_there_is_room_for(
    monkeypatch: pytest.MonkeyPatch, redis_url: str
) -> None:
    monkeypatch.setattr(shared_pages, "QUERIES_KEPT", 2)
    monkeypatch.setattr("django_project.catalog.search.SEARCHES_KEPT", 2)
    pages = [Client().get(f"/explore/?q=honey{'y' * number}").content.decode() for number in range(6)]
    assert [f'value="honey{"y" * number}"' in page for number, page in enumerate(pages)] == [True] * 6
    with redis.Redis.from_url(redis_url) as server:
        assert 1 <= len(list(server.scan_iter(":1:catalog:generation:*:page:*"))) <= 2
        assert 1 <= len(list(server.scan_iter(":1:campaigns:matches:*"))) <= 2


@pytest.mark.usefixtures("shop")
@pytest.mark.parametrize("prefix", ["/explore", "/explore/", "//evil.example", "/x?y"])
def test_a_script_name_changes_no_page(prefix: str) -> None:
    """As a server has it that takes the header Script_Name: home is asked for under explore's address."""
    poisoned: dict[str, Any] = {
        "SCRIPT_NAME": prefix,
        "SCRIPT_URL": f"{prefix}/x",
        "REDIRECT_URL": f"{prefix}/y",
    }
    home, explore = (Client().get(path).content for path in ("/", "/explore/"))
    cache_generation.end()
    asked = [Client().get(path, None, **poisoned).content for path in ("/", "/explore/")]
    later = [Client().get(path).content for path in ("/", "/explore/")]
    for page in (*asked, *later):
        assert b"evil" not in page
        assert b"/explore/explore" not in page
    assert [page.replace(token(page).encode(), b"") for page in later] == [
        page.replace(token(page).encode(), b"") for page in (home, explore)
    ]


@pytest.mark.usefixtures("shop")
def test_a_site_below_a_path_shares_no_page(monkeypatch: pytest.MonkeyPatch, rf: RequestFactory) -> None:
    """Where a server of the other kind (ASGI) is told that the site is mounted, nothing is kept."""
    queries = made(monkeypatch)
    request = rf.get("/")
    request.META["SCRIPT_NAME"] = "/below"
    request.user = AnonymousUser()
    assert shop_views.home(request).status_code == 200
    assert queries == []


def test_two_views_of_one_address_are_two_pages(rf: RequestFactory) -> None:
    request = rf.get("/")
    assert shared_pages._name(shop_views.home, request) != shared_pages._name(
        shop_views.explore_page, request
    )
