"""How staff get in: who guesses is slowed, told nothing, and logged."""

import time
from datetime import timedelta
from typing import Any

import pytest
from allauth.core import context
from allauth.mfa.models import Authenticator
from django.contrib.auth.hashers import MD5PasswordHasher
from django.test import Client, override_settings

from django_project.accounts.models import User
from django_project.accounts.staff import adapters, forms
from django_project.core import rate_limits
from django_project.core.models import AuditEntry
from tests.factories import backer_user
from tests.support.staff import KEY, PASSWORD, code_at, staff_client
from tests.support.staff_pages import (
    AGAIN,
    APP,
    FACTOR,
    FACTORS,
    SIGN_IN,
    Reply,
    give_code,
    give_password,
    messages_of,
    path,
    signed_in,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("_quick_hashes")]

WRONG_PASSWORD = str(adapters.WRONG_PASSWORD)
WRONG_CODE = str(adapters.WRONG_CODE)


def test_staff_sign_in_with_both_and_land_where_they_wanted(ines: User) -> None:
    client = Client()
    assert path(client.get("/admin/ledger/token/")) == "/admin/login/"
    assert client.get("/admin/login/?next=/admin/ledger/token/")["Location"] == (
        f"{SIGN_IN}?next=%2Fadmin%2Fledger%2Ftoken%2F"
    )
    assert give_password(client, next="/admin/ledger/token/")["Location"].startswith(FACTOR)
    assert path(client.get("/admin/")) == "/admin/login/"
    assert give_code(client)["Location"] == "/admin/ledger/token/"
    assert client.get("/admin/ledger/token/").status_code == 200
    entry = AuditEntry.objects.get(action="accounts.sign_in.passed")
    assert (entry.actor, entry.details["factor"]) == (ines, "totp")


@pytest.mark.usefixtures("ines")
@pytest.mark.parametrize("elsewhere", ["https://evil.example/", "//evil.example", "javascript:alert(1)"])
def test_the_way_back_stays_on_the_site(elsewhere: str) -> None:
    client = Client()
    give_password(client, next=elsewhere)
    assert give_code(client)["Location"] == "/admin/"


@pytest.mark.usefixtures("ines")
def test_a_session_key_planted_before_is_not_the_one_after() -> None:
    client = Client()
    give_password(client)
    before = client.session.session_key
    give_code(client)
    assert client.session.session_key != before


@pytest.mark.usefixtures("ines")
def test_every_refusal_sounds_alike_and_takes_one_hash(monkeypatch: pytest.MonkeyPatch) -> None:
    wallet = backer_user(1)
    closed = User.objects.create_user("closed", password=PASSWORD, is_staff=True, is_active=False)
    User.objects.create_user("customer", password=PASSWORD)
    hashed: list[str] = []
    encode = MD5PasswordHasher.encode

    def counted(hasher: MD5PasswordHasher, password: str, salt: str) -> str:
        hashed.append(password)
        return encode(hasher, password, salt)

    monkeypatch.setattr(MD5PasswordHasher, "encode", counted)

    def told(name: str, password: str) -> tuple[int, int, str]:
        hashed.clear()
        reply = give_password(Client(), name, password)
        body = reply.content.decode().replace(name, "")
        return (
            reply.status_code,
            len(hashed),
            body[body.index("<h1>") : body.index("</main>")].split("csrf")[0],
        )

    right_while_limited = "limited"
    User.objects.create_user(right_while_limited, password=PASSWORD, is_staff=True)
    answers = [told(right_while_limited, "wrong") for _ in range(rate_limits.STAFF_PASSWORD.capacity)]
    answers.append(told(right_while_limited, PASSWORD))
    answers += [told(name, "a wrong password, long") for name in ("ines", "nobody", wallet.username)]
    answers += [told(closed.username, PASSWORD), told("customer", PASSWORD)]
    assert {answer[:2] for answer in answers} == {(200, 1)}
    assert len({answer[2] for answer in answers}) == 1


@pytest.mark.usefixtures("ines")
def test_a_name_that_is_guessed_at_rests_whoever_asks() -> None:
    for _ in range(10):
        assert WRONG_PASSWORD in messages_of(give_password(Client(), password="wrong"))
    assert WRONG_PASSWORD in messages_of(give_password(Client(REMOTE_ADDR="203.0.113.9")))
    assert WRONG_PASSWORD in messages_of(give_password(Client(), " INES"))


