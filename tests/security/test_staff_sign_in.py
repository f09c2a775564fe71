"""How staff get in: link, password, second factor; who guesses is slowed, told nothing, and logged."""

import re
import time
from collections.abc import Callable
from datetime import timedelta
from io import StringIO
from typing import Any
from urllib.parse import urlsplit

import pytest
from allauth.mfa.models import Authenticator
from django.contrib.auth.hashers import MD5PasswordHasher
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client, override_settings
from django.utils import timezone

from django_project.accounts.models import Session, User
from django_project.accounts.sessions import SessionStore
from django_project.accounts.staff import adapters, links, secret_box, services
from django_project.accounts.staff.errors import PowersRefusedError, ReasonMissingError
from django_project.core import rate_limits
from django_project.core.models import AuditEntry
from tests.factories import backer_user
from tests.support.staff import KEY, PASSWORD, add_app, code_at, staff_client

# What Django's test client answers with, which has no public name.
Reply = Any

pytestmark = pytest.mark.django_db

WRONG_PASSWORD, WRONG_CODE = str(adapters.WRONG_PASSWORD), str(adapters.WRONG_CODE)
SIGN_IN = "/staff/sign-in/"
FACTOR = "/staff/sign-in/second-factor/"
FACTORS = "/staff/second-factor/"
APP = "/staff/second-factor/app/"
AGAIN = "/staff/second-factor/again/"
RECOVERY = "/staff/second-factor/recovery-codes/"


@pytest.fixture(autouse=True)
def _quick_hashes(settings: Any) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def ines() -> User:
    user = User.objects.create_superuser("ines", password=PASSWORD)
    add_app(user)
    return user


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[timedelta], None]:
    """Moves the time that codes and proofs are told by; codes that were used stay used."""
    real, moved = time.time, [0.0]

    def move(by: timedelta) -> None:
        moved[0] += by.total_seconds()

    monkeypatch.setattr(time, "time", lambda: real() + moved[0])
    monkeypatch.setattr(timezone, "now", lambda now=timezone.now: now() + timedelta(seconds=moved[0]))
    return move


def give_password(client: Client, name: str = "ines", password: str = PASSWORD, **more: str) -> Reply:
    return client.post(SIGN_IN, {"login": name, "password": password, **more})


def give_code(client: Client, code: str | None = None, page: str = FACTOR) -> Reply:
    return client.post(page, {"code": code or code_at(time.time())})


def signed_in() -> Client:
    client = Client()
    assert give_password(client)["Location"] == FACTOR
    assert give_code(client)["Location"] == "/admin/"
    return client


def twice(password: str) -> dict[str, str]:
    return {"new_password": password, "repeated": password}


def path(reply: Reply) -> str:
    assert reply.status_code == 302, reply.status_code
    return str(urlsplit(reply["Location"]).path)


def run(*words: str) -> str:
    out = StringIO()
    call_command("staff", *words, stdout=out)
    return out.getvalue()


def link_of(said: str) -> str:
    return urlsplit(said.split()[-1]).path


def messages_of(reply: Reply) -> str:
    return str(reply.content.decode())


# --- Enrolment --------------------------------------------------------------------------------------------


def enrol(name: str = "ines") -> str:
    return link_of(run("enrol", name, "--superuser", "--reason", "the first operator"))


