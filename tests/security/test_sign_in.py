"""Sign-in with a wallet: who gets in, and every way not to."""

import re
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import override_settings
from django.utils import timezone

from devtools.servers import Anvil
from django_project.accounts import challenges, eip4361
from django_project.accounts.models import Challenge, Session, User, Wallet
from tests.factories import CHAIN_ID, World
from tests.support.browser import CHALLENGE, SESSION, Browser, error_code, sign, wallet

pytestmark = pytest.mark.django_db

ALICE, MALLORY = wallet(1), wallet(2)


@pytest.fixture(autouse=True)
def world() -> World:
    return World()


@pytest.fixture
def _node(anvil: Anvil, settings: Any) -> None:
    """Says that there is no contract at an address whose key did not sign."""
    settings.RPC_URLS = {CHAIN_ID: [anvil.url]}


def test_the_server_writes_the_whole_message() -> None:
    browser = Browser()
    message = browser.challenge(ALICE, CHAIN_ID)["message"]
    pattern = (
        r"127\.0\.0\.1:8000 wants you to sign in with your Ethereum account:\n"
        + ALICE.address
        + r"\n\nSign in to ChainFund\. This costs nothing and moves no money\.\n\n"
        r"URI: http://127\.0\.0\.1:8000\nVersion: 1\nChain ID: 31337\nNonce: [0-9a-f]{32}\n"
        r"Issued At: \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ\nExpiration Time: \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"
    )
    assert re.fullmatch(pattern, message), message


def test_the_domain_is_ours_whatever_the_request_says() -> None:
    browser = Browser()
    reply = browser.post(CHALLENGE, {"address": ALICE.address, "chain_id": CHAIN_ID}, Host="evil.example")
    assert reply.json()["message"].startswith("127.0.0.1:8000 wants you")


def test_a_first_sign_in_makes_the_account_and_a_second_finds_it() -> None:
    browser = Browser()
    reply = browser.sign_in(ALICE, CHAIN_ID)
    assert reply.status_code == 200
    assert reply.json() == {"address": ALICE.address}
    # What bound the text to this browser has done its work.
    assert (reply.cookies["sign-in"].value, reply.cookies["sign-in"]["max-age"]) == ("", 0)
    assert browser.get(SESSION).json()["address"] == ALICE.address
    user = User.objects.get()
    assert not user.has_usable_password()
    assert not user.is_staff
    assert Browser().sign_in(ALICE, CHAIN_ID).status_code == 200
    assert (User.objects.count(), Wallet.objects.count()) == (1, 1)


def test_the_session_key_changes_and_the_old_one_is_dead() -> None:
    browser = Browser()
    browser.sign_in(MALLORY, CHAIN_ID)
    before = browser.client.session.session_key
    browser.sign_in(ALICE, CHAIN_ID)
    after = browser.client.session.session_key
    assert before != after
    assert not Session.objects.filter(pk=before).exists()


def test_signing_out_ends_the_session() -> None:
    browser = Browser()
    browser.sign_in(ALICE, CHAIN_ID)
    assert browser.delete(SESSION).status_code == 204
    assert browser.get(SESSION).json()["address"] is None


def test_a_challenge_works_once() -> None:
    browser = Browser()
    challenge = browser.challenge(ALICE, CHAIN_ID)
    body = {"nonce": challenge["nonce"], "signature": sign(ALICE, challenge["message"])}
    assert browser.post(SESSION, body).status_code == 200
    browser.refresh_csrf()
    again = browser.post(SESSION, body)
    assert (again.status_code, error_code(again)) == (403, "challenge_not_usable")


def test_asking_for_a_text_leaves_no_session_row() -> None:
    browser = Browser()
    for _ in range(3):
        browser.challenge(ALICE, CHAIN_ID)
    assert not Session.objects.exists()
    assert Challenge.objects.values("browser_digest").distinct().count() == 1
    key = browser.client.cookies["sign-in"]
    assert (key["httponly"], key["samesite"], len(key.value)) == (True, "Lax", 32)
    assert not Challenge.objects.filter(browser_digest=key.value).exists()


@pytest.mark.parametrize("key", ["", "x" * 32, "0" * 31, "0" * 33, "A" * 32])
def test_a_browser_key_of_another_making_is_replaced(key: str) -> None:
    browser = Browser()
    browser.client.cookies["sign-in"] = key
    browser.challenge(ALICE, CHAIN_ID)
    assert re.fullmatch(r"[0-9a-f]{32}", browser.client.cookies["sign-in"].value)


