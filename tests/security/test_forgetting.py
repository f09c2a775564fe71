"""An account that is deleted: by signature at once, without one after a while; and what is left of it."""

import hashlib
import re
import smtplib
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.core.mail import EmailMessage
from django.db import connection
from django.test import Client
from django.utils import timezone
from psycopg import sql

from django_project.accounts.models import Session, User, Wallet
from django_project.core.models import AuditEntry
from django_project.discovery.models import BehaviourEvent, Erasure, Visitor
from django_project.discovery.services import grant_consent
from django_project.notifications import account_notices, letters
from django_project.notifications.models import AccountNotice, Mailbox
from django_project.privacy import services as privacy
from tasks.engagement.tasks import clean
from tests.factories import CHAIN_ID, World, backer_user
from tests.support.browser import DELETION, EMAIL, REMOVAL, SESSION, Browser, wallet

pytestmark = pytest.mark.django_db

ALICE, SECOND = wallet(1), wallet(2)
SURE = {"sure": "yes"}


@pytest.fixture(autouse=True)
def world() -> World:
    return World()


def signed_in() -> Browser:
    browser = Browser()
    assert browser.sign_in(ALICE, CHAIN_ID).status_code == 200
    return browser


def post(browser: Browser, path: str, **fields: str) -> Any:
    browser.refresh_csrf()
    return browser.client.post(path, {**fields, "csrfmiddlewaretoken": browser.csrf_token})


def confirmed(address: str = "ines@example.org") -> None:
    Mailbox.objects.create(user=User.objects.get(), address=address, confirmed_at=timezone.now())


def due() -> Any:
    return User.objects.get().deletion_due_at


# --- at once


def test_a_signature_deletes_the_account_and_clears_the_browser() -> None:
    browser, other = signed_in(), signed_in()
    reply = browser.post(DELETION, browser.signed(ALICE, "delete_account"))
    assert (reply.status_code, reply["Clear-Site-Data"]) == (204, '"cache", "storage"')
    assert (reply.cookies["sign-in"].value, reply.cookies["sign-in"]["max-age"]) == ("", 0)
    assert not User.objects.exists()
    assert not Session.objects.exists()
    assert other.get(SESSION).json()["address"] is None


@pytest.mark.django_db(transaction=True)
def test_the_confirmed_address_is_told(mailoutbox: list[Any]) -> None:
    browser = signed_in()
    confirmed()
    browser.post(DELETION, browser.signed(ALICE, "delete_account"))
    [letter] = mailoutbox
    assert (letter.to, letter.subject) == (["ines@example.org"], "Your account was deleted")


@pytest.mark.django_db(transaction=True)
def test_an_address_that_nobody_confirmed_is_told_nothing(mailoutbox: list[Any]) -> None:
    browser = signed_in()
    Mailbox.objects.create(user=User.objects.get(), address="stranger@example.org")
    browser.post(DELETION, browser.signed(ALICE, "delete_account"))
    assert not mailoutbox
    assert not User.objects.exists()


# --- after a while


def test_without_a_signature_it_waits_and_is_told(mailoutbox: list[Any]) -> None:
    browser = signed_in()
    confirmed()
    before = timezone.now()
    assert post(browser, "/me/deletion/", **SURE)["Location"] == "/me/settings/?saved=deletion-asked"
    assert before + settings.DELETION_WAIT <= due() <= timezone.now() + settings.DELETION_WAIT
    assert timedelta(days=7) == settings.DELETION_WAIT
    assert account_notices.deliver() == 1
    assert account_notices.deliver() == 0
    [letter] = mailoutbox
    assert letter.to == ["ines@example.org"]
    assert f"{due():%Y-%m-%d %H:%M} UTC" in letter.body
    assert "is going to be deleted" in browser.client.get("/").content.decode()


