"""What the frame of every page says of its chains, of who is signed in and of the way to sign in."""

import re
from datetime import UTC, datetime

import pytest
from django.contrib.auth.models import AnonymousUser
from django.test import Client, RequestFactory
from django.urls import resolve, reverse

from django_project.accounts.models import Session
from django_project.ledger.selectors import Status
from django_project.web import labels
from django_project.web.context import Notice, Site
from django_project.web.templatetags import site_text
from django_project.web.views.campaign import TAB_URLS
from tests.factories import backer_user
from tests.web.conftest import Shop


def site_at(path: str, *, is_known: bool = True) -> Site:
    request = RequestFactory().get(path)
    if is_known:
        request.resolver_match = resolve(request.path)
    return Site(request)


@pytest.mark.parametrize(
    ("path", "following"),
    [
        ("/explore/?q=tea&sort=newest", "?next=/explore/%3Fq%3Dtea%26sort%3Dnewest"),
        ("/sign-in/", ""),
        ("/mail/confirm/token/", ""),
        ("/mail/unsubscribe/token/", ""),
        ("/mail/keep/token/", ""),
    ],
)
def test_the_sign_in_leads_back_except_to_itself_and_to_what_a_letter_opened(
    path: str, following: str
) -> None:
    assert site_at(path).sign_in_url == f"/sign-in/{following}"


def test_the_sign_in_leads_back_to_a_page_that_is_none() -> None:
    assert site_at("/nowhere/", is_known=False).sign_in_url == "/sign-in/?next=/nowhere/"


@pytest.mark.parametrize(
    ("notice", "icon", "doubts", "words"),
    [
        (
            Notice("retired", "Sepolia", 0),
            "lock",
            False,
            "We no longer follow Sepolia: amounts here are as we last saw them.",
        ),
        (Notice("late", "Sepolia", 600), "clock", True, "Our copy of Sepolia is 10 minutes old, so amounts"),
        (
            Notice("clock", "Sepolia", 7_200),
            "clock",
            True,
            "The clocks of Sepolia and of this site differ by 2 hours.",
        ),
    ],
)
def test_each_notice_says_what_is_the_matter(notice: Notice, icon: str, doubts: bool, words: str) -> None:
    assert (notice.icon, notice.doubts_amounts) == (icon, doubts)
    assert notice.words.startswith(words)


@pytest.mark.django_db
def test_a_deletion_under_way_is_told_to_its_owner_alone() -> None:
    due = datetime(2026, 3, 4, 5, 6, tzinfo=UTC)
    user = backer_user(1)
    request = RequestFactory().get("/")
    request.user = user
    assert Site(request).deletion_due_at is None
    user.deletion_due_at = due
    assert Site(request).deletion_due_at == due
    request.user = AnonymousUser()
    assert Site(request).deletion_due_at is None


def test_a_request_that_was_refused_before_anybody_looked_is_nobodys() -> None:
    site = Site(RequestFactory().get("/"))
    assert site.deletion_due_at is None
    assert site.waiting == (0, 0)


@pytest.mark.parametrize(
    ("browser", "system", "words"),
    [
        ("Firefox", "Linux", "Firefox on Linux"),
        ("Firefox", "", "Firefox"),
        ("", "Linux", "Linux"),
        ("", "", "Unknown browser"),
    ],
)
def test_a_session_says_on_what_it_was_opened_as_far_as_that_is_known(
    browser: str, system: str, words: str
) -> None:
    assert site_text.device(Session(browser=browser, system=system)) == words


@pytest.mark.parametrize(
    ("status", "percent", "shown"),
    [
        (Status.OPEN, 99, "fill"),
        (Status.OPEN, 100, "fill-over"),
        (Status.SUCCEEDED, 250, "fill-over"),
        (Status.COMPLETED, 99, "fill"),
        (Status.FAILED, 99, "fill-ended"),
        (Status.CANCELLED, 100, "fill-ended"),
        (Status.WIND_DOWN, 100, "fill-ended"),
        (Status.EXPIRED, 100, "fill-ended"),
    ],
)
def test_a_bar_shows_whether_the_campaign_goes_on(status: str, percent: int, shown: str) -> None:
    assert site_text.progress_class(status, percent) == shown


@pytest.mark.django_db
def test_the_open_part_of_a_campaign_is_marked(client: Client, shop: Shop) -> None:
    assert list(TAB_URLS) == list(labels.CAMPAIGN_TAB)
    for name in TAB_URLS.values():
        url = reverse(f"web:{name}", args=[shop.honey.slug])
        marked = re.findall(r'<a href="([^"]*)#parts" aria-current="page">', client.get(url).content.decode())
        assert marked == [url]