def test_another_browser_cannot_use_it() -> None:
    challenge = Browser().challenge(ALICE, CHAIN_ID)
    thief = Browser()
    thief.challenge(ALICE, CHAIN_ID)
    body = {"nonce": challenge["nonce"], "signature": sign(ALICE, challenge["message"])}
    reply = thief.post(SESSION, body)
    assert (reply.status_code, error_code(reply)) == (403, "challenge_not_usable")
    assert not User.objects.exists()


def test_without_its_cookie_there_is_no_sign_in() -> None:
    challenge = Browser().challenge(ALICE, CHAIN_ID)
    body = {"nonce": challenge["nonce"], "signature": sign(ALICE, challenge["message"])}
    assert error_code(Browser().post(SESSION, body)) == "challenge_not_usable"


def test_an_expired_one_is_refused() -> None:
    browser = Browser()
    challenge = browser.challenge(ALICE, CHAIN_ID)
    Challenge.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    body = {"nonce": challenge["nonce"], "signature": sign(ALICE, challenge["message"])}
    assert error_code(browser.post(SESSION, body)) == "challenge_not_usable"


@pytest.mark.usefixtures("_node")
def test_a_signature_over_another_domain_is_anothers() -> None:
    browser = Browser()
    challenge = browser.challenge(ALICE, CHAIN_ID)
    phished = challenge["message"].replace("127.0.0.1:8000 wants", "evil.example wants")
    reply = browser.post(SESSION, {"nonce": challenge["nonce"], "signature": sign(ALICE, phished)})
    assert (reply.status_code, error_code(reply)) == (403, "wrong_signature")


def test_a_challenge_of_a_former_domain_is_refused() -> None:
    browser = Browser()
    challenge = browser.challenge(ALICE, CHAIN_ID)
    body = {"nonce": challenge["nonce"], "signature": sign(ALICE, challenge["message"])}
    with override_settings(SITE_URL="https://chainfund.example"):
        assert error_code(browser.post(SESSION, body)) == "challenge_not_usable"


@pytest.mark.usefixtures("_node")
def test_a_failed_signature_spends_the_challenge() -> None:
    browser = Browser()
    challenge = browser.challenge(ALICE, CHAIN_ID)
    wrong = browser.post(
        SESSION, {"nonce": challenge["nonce"], "signature": sign(MALLORY, challenge["message"])}
    )
    assert error_code(wrong) == "wrong_signature"
    right = browser.post(
        SESSION, {"nonce": challenge["nonce"], "signature": sign(ALICE, challenge["message"])}
    )
    assert error_code(right) == "challenge_not_usable"


def flipped(signature: str) -> bytes:
    """The same signature with s in the upper half of the group, which ecrecover would accept too."""
    raw = bytes.fromhex(signature[2:])
    high = eip4361.SECP256K1_ORDER - int.from_bytes(raw[32:64])
    return raw[:32] + high.to_bytes(32) + bytes([55 - raw[64]])


@pytest.mark.usefixtures("_node")
def test_high_s_is_refused() -> None:
    browser = Browser()
    challenge = browser.challenge(ALICE, CHAIN_ID)
    signature = "0x" + flipped(sign(ALICE, challenge["message"])).hex()
    assert (
        error_code(browser.post(SESSION, {"nonce": challenge["nonce"], "signature": signature}))
        == "wrong_signature"
    )


@pytest.mark.parametrize(
    "change",
    [
        lambda raw: raw[:64],
        lambda raw: raw[:64] + b"\x1d",
        lambda raw: bytes(32) + raw[32:],
        lambda raw: raw[:32] + bytes(32) + raw[64:],
        lambda raw: b"\xff" * 32 + raw[32:],
    ],
)
def test_what_is_no_signature_is_refused(change: Callable[[bytes], bytes]) -> None:
    raw = bytes.fromhex(sign(ALICE, "hello")[2:])
    with pytest.raises(eip4361.SignatureError):
        eip4361.recover_signer("hello", change(raw))


def test_hardware_wallets_v_is_read() -> None:
    raw = bytes.fromhex(sign(ALICE, "hello")[2:])
    signer = bytes.fromhex(ALICE.address[2:])
    assert eip4361.recover_signer("hello", raw) == signer
    assert eip4361.recover_signer("hello", raw[:64] + bytes([raw[64] - 27])) == signer


