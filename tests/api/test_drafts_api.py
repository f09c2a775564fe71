"""Drafts over HTTP: what is typed saves itself, and only its owner sees it."""

import uuid

import pytest

from django_project.accounts.models import User
from django_project.core import rate_limits
from django_project.core.addresses import parse_address
from django_project.core.errors import TooManyRequestsError
from django_project.studio import services
from django_project.studio.models import Draft
from tests.factories import World
from tests.support.browser import Browser, error_code, wallet
from tests.support.described import is_as_described

pytestmark = pytest.mark.django_db

ALICE, BOB = wallet(1), wallet(2)


@pytest.fixture
def draft(alice: Browser) -> Draft:  # noqa: ARG001  # whose account it is
    return services.create_draft(
        User.objects.get(wallets__address=parse_address(ALICE.address)), language="en"
    )


def url(draft: Draft) -> str:
    return f"/api/v1/drafts/{draft.public_id}"


def change(text: str, seen: int = 0) -> dict[str, object]:
    return {"text": text, "seen": seen}


def test_a_draft_is_saved_and_read(alice: Browser, draft: Draft) -> None:
    reply = alice.post(url(draft), {"changes": {"title": change("Honey"), "goal": change("-1")}})
    assert reply.status_code == 200, reply.content
    saved = reply.json()
    assert (saved["revision"], saved["conflicts"]) == (1, {})
    assert saved["texts"] == {"language": "en", "title": "Honey", "goal": "-1"}
    # What an amount is follows from a currency, which is still to be chosen.
    assert saved["problems"] == {}
    assert {"story", "currency", "deadline"} <= set(saved["missing"])
    assert "title" not in saved["missing"]
    assert reply["Cache-Control"] == "no-store"
    read = alice.get(url(draft))
    assert read.json() == saved
    assert is_as_described(("get", "/api/v1/drafts/{public_id}"), read)


def test_what_somebody_else_wrote_comes_back_beside_what_was_saved(alice: Browser, draft: Draft) -> None:
    alice.post(url(draft), {"changes": {"title": change("Honey")}})
    reply = alice.post(url(draft), {"changes": {"title": change("Wax"), "story": change("Bees.")}})
    assert reply.status_code == 200
    assert reply.json()["conflicts"] == {"title": {"text": "Honey", "revision": 1}}
    assert reply.json()["texts"] == {"language": "en", "title": "Honey", "story": "Bees."}
    assert is_as_described(("post", "/api/v1/drafts/{public_id}"), reply)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"nothing": change("x")}, "unknown_field"),
        ({"title": change("x" * 241)}, "text_too_long"),
        ({"title": {"text": "x"}}, "invalid"),
        ({"title": change("x", seen=-1)}, "invalid"),
        ({"title": {"text": 5, "seen": 0}}, "invalid"),
        ({f"f{number}": change("x") for number in range(201)}, "invalid"),
    ],
)
def test_bad_changes_save_nothing(alice: Browser, draft: Draft, changes: object, code: str) -> None:
    reply = alice.post(url(draft), {"changes": changes})
    assert (reply.status_code, error_code(reply)) == (400, code)
    assert Draft.objects.get(pk=draft.pk).texts == {"language": "en"}


def test_a_story_of_the_greatest_length_arrives(alice: Browser, draft: Draft) -> None:
    story = "蜜" * 120_000
    assert alice.post(url(draft), {"changes": {"story": change(story)}}).status_code == 200
    assert Draft.objects.get(pk=draft.pk).texts["story"] == story
    # Elsewhere a body of that size is refused unread.
    assert alice.post("/api/v1/pledges", {"amount": story}).status_code == 413


def test_anothers_draft_is_as_unknown_as_none(world: World, draft: Draft) -> None:
    bob = Browser()
    assert bob.get(url(draft)).status_code == 401
    assert bob.post(url(draft), {"changes": {}}).status_code == 401
    bob.sign_in(BOB, world.chain.chain_id)
    for path in (url(draft), f"/api/v1/drafts/{uuid.uuid4()}"):
        assert bob.get(path).status_code == 404
        assert bob.post(path, {"changes": {"title": change("Mine")}}).status_code == 404
    assert Draft.objects.get(pk=draft.pk).texts == {"language": "en"}


def test_saving_is_limited_by_account(alice: Browser, draft: Draft, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def refuse(limit: rate_limits.Limit, *_subjects: rate_limits.Subject) -> float:
        asked.append(limit.scope)
        return 3.0 if limit is rate_limits.DRAFT else 0.0

    monkeypatch.setattr(rate_limits, "take", refuse)
    reply = alice.post(url(draft), {"changes": {}})
    assert (reply.status_code, reply["Retry-After"]) == (429, "4")
    assert error_code(reply) == TooManyRequestsError("", 1).code
    assert "draft" in asked