@pytest.mark.django_db(transaction=True)
def test_the_first_operator_is_enrolled_from_the_console_to_the_admin() -> None:
    client = Client()
    link = enrol()
    assert path(client.head(link)) == path(client.get(link)) == "/staff/enrol/"
    page = client.get("/staff/enrol/")
    assert "ines" in page.content.decode()
    assert page["Cache-Control"] == "max-age=0, no-cache, no-store, must-revalidate, private"
    new = twice(PASSWORD)
    assert path(client.post("/staff/enrol/", new)) == FACTORS
    # The password alone opens nothing, and leads to where the second factor is added.
    assert path(client.get("/admin/")) == "/admin/login/"
    assert path(client.get("/admin/login/?next=/admin/campaigns/")) == FACTORS
    assert client.get(FACTORS).status_code == 200
    key = client.get(APP).context["form"].secret
    assert give_code(client, "12345", APP).status_code == 200
    assert path(give_code(client, code_at(time.time(), key), APP)) == RECOVERY
    shown = client.get(RECOVERY).context["unused_codes"]
    assert len(set(shown)) == 10
    assert {len(code) for code in shown} == {12}
    hidden = client.get(RECOVERY)
    assert not any(code in hidden.content.decode() for code in shown)
    assert client.get("/admin/").status_code == 200
    acts = AuditEntry.objects.order_by("pk").values_list("action", "actor__username")
    assert list(acts) == [
        ("accounts.staff.created", None),
        ("accounts.staff.link_issued", None),
        ("accounts.password.set", "ines"),
        ("accounts.second_factor.added", "ines"),
        ("accounts.second_factor.added", "ines"),
    ]
    assert AuditEntry.objects.order_by("pk")[0].details == {"superuser": True, "reason": "the first operator"}


def test_a_link_works_once_and_the_newest_alone() -> None:
    old, new = enrol(), enrol()
    assert Client().get(old).status_code == 404
    client, late = Client(), Client()
    for browser in (client, late):
        browser.get(new)
    told = twice(PASSWORD)
    assert path(client.post("/staff/enrol/", told)) == FACTORS
    assert late.post("/staff/enrol/", told).status_code == 404
    assert Client().get(new).status_code == 404
    assert Client().get("/staff/enrol/").status_code == 404
    assert User.objects.filter(username="ines").count() == 1


def test_a_link_ends_after_a_day_and_with_the_account(monkeypatch: pytest.MonkeyPatch) -> None:
    link = enrol()
    public_id, token = link.split("/")[3:5]
    issued = links._tokens._now()
    for seconds, is_good in ((86_400, True), (86_401, False)):
        monkeypatch.setattr(links._tokens, "_now", lambda: issued + timedelta(seconds=seconds))  # noqa: B023
        assert (links.owner(public_id, token) is not None) is is_good  # type: ignore[arg-type]
    monkeypatch.undo()
    User.objects.update(is_active=False)
    assert Client().get(link).status_code == 404


@pytest.mark.parametrize("url", ["/staff/enrol/00000000-0000-4000-8000-000000000000/x-y/", "/staff/enrol/"])
def test_no_link_no_password(url: str) -> None:
    reply = Client().get(url)
    assert reply.status_code == 404
    assert "This link has ended" in reply.content.decode()


@pytest.mark.usefixtures("ines")
def test_the_command_says_what_is_wrong() -> None:
    backer_user(1)
    for words, sentence in (
        (("enrol", "ines", "--reason", "x"), "has a password and a second factor. Use “reset”"),
        (("enrol", "INES", "--reason", "x"), "has a password and a second factor. Use “reset”"),
        (("enrol", "backer-1", "--reason", "x"), "is the name of an account that is not staff"),
        (("enrol", "two words", "--reason", "x"), "no spaces"),
        (("enrol", "x" * 151, "--reason", "x"), "150 at most"),
        (("enrol", "mia", "--reason", "  "), "Write a reason"),
        (("reset", "nobody", "--reason", "x"), "No staff account is called “nobody”"),
        (("reset", "backer-1", "--reason", "x"), "No staff account is called “backer-1”"),
        (("enrol", "mia"), "--reason"),
    ):
        with pytest.raises(CommandError, match=sentence):
            run(*words)
    assert User.objects.count() == 2
    assert run("list") == "ines  superuser  totp\n"


def test_who_lost_the_second_factor_starts_anew(ines: User) -> None:
    client = signed_in()
    link = link_of(run("reset", "ines", "--reason", "phone in the lake"))
    assert path(client.get("/admin/")) == "/admin/login/"
    assert path(client.get("/admin/login/")) == SIGN_IN
    assert not Authenticator.objects.filter(user=ines).exists()
    assert WRONG_PASSWORD in messages_of(give_password(Client()))
    assert path(Client().get(link)) == "/staff/enrol/"
    entry = AuditEntry.objects.get(action="accounts.second_factor.reset")
    assert (entry.subject, entry.details["reason"]) == (str(ines.public_id), "phone in the lake")


