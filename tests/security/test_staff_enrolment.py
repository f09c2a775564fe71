"""How staff are enrolled: by one-time links, which superusers hand over or somebody makes at the console."""

import time
from collections.abc import Callable
from datetime import timedelta

import pytest
from allauth.mfa.models import Authenticator
from django.core.management import CommandError
from django.test import Client

from django_project.accounts.models import User
from django_project.accounts.staff import adapters, links, services
from django_project.accounts.staff.errors import PowersRefusedError, ReasonMissingError
from django_project.accounts.staff.forms import PENDING_SECRET
from django_project.core.models import AuditEntry
from tests.factories import backer_user
from tests.support.staff import PASSWORD, code_at
from tests.support.staff_pages import (
    APP,
    FACTORS,
    RECOVERY,
    SIGN_IN,
    enrol,
    give_code,
    give_password,
    link_of,
    messages_of,
    path,
    run,
    signed_in,
    twice,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("_quick_hashes")]

WRONG_PASSWORD = str(adapters.WRONG_PASSWORD)


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
    # It was shown just now, which counts as it would at any page that asks; its secret is in the vault alone.
    session = client.session
    shown_at = [each for each in session["account_authentication_methods"] if each["method"] == "mfa"]
    assert [(each["type"], each["reauthenticated"]) for each in shown_at] == [("totp", True)]
    assert PENDING_SECRET not in session
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
    issued = links._tokens._now()
    monkeypatch.setattr(links._tokens, "_now", lambda: issued)
    link = enrol()
    public_id, token = link.split("/")[3:5]
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