def test_closed_accounts_never_sign_in_by_wallet() -> None:
    Browser().sign_in(ALICE, CHAIN_ID)
    User.objects.update(is_active=False)
    browser = Browser()
    reply = browser.sign_in(ALICE, CHAIN_ID)
    assert (reply.status_code, error_code(reply)) == (403, "account_refused")
    assert browser.get(SESSION).json()["address"] is None


def test_an_unknown_chain_is_refused() -> None:
    reply = Browser().post(CHALLENGE, {"address": ALICE.address, "chain_id": 1})
    assert (reply.status_code, error_code(reply)) == (400, "unknown_chain")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"chain_id": 1}, "address"),
        ({"address": "0x12", "chain_id": 1}, "address"),
        ({"address": ALICE.address, "chain_id": "1"}, "chain_id"),
        ({"address": ALICE.address, "chain_id": -1}, "chain_id"),
        ({"address": ALICE.address, "chain_id": 2**70}, "chain_id"),
        ({"address": ALICE.address, "chain_id": 1, "domain": "evil.example"}, "domain"),
    ],
)
def test_wrong_bodies_are_refused_by_field(body: dict[str, object], field: str) -> None:
    reply = Browser().post(CHALLENGE, body)
    assert reply.status_code == 400
    assert list(reply.json()["error"]["fields"]) == [field]


def test_csrf_guards_the_sign_in_itself() -> None:
    browser = Browser()
    browser.refresh_csrf()
    browser.csrf_token = "wrong"
    reply = browser.post(CHALLENGE, {"address": ALICE.address, "chain_id": CHAIN_ID})
    assert (reply.status_code, error_code(reply)) == (403, "csrf_failed")


def test_challenges_are_limited_per_address() -> None:
    browser = Browser()
    codes = [
        browser.post(CHALLENGE, {"address": ALICE.address, "chain_id": CHAIN_ID}).status_code
        for _ in range(22)
    ]
    assert codes == [201] * 20 + [429] * 2
    last = browser.post(CHALLENGE, {"address": ALICE.address, "chain_id": CHAIN_ID})
    assert int(last.headers["Retry-After"]) >= 1


def codes_of_simultaneous_posts(count: int) -> list[int]:
    """One challenge and its signature, posted by as many threads at once."""
    browser = Browser()
    challenge = browser.challenge(ALICE, CHAIN_ID)
    body = {"nonce": challenge["nonce"], "signature": sign(ALICE, challenge["message"])}
    start, codes = threading.Barrier(count), []

    def post() -> None:
        rival = Browser()
        rival.client.cookies.update(browser.client.cookies)
        rival.csrf_token = browser.csrf_token
        start.wait()
        codes.append(rival.post(SESSION, body).status_code)
        connection.close()

    threads = [threading.Thread(target=post) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sorted(codes)


@pytest.mark.django_db(transaction=True)
def test_two_posts_of_one_challenge_sign_in_once() -> None:
    assert codes_of_simultaneous_posts(4) == [200, 403, 403, 403]


@pytest.mark.django_db(transaction=True)
def test_without_the_conditional_update_they_would_sign_in_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    both_have_read = threading.Barrier(2)

    def read_then_write(_usable: object, nonce: str) -> Challenge:
        challenge = Challenge.objects.get(nonce=nonce, consumed_at=None)
        both_have_read.wait(timeout=30)
        challenge.consumed_at = timezone.now()
        challenge.save()
        return challenge

    monkeypatch.setattr(challenges, "_consume", read_then_write)
    assert codes_of_simultaneous_posts(2) == [200, 200]


@pytest.mark.django_db(transaction=True)
def test_two_first_sign_ins_of_one_wallet_make_one_account() -> None:
    start, codes = threading.Barrier(4), []

    def sign_in_once() -> None:
        browser = Browser()
        challenge = browser.challenge(ALICE, CHAIN_ID)
        body = {"nonce": challenge["nonce"], "signature": sign(ALICE, challenge["message"])}
        start.wait()
        codes.append(browser.post(SESSION, body).status_code)
        connection.close()

    threads = [threading.Thread(target=sign_in_once) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert codes == [200] * 4
    assert (User.objects.count(), Wallet.objects.count()) == (1, 1)


def test_old_challenges_are_forgotten() -> None:
    Browser().challenge(ALICE, CHAIN_ID)
    assert challenges.forget_old(timezone.now()) == 0
    assert challenges.forget_old(timezone.now() + timedelta(minutes=6)) == 1