def test_a_password_alone_enrols_for_some_minutes_only(clock: Callable[[timedelta], None]) -> None:
    User.objects.create_user("ines", password=PASSWORD, is_staff=True)
    client = Client()
    assert path(give_password(client)) == "/admin/"
    clock(timedelta(minutes=9, seconds=58))
    assert client.get(APP).status_code == 200
    clock(timedelta(seconds=3))
    for url in (FACTORS, APP, "/staff/second-factor/keys/add/"):
        give_password(client)
        clock(timedelta(minutes=11))
        assert path(client.get(url)) == SIGN_IN, url


# --- Sign-in ----------------------------------------------------------------------------------------------


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


@pytest.mark.usefixtures("ines")
def test_without_redis_nobody_guesses() -> None:
    rate_limits._script.cache_clear()
    try:
        with override_settings(REDIS_URL="redis://127.0.0.1:1/0"):
            assert give_password(Client()).status_code == 429
    finally:
        rate_limits._script.cache_clear()


def test_a_code_opens_once_even_the_one_that_enrolled() -> None:
    User.objects.create_user("ines", password=PASSWORD, is_staff=True)
    client = Client()
    give_password(client)
    code = code_at(time.time(), client.get(APP).context["form"].secret)
    give_code(client, code, APP)
    for _ in range(2):
        client = Client()
        give_password(client)
        assert WRONG_CODE in messages_of(give_code(client, code))


@pytest.mark.usefixtures("ines")
@pytest.mark.parametrize(("steps", "is_taken"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)])
def test_a_code_is_good_one_step_early_or_late(
    monkeypatch: pytest.MonkeyPatch, steps: int, is_taken: bool
) -> None:
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now)
    client = Client()
    give_password(client)
    reply = give_code(client, code_at(now + 30 * steps))
    assert (reply.status_code == 302) is is_taken


def test_a_recovery_code_opens_once(ines: User) -> None:
    from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes

    codes = RecoveryCodes.activate(ines).get_unused_codes()
    for code, is_taken in ((codes[0], True), (codes[0], False), (codes[1], True)):
        client = Client()
        give_password(client)
        assert (give_code(client, code).status_code == 302) is is_taken


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


# --- The second factor once more --------------------------------------------------------------------------


def test_a_session_without_its_second_factor_is_led_to_it(ines: User) -> None:
    client = staff_client(ines, shown=None)
    assert path(client.get("/admin/")) == "/admin/login/"
    assert client.get("/admin/login/?next=/admin/")["Location"] == f"{AGAIN}?next=%2Fadmin%2F"
    assert path(client.get(FACTORS)) == AGAIN
    assert path(client.get("/staff/password/")) == AGAIN
    assert path(client.post("/admin/accounts/user/add/", {"username": "x"})) == "/admin/login/"
    assert client.post(AGAIN, {"code": code_at(time.time()), "next": "/admin/"})["Location"] == "/admin/"
    assert client.get("/admin/").status_code == 200


def test_the_admin_closes_when_the_factor_is_gone(ines: User) -> None:
    client = staff_client(ines)
    assert client.get("/admin/").status_code == 200
    Authenticator.objects.all().delete()
    assert path(client.get("/admin/")) == "/admin/login/"


def test_own_factors_change_with_a_fresh_one_only(ines: User) -> None:
    client = staff_client(ines, shown=timedelta(minutes=11))
    assert client.get(FACTORS).status_code == 200
    for url in (APP, f"{APP}remove/", f"{FACTORS}keys/add/", f"{RECOVERY}renew/", "/staff/password/"):
        assert path(client.get(url)) == AGAIN, url
        assert path(client.post(url)) == AGAIN, url
    # What was posted last is done once the factor was shown.
    assert "Change your password" in messages_of(give_code(client, page=AGAIN))
    assert client.get(f"{RECOVERY}renew/").status_code == 200


