"""What an account does only when one of its wallets has just signed for it, and every way to try without."""

import re
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection
from django.utils import timezone
from eth_account.signers.local import LocalAccount

from devtools.servers import Anvil
from django_project.accounts import services
from django_project.accounts.models import Challenge, Session, User, Wallet
from django_project.accounts.purposes import Purpose, masked, statement
from django_project.core.models import AuditEntry
from django_project.notifications.models import AccountNotice, Mailbox
from tests.factories import CHAIN_ID, World
from tests.support.browser import (
    DELETION,
    EMAIL,
    REMOVAL,
    SESSION,
    WALLETS,
    Browser,
    error_code,
    sign,
    wallet,
)

if TYPE_CHECKING:
    from django.test.client import _MonkeyPatchedWSGIResponse as Reply

pytestmark = pytest.mark.django_db

ALICE, SECOND, MALLORY, BOB = wallet(1), wallet(2), wallet(3), wallet(4)
# EIP-4361's statement: reserved and unreserved characters of RFC 3986, and spaces.
STATEMENT = re.compile(r"[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;= ]+")
SUBJECTS = {
    Purpose.SIGN_IN: "",
    Purpose.ADD_WALLET: SECOND.address,
    Purpose.JOIN_ACCOUNT: ALICE.address,
    Purpose.REMOVE_WALLET: SECOND.address,
    Purpose.CHANGE_EMAIL: "ines@example.org",
    Purpose.DELETE_ACCOUNT: "",
}


@pytest.fixture(autouse=True)
def _world() -> None:
    World()


@pytest.fixture
def _node(anvil: Anvil, settings: Any) -> None:
    """Says that there is no contract at an address whose key did not sign."""
    settings.RPC_URLS = {CHAIN_ID: [anvil.url]}


@pytest.fixture
def alice() -> Browser:
    return signed_in(ALICE)


def signed_in(account: LocalAccount) -> Browser:
    browser = Browser()
    assert browser.sign_in(account, CHAIN_ID).status_code == 200
    return browser


def with_two_wallets() -> Browser:
    browser = signed_in(ALICE)
    assert browser.link(ALICE, SECOND).status_code == 200
    return browser


def raw(account: LocalAccount) -> bytes:
    return bytes.fromhex(account.address[2:])


def wallets_of(account: LocalAccount) -> set[bytes]:
    return set(Wallet.objects.filter(user__wallets__address=raw(account)).values_list("address", flat=True))


def codes(reply: "Reply") -> tuple[int, str]:
    return reply.status_code, error_code(reply)


# --- the texts


@pytest.mark.parametrize("purpose", list(Purpose))
def test_every_text_can_be_a_statement_and_costs_nothing(purpose: Purpose) -> None:
    text = statement(purpose, SUBJECTS[purpose])
    assert STATEMENT.fullmatch(text)
    assert text.endswith("This costs nothing and moves no money.")


@pytest.mark.parametrize("purpose", [each for each in Purpose if each != Purpose.SIGN_IN])
def test_no_text_of_an_act_looks_like_a_sign_in(purpose: Purpose) -> None:
    assert "sign in" not in statement(purpose, SUBJECTS[purpose]).lower()


def test_the_text_names_purpose_and_account(alice: Browser) -> None:
    message = alice.ask(ALICE.address, "change_email", "ines@example.org").json()["message"]
    user = User.objects.get()
    assert "\nChange the email address of my ChainFund account to i***@example.org. " in message
    assert message.endswith(f"\nResources:\n- urn:uuid:{user.public_id}")
    challenge = Challenge.objects.filter(purpose="change_email").get()
    assert (challenge.user, challenge.subject) == (user, "ines@example.org")


def test_who_is_asked_to_join_reads_whose_account_it_is(alice: Browser) -> None:
    message = alice.ask(SECOND.address, "join_account", ALICE.address).json()["message"]
    assert f"to the ChainFund account of {ALICE.address}" in message
    assert f"account:\n{SECOND.address}\n" in message
    assert str(User.objects.get().public_id) in message


