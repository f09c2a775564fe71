"""Each form against what it should never have been sent: told beside its field, kept, written nowhere."""

import html
import re
from urllib.parse import quote

import pytest
from django.core import mail as outbox
from django.test import Client, override_settings

from devtools.servers import free_port
from django_project.accounts.models import User
from django_project.community import moderation
from django_project.community.models import Follow, Report, SupporterMessage
from django_project.core.addresses import format_address
from django_project.notifications import mail
from django_project.notifications.errors import LetterNotSentError
from django_project.notifications.models import AccountNotice, Mailbox, Preference
from django_project.pledges.models import PledgeIntent
from tests.factories import CHAIN_ID, address, backer_user
from tests.support.browser import Browser, wallet
from tests.support.markup import flat
from tests.web.conftest import Shop

LEFTWARDS = "\u202e"
# Field, what was typed, words of the answer. What fields take as it is stands in `HOSTILE`.
PROFILE = [
    ("display_name", "x" * 61, "at most 60 characters"),
    ("display_name", "a\0b", "Null characters"),
    ("display_name", "🐝" * 61, "at most 60 characters"),
    ("display_name", f"{LEFTWARDS}Ines", r"Character 1 \(U\+202E\) turns the direction"),
    ("display_name", "\u200b", "Nobody could see this"),
    ("display_name", "In\u00ades", r"Character 3 \(U\+00AD\) cannot be seen"),
    ("display_name", "✔ Ines", "looks like a mark of having been checked"),
    ("display_name", "Ѕupport", "taken for the site's own"),
    ("bio", "x" * 501, "at most 500 characters"),
    ("bio", "a\0b", "Null characters"),
    ("language", "1e80", "Select a valid choice"),
    ("language", "<b>", "Select a valid choice"),
]
WALL = [
    ("text", "", "Enter a message."),
    ("text", "\u200b\u3164", "Enter a message."),
    ("text", "x" * 501, "at most 500 characters"),
    ("text", "🐝" * 501, "at most 500 characters"),
    ("text", "a\0b", "Null characters"),
]
REPORT = [
    ("text", "", "Say in a sentence"),
    ("text", "\u200b" * 20, "Say in a sentence"),
    ("text", "x" * 2001, "at most 2000 characters"),
    ("text", "Copied from elsewhere\0", "Null characters"),
    ("reason", "-1", "Choose one of the list."),
    ("reason", f"{LEFTWARDS}fraud", "Choose one of the list."),
    ("reason", "", "Choose what is wrong."),
]
OTHER_FIELDS = {"reason": "fraud", "text": "The photographs are of another roof."}
HOSTILE = ["1e80", "-1", "🐝🍯", "אינס", "<script>alert(1)</script>", "=1+1", "蜂蜜"]


@pytest.fixture
def urls(shop: Shop) -> dict[str, str]:
    return {
        "profile": "/me/settings/profile/",
        "wall": f"/campaigns/{shop.honey.slug}/messages/",
        "report": f"/campaigns/{shop.honey.slug}/report/",
    }


def written() -> list[object]:
    """Everything that these forms can change."""
    user = User.objects.get(username="backer-1")
    return [
        (user.display_name, user.bio, user.language, user.anonymous_backer),
        *Mailbox.objects.values_list("address", "confirmed_at"),
        *SupporterMessage.objects.values_list("text"),
        *Report.objects.values_list("reason", "text"),
        *outbox.outbox,
    ]


