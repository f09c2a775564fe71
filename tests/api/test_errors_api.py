"""Every refusal of the API speaks the site's words, in the reader's language."""

from typing import TYPE_CHECKING

import pytest

from tests.support.browser import SESSION, Browser, error_code, wallet

if TYPE_CHECKING:
    from django.test.client import _MonkeyPatchedWSGIResponse as Reply

pytestmark = pytest.mark.django_db

PLEDGES = "/api/v1/pledges"
LANGUAGES = ("en", "zh-hans")


def told(reply: "Reply") -> str:
    return str(reply.json()["error"]["message"])


def is_in(language: str, text: str) -> bool:
    """Whether a sentence is in this language: one in Chinese has no English words but names."""
    has_chinese = any("\u4e00" <= letter <= "\u9fff" for letter in text)
    return has_chinese is (language == "zh-hans") and "CSRF" not in text and text[-1] in ".。"


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    ("method", "url", "sent", "headers", "status", "code"),
    [
        ("delete", PLEDGES, "", {}, 405, "method_not_allowed"),
        ("get", "/api/v1/campaigns", "", {"Accept": "text/html"}, 406, "not_acceptable"),
        ("post", PLEDGES, "<a/>", {"Content-Type": "text/xml"}, 415, "unsupported_media_type"),
        ("post", PLEDGES, "{", {}, 400, "parse_error"),
        ("post", PLEDGES, "[1]", {}, 400, "invalid"),
        ("post", PLEDGES, "{}", {"X-CSRFToken": ""}, 403, "csrf_failed"),
        ("post", PLEDGES, "{}", {"X-CSRFToken": "x" * 32}, 403, "csrf_failed"),
        ("get", f"{PLEDGES}/00000000-0000-0000-0000-000000000000", "", {}, 404, "not_found"),
        ("post", "/api/v1/beacon", "{}", {"Origin": "https://elsewhere.example"}, 403, "foreign_origin"),
    ],
)
def test_a_refusal_is_in_the_readers_language(
    method: str,
    url: str,
    sent: str,
    headers: dict[str, str],
    status: int,
    code: str,
    language: str,
    alice: Browser,
) -> None:
    reply = alice.client.generic(
        method.upper(),
        url,
        sent,
        content_type=headers.get("Content-Type", "application/json"),
        headers={"X-CSRFToken": alice.csrf_token, "Accept-Language": language, **headers},
    )
    assert (reply.status_code, error_code(reply)) == (status, code)
    assert is_in(language, told(reply)), told(reply)


@pytest.mark.parametrize("language", LANGUAGES)
def test_so_are_those_of_visitors_and_crowds(
    language: str, alice: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    visitor = Browser()
    reply = visitor.post(PLEDGES, {}, **{"Accept-Language": language})
    assert (reply.status_code, error_code(reply)) == (401, "sign_in_required")
    assert is_in(language, told(reply))
    monkeypatch.setattr("django_project.core.rate_limits.take", lambda *_: 3.0)
    reply = alice.get(SESSION, **{"Accept-Language": language})
    assert (reply.status_code, error_code(reply), reply["Retry-After"]) == (429, "too_many_requests", "4")
    assert is_in(language, told(reply))


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    "body",
    [
        {},
        {"campaign": 5, "amount": 5, "tier_id": "x", "again": 1, "more": 1},
        {"campaign": "x" * 100, "amount": "1", "tier_id": 2**32},
        {"campaign": "1:0x", "amount": "1", "tier_id": -1},
    ],
)
def test_what_is_wrong_with_a_field_too(body: dict[str, object], language: str, alice: Browser) -> None:
    reply = alice.post(PLEDGES, body, **{"Accept-Language": language})
    assert reply.status_code == 400
    fields = reply.json()["error"]["fields"]
    assert fields
    assert all(is_in(language, text) for text in fields.values()), fields


def test_a_token_from_before_a_sign_in_in_another_tab_is_replaced_by_the_sessions_own(
    alice: Browser,
) -> None:
    stale = alice.csrf_token
    alice.sign_in(wallet(1), 31337)
    fresh, alice.csrf_token = alice.csrf_token, stale
    assert error_code(alice.post(PLEDGES, {})) == "csrf_failed"
    assert alice.get(SESSION).json()["csrf_token"]
    alice.csrf_token = fresh
    assert error_code(alice.post(PLEDGES, {})) == "invalid"