def test_an_address_that_refuses_keeps_nobody_elses_letter_back(
    monkeypatch: pytest.MonkeyPatch, mailoutbox: list[Any]
) -> None:
    monkeypatch.setattr(letters, "BATCH", 1)
    user = backer_user(1)
    for recipient in ("refuses@example.org", "second@example.org"):
        AccountNotice.objects.create(user=user, act="email_changed", recipient=recipient)
    send = EmailMessage.send

    def refusing(letter: EmailMessage) -> int:
        if letter.to == ["refuses@example.org"]:
            raise smtplib.SMTPRecipientsRefused({})
        return send(letter)

    monkeypatch.setattr(EmailMessage, "send", refusing)
    assert [account_notices.deliver() for _ in range(3)] == [0, 1, 0]
    assert [letter.to for letter in mailoutbox] == [["second@example.org"]]
    monkeypatch.setattr(EmailMessage, "send", send)
    assert account_notices.deliver() == 1


def test_the_box_has_to_be_ticked() -> None:
    browser = signed_in()
    assert post(browser, "/me/deletion/").status_code == 422
    assert due() is None


def test_where_nobody_can_be_told_it_outlasts_every_session() -> None:
    browser = signed_in()
    Mailbox.objects.create(user=User.objects.get(), address="unconfirmed@example.org")
    post(browser, "/me/deletion/", **SURE)
    assert due() > timezone.now() + settings.SESSION_LIMITS["wallet"].absolute
    assert AccountNotice.objects.get().recipient == ""


def test_asking_again_neither_hastens_nor_delays_it() -> None:
    browser = signed_in()
    post(browser, "/me/deletion/", **SURE)
    first = due()
    confirmed()
    post(browser, "/me/deletion/", **SURE)
    assert due() == first
    assert AccountNotice.objects.count() == 1


def test_when_its_time_has_come_and_not_before(monkeypatch: pytest.MonkeyPatch) -> None:
    browser = signed_in()
    post(browser, "/me/deletion/", **SURE)
    when = due()
    monkeypatch.setattr(timezone, "now", lambda: when - timedelta(microseconds=1))
    clean()
    assert User.objects.exists()
    monkeypatch.setattr(timezone, "now", lambda: when)
    clean()
    assert not User.objects.exists()
    assert privacy.delete_due() == 0


def test_it_is_called_off_on_the_site() -> None:
    browser = signed_in()
    post(browser, "/me/deletion/", **SURE)
    assert post(browser, "/me/deletion/off/")["Location"] == "/me/settings/?saved=deletion-off"
    assert due() is None
    assert privacy.delete_due() == 0
    post(browser, "/me/deletion/off/")
    acts = list(AccountNotice.objects.order_by("pk").values_list("act", flat=True))
    assert acts == ["deletion_asked", "deletion_called_off"]


def test_it_is_called_off_by_signing_in_with_a_wallet() -> None:
    post(signed_in(), "/me/deletion/", **SURE)
    signed_in()
    assert due() is None


def test_it_is_called_off_by_whoever_reads_the_letter(mailoutbox: list[Any]) -> None:
    browser = signed_in()
    confirmed()
    post(browser, "/me/deletion/", **SURE)
    account_notices.deliver()
    link = re.search(r"/mail/keep/\S+", mailoutbox[0].body)
    assert link
    assert "It is going to be deleted on" in Client().get(link[0]).content.decode()
    assert due() is not None
    assert "Your account is kept." in Client().post(link[0]).content.decode()
    assert due() is None
    # The link of one request does nothing to the next.
    post(browser, "/me/deletion/", **SURE)
    assert "no deletion is under way" in Client().post(link[0]).content.decode()
    assert due() is not None


# --- what is left

OWN_SECRETS = ("Ines Planted", "I keep planted bees", "ines@planted.example", "wrote@planted.example")