def test_refused_codes_of_the_step_up_are_logged(ines: User, caplog: pytest.LogCaptureFixture) -> None:
    client = staff_client(ines, shown=timedelta(minutes=11))
    assert WRONG_CODE in messages_of(give_code(client, "123", AGAIN))
    lines = [line for line in caplog.messages if "event=step_up.refused" in line]
    assert len(lines) == 1
    assert str(ines.public_id) in lines[0]


def test_the_last_factor_stays(ines: User) -> None:
    client = staff_client(ines)
    page = client.post(f"{APP}remove/")
    assert "This is your only second factor" in page.content.decode()
    key = Authenticator.objects.create(user=ines, type="webauthn", data={"name": "blue", "credential": {}})
    assert path(client.post(f"{APP}remove/")) == FACTORS
    assert client.get(f"{FACTORS}keys/{key.pk}/remove/").status_code == 409
    assert client.post(f"{FACTORS}keys/{key.pk}/remove/").status_code == 409
    assert Authenticator.objects.filter(type="webauthn").exists()


def test_nobody_removes_anothers_key(ines: User) -> None:
    other = User.objects.create_user("mia", is_staff=True)
    for name in ("one", "two"):
        key = Authenticator.objects.create(user=other, type="webauthn", data={"name": name, "credential": {}})
    client = staff_client(ines)
    assert client.post(f"{FACTORS}keys/{key.pk}/remove/").status_code == 404
    assert Authenticator.objects.filter(user=other).count() == 2


# --- Passwords --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("password", "complaint"),
    [
        ("abcdefghijklmn", "too short"),
        ("abc", "too short"),
        ("1234567890123456", "data breach"),
        ("passwordpassword", "data breach"),
        ("PasswordPassword", "data breach"),
        (" passwordpassword ", "data breach"),
        ("qwertyuiopasdfgh", "data breach"),
        ("operator-ines-operator", "similar"),
        ("ChainFund-Admin-2026", "words that everybody would try"),
        ("operatorpasswordadmin", "words that everybody would try"),
    ],
)
def test_bad_passwords_are_refused(password: str, complaint: str) -> None:
    client = Client()
    client.get(link_of(run("enrol", "operator-ines-operator", "--reason", "x")))
    reply = client.post("/staff/enrol/", twice(password))
    assert reply.status_code == 422
    assert complaint in reply.content.decode()
    assert not User.objects.get().has_usable_password()


@pytest.mark.parametrize(
    "password",
    ["wooden heron umbrella", "四只苍鹭飞过缓缓流动的春天河水", "aaa bbb ccc ddd eee fff g", "x7" * 60],
)
def test_long_passwords_need_no_special_signs(password: str) -> None:
    client = Client()
    client.get(enrol())
    assert path(client.post("/staff/enrol/", twice(password))) == FACTORS
    assert User.objects.get().check_password(password)


def test_password_fields_are_masked_and_helped() -> None:
    client = Client()
    client.get(enrol())
    for url, kinds in ((SIGN_IN, ["current-password"]), ("/staff/enrol/", ["new-password"] * 2)):
        fields = re.findall(r"<input[^>]*type=\"password\"[^>]*>", messages_of(client.get(url)))
        assert [re.findall(r'autocomplete="([^"]*)"', field)[0] for field in fields] == kinds


def test_a_changed_password_ends_other_sessions_and_asks_for_the_old_one(ines: User) -> None:
    client, other = staff_client(ines), staff_client(ines)
    told = {
        "old_password": "wrong",
        "new_password": "seven geese by the mill",
        "repeated": "seven geese by the mill",
    }
    assert WRONG_PASSWORD in messages_of(client.post("/staff/password/", told))
    assert client.post("/staff/password/", {**told, "repeated": "x"}).status_code == 422
    assert path(client.post("/staff/password/", {**told, "old_password": PASSWORD})) == FACTORS
    assert client.get("/admin/").status_code == 200
    assert path(other.get("/admin/")) == "/admin/login/"
    assert path(client.get("/admin/password_change/")) == "/staff/password/"