@pytest.mark.parametrize(
    ("email", "shown"),
    [
        ("ines@example.org", "i***@example.org"),
        ("{x}@example.org", "****@example.org"),
        ("a@b.example", "a***@b.example"),
    ],
)
def test_an_email_address_is_shown_so_far_that_its_owner_knows_it(email: str, shown: str) -> None:
    assert masked(email) == shown
    assert STATEMENT.fullmatch(statement(Purpose.CHANGE_EMAIL, email))


def test_without_an_address_the_text_says_that_it_is_removed() -> None:
    assert statement(Purpose.CHANGE_EMAIL, "").startswith("Remove the email address of my ChainFund account.")


# --- what may be asked for


@pytest.mark.parametrize("purpose", [each for each in Purpose if each != Purpose.SIGN_IN])
def test_a_visitor_asks_for_no_act(purpose: Purpose) -> None:
    reply = Browser().ask(ALICE.address, purpose, SUBJECTS[purpose])
    assert codes(reply) == (401, "sign_in_required")
    assert not Challenge.objects.exists()


@pytest.mark.parametrize("purpose", ["add_wallet", "remove_wallet", "change_email", "delete_account"])
def test_only_a_wallet_of_the_account_may_permit(purpose: str, alice: Browser) -> None:
    signed_in(MALLORY)
    for stranger in (MALLORY, BOB):
        assert codes(alice.ask(stranger.address, purpose, SECOND.address)) == (403, "not_your_wallet")


@pytest.mark.parametrize(
    ("purpose", "subject"),
    [
        ("add_wallet", ""),
        ("add_wallet", "0x12"),
        ("add_wallet", ALICE.address),
        ("remove_wallet", ALICE.address),
        ("remove_wallet", MALLORY.address),
        ("remove_wallet", ""),
        ("change_email", "a@localhost"),
        ("change_email", "two@example.org, three@example.org"),
        ("change_email", "a@example.org\nURI: https://evil.example"),
        ("change_email", "a@example.org\nBcc: b@example.org"),
        ("change_email", "nobody"),
        ("change_email", "🐝@example.org"),
        ("change_email", "a@🐝.org"),
        ("change_email", "\u202ea@example.org"),
        ("change_email", "a@exa\u200dmple.org"),
        ("change_email", "<script>@example.org"),
        ("change_email", "a\0b@example.org"),
        ("delete_account", "now"),
        ("delete_account", ALICE.address),
    ],
)
def test_an_act_is_about_what_it_can_be_about(purpose: str, subject: str, alice: Browser) -> None:
    assert codes(alice.ask(ALICE.address, purpose, subject)) == (400, "invalid_subject")


def test_a_wallet_that_is_here_already_does_not_join(alice: Browser) -> None:
    assert codes(alice.ask(ALICE.address, "join_account", ALICE.address)) == (403, "not_your_wallet")
    assert codes(alice.ask(SECOND.address, "join_account", MALLORY.address)) == (400, "invalid_subject")


def test_the_database_holds_no_sign_in_of_an_account_and_no_act_of_nobody(alice: Browser) -> None:
    alice.challenge(ALICE, CHAIN_ID)
    kept = Challenge.objects.filter(purpose="sign_in").latest("pk")
    assert kept.user is None
    assert kept.message.count("Resources") == 0


# --- one purpose, one account, one browser, once, in time

ACTS: dict[str, tuple[str, Callable[[Browser, dict[str, str]], "Reply"]]] = {
    "sign_in": ("", lambda browser, answer: browser.post(SESSION, answer)),
    "remove_wallet": (SECOND.address, lambda browser, answer: browser.post(REMOVAL, answer)),
    "change_email": ("ines@example.org", lambda browser, answer: browser.post(EMAIL, answer)),
    "delete_account": ("", lambda browser, answer: browser.post(DELETION, answer)),
    "add_wallet": (
        BOB.address,
        lambda browser, answer: browser.post(
            WALLETS,
            {"approval": answer, "joining": browser.signed(BOB, "join_account", ALICE.address)},
        ),
    ),
}
PAIRS = [(asked, used) for asked in ACTS for used in ACTS if asked != used]


def state() -> tuple[object, ...]:
    return (
        sorted(Wallet.objects.values_list("user_id", "address")),
        sorted(Mailbox.objects.values_list("address", flat=True)),
        User.objects.count(),
    )