@pytest.mark.usefixtures("ines")
def test_strangers_keep_nobody_out_of_the_browser_they_work_in() -> None:
    mine = signed_in()
    cookie = mine.cookies["staff-browser"]
    assert (cookie["httponly"], cookie["samesite"], cookie["max-age"]) == (True, "Strict", 90 * 86_400)
    for _ in range(11):
        give_password(Client(), password="wrong")
    assert WRONG_PASSWORD in messages_of(give_password(Client()))

    def at_home(value: str, name: str = "ines", password: str = PASSWORD) -> Reply:
        browser = Client(REMOTE_ADDR="203.0.113.9")
        browser.cookies["staff-browser"] = value
        return give_password(browser, name, password)

    assert path(at_home(cookie.value)) == FACTOR
    assert WRONG_PASSWORD in messages_of(at_home(cookie.value[:-1]))
    assert WRONG_PASSWORD in messages_of(at_home("x:y:z"))
    # It has tries of its own, and opens nothing by itself.
    for _ in range(9):
        assert WRONG_PASSWORD in messages_of(at_home(cookie.value, password="wrong"))
    assert WRONG_PASSWORD in messages_of(at_home(cookie.value))
    other = User.objects.create_user("mia", password=PASSWORD, is_staff=True)
    for _ in range(10):
        give_password(Client(REMOTE_ADDR="203.0.113.7"), "mia", "wrong")
    assert WRONG_PASSWORD in messages_of(at_home(cookie.value, other.username))


@pytest.mark.usefixtures("ines")
def test_a_network_that_guesses_many_names_rests() -> None:
    for number in range(30):
        assert give_password(Client(), f"name-{number}", "wrong").status_code == 200
    assert give_password(Client()).status_code == 429
    assert give_password(Client(REMOTE_ADDR="203.0.113.9"))["Location"] == FACTOR


@pytest.mark.usefixtures("ines")
def test_codes_are_limited_for_the_account_whatever_the_session() -> None:
    for _ in range(5):
        client = Client()
        give_password(client)
        assert WRONG_CODE in messages_of(give_code(client, "123"))
    assert WRONG_CODE in messages_of(give_code(client))
    assert path(client.get("/admin/")) == "/admin/login/"


@pytest.mark.parametrize(
    ("asked_at", "event"), [(FACTOR, "sign_in.refused"), (AGAIN, "step_up.refused"), (APP, "step_up.refused")]
)
def test_codes_are_limited_wherever_one_is_asked_for(
    asked_at: str, event: str, ines: User, caplog: pytest.LogCaptureFixture
) -> None:
    client, key = Client(), KEY
    if asked_at == FACTOR:
        give_password(client)
    elif asked_at == AGAIN:
        client = staff_client(ines, shown=timedelta(minutes=11))
    else:
        client = staff_client(User.objects.create_user("mia", is_staff=True), shown=None)
        key = client.get(APP).context["form"].secret
    for _ in range(5):
        assert WRONG_CODE in messages_of(give_code(client, "123", asked_at))
    caplog.clear()
    assert WRONG_CODE in messages_of(give_code(client, code_at(time.time(), key), asked_at))
    [line] = [line for line in caplog.messages if "reason=limited" in line]
    assert f"event={event} " in line


@pytest.mark.parametrize(
    ("form", "event"),
    [
        (forms.AuthenticateWebAuthnForm, "sign_in.refused"),
        (forms.ReauthenticateWebAuthnForm, "step_up.refused"),
    ],
)
def test_a_key_that_fails_is_logged_as_what_it_was_asked_for(
    form: Any, event: str, ines: User, rf: Any, caplog: pytest.LogCaptureFixture
) -> None:
    with context.request_context(rf.post("/")):
        asked = form(data={"credential": '{"id": 1}'}, user=ines)
        assert asked.errors.as_data().keys() == {"credential"}
    [line] = caplog.messages
    assert f"event={event} account={ines.public_id} " in line
    assert "reason=webauthn" in line


@pytest.mark.usefixtures("ines")
def test_without_redis_nobody_guesses() -> None:
    rate_limits._script.cache_clear()
    try:
        with override_settings(REDIS_URL="redis://127.0.0.1:1/0"):
            assert give_password(Client()).status_code == 429
    finally:
        rate_limits._script.cache_clear()


def test_what_is_refused_is_logged_without_names(ines: User, caplog: pytest.LogCaptureFixture) -> None:
    give_password(Client(), password="wrong")
    give_password(Client(), "correct horse", "wrong")
    client = Client()
    give_password(client)
    give_code(client, "123")
    lines = [line for line in caplog.messages if "event=sign_in.refused" in line]
    assert [line.split("account=")[1].split()[0] for line in lines] == [
        str(ines.public_id),
        "unknown",
        str(ines.public_id),
    ]
    assert ["reason=password" in line for line in lines] == [True, True, False]
    assert "reason=totp" in lines[2]
    assert not any("correct horse" in line or "ines" in line or "127.0.0.1" in line for line in lines)
    kept = AuditEntry.objects.filter(action="accounts.sign_in.refused").values_list("subject", flat=True)
    assert list(kept) == [str(ines.public_id)] * 2


