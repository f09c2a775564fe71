"""Theme, language, consent, signing in and out: forms that work without a script."""

import pytest
from django.test import Client

from django_project.discovery.models import Visitor
from tests.web.conftest import Shop

FOREIGN = [
    "https://evil.example/",
    "//evil.example/",
    "https:evil.example",
    "javascript:alert(1)",
    "\\\\evil.example",
    "",
]
# No address at all; Django's redirect would take some for the name of a view.
NO_ADDRESS = ["1e80", "web:me", "🐝", "\0", "\u202e/me/", "<b>", "-1", "x" * 5000]


@pytest.mark.usefixtures("shop")
def test_the_theme_is_in_the_page_before_anything_is_drawn() -> None:
    client = Client()
    assert "data-theme" not in client.get("/").content.decode().split("<head>")[0]
    answer = client.post("/theme/", {"theme": "night", "next": "/explore/?q=tea"})
    assert answer["Location"] == "/explore/?q=tea"
    assert '<html lang="en" data-theme="night">' in client.get("/").content.decode()


@pytest.mark.usefixtures("shop")
def test_an_unknown_theme_changes_nothing() -> None:
    client = Client()
    client.post("/theme/", {"theme": "neon"})
    assert "data-theme" not in client.get("/").content.decode().split("<head>")[0]


@pytest.mark.usefixtures("shop")
def test_the_language_is_remembered() -> None:
    client = Client()
    client.post("/i18n/setlang/", {"language": "zh-hans", "next": "/"})
    assert '<html lang="zh-hans"' in client.get("/explore/").content.decode()


@pytest.mark.usefixtures("shop")
@pytest.mark.parametrize("target", FOREIGN)
def test_no_form_leads_away_from_the_site(target: str, backer: Client) -> None:
    for url, fields in (("/theme/", {"theme": "day"}), ("/consent/", {"granted": "false"})):
        assert Client().post(url, {**fields, "next": target})["Location"] == "/"
    assert backer.get("/sign-in/", {"next": target})["Location"] == "/"
    fields = {"language": "en", "next": target}
    assert Client().post("/i18n/setlang/", fields)["Location"] == "/"


@pytest.mark.usefixtures("shop")
@pytest.mark.parametrize("target", NO_ADDRESS)
def test_what_is_no_address_leads_to_where_nothing_would(target: str, backer: Client) -> None:
    assert Client().post("/theme/", {"theme": "day", "next": target})["Location"] == "/"
    assert Client().post("/consent/", {"granted": "false", "next": target})["Location"] == "/"
    assert backer.get("/sign-in/", {"next": target})["Location"] == "/"


@pytest.mark.parametrize("target", FOREIGN)
def test_saving_a_campaign_leads_nowhere_else(target: str, shop: Shop, backer: Client) -> None:
    url = f"/campaigns/{shop.honey.slug}/save/"
    assert backer.post(url, {"next": target})["Location"] == "/me/"


@pytest.mark.usefixtures("shop")
@pytest.mark.parametrize("target", FOREIGN)
def test_the_sign_in_page_carries_no_foreign_target(target: str) -> None:
    assert 'data-next="/"' in Client().get("/sign-in/", {"next": target}).content.decode()


@pytest.mark.usefixtures("shop")
def test_consent_is_asked_once() -> None:
    client = Client()
    assert "May we learn from what you view?" in client.get("/").content.decode()
    client.post("/consent/", {"granted": "false", "next": "/"})
    refused = client.get("/").content.decode()
    assert "May we learn from what you view?" not in refused
    assert 'data-consent="refused"' in refused
    assert not Visitor.objects.exists()


@pytest.mark.usefixtures("shop")
def test_consent_is_given_and_taken_back() -> None:
    client = Client()
    client.post("/consent/", {"granted": "true"})
    assert 'data-consent="granted"' in client.get("/").content.decode()
    client.post("/consent/", {"granted": "false"})
    assert 'data-consent="refused"' in client.get("/").content.decode()
    assert Visitor.objects.get().consented_at is None


@pytest.mark.usefixtures("shop")
def test_signing_out_is_a_post(backer: Client) -> None:
    assert backer.get("/sign-out/").status_code == 405
    assert backer.get("/me/").status_code == 200
    backer.post("/sign-out/")
    assert backer.get("/me/")["Location"].startswith("/sign-in/")


@pytest.mark.usefixtures("shop")
def test_forms_are_refused_without_their_token() -> None:
    answer = Client(enforce_csrf_checks=True).post("/consent/", {"granted": "true"})
    assert answer.status_code == 403
    assert "This page was open too long" in answer.content.decode()