def answer_of(browser: Browser, purpose: str) -> dict[str, str]:
    return browser.signed(ALICE, purpose, ACTS[purpose][0])


@pytest.mark.parametrize(("asked", "used"), PAIRS)
def test_a_signature_for_one_act_permits_no_other(asked: str, used: str) -> None:
    browser = with_two_wallets()
    before = state()
    reply = ACTS[used][1](browser, answer_of(browser, asked))
    assert codes(reply) == (403, "challenge_not_usable")
    assert state() == before


@pytest.mark.parametrize("purpose", ["remove_wallet", "change_email", "delete_account", "add_wallet"])
class TestOfOneAct:
    def test_it_is_permitted_once(self, purpose: str) -> None:
        browser = with_two_wallets()
        before, answer = state(), answer_of(browser, purpose)
        assert ACTS[purpose][1](browser, answer).status_code in (200, 204)
        after = state()
        assert after != before
        browser.refresh_csrf()
        again = ACTS[purpose][1]
        if purpose == "delete_account":
            assert codes(again(browser, answer)) == (401, "sign_in_required")
        elif purpose != "add_wallet":
            assert codes(again(browser, answer)) == (403, "challenge_not_usable")
        assert state() == after

    def test_not_after_its_time(self, purpose: str) -> None:
        browser = with_two_wallets()
        before, answer = state(), answer_of(browser, purpose)
        Challenge.objects.filter(purpose=purpose).update(expires_at=timezone.now() - timedelta(seconds=1))
        assert codes(ACTS[purpose][1](browser, answer)) == (403, "challenge_not_usable")
        assert state() == before

    def test_not_in_another_browser_of_the_same_account(self, purpose: str) -> None:
        browser = with_two_wallets()
        other = signed_in(ALICE)
        other.challenge(ALICE, CHAIN_ID)
        before, answer = state(), answer_of(browser, purpose)
        assert codes(ACTS[purpose][1](other, answer)) == (403, "challenge_not_usable")
        assert state() == before

    def test_not_for_another_account_in_the_same_browser(self, purpose: str) -> None:
        browser = with_two_wallets()
        answer = answer_of(browser, purpose)
        key = browser.client.cookies["sign-in"].value
        assert browser.sign_in(MALLORY, CHAIN_ID).status_code == 200
        browser.client.cookies["sign-in"] = key
        before = state()
        reply = browser.post(
            {"remove_wallet": REMOVAL, "change_email": EMAIL, "delete_account": DELETION}.get(
                purpose, WALLETS
            ),
            answer if purpose != "add_wallet" else {"approval": answer, "joining": answer},
        )
        assert codes(reply) == (403, "challenge_not_usable")
        assert state() == before

    @pytest.mark.usefixtures("_node")
    def test_not_by_a_key_that_is_not_the_wallets(self, purpose: str) -> None:
        browser = with_two_wallets()
        before = state()
        challenge = browser.ask(ALICE.address, purpose, ACTS[purpose][0]).json()
        forged = {"nonce": challenge["nonce"], "signature": sign(MALLORY, challenge["message"])}
        assert codes(ACTS[purpose][1](browser, forged)) == (403, "wrong_signature")
        right = {"nonce": challenge["nonce"], "signature": sign(ALICE, challenge["message"])}
        assert codes(ACTS[purpose][1](browser, right)) == (403, "challenge_not_usable")
        assert state() == before

    def test_not_by_a_wallet_that_was_removed_meanwhile(self, purpose: str) -> None:
        browser = with_two_wallets()
        answer = answer_of(browser, purpose)
        body = {"approval": answer, "joining": browser.signed(BOB, "join_account", ALICE.address)}
        Wallet.objects.filter(address=raw(ALICE)).delete()
        before = state()
        urls = {"remove_wallet": REMOVAL, "change_email": EMAIL, "delete_account": DELETION}
        reply = browser.post(urls[purpose], answer) if purpose in urls else browser.post(WALLETS, body)
        assert codes(reply) == (403, "not_your_wallet")
        assert state() == before

    def test_not_without_its_token(self, purpose: str) -> None:
        browser = with_two_wallets()
        before, answer = state(), answer_of(browser, purpose)
        browser.csrf_token = "0" * 64
        for url in (REMOVAL, EMAIL, DELETION, WALLETS):
            assert codes(browser.post(url, answer)) == (403, "csrf_failed")
        assert state() == before


