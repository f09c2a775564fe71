"""Second factors: each code once, asked for when factors change, kept encrypted, and one always stays."""

import time
from datetime import timedelta
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from django.core.management import CommandError
from django.db import connection
from django.test import Client, override_settings

from django_project.accounts.models import Session, User
from django_project.accounts.sessions import SessionStore
from django_project.accounts.staff import adapters, secret_box
from django_project.core.models import AuditEntry
from tests.support.staff import KEY, PASSWORD, code_at, staff_client
from tests.support.staff_pages import (
    AGAIN,
    APP,
    FACTORS,
    RECOVERY,
    enrol,
    give_code,
    give_password,
    messages_of,
    path,
    run,
    signed_in,
    twice,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("_quick_hashes")]

WRONG_CODE = str(adapters.WRONG_CODE)


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
    assert kept_of("removed") == [(str(ines.public_id), "ines", {"factor": "totp"})]


def kept_of(verb: str) -> list[tuple[str, str, dict[str, str]]]:
    """What the audit trail has of one kind of change: whose, by whom, and of which factor."""
    found = AuditEntry.objects.filter(action=f"accounts.second_factor.{verb}")
    return list(found.values_list("subject", "actor__username", "details"))


def test_new_recovery_codes_end_the_old_ones_and_are_kept_in_the_trail(
    ines: User, django_capture_on_commit_callbacks: Any
) -> None:
    from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes

    before = RecoveryCodes.activate(ines).get_unused_codes()
    client = staff_client(ines)
    with django_capture_on_commit_callbacks(execute=True):
        assert path(client.post(f"{RECOVERY}renew/")) == RECOVERY
    assert not set(before) & set(client.get(RECOVERY).context["unused_codes"])
    assert kept_of("renewed") == [(str(ines.public_id), "ines", {"factor": "recovery_codes"})]


def test_nobody_removes_anothers_key(ines: User) -> None:
    other = User.objects.create_user("mia", is_staff=True)
    for name in ("one", "two"):
        key = Authenticator.objects.create(user=other, type="webauthn", data={"name": name, "credential": {}})
    client = staff_client(ines)
    assert client.post(f"{FACTORS}keys/{key.pk}/remove/").status_code == 404
    assert Authenticator.objects.filter(user=other).count() == 2


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
