"""A backer's own pages: settings, saved campaigns, receipts, wallets, and the right to be forgotten."""

import csv
import io
import json
import re
from typing import Any

import pytest
from django.core import mail as outbox
from django.test import Client, override_settings

from django_project.accounts.models import User, Wallet
from django_project.core import rate_limits
from django_project.core.addresses import format_address
from django_project.discovery.models import BehaviourEvent, Visitor
from django_project.discovery.services import grant_consent
from django_project.notifications import mail, services
from django_project.notifications.models import Kind, Mailbox, Notification, Preference
from tasks.demo.servers import Anvil
from tasks.recommending.tables import provenance
from tests.factories import CHAIN_ID, address, backer_user
from tests.support.browser import Browser, error_code, sign, wallet
from tests.web.conftest import Shop, signed_in


def ines() -> User:
    return User.objects.get(username="backer-1")


@pytest.mark.parametrize("language", ["en", "zh-hans"])
@pytest.mark.parametrize("path", ["settings/", "notifications/", ""])
def test_own_pages_speak_both_languages(path: str, language: str, backer: Client) -> None:
    answer = backer.get(f"/me/{path}", headers={"Accept-Language": language})
    assert answer.status_code == 200
    assert ("通知" if language == "zh-hans" else "Notifications") in answer.content.decode()


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


@pytest.mark.usefixtures("shop")
def test_a_wallet_is_linked_by_its_signature_and_by_nothing_else(anvil: Anvil, settings: Any) -> None:
    settings.RPC_URLS = {CHAIN_ID: [anvil.url]}
    first, second, stranger = wallet(1), wallet(2), wallet(3)
    other, browser = Browser(), Browser()
    other.sign_in(stranger, CHAIN_ID)
    browser.sign_in(first, CHAIN_ID)
    challenge = browser.challenge(second, CHAIN_ID)
    proof = {"nonce": challenge["nonce"], "signature": sign(second, challenge["message"])}
    assert browser.post("/api/v1/session/wallets", proof).status_code == 200
    assert error_code(browser.post("/api/v1/session/wallets", proof)) == "challenge_not_usable"
    forged = browser.challenge(stranger, CHAIN_ID)
    proof = {"nonce": forged["nonce"], "signature": sign(second, forged["message"])}
    assert error_code(browser.post("/api/v1/session/wallets", proof)) == "wrong_signature"
    taken = browser.challenge(stranger, CHAIN_ID)
    proof = {"nonce": taken["nonce"], "signature": sign(stranger, taken["message"])}
    assert error_code(browser.post("/api/v1/session/wallets", proof)) == "wallet_taken"
    assert error_code(browser.post("/api/v1/session/wallets", proof)) == "challenge_not_usable"
    assert Wallet.objects.filter(user__wallets__address=bytes.fromhex(first.address[2:])).count() == 2


def test_unlinking_a_lost_wallet_ends_the_sessions_it_may_have(backer: Client) -> None:
    user = ines()
    Wallet.objects.create(user=user, address=address(50))
    finder = Client()
    finder.force_login(user)
    own = format_address(address(1))
    assert backer.post(f"/me/settings/wallets/{own}/unlink/").status_code == 409
    assert backer.post(f"/me/settings/wallets/{format_address(address(2))}/unlink/").status_code == 404
    assert backer.post(f"/me/settings/wallets/{format_address(address(50))}/unlink/").status_code == 302
    assert list(user.wallets.values_list("address", flat=True)) == [address(1)]
    assert finder.get("/me/").status_code == 302
    assert backer.get("/me/").status_code == 200


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


def test_letters_go_to_confirmed_addresses_and_stop_at_one_click(shop: Shop, backer: Client) -> None:
    backer.post("/me/settings/mail/", {"address": "ines@example.org"})
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
    answers = [backer.post("/me/settings/mail/", {"address": f"a{n}@example.org"}) for n in range(6)]
    assert [answer.status_code for answer in answers] == [302] * 5 + [429]
    text = answers[-1].content.decode()
    assert 'id="address-error"' in text
    assert "a5@example.org" in text
    assert len(outbox.outbox) == 5


@pytest.mark.usefixtures("shop")
def test_nobody_is_written_to_by_one_stranger_after_another() -> None:
    """However many accounts ask, from however many networks, and however they spell the address."""
    spellings = ["ines@example.org", "INES@example.org", "ines+a@example.org", "ines@EXAMPLE.org"]
    answers = [
        signed_in(backer_user(number)).post(
            "/me/settings/mail/", {"address": spelling}, REMOTE_ADDR=f"203.0.113.{number}"
        )
        for number, spelling in enumerate(spellings)
    ]
    assert [answer.status_code for answer in answers] == [302] * 3 + [429]
    assert len(outbox.outbox) == 3
    assert "try again tomorrow" in answers[-1].content.decode()
    assert not Mailbox.objects.filter(user__username="backer-3").exists()


@pytest.mark.usefixtures("shop")
def test_letters_from_one_network_are_as_many_as_a_few_accounts_may_ask_for() -> None:
    accounts = [signed_in(backer_user(number)) for number in range(5)]
    answers = [
        accounts[number // 5].post("/me/settings/mail/", {"address": f"a{number}@example.org"})
        for number in range(25)
    ]
    assert [answer.status_code for answer in answers] == [302] * 20 + [429] * 5


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
    assert backer.post("/me/forget/").status_code == 422
    assert User.objects.filter(pk=user.pk).exists()
    assert backer.post("/me/forget/", {"sure": "yes"})["Location"] == "/"
    assert not User.objects.filter(pk=user.pk).exists()
    assert not BehaviourEvent.objects.exists()
    assert Visitor.objects.get().user is None
    assert provenance().erasure_version > before
    assert signed_in(backer_user(1)).get("/me/").status_code == 200