# --- linking takes two


def test_linking_asks_both_wallets(alice: Browser) -> None:
    assert alice.link(ALICE, SECOND).status_code == 200
    assert wallets_of(ALICE) == {raw(ALICE), raw(SECOND)}


def test_neither_signature_links_alone(alice: Browser) -> None:
    joining = alice.signed(SECOND, "join_account", ALICE.address)
    approval = alice.signed(ALICE, "add_wallet", SECOND.address)
    for proofs in (
        {"approval": approval},
        {"joining": joining},
        {"approval": approval, "joining": approval},
        {"approval": joining, "joining": joining},
        {"approval": joining, "joining": approval},
    ):
        assert alice.post(WALLETS, proofs).status_code in (400, 403)
    assert wallets_of(ALICE) == {raw(ALICE)}


def test_each_of_the_two_is_about_the_other() -> None:
    browser = with_two_wallets()
    third, fourth = wallet(7), wallet(8)
    joining = browser.signed(third, "join_account", ALICE.address)
    approval = browser.signed(ALICE, "add_wallet", fourth.address)
    refused = browser.post(WALLETS, {"approval": approval, "joining": joining})
    assert codes(refused) == (403, "challenge_not_usable")
    joining = browser.signed(third, "join_account", SECOND.address)
    approval = browser.signed(ALICE, "add_wallet", third.address)
    refused = browser.post(WALLETS, {"approval": approval, "joining": joining})
    assert codes(refused) == (403, "challenge_not_usable")
    assert wallets_of(ALICE) == {raw(ALICE), raw(SECOND)}


def test_a_sign_in_signed_by_a_victim_links_nothing(alice: Browser) -> None:
    """The text that linked once was that of a sign-in: whoever was shown it signed gladly."""
    challenge = alice.challenge(BOB, CHAIN_ID)
    answer = {"nonce": challenge["nonce"], "signature": sign(BOB, challenge["message"])}
    approval = alice.signed(ALICE, "add_wallet", BOB.address)
    refused = alice.post(WALLETS, {"approval": approval, "joining": answer})
    assert codes(refused) == (403, "challenge_not_usable")
    assert wallets_of(ALICE) == {raw(ALICE)}


def test_a_wallet_of_another_account_is_not_linked(alice: Browser) -> None:
    signed_in(BOB)
    assert codes(alice.link(ALICE, BOB)) == (409, "wallet_taken")
    assert wallets_of(ALICE) == {raw(ALICE)}
    assert User.objects.count() == 2


# --- unlinking


def test_unlinking_ends_the_sessions_that_the_wallet_began_and_no_others() -> None:
    browser = with_two_wallets()
    finder, elsewhere = signed_in(SECOND), signed_in(ALICE)
    assert browser.post(REMOVAL, browser.signed(ALICE, "remove_wallet", SECOND.address)).status_code == 204
    assert finder.get(SESSION).json()["address"] is None
    assert browser.get(SESSION).json()["address"] == ALICE.address
    assert elsewhere.get(SESSION).json()["address"] == ALICE.address
    assert Session.objects.count() == 2


def test_the_wallet_of_this_session_stays() -> None:
    browser = with_two_wallets()
    answer = browser.signed(SECOND, "remove_wallet", ALICE.address)
    assert codes(browser.post(REMOVAL, answer)) == (409, "wallet_in_use")
    assert wallets_of(ALICE) == {raw(ALICE), raw(SECOND)}


