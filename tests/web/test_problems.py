"""Pages for what goes wrong: in the site's design, in words, and without what may be missing itself."""

from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import LazySettings
from django.core.exceptions import ImproperlyConfigured
from django.test import Client, RequestFactory
from pytest_django import DjangoAssertNumQueries

from django_project.core import rate_limits
from django_project.core.rate_limits import Limit
from django_project.web.durations import wait
from django_project.web.error_views import MAINTENANCE_MINUTES, broken, maintenance_seconds
from tests.web.conftest import Shop


@pytest.fixture
def closed(tmp_path: Path, settings: LazySettings) -> Path:
    """The operator's file, in place; Redis is out of reach, and so is the database without its mark."""
    file = tmp_path / "maintenance"
    settings.MAINTENANCE_FILE = file
    file.write_text("25\n")
    return file


@pytest.mark.usefixtures("closed")
@pytest.mark.parametrize(
    ("language", "words"),
    [("en", "open again in 25 minutes"), ("zh-hans", "25 分钟")],
)
def test_a_closed_site_says_so_without_a_database(language: str, words: str) -> None:
    client = Client(headers={"Accept-Language": language})
    client.cookies["theme"] = "night"
    client.cookies["sessionid"] = "abc"
    for url in ("/", "/explore/", "/me/", "/admin/", "/nothing/"):
        answer = client.get(url)
        text = answer.content.decode()
        assert answer.status_code == 503
        assert answer["Retry-After"] == "1500"
        assert answer["Cache-Control"] == "no-store"
        assert answer["X-Frame-Options"] == "DENY"
        assert "Content-Security-Policy" in answer
        assert f'<html lang="{language}" data-theme="night">' in text
        assert words in text
    assert client.post("/consent/", {"granted": "true"}).status_code == 503


@pytest.mark.usefixtures("closed")
def test_programs_are_answered_in_their_own_way() -> None:
    assert Client().get("/livez").content == b"ok\n"
    answer = Client().get("/api/v1/campaigns")
    assert answer.status_code == 503
    assert answer["Retry-After"] == "1500"
    assert answer.json()["error"]["code"] == "maintenance"


@pytest.mark.django_db
def test_the_site_opens_when_the_file_goes(closed: Path) -> None:
    assert Client().get("/").status_code == 503
    closed.unlink()
    assert Client().get("/").status_code == 200


@pytest.mark.parametrize(
    ("written", "minutes"),
    [
        ("", MAINTENANCE_MINUTES),
        ("soon", MAINTENANCE_MINUTES),
        ("-5", MAINTENANCE_MINUTES),
        ("0", 1),
        ("90", 90),
    ],
)
def test_the_file_may_say_how_long(closed: Path, written: str, minutes: int) -> None:
    closed.write_text(written)
    assert maintenance_seconds() == minutes * 60


def test_a_file_of_rubbish_still_closes_the_site(closed: Path) -> None:
    closed.write_bytes(b"\xff\xfe99999999")
    assert maintenance_seconds() == MAINTENANCE_MINUTES * 60
    closed.unlink()
    closed.mkdir()
    assert maintenance_seconds() == MAINTENANCE_MINUTES * 60


def test_a_broken_page_needs_nothing_and_keeps_the_theme() -> None:
    request = RequestFactory().get("/")
    request.COOKIES["theme"] = "night"
    answer = broken(request)
    assert answer.status_code == 500
    assert 'data-theme="night"' in answer.content.decode()
    request.COOKIES["theme"] = '"><script>'
    assert "data-theme" not in broken(request).content.decode()


def test_an_unforeseen_error_becomes_that_page(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise ImproperlyConfigured("the cellar is flooded")

    monkeypatch.setattr("django_project.web.views.shop.home_data", fail)
    del shop
    answer = Client(raise_request_exception=False).get("/")
    assert answer.status_code == 500
    assert "Something broke on our side" in answer.content.decode()
    assert "flooded" not in answer.content.decode()


@pytest.mark.parametrize(
    ("language", "words"), [("en", "Try again in 60 minutes;"), ("zh-hans", "请在 60 分钟后再试")]
)
def test_a_limited_visitor_is_told_how_long(
    language: str,
    words: str,
    shop: Shop,
    monkeypatch: pytest.MonkeyPatch,
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    monkeypatch.setattr(rate_limits, "PICTURE", Limit("test-picture", 1, timedelta(hours=1)))
    client = Client(headers={"Accept-Language": language})
    client.get(f"/campaigns/{shop.clock.slug}/card.png")
    with django_assert_max_num_queries(4):
        answer = client.get(f"/campaigns/{shop.honey.slug}/card.png")
    assert answer.status_code == 429
    assert 3000 < int(answer["Retry-After"]) <= 3600
    assert answer["Cache-Control"] == "no-store"
    assert words in answer.content.decode()


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(1, "1 second"), (59, "59 seconds"), (61, "2 minutes"), (3600, "60 minutes"), (7201, "3 hours")],
)
def test_waiting_is_rounded_up(seconds: int, words: str) -> None:
    assert wait(seconds) == words
