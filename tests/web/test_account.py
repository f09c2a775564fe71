"""A backer's own pages: settings, saved campaigns, receipts, wallets, and the right to be forgotten."""

import csv
import io
import json
import re

import pytest
from django.core import mail as outbox
from django.test import Client, override_settings

from django_project.accounts.models import Session, User
from django_project.core import rate_limits
from django_project.core.addresses import format_address
from django_project.core.errors import TooManyRequestsError
from django_project.discovery.models import BehaviourEvent, Visitor
from django_project.discovery.services import grant_consent
from django_project.notifications import mail, services
from django_project.notifications.models import AccountNotice, Kind, Mailbox, Notification, Preference
from django_project.privacy import services as privacy
from tasks.recommending.tables import provenance
from tests.factories import CHAIN_ID, address, backer_user
from tests.web.conftest import Shop, signed_in


def ines() -> User:
    return User.objects.get(username="backer-1")


@pytest.mark.parametrize("language", ["en", "zh-hans"])
@pytest.mark.parametrize("path", ["settings/", "notifications/", ""])
def test_own_pages_speak_both_languages(path: str, language: str, backer: Client) -> None:
    answer = backer.get(f"/me/{path}", headers={"Accept-Language": language})
    assert answer.status_code == 200
    assert ("通知" if language == "zh-hans" else "Notifications") in answer.content.decode()


@pytest.mark.parametrize("path", ["settings/", "notifications/", ""])
def test_each_page_of_the_account_leads_out(path: str, backer: Client) -> None:
    assert 'action="/sign-out/"' in backer.get(f"/me/{path}").content.decode()


def test_the_profile_is_kept_and_bad_input_stays_in_its_field(backer: Client) -> None:
    answer = backer.post("/me/settings/profile/", {"display_name": "x" * 61, "bio": "‮<b>🐝"})
    assert answer.status_code == 422
    text = answer.content.decode()
    assert "x" * 61 in text
    assert "‮&lt;b&gt;🐝" in text
    assert 'id="display_name-error"' in text
    backer.post("/me/settings/profile/", {"display_name": "Ines B.", "anonymous_backer": "on"})
    user = ines()
    assert (user.display_name, user.anonymous_backer) == ("Ines B.", True)


def test_a_campaign_is_saved_and_let_go(shop: Shop, backer: Client) -> None:
    url = f"/campaigns/{shop.honey.slug}/save/"
    backer.post(url, {"saved": "true"})
    backer.post(url, {"saved": "true"})
    assert backer.get("/me/").content.decode().count('id="saved-title"') == 1
    assert backer.post(url, {"saved": "false", "next": "//evil.example/"})["Location"] == "/me/"
    assert 'id="saved-title"' not in backer.get("/me/").content.decode()


@pytest.mark.parametrize("path", ["/me/receipts.csv", "/me/receipts.pdf", "/me/data.json"])
def test_what_is_made_to_take_away_is_made_so_often(path: str, backer: Client) -> None:
    with override_settings(RATE_LIMIT_SCALE=2 / rate_limits.DOWNLOAD.capacity):
        answers = [backer.get(path) for _ in range(3)]
        neighbour = signed_in(backer_user(2, "Omar")).get(path)
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert int(answers[2]["Retry-After"]) <= rate_limits.DOWNLOAD.period.total_seconds()
    # Each account has its own.
    assert neighbour.status_code == 200


def test_receipts_hold_every_contribution_and_no_formula(shop: Shop, backer: Client) -> None:
    trap = shop.world.campaign(title="=1+1")
    shop.world.contribute(trap, backer=address(1), amount=5)
    shop.world.listing(trap)
    text = backer.get("/me/receipts.csv").content.decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert {row["campaign"] for row in rows} >= {"'=1+1", "半坡春茶", "Honey from eight roofs"}
    assert next(row["amount"] for row in rows if row["campaign"] == "'=1+1") == "0.000000000000000005"
    document = backer.get("/me/receipts.pdf")
    assert document["Content-Type"] == "application/pdf"
    assert document.content.startswith(b"%PDF-")


def test_sessions_are_listed_and_ended(backer: Client) -> None:
    user = ines()
    phone, laptop = signed_in(user), signed_in(user)
    Session.objects.filter(session_key=phone.session.session_key).update(
        browser="Firefox", system="Android", network="203.0.113.0/24"
    )
    page = backer.get("/me/settings/").content.decode()
    assert page.count("this browser</span>") == 1
    assert page.count("End session") == 2
    assert "Firefox on Android" in page
    assert "203.0.113.0/24" in page
    assert page.count("Unknown browser") == 2
    ended = Session.objects.get(session_key=phone.session.session_key)
    assert backer.post(f"/me/settings/sessions/{ended.public_id}/end/")["Location"].endswith("?saved=session")
    assert phone.get("/me/").status_code == 302
    assert laptop.get("/me/").status_code == 200
    assert backer.post(f"/me/settings/sessions/{ended.public_id}/end/").status_code == 404
    assert backer.post("/me/settings/sessions/end/")["Location"].endswith("?saved=sessions")
    assert laptop.get("/me/").status_code == 302
    assert "End all other sessions" not in backer.get("/me/settings/").content.decode()