def unlinked_by_each_other() -> tuple[list[int], int]:
    """Two sessions of an account, each removing the other's wallet at the same time; and what is left."""
    first = signed_in(ALICE)
    Wallet.objects.create(user=User.objects.get(), address=raw(SECOND))
    second = signed_in(SECOND)
    answers = [
        (first, first.signed(ALICE, "remove_wallet", SECOND.address)),
        (second, second.signed(SECOND, "remove_wallet", ALICE.address)),
    ]
    start, found = threading.Barrier(2), []

    def post(browser: Browser, answer: dict[str, str]) -> None:
        start.wait()
        found.append(browser.post(REMOVAL, answer).status_code)
        connection.close()

    threads = [threading.Thread(target=post, args=each) for each in answers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sorted(found), Wallet.objects.count()


@pytest.mark.django_db(transaction=True)
def test_of_two_that_unlink_each_other_one_stays() -> None:
    assert unlinked_by_each_other() in (([204, 401], 1), ([204, 403], 1))


@pytest.mark.django_db(transaction=True)
def test_without_the_lock_neither_would(monkeypatch: pytest.MonkeyPatch) -> None:
    both_are_here = threading.Barrier(2)

    def held_by_nobody(_user: User) -> None:
        """Instead of the lock: both begin, and both find the other's wallet still there."""
        connection.cursor().execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        assert Wallet.objects.filter(address=raw(ALICE)).exists()
        both_are_here.wait(timeout=30)

    monkeypatch.setattr(services, "_hold", held_by_nobody)
    assert unlinked_by_each_other() == ([204, 204], 0)


# --- the email address


def test_the_email_address_changes_by_signature(alice: Browser) -> None:
    assert alice.post(EMAIL, alice.signed(ALICE, "change_email", "ines@example.org")).status_code == 204
    box = Mailbox.objects.get()
    assert (box.address, box.confirmed_at) == ("ines@example.org", None)
    assert alice.post(EMAIL, alice.signed(ALICE, "change_email")).status_code == 204
    assert not Mailbox.objects.exists()


def test_without_a_signature_only_the_question_is_asked_again(alice: Browser, mailoutbox: list[Any]) -> None:
    alice.post(EMAIL, alice.signed(ALICE, "change_email", "ines@example.org"))
    form = {"address": "thief@example.org", "csrfmiddlewaretoken": alice.csrf_token}
    assert alice.client.post("/me/settings/mail/", form).status_code == 302
    assert [letter.to for letter in mailoutbox] == [["ines@example.org"]] * 2
    Mailbox.objects.update(confirmed_at=timezone.now())
    alice.client.post("/me/settings/mail/", form)
    assert len(mailoutbox) == 2
    assert Mailbox.objects.get().address == "ines@example.org"


# --- what is written down


def test_acts_are_in_the_audit_trail_and_told_to_the_owner() -> None:
    browser = with_two_wallets()
    browser.post(REMOVAL, browser.signed(ALICE, "remove_wallet", SECOND.address))
    browser.post(EMAIL, browser.signed(ALICE, "change_email", "ines@example.org"))
    user = User.objects.get()
    acts = list(
        AuditEntry.objects.filter(subject=user.public_id).order_by("pk").values_list("action", flat=True)
    )
    assert acts == ["accounts.user.created", "accounts.wallet.added", "accounts.wallet.removed"]
    told = list(AccountNotice.objects.order_by("pk").values_list("user", "act", "subject"))
    assert told == [
        (user.pk, "wallet_added", SECOND.address),
        (user.pk, "wallet_removed", SECOND.address),
        (user.pk, "email_changed", ""),
    ]


def test_refusals_leave_a_line_without_anybodys_address(
    alice: Browser, caplog: pytest.LogCaptureFixture
) -> None:
    alice.post(EMAIL, {"nonce": "0" * 32, "signature": "0x" + "11" * 65})
    Browser().post(SESSION, {"nonce": "0" * 32, "signature": "0x" + "11" * 65})
    answer = alice.signed(ALICE, "change_email")
    Wallet.objects.update(address=raw(SECOND))
    alice.post(EMAIL, answer)
    User.objects.update(is_active=False)
    Browser().sign_in(SECOND, CHAIN_ID)
    lines = [line for line in caplog.messages if "sign_in.refused" in line or "step_up.refused" in line]
    public_id = User.objects.get().public_id
    assert lines == [
        f"event=step_up.refused reason=challenge_not_usable purpose=change_email account={public_id}",
        "event=sign_in.refused reason=challenge_not_usable",
        f"event=step_up.refused reason=not_your_wallet purpose=change_email account={public_id}",
        "event=sign_in.refused reason=account_refused",
    ]