@pytest.mark.usefixtures("ines")
def test_tries_beyond_the_limit_fill_no_table() -> None:
    for _ in range(13):
        give_password(Client(), password="wrong")
    assert AuditEntry.objects.filter(action="accounts.sign_in.refused").count() == 10


@pytest.mark.parametrize(
    "url",
    [
        *(
            "signup/",
            "password/reset/",
            "password/set/",
            "email/",
            "confirm-email/",
            "login/code/",
            "inactive/",
        ),
        *(
            "second-factor/webauthn/login/",
            "second-factor/webauthn/signup/",
            "second-factor/trust/",
            "logout/",
        ),
        "second-factor/recovery-codes/download/",
    ],
)
def test_there_is_no_other_way_in(url: str) -> None:
    for method in ("get", "post"):
        assert getattr(Client(), method)(f"/staff/{url}").status_code == 404


def key_with(client: str, attestation: str, authenticator: str, signature: str) -> str:
    parts = (
        f'"clientDataJSON": {client}, "attestationObject": {attestation}, '
        f'"authenticatorData": {authenticator}, "signature": {signature}'
    )
    return f'{{"id": "eA", "rawId": "eA", "type": "public-key", "response": {{{parts}}}}}'


JUNK = [
    "",
    "\x00",
    "１２３４５６",
    "一二三四五六",
    "-1",
    "1e5",
    "9" * 5_000,
    "🐝",
    "123456\x00",
    " 1 2 3 4 5 6 ",
]


JUNK_KEYS = [
    *("", "null", "1", '"x"', "[]", "[1]", "{}", '{"id": 1}', "{", '{"response": null}', "[" * 2_000),
    '{"id": "x", "rawId": "x", "type": "public-key", "response": {}}',
    key_with('"e30"', '"e30"', '"e30"', '"e30"'),
    key_with("1", "[]", "{}", "null"),
    # {"type": "webauthn.get", "challenge": "eA", "origin": "https://x"}, flags and a counter, one byte.
    key_with(
        '"eyJ0eXBlIjogIndlYmF1dGhuLmdldCIsICJjaGFsbGVuZ2UiOiAiZUEiLCAib3JpZ2luIjogImh0dHBzOi8veCJ9"',
        '"oA"',
        f'"{"A" * 50}"',
        '"eA"',
    ),
]


@pytest.mark.usefixtures("ines")
def test_junk_for_a_code_or_a_name_breaks_nothing(settings: Any) -> None:
    settings.RATE_LIMIT_SCALE = 1_000
    client = Client()
    for junk in JUNK:
        assert give_password(Client(), junk, junk).status_code == 200, junk
        assert give_password(Client(), "ines", junk).status_code == 200, junk
    give_password(client)
    for junk in JUNK:
        assert client.post(FACTOR, {"code": junk}).status_code == 200, junk
    fresh = staff_client(User.objects.get())
    for junk in JUNK:
        assert fresh.post(AGAIN, {"code": junk}).status_code == 200, junk
    new = staff_client(User.objects.create_user("mia", is_staff=True), shown=None)
    new.get(APP)
    for junk in JUNK:
        assert new.post(APP, {"code": junk}).status_code == 200, junk


def test_junk_for_a_key_breaks_nothing(ines: User) -> None:
    Authenticator.objects.all().delete()
    client = staff_client(ines)
    client.get(f"{FACTORS}keys/add/")
    for junk in JUNK_KEYS:
        assert client.post(f"{FACTORS}keys/add/", {"name": "x", "credential": junk}).status_code == 200, junk
    half = Client()
    give_password(half)
    half.get(FACTOR)
    for junk in JUNK_KEYS:
        assert half.post(FACTOR, {"credential": junk}).status_code == 200, junk
    assert path(half.get("/admin/")) == "/admin/login/"


@pytest.mark.usefixtures("ines")
def test_a_form_posted_without_any_field_breaks_nothing() -> None:
    client = Client()
    assert client.post(SIGN_IN).status_code == 200
    give_password(client)
    assert client.post(FACTOR).status_code == 200
    assert client.post(FACTOR, b"\xff\xfe", content_type="application/json").status_code == 200