def test_the_old_password_cannot_be_guessed_here_either(ines: User) -> None:
    client = staff_client(ines)
    told = {
        "old_password": "wrong",
        "new_password": "seven geese by the mill",
        "repeated": "seven geese by the mill",
    }
    for _ in range(10):
        client.post("/staff/password/", told)
    assert client.post("/staff/password/", {**told, "old_password": PASSWORD}).status_code == 422


# --- Secrets ----------------------------------------------------------------------------------------------


def everything_in_the_database() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = current_schema()")
        names = [row[0] for row in cursor.fetchall()]
        texts = []
        for name in names:
            cursor.execute(f'SELECT row_to_json(t)::text FROM "{name}" t')  # noqa: S608  # from the catalogue
            texts += [row[0] for row in cursor.fetchall()]
    return "\n".join(texts)


@pytest.mark.django_db(transaction=True)
def test_the_database_holds_no_secret_that_opens_an_account() -> None:
    client = Client()
    client.get(enrol())
    client.post("/staff/enrol/", twice(PASSWORD))
    key = client.get(APP).context["form"].secret
    assert key not in everything_in_the_database()
    assert all(key not in str(SessionStore().decode(row.session_data)) for row in Session.objects.all())
    give_code(client, code_at(time.time(), key), APP)
    codes = client.get(RECOVERY).context["unused_codes"]
    kept = everything_in_the_database()
    assert key not in kept
    assert PASSWORD not in kept
    assert not any(code in kept for code in codes)
    app = Authenticator.objects.get(type="totp")
    assert secret_box.decrypt(app.data["secret"]) == key


@pytest.mark.usefixtures("ines")
def test_a_key_that_was_replaced_still_reads_and_can_be_taken_out() -> None:
    sealed = Authenticator.objects.get().data["secret"]
    with override_settings(SECRET_KEY="another secret key", SECRET_KEY_FALLBACKS=[]):
        with pytest.raises(secret_box.SecretUnreadableError, match="cannot be read"):
            secret_box.decrypt(sealed)
        with pytest.raises(CommandError, match="cannot be read"):
            run("renew-secrets")
    with override_settings(SECRET_KEY="another secret key", SECRET_KEY_FALLBACKS=["not-a-secret-" * 5]):
        assert secret_box.decrypt(sealed) == KEY
        assert signed_in().get("/admin/").status_code == 200
        assert "1 secrets" in run("renew-secrets")
    with override_settings(SECRET_KEY="another secret key", SECRET_KEY_FALLBACKS=[]):
        assert secret_box.decrypt(Authenticator.objects.get().data["secret"]) == KEY
    with override_settings(SECOND_FACTOR_KEYS=["own"]):
        with pytest.raises(secret_box.SecretUnreadableError):
            secret_box.decrypt(sealed)
        own = secret_box.encrypt(KEY)
    with override_settings(SECOND_FACTOR_KEYS=["newer", "own"]):
        assert secret_box.decrypt(own) == KEY
        assert secret_box.encrypt(KEY) != own


def test_the_same_text_is_never_sealed_the_same_way() -> None:
    assert secret_box.encrypt(KEY) != secret_box.encrypt(KEY)


def test_services_ask_for_a_reason_and_a_superuser(ines: User) -> None:
    helper = User.objects.create_user("helper", is_staff=True)
    for actor in (helper, backer_user(2)):
        with pytest.raises(PowersRefusedError):
            services.enrol("new", is_superuser=True, reason="x", actor=actor)
        with pytest.raises(PowersRefusedError):
            services.reset("ines", reason="x", actor=actor)
    with pytest.raises(ReasonMissingError):
        services.reset("ines", reason=" ", actor=ines)
    assert Authenticator.objects.filter(user=ines).exists()


# --- Junk -------------------------------------------------------------------------------------------------


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