@pytest.mark.usefixtures("shop")
def test_nobody_ends_somebody_elses_session(backer: Client) -> None:
    stranger = signed_in(backer_user(2))
    theirs = Session.objects.get(session_key=stranger.session.session_key)
    assert backer.post(f"/me/settings/sessions/{theirs.public_id}/end/").status_code == 404
    backer.post("/me/settings/sessions/end/")
    assert stranger.get("/me/").status_code == 200


def test_only_what_is_final_is_told_and_only_once(shop: Shop, backer: Client) -> None:
    Notification.objects.all().delete()
    shop.world.contribute(shop.launched(shop.clock), backer=address(2), amount=1)
    backer_user(2)
    shop.world.post_update(shop.launched(shop.honey), "Second frames")
    services.notify(CHAIN_ID)
    before = Notification.objects.filter(kind=Kind.UPDATE_POSTED).count()
    shop.world.mine(20)
    services.notify(CHAIN_ID)
    assert Notification.objects.filter(kind=Kind.UPDATE_POSTED).count() > before
    assert Notification.objects.filter(kind=Kind.REFUND_DUE, user__username="backer-2").count() == 1
    assert services.notify(CHAIN_ID) == 0
    assert "posted an update" in backer.get("/me/notifications/").content.decode()


def test_letters_go_to_confirmed_addresses_and_stop_at_one_click(shop: Shop) -> None:
    mail.change_mailbox(backer_user(1), "ines@example.org")
    link = re.search(r"/mail/confirm/[^\s]+", str(outbox.outbox[-1].body))
    assert link
    shop.world.mine(20)
    services.notify(CHAIN_ID)
    assert mail.deliver() == 0
    asked = Client().get(link[0])
    assert asked.status_code == 200
    # Signing in from here must not carry the token on, for instance into a link to a wallet's app.
    assert 'href="/sign-in/"' in asked.content.decode()
    assert not Mailbox.objects.get().confirmed_at
    Client().post(link[0])
    assert mail.deliver() > 0
    assert mail.deliver() == 0
    letter = outbox.outbox[-1]
    assert letter.to == ["ines@example.org"]
    assert letter.extra_headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    stop = letter.extra_headers["List-Unsubscribe"].strip("<>").removeprefix("http://127.0.0.1:8000")
    answer = Client(enforce_csrf_checks=True).post(stop, {"List-Unsubscribe": "One-Click"})
    assert answer.status_code == 200
    assert Preference.objects.get(by_email=False).on_site


def test_letters_are_asked_for_a_few_times_an_hour(backer: Client) -> None:
    Mailbox.objects.create(user=ines(), address="ines@example.org")
    answers = [backer.post("/me/settings/mail/") for _ in range(6)]
    assert [answer.status_code for answer in answers] == [302] * 3 + [429] * 3
    assert "try again tomorrow" in answers[3].content.decode()
    assert "Wait a moment" in answers[5].content.decode()
    assert len(outbox.outbox) == 3


@pytest.mark.usefixtures("shop")
def test_nobody_is_written_to_by_one_stranger_after_another() -> None:
    """However many accounts ask, from however many networks, and however they spell the address."""
    spellings = ["ines@example.org", "INES@example.org", "ines+a@example.org", "ines@EXAMPLE.org"]
    askers = [backer_user(number) for number in range(4)]
    for asker, spelling in zip(askers[:3], spellings, strict=False):
        mail.change_mailbox(asker, spelling)
    with pytest.raises(TooManyRequestsError, match="try again tomorrow"):
        mail.change_mailbox(askers[3], spellings[3])
    assert len(outbox.outbox) == 3
    assert not Mailbox.objects.filter(user__username="backer-3").exists()


@pytest.mark.usefixtures("shop")
def test_letters_from_one_network_are_as_many_as_a_few_accounts_may_ask_for() -> None:
    accounts = [signed_in(backer_user(number)) for number in range(5)]
    answers = [accounts[number // 5].post("/me/settings/mail/") for number in range(25)]
    assert [answer.status_code for answer in answers] == [302] * 20 + [429] * 5


def test_an_export_is_told_to_the_owner(backer: Client) -> None:
    backer.head("/me/data.json")
    assert not AccountNotice.objects.exists()
    backer.get("/me/data.json")
    assert AccountNotice.objects.get().act == "data_exported"
    assert "Something about your account was changed." in backer.get("/").content.decode()
    page = backer.get("/me/notifications/").content.decode()
    assert "The data of your account was exported." in page
    backer.post("/me/notifications/read/")
    assert "Something about your account was changed." not in backer.get("/").content.decode()


def test_export_and_forget(shop: Shop, backer: Client) -> None:
    user = ines()
    visitor = grant_consent(None, user)
    BehaviourEvent.objects.create(
        visitor=visitor,
        client_event_id="00000000-0000-4000-8000-000000000001",
        kind="view",
        chain_id=CHAIN_ID,
        campaign_address=shop.honey.address,
        occurred_at="2026-01-01T00:00:00Z",
    )
    shop.world.mine(20)
    before = provenance().erasure_version
    data = json.loads(backer.get("/me/data.json").content)
    assert data["wallets"] == [format_address(address(1))]
    assert len(data["viewed"]) == 1
    privacy.forget(user)
    assert backer.get("/me/").status_code == 302
    assert not User.objects.filter(pk=user.pk).exists()
    assert not BehaviourEvent.objects.exists()
    assert Visitor.objects.get().user is None
    assert provenance().erasure_version > before
    assert signed_in(backer_user(1)).get("/me/").status_code == 200