def dump() -> str:
    """Every row of every table that is not the chain's, as one text."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename NOT LIKE 'ledger_%'"
        )
        tables = [name for (name,) in cursor.fetchall()]
        rows = []
        for table in tables:
            asked = sql.SQL("SELECT row_to_json(each)::text FROM {} AS each").format(sql.Identifier(table))
            cursor.execute(asked)
            rows += [f"{table}: {row}" for (row,) in cursor.fetchall()]
    return "\n".join(rows).lower()


def test_nothing_of_the_account_is_left_in_the_database() -> None:
    browser = signed_in()
    user = User.objects.get()
    User.objects.update(display_name=OWN_SECRETS[0], bio=OWN_SECRETS[1])
    browser.link(ALICE, SECOND)
    browser.post(EMAIL, browser.signed(ALICE, "change_email", OWN_SECRETS[3]))
    browser.post(EMAIL, browser.signed(ALICE, "change_email", OWN_SECRETS[2]))
    other = Browser()
    other.sign_in(SECOND, CHAIN_ID)
    browser.post(REMOVAL, browser.signed(ALICE, "remove_wallet", SECOND.address))
    browser.link(ALICE, SECOND)
    post(browser, "/me/deletion/", **SURE)
    grant_consent(None, user)
    browser.client.get("/me/data.json")
    browser.ask(ALICE.address, "change_email", OWN_SECRETS[2])
    sessions = list(Session.objects.values_list("session_key", flat=True))
    cookie = browser.client.cookies["sign-in"].value
    names = [
        *OWN_SECRETS,
        *(each.address.lower().removeprefix("0x") for each in (ALICE, SECOND)),
        *sessions,
        digest(cookie),
        str(user.public_id),
        user.username,
    ]
    before = dump()
    assert [name for name in names if name.lower() not in before and name != OWN_SECRETS[3]] == []
    names += [cookie, *map(digest, sessions)]
    browser.refresh_csrf()
    assert browser.post(DELETION, browser.signed(ALICE, "delete_account")).status_code == 204
    after = dump()
    assert [row for row in after.splitlines() if any(name.lower() in row for name in names)] == []
    assert not Wallet.objects.exists()


def digest(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


def test_the_trail_keeps_that_something_happened_and_not_whose() -> None:
    browser = signed_in()
    browser.link(ALICE, SECOND)
    browser.post(DELETION, browser.signed(ALICE, "delete_account"))
    trail = list(AuditEntry.objects.order_by("pk").values_list("action", "subject", "actor", "details"))
    assert [action for action, *_ in trail][:2] == ["accounts.user.created", "accounts.wallet.added"]
    assert trail[-1][0] == "privacy.account.forgotten"
    assert {(subject, actor is None, str(details)) for _, subject, actor, details in trail} == {
        ("a forgotten account", True, "{}")
    }


def test_a_forgotten_browser_records_nothing_more(world: World) -> None:
    campaign = world.campaign()
    seen = {
        "kind": "view",
        "campaign": f"{campaign.chain_id}:0x{campaign.address.hex()}",
        "dwell_seconds": 12,
        "occurred_at": timezone.now().isoformat(),
    }
    browser = signed_in()
    browser.post("/api/v1/consent", {"granted": True})
    assert browser.beacon([{**seen, "id": str(uuid.uuid4())}]).status_code == 204
    assert BehaviourEvent.objects.count() == 1
    consent = browser.client.cookies["consent"].value
    before = timezone.now()
    assert browser.post(DELETION, browser.signed(ALICE, "delete_account")).status_code == 204
    left = Visitor.objects.get()
    assert (left.user, left.consented_at) == (None, None)
    assert left.refused_at is not None
    assert before <= left.refused_at
    browser.client.cookies["consent"] = consent
    browser.beacon([{**seen, "id": str(uuid.uuid4())}])
    assert not BehaviourEvent.objects.exists()


def test_of_an_account_every_wallet_and_browser_is_forgotten_whole() -> None:
    browser = signed_in()
    browser.link(ALICE, SECOND)
    visitors = [grant_consent(None, User.objects.get()) for _ in range(2)]
    browser.post(DELETION, browser.signed(ALICE, "delete_account"))
    keys = [each.address.lower() for each in (ALICE, SECOND)]
    keys += [f"visitor:{visitor.public_id}" for visitor in visitors]
    assert set(Erasure.objects.values_list("user_hash", "is_whole")) == {(digest(key), True) for key in keys}
