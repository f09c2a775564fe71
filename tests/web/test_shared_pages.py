"""What everybody sees alike is made once for an edition; what is one visitor's own never is."""

import re

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries, DjangoCaptureOnCommitCallbacks

from django_project.campaigns import edition, services
from django_project.web import shared_pages
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


def test_lists_wait_for_the_next_edition_and_the_campaigns_page_does_not(shop: Shop) -> None:
    campaign_url = f"/campaigns/{shop.honey.slug}/"
    Client().get("/explore/")
    Client().get(campaign_url)
    shop.world.contribute(shop.launched(shop.honey), backer=address(4), amount=ETHER)
    assert "7.000000000000000021" in Client().get(campaign_url).content.decode()
    assert "7.000000000000000021" not in Client().get("/explore/").content.decode()
    edition.end()
    assert "7.000000000000000021" in Client().get("/explore/").content.decode()


def test_what_moderators_hide_is_gone_at_once(
    shop: Shop, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    assert "Honey from eight roofs" in Client().get("/explore/").content.decode()
    with django_capture_on_commit_callbacks(execute=True):
        services.hide(shop.honey, actor=backer_user(9), reason="stolen pictures")
    for url in ("/", "/explore/"):
        assert "Honey from eight roofs" not in Client().get(url).content.decode()
