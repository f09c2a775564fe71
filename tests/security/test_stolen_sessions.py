"""A thief with nothing but the cookie: what they can do is what docs/security.md says, and no more."""

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from django_project.accounts.models import Challenge, Session, User, Wallet
from django_project.community.models import Follow, Report, SupporterMessage
from django_project.core.addresses import format_address
from django_project.notifications.models import AccountNotice, Mailbox, Preference
from django_project.pledges.models import PledgeIntent
from tests.factories import World, address
from tests.permissions.test_urls import TABLE
from tests.support.browser import DELETION, EMAIL, REMOVAL, WALLETS, Browser, error_code, sign, wallet

pytestmark = pytest.mark.django_db

VICTIM, THIEF, SPARE = wallet(1), wallet(9), wallet(2)
CHAIN_ID = 31337
DOCS = Path(__file__).resolve().parents[2] / "docs" / "security.md"


@pytest.fixture(autouse=True)
def world() -> World:
    return World()


@pytest.fixture
def stolen() -> Browser:
    """The thief's browser with the victim's session cookie, and nothing else of theirs."""
    victim = Browser()
    assert victim.sign_in(VICTIM, CHAIN_ID).status_code == 200
    user = User.objects.get()
    Wallet.objects.create(user=user, address=bytes.fromhex(SPARE.address[2:]))
    Mailbox.objects.create(user=user, address="owner@example.org", confirmed_at=timezone.now())
    thief = Browser()
    thief.client.cookies["sessionid"] = victim.client.cookies["sessionid"].value
    thief.refresh_csrf()
    return thief


class Places(dict[str, str]):
    """Where a URL leads; to nothing where the thief knows no better."""

    def __missing__(self, name: str) -> str:
        return "0"


def power() -> list[Any]:
    """All that decides whose account it is: who opens it, who hears of it, and that it is there."""
    return [
        *User.objects.order_by("pk").values_list("pk", "password", "is_staff", "is_superuser", "is_active"),
        *Wallet.objects.order_by("pk").values_list("user", "address", "is_contract", "contract_chain_id"),
        *Mailbox.objects.values_list("user", "address", "confirmed_at"),
    ]


def submit(browser: Browser, url: str, **fields: str) -> Any:
    browser.refresh_csrf()
    return browser.client.post(url, {**fields, "csrfmiddlewaretoken": browser.csrf_token})


def test_no_address_of_the_site_gives_the_account_away(stolen: Browser, world: World) -> None:
    """Every URL is read, and posted to with whatever a thief would try."""
    listing = world.listing(world.campaign())
    places = Places(
        {
            "slug": listing.slug,
            "address": SPARE.address,
            "creator": format_address(address(1)),
            "hash": "0x" + "11" * 32,
            "pledge": "00000000-0000-4000-8000-000000000000",
            "owner": str(User.objects.get().pk),
        }
    )
    before = power()
    forged = {"nonce": "0" * 32, "signature": "0x" + "11" * 65}
    fields = {
        "address": "thief@example.org",
        "email": "thief@example.org",
        "is_staff": "on",
        "is_superuser": "on",
        "password": "x",
        "public_id": places["pledge"],
        "wallet": THIEF.address,
    }
    for name, (url, _) in TABLE.items():
        if "sign-out" in name or "logout" in name or name == "web:sessions-end":
            continue
        path = url.format_map(places)
        stolen.client.get(path)
        submit(stolen, path, **fields)
        for body in ({}, forged, {**forged, **fields}, {"approval": forged, "joining": forged}):
            stolen.post(path, body)
        assert power() == before, name
    assert Session.objects.count() == 1


def test_no_wallet_is_added_with_the_thiefs_signatures_alone(stolen: Browser) -> None:
    before = power()
    refused = stolen.ask(THIEF.address, "add_wallet", THIEF.address)
    assert error_code(refused) == "not_your_wallet"
    joining = stolen.signed(THIEF, "join_account", VICTIM.address)
    wanted = stolen.ask(VICTIM.address, "add_wallet", THIEF.address).json()
    approval = {"nonce": wanted["nonce"], "signature": sign(THIEF, wanted["message"])}
    assert stolen.post(WALLETS, {"approval": approval, "joining": joining}).status_code in (403, 503)
    assert power() == before


@pytest.mark.parametrize(
    ("url", "purpose", "subject"),
    [
        (REMOVAL, "remove_wallet", SPARE.address),
        (EMAIL, "change_email", "thief@example.org"),
        (DELETION, "delete_account", ""),
    ],
)
def test_no_act_passes_by_the_thiefs_key(url: str, purpose: str, subject: str, stolen: Browser) -> None:
    before = power()
    wanted = stolen.ask(VICTIM.address, purpose, subject).json()
    forged = {"nonce": wanted["nonce"], "signature": sign(THIEF, wanted["message"])}
    assert stolen.post(url, forged).status_code in (403, 503)
    assert power() == before
    assert Challenge.objects.get(nonce=wanted["nonce"]).consumed_at is not None


