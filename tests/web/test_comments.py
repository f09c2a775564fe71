"""A campaign's wall: backers write, one message each; everybody reads; moderators have the last word."""

import html

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from django_project.accounts.models import User
from django_project.community import services as community_services
from django_project.community.errors import NotABackerError
from django_project.community.models import SupporterMessage
from django_project.core import rate_limits
from django_project.core.models import AuditEntry
from django_project.privacy import services as privacy
from tests.factories import address, backer_user
from tests.support.markup import flat
from tests.support.staff import staff_client
from tests.web.conftest import Shop, signed_in

TEXT = "The honey of last year was worth it."
HOSTILE = {
    "markup": "<script>alert(1)</script> & </textarea><b>bold</b>",
    "markdown": "[x](javascript:alert(1)) ![y](https://tracker.example/pixel.gif)",
    "emoji": "\U0001f41d\U0001f36f" * 50,
    "right to left": "شكرا جزيلا \u202eabc",
    "chinese": "期待明年的蜂蜜！",
    "negative": "-1",
    "formula": "=1+1",
}


@pytest.fixture
def url(shop: Shop) -> str:
    return f"/campaigns/{shop.honey.slug}/messages/"


def page(client: Client, url: str) -> str:
    return client.get(url).content.decode()


def test_a_backer_writes_changes_and_takes_away(url: str, backer: Client) -> None:
    answer = backer.post(url, {"text": TEXT})
    assert (answer.status_code, answer["Location"]) == (302, f"{url}#parts")
    text = page(Client(), url)
    assert TEXT in text
    assert "Ines" in text
    assert 'Messages <span class="count">1</span>' in flat(text)
    backer.post(url, {"text": "Changed my mind."})
    assert TEXT not in page(Client(), url)
    assert SupporterMessage.objects.get().text == "Changed my mind."
    backer.post(url, {"remove": "yes"})
    assert not SupporterMessage.objects.exists()


def test_two_clicks_are_one_message(url: str, backer: Client) -> None:
    for _ in range(2):
        backer.post(url, {"text": TEXT})
    assert SupporterMessage.objects.count() == 1


def test_only_backers_write(shop: Shop, url: str) -> None:
    stranger = signed_in(backer_user(77))
    answer = stranger.post(url, {"text": TEXT})
    assert answer.status_code == 403
    assert "Only backers write here" in answer.content.decode()
    assert f">{TEXT}</textarea>" in answer.content.decode()
    assert not SupporterMessage.objects.exists()
    shop.world.take_pledge_back(shop.launched(shop.honey), backer=address(1))
    with pytest.raises(NotABackerError):
        community_services.write_comment(backer_user(1), shop.honey, TEXT)


@pytest.mark.parametrize(
    ("typed", "message"),
    [("", "Enter a message."), ("  \n ", "Enter a message."), ("x" * 501, "at most 500"), ("a\0b", "Null")],
)
def test_a_mistake_is_told_beside_the_field_and_nothing_is_lost(
    typed: str, message: str, url: str, backer: Client
) -> None:
    answer = backer.post(url, {"text": typed})
    text = html.unescape(answer.content.decode())
    assert answer.status_code == 422
    assert message in text
    assert 'aria-describedby="text-hint text-error"' in text
    assert f">{typed}</textarea>" in text
    assert not SupporterMessage.objects.exists()


@pytest.mark.parametrize("kind", HOSTILE)
def test_whatever_is_written_is_read_as_text(kind: str, url: str, backer: Client) -> None:
    assert backer.post(url, {"text": HOSTILE[kind]}).status_code == 302
    assert SupporterMessage.objects.get().text == HOSTILE[kind]
    assert f">{html.escape(HOSTILE[kind])}</p>" in page(Client(), url)


def test_a_session_that_ran_out_keeps_what_was_typed(url: str) -> None:
    answer = Client().post(url, {"text": TEXT})
    assert answer.status_code == 401
    assert "Sign in again" in answer.content.decode()
    assert f">{TEXT}</textarea>" in answer.content.decode()


def test_messages_are_limited_and_what_was_typed_stays(url: str, backer: Client) -> None:
    for number in range(rate_limits.MESSAGE.capacity):
        assert backer.post(url, {"text": f"{TEXT} {number}"}).status_code == 302
    answer = backer.post(url, {"text": "One more."})
    assert answer.status_code == 429
    assert ">One more.</textarea>" in answer.content.decode()


def test_an_anonymous_backer_stays_nameless(url: str, backer: Client) -> None:
    User.objects.update(anonymous_backer=True)
    backer.post(url, {"text": TEXT})
    text = page(Client(), url)
    assert TEXT in text
    assert "Ines" not in text
    assert "A backer" in text


def test_moderators_hide_with_a_reason_and_the_author_cannot_undo_it(url: str, backer: Client) -> None:
    backer.post(url, {"text": TEXT})
    message = SupporterMessage.objects.get()
    admin = staff_client(User.objects.create_superuser("moderator"))
    listed = "/admin/community/supportermessage/"
    hiding = {"action": "hide", "_selected_action": [message.pk]}
    admin.post(listed, {**hiding, "reason": ""})
    assert TEXT in page(Client(), url)
    admin.post(listed, {**hiding, "reason": "an advertisement"})
    assert TEXT not in page(Client(), url)
    backer.post(url, {"remove": "yes"})
    backer.post(url, {"text": "Again."})
    assert "Again." not in page(Client(), url)
    entry = AuditEntry.objects.get(action="campaigns.message.hidden")
    assert entry.details["reason"] == "an advertisement"
    admin.post(listed, {"action": "show", "_selected_action": [message.pk], "reason": "it was none"})
    assert "Again." in page(Client(), url)


def test_messages_are_exported_and_forgotten(url: str, backer: Client) -> None:
    backer.post(url, {"text": TEXT})
    assert TEXT in backer.get("/me/data.json").content.decode()
    privacy.forget(User.objects.get(username="backer-1"))
    assert not SupporterMessage.objects.exists()


def test_the_form_needs_its_token(url: str) -> None:
    assert Client(enforce_csrf_checks=True).post(url, {"text": TEXT}).status_code == 403


def test_the_wall_costs_few_queries(
    url: str, backer: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    backer.post(url, {"text": TEXT})
    backer.get(url)
    with django_assert_max_num_queries(12):
        backer.get(url)