@pytest.mark.parametrize(
    ("form", "field", "typed", "words"),
    [
        (form, *case)
        for form, cases in {"profile": PROFILE, "wall": WALL, "report": REPORT}.items()
        for case in cases
    ],
)
def test_what_cannot_be_taken_is_told_beside_its_field_and_kept(
    form: str, field: str, typed: str, words: str, urls: dict[str, str], backer: Client
) -> None:
    before = written()
    fields = (OTHER_FIELDS if form == "report" else {}) | {field: typed}
    answer = backer.post(urls[form], fields)
    page = html.unescape(answer.content.decode())
    assert answer.status_code == 422
    assert re.search(rf'id="{field}-error".*?{words}', page, re.DOTALL)
    assert re.search(rf'aria-describedby="[^"]*\b{field}-error', page)
    if field not in ("language", "reason"):
        assert f'value="{typed}"' in page or f">{typed}</textarea>" in page
    if form == "report" and field == "reason":
        assert f">{OTHER_FIELDS['text']}</textarea>" in page
    assert written() == before


@pytest.mark.parametrize("typed", HOSTILE)
def test_what_only_looks_bad_is_kept_as_it_is_and_shown_as_text(
    typed: str, urls: dict[str, str], backer: Client
) -> None:
    assert backer.post(urls["profile"], {"display_name": typed, "bio": typed}).status_code == 302
    assert backer.post(urls["wall"], {"text": typed}).status_code == 302
    assert User.objects.filter(display_name=typed, bio=typed).exists()
    shown = html.escape(typed)
    # Each in an element that keeps its own direction, so that a name turns no other word around.
    wall = flat(Client().get(urls["wall"]).content.decode())
    assert re.search(f'<a [^>]*dir="auto"[^>]*>{re.escape(shown)}</a></strong>', wall)
    assert f'dir="auto">{shown}</p>' in wall
    page = Client().get(f"/people/{format_address(address(1))}/").content.decode()
    assert f'dir="auto">{shown}</h1>' in page
    assert f'dir="auto">{shown}</p>' in page
    assert f'value="{shown}"' in backer.get("/me/settings/").content.decode()


@pytest.mark.usefixtures("shop")
def test_a_choice_of_letters_is_written_as_a_whole_and_twice_is_once(backer: Client) -> None:
    fields = {"refund_due.mail": "on", "update_posted.site": "1e80", "nothing.mail": "on", "\0": "\0"}
    for _ in range(2):
        assert backer.post("/me/settings/notifications/", fields).status_code == 302
    rows = Preference.objects.values_list("kind", "on_site", "by_email")
    assert set(rows) == {
        ("refund_due", False, True),
        ("milestone_review", False, False),
        ("update_posted", True, False),
    }
    assert len(rows) == 3


@pytest.mark.usefixtures("shop")
def test_a_letter_that_cannot_be_sent_leaves_the_old_address(backer: Client) -> None:
    user = User.objects.get(username="backer-1")
    mail.change_mailbox(user, "old@example.org")
    nobody_listens = {
        "EMAIL_BACKEND": "django.core.mail.backends.smtp.EmailBackend",
        "EMAIL_HOST": "127.0.0.1",
        "EMAIL_PORT": free_port(),
    }
    with override_settings(**nobody_listens):
        with pytest.raises(LetterNotSentError):
            mail.change_mailbox(user, "new@example.org")
        answer = backer.post("/me/settings/mail/")
    assert answer.status_code == 503
    assert "mail server does not answer" in answer.content.decode()
    assert Mailbox.objects.get().address == "old@example.org"
    assert AccountNotice.objects.filter(act="email_changed").count() == 1


@pytest.mark.parametrize(
    ("path", "fields", "back"),
    [
        ("settings/profile/", {"display_name": "Ines B.", "bio": "I keep <b>bees</b>."}, "/me/settings/"),
        ("settings/mail/", {}, "/me/settings/"),
        ("settings/sessions/end/", {}, "/me/settings/"),
        ("settings/notifications/", {"refund_due.mail": "on"}, "/me/settings/"),
        ("notifications/read/", {}, "/me/notifications/"),
        ("deletion/", {"sure": "yes"}, "/me/settings/"),
        ("deletion/off/", {}, "/me/settings/"),
    ],
)
def test_a_session_that_ran_out_gives_back_what_was_typed(
    path: str, fields: dict[str, str], back: str, backer: Client
) -> None:
    backer.session.flush()
    before = written()
    answer = backer.post(f"/me/{path}", fields)
    page = answer.content.decode()
    assert answer.status_code == 401
    assert "no-store" in answer["Cache-Control"]
    assert f'href="/sign-in/?next={back}"' in page
    for name in fields.keys() & {"display_name", "bio", "address"}:
        assert f">{html.escape(fields[name])}</textarea>" in page
    assert written() == before
    assert Client().get(back)["Location"] == f"/sign-in/?next={back}"