# --- what a stolen cookie can do: each row of the table in docs/security.md


def test_reads_what_the_account_shows_and_exports_it_and_that_is_told(stolen: Browser) -> None:
    assert "owner@example.org" in stolen.client.get("/me/settings/").content.decode()
    assert stolen.client.get("/me/data.json").json()["wallets"] == [VICTIM.address, SPARE.address]
    notice = AccountNotice.objects.get()
    assert (notice.act, notice.recipient) == ("data_exported", "owner@example.org")


def test_changes_profile_choices_and_saved_campaigns(stolen: Browser, world: World) -> None:
    listing = world.listing(world.campaign())
    assert submit(stolen, "/me/settings/profile/", display_name="Someone else").status_code == 302
    assert User.objects.get().display_name == "Someone else"
    submit(stolen, "/me/settings/notifications/")
    assert not Preference.objects.filter(by_email=True).exists()
    submit(stolen, f"/campaigns/{listing.slug}/save/", saved="true")
    assert Follow.objects.count() == 1


def test_yet_no_choice_silences_what_is_told_of_the_account(stolen: Browser, mailoutbox: list[Any]) -> None:
    from django_project.notifications import account_notices

    submit(stolen, "/me/settings/notifications/")
    submit(stolen, "/me/notifications/read/")
    stolen.client.get("/me/data.json")
    assert account_notices.deliver() == 1
    assert mailoutbox[0].to == ["owner@example.org"]


def test_writes_in_the_name_of_the_account(stolen: Browser, world: World) -> None:
    campaign = world.campaign()
    world.contribute(campaign, backer=bytes.fromhex(VICTIM.address[2:]))
    listing = world.listing(campaign)
    submit(stolen, f"/campaigns/{listing.slug}/messages/", text="Not by its owner")
    assert SupporterMessage.objects.count() == 1
    submit(stolen, f"/campaigns/{listing.slug}/report/", reason="fraud", text="Not by its owner either.")
    assert Report.objects.count() == 1


def test_opens_a_pledge_that_only_the_wallet_can_pay(stolen: Browser, world: World) -> None:
    listing = world.listing(world.campaign())
    key = f"{CHAIN_ID}:{format_address(listing.address)}"
    assert stolen.post("/api/v1/pledges", {"campaign": key, "amount": "1"}).status_code == 201
    assert bytes(PledgeIntent.objects.get().backer) == bytes.fromhex(VICTIM.address[2:])


def test_ends_other_sessions(stolen: Browser) -> None:
    victim = Browser()
    victim.sign_in(VICTIM, CHAIN_ID)
    submit(stolen, "/me/settings/sessions/end/")
    assert Session.objects.count() == 1
    assert victim.client.get("/me/").status_code == 302
    # Whoever has the wallet is back at once, and ends the thief's session.
    victim.sign_in(VICTIM, CHAIN_ID)
    submit(victim, "/me/settings/sessions/end/")
    assert stolen.client.get("/me/").status_code == 302


def test_asks_for_a_deletion_which_waits_and_is_told(stolen: Browser) -> None:
    submit(stolen, "/me/deletion/", sure="yes")
    assert User.objects.get().deletion_due_at is not None
    assert AccountNotice.objects.get().recipient == "owner@example.org"
    Browser().sign_in(VICTIM, CHAIN_ID)
    assert User.objects.get().deletion_due_at is None


def test_has_the_question_sent_again_to_the_unconfirmed_address_alone(
    stolen: Browser, mailoutbox: list[Any]
) -> None:
    submit(stolen, "/me/settings/mail/", address="thief@example.org")
    assert not mailoutbox
    Mailbox.objects.update(confirmed_at=None)
    submit(stolen, "/me/settings/mail/", address="thief@example.org")
    assert [letter.to for letter in mailoutbox] == [["owner@example.org"]]


def test_the_session_is_over_when_its_time_has_come(stolen: Browser) -> None:
    Session.objects.update(last_used_at=timezone.now() - timedelta(days=7))
    assert stolen.client.get("/me/").status_code == 302


def test_each_row_of_the_table_has_its_test() -> None:
    table = DOCS.read_text().split("## A stolen session")[1].split("\n## ")[0]
    named = set(re.findall(r"`(test_[a-z_]+)`", table))
    mine = {name for name in globals() if name.startswith("test_")}
    assert named == mine - {"test_each_row_of_the_table_has_its_test", "test_a_visitor_has_none_of_it"}


def test_a_visitor_has_none_of_it() -> None:
    assert Client().get("/me/data.json").status_code == 302