def test_a_form_from_before_the_sign_in_gives_back_what_was_typed(urls: dict[str, str]) -> None:
    browser = Browser()
    page = browser.get(urls["report"]).content.decode()
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page)
    assert token
    browser.sign_in(wallet(1), CHAIN_ID)
    fields = {"csrfmiddlewaretoken": token[1], "reason": "fraud", "text": "</textarea><b>Stolen"}
    answer = browser.client.post(urls["report"], fields)
    assert answer.status_code == 403
    assert f">{html.escape(fields['text'])}</textarea>" in answer.content.decode()
    assert not Report.objects.exists()


def test_whoever_saves_a_campaign_signed_out_comes_back_to_its_page(shop: Shop) -> None:
    page = f"/campaigns/{shop.honey.slug}/"
    answer = Client().post(f"{page}save/", {"saved": "true", "next": page})
    assert answer["Location"] == f"/sign-in/?next={page}"
    assert not Follow.objects.exists()


@pytest.mark.parametrize("tier", ["9", "-1", "1e80", "9" * 5000, "🐝", f"{LEFTWARDS}1", "<b>", "\0"])
def test_a_campaign_without_rewards_says_that_it_has_none_such(tier: str, shop: Shop) -> None:
    answer = Client().get(f"/campaigns/{shop.tea.slug}/pledge/review/", {"amount": "2", "tier": tier})
    page = answer.content.decode()
    assert answer.status_code == 422
    assert 'id="tier-error"' in page
    assert 'value="2"' in page


@pytest.mark.parametrize("change", ["cancelled", "paused", "hidden"])
def test_a_page_of_a_campaign_that_stopped_meanwhile_takes_no_money(
    change: str, shop: Shop, backer: Client
) -> None:
    review = f"/campaigns/{shop.honey.slug}/pledge/review/?amount=1"
    assert backer.get(review).status_code == 200
    launched = shop.launched(shop.honey)
    if change == "cancelled":
        shop.world.cancel(launched)
    elif change == "paused":
        shop.world.pause(launched)
    else:
        moderation.hide(shop.honey, actor=backer_user(9), reason="copied")
    body = {"campaign": f"{CHAIN_ID}:0x{launched.address.hex()}", "amount": "1", "tier_id": 0}
    expected = 404 if change == "hidden" else 409
    assert backer.get(review).status_code == expected
    answer = backer.post("/api/v1/pledges", body, content_type="application/json")
    assert answer.status_code == expected
    assert not PledgeIntent.objects.exists()


@pytest.mark.usefixtures("shop")
@pytest.mark.parametrize("typed", ["\0", LEFTWARDS, "🐝", "1e80", "-1", "<b>", "9" * 300])
def test_an_address_of_no_page_is_not_found(typed: str, backer: Client) -> None:
    for path in (
        "/campaigns/{}/",
        "/campaigns/{}/messages/",
        "/campaigns/{}/report/",
        "/campaigns/{}/pledge/",
        "/campaigns/{}/save/",
        "/feeds/categories/{}.atom",
        "/covers/{}/0x00.svg",
        "/mail/confirm/{}/",
        "/mail/unsubscribe/{}/",
    ):
        ask = backer.post if path.endswith("save/") else backer.get
        assert ask(path.format(quote(typed))).status_code == 404, path
