"""Who may say what staff may do, and that whoever has a wallet is never staff."""

import threading
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission
from django.db import IntegrityError, connection, transaction
from django.test import Client

from django_project.accounts import services as accounts
from django_project.accounts.backends import StaffBackend, WalletBackend
from django_project.accounts.challenges import Answer
from django_project.accounts.errors import AccountRefusedError
from django_project.accounts.models import User, Wallet
from django_project.accounts.staff import services
from django_project.accounts.staff.errors import (
    LastSuperuserError,
    PowersRefusedError,
    ReasonMissingError,
    WalletAccountError,
)
from django_project.accounts.staff.services import Powers
from django_project.core.models import AuditEntry
from tests.factories import address, backer_user
from tests.support.staff import PASSWORD, add_app, staff_client

pytestmark = pytest.mark.django_db

USERS = "/admin/accounts/user/"


def superuser(name: str = "ines") -> User:
    user = User.objects.create_superuser(name, password=PASSWORD)
    add_app(user)
    return user


def helper(*permissions: str) -> User:
    user = User.objects.create_user("helper", password=PASSWORD, is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    return user


def entry(action: str) -> AuditEntry:
    return AuditEntry.objects.get(action=action)


# --- Wallets are never staff ------------------------------------------------------------------------------


@pytest.mark.parametrize("powers", [{"is_staff": True}, {"is_staff": True, "is_superuser": True}])
def test_the_database_makes_no_wallets_account_staff(powers: dict[str, bool]) -> None:
    user = backer_user(1)
    with pytest.raises(IntegrityError, match="staff_have_no_wallets"), transaction.atomic():
        User.objects.filter(pk=user.pk).update(**powers)
    user.wallets.all().delete()
    User.objects.filter(pk=user.pk).update(**powers)
    with pytest.raises(IntegrityError, match="staff_have_no_wallets"), transaction.atomic():
        Wallet.objects.create(user=user, address=address(1))


def test_the_database_gives_no_staff_account_a_wallet_by_moving_one() -> None:
    user = backer_user(1)
    with pytest.raises(IntegrityError, match="staff_have_no_wallets"), transaction.atomic():
        Wallet.objects.filter(user=user).update(user=superuser())


def test_there_are_no_superusers_that_are_not_staff() -> None:
    user = backer_user(1)
    with pytest.raises(IntegrityError, match="superusers_are_staff"), transaction.atomic():
        User.objects.filter(pk=user.pk).update(is_superuser=True)


def test_forgetting_a_wallets_account_still_works() -> None:
    backer_user(1).delete()
    assert not Wallet.objects.exists()


def test_staff_link_no_wallet(rf: Any) -> None:
    answer = Answer("0" * 32, b"\x01" * 65)
    with pytest.raises(AccountRefusedError):
        accounts.link_wallet(rf.post("/"), superuser(), answer, answer)


def test_a_wallets_session_never_enters_the_admin_whatever_becomes_of_the_account() -> None:
    user = backer_user(1)
    client = Client()
    client.force_login(user)
    user.wallets.all().delete()
    assert client.get("/me/").status_code == 200
    User.objects.filter(pk=user.pk).update(is_staff=True, is_superuser=True)
    for url in ("/admin/", "/admin/login/", "/staff/second-factor/", "/staff/second-factor/app/", "/me/"):
        reply = client.get(url)
        assert reply.status_code == 302, url
        assert reply["Location"].split("?")[0] in ("/admin/login/", "/staff/sign-in/", "/sign-in/"), url


def test_a_session_of_one_kind_is_none_of_the_other() -> None:
    wallet, staff = backer_user(1), superuser()
    assert WalletBackend().get_user(wallet.pk) == wallet
    assert WalletBackend().get_user(staff.pk) is None
    assert StaffBackend().get_user(staff.pk) == staff
    assert StaffBackend().get_user(wallet.pk) is None
    assert StaffBackend().get_user(0) is None


def test_who_is_closed_or_loses_staff_is_out_at_once() -> None:
    for change in ({"is_active": False}, {"is_staff": False, "is_superuser": False}):
        user = superuser(f"name-{len(change)}")
        client = staff_client(user)
        assert client.get("/admin/").status_code == 200
        User.objects.filter(pk=user.pk).update(**change)
        assert client.get("/admin/").status_code == 302


# --- Services ---------------------------------------------------------------------------------------------


def test_powers_change_by_a_superuser_with_a_reason() -> None:
    ines, other = superuser(), helper("view_listing")
    group, _other = (Group.objects.create(name=name) for name in ("moderators", "helpers"))
    wanted = Powers(groups=frozenset({"moderators"}), permissions=frozenset({"campaigns.change_listing"}))
    services.set_powers(other, wanted, actor=ines, reason=" joined the team ")
    assert Powers.of(User.objects.get(pk=other.pk)) == wanted
    assert list(other.groups.all()) == [group]
    found = entry("accounts.powers.changed")
    assert (found.actor, found.subject) == (ines, str(other.public_id))
    assert found.details == {
        "reason": "joined the team",
        "groups": [[], ["moderators"]],
        "permissions": [["campaigns.view_listing"], ["campaigns.change_listing"]],
    }


def test_a_permission_of_another_app_with_the_same_name_is_not_given() -> None:
    ines, other = superuser(), helper()
    services.set_powers(
        other, Powers(permissions=frozenset({"ledger.change_listing"})), actor=ines, reason="x"
    )
    assert Powers.of(other).permissions == frozenset()


def test_nobody_else_changes_powers() -> None:
    ines, other = superuser(), helper("change_user", "change_group", "add_user", "change_permission")
    for actor in (other, backer_user(1)):
        with pytest.raises(PowersRefusedError):
            services.set_powers(other, Powers(is_superuser=True), actor=actor, reason="x")
        with pytest.raises(PowersRefusedError):
            services.set_group(Group(), "mine", frozenset({"ledger.change_chain"}), actor=actor, reason="x")
    # Who was one when the page was opened is none any more.
    User.objects.filter(pk=ines.pk).update(is_superuser=False)
    with pytest.raises(PowersRefusedError):
        services.set_powers(other, Powers(is_superuser=True), actor=ines, reason="x")
    with pytest.raises(ReasonMissingError):
        services.set_powers(other, Powers(), actor=ines, reason="")
    assert not AuditEntry.objects.exists()


def test_a_wallets_account_gets_no_powers_and_is_closed_with_a_reason() -> None:
    ines, wallet = superuser(), backer_user(1)
    with pytest.raises(WalletAccountError):
        services.set_powers(wallet, Powers(is_superuser=True), actor=ines, reason="x")
    services.set_open(wallet, is_open=False, actor=ines, reason="spam")
    assert not User.objects.get(pk=wallet.pk).is_active
    assert entry("accounts.user.closed").details == {"reason": "spam"}
    with pytest.raises(PowersRefusedError):
        services.set_open(ines, is_open=False, actor=ines, reason="x")


@pytest.mark.parametrize("powers", [Powers(is_superuser=False), Powers(is_superuser=True, is_active=False)])
def test_the_last_superuser_who_can_sign_in_stays(powers: Powers) -> None:
    ines = superuser()
    # Neither was ever enrolled whole; and one that was is closed, another one no superuser.
    User.objects.create_superuser("without-factor", password=PASSWORD)
    add_app(User.objects.create_superuser("without-password"))
    add_app(User.objects.create_superuser("closed", password=PASSWORD, is_active=False))
    add_app(User.objects.create_user("helper", password=PASSWORD, is_staff=True))
    with pytest.raises(LastSuperuserError):
        services.set_powers(ines, powers, actor=ines, reason="x")
    superuser("mia")
    services.set_powers(ines, powers, actor=ines, reason="x")
    assert Powers.of(User.objects.get(pk=ines.pk)) == powers


@pytest.mark.django_db(transaction=True)
def test_two_superusers_cannot_take_each_others_powers_at_once() -> None:
    pair = [superuser("ines"), superuser("mia")]
    start, came_out = threading.Barrier(2), []

    def demote(actor: User, other: User) -> None:
        try:
            start.wait()
            services.set_powers(other, Powers(), actor=actor, reason="x")
            came_out.append("done")
        except (LastSuperuserError, PowersRefusedError):
            came_out.append("refused")
        finally:
            connection.close()

    threads = [threading.Thread(target=demote, args=order) for order in (pair, pair[::-1])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(came_out) == ["done", "refused"]
    assert User.objects.filter(is_superuser=True).count() == 1


# --- The admin's forms ------------------------------------------------------------------------------------


def test_a_superuser_adds_staff_and_hands_over_a_link() -> None:
    client = staff_client(superuser())
    reply = client.post(f"{USERS}add/", {"username": "mia", "reason": "new moderator"}, follow=True)
    text = reply.content.decode()
    assert "/staff/enrol/" in text
    mia = User.objects.get(username="mia")
    assert (mia.is_staff, mia.is_superuser, mia.has_usable_password()) == (True, False, False)
    assert entry("accounts.staff.created").details == {"superuser": False, "reason": "new moderator"}
    assert "password" not in client.get(f"{USERS}{mia.pk}/change/").content.decode().lower().replace(
        "password and second factors", ""
    )
    assert client.get(f"{USERS}{mia.pk}/password/").status_code == 302
    again = client.post(f"{USERS}add/", {"username": "backer-1", "reason": ""})
    assert "This field is required" in again.content.decode()


def test_a_superuser_changes_powers_in_the_admin() -> None:
    ines, other = superuser(), helper()
    client = staff_client(ines)
    page = f"{USERS}{other.pk}/change/"
    assert client.post(page, {"is_active": "on", "is_superuser": "on"}).status_code == 200
    assert not User.objects.get(pk=other.pk).is_superuser
    told = {"is_active": "on", "is_superuser": "on", "reason": "takes over"}
    assert client.post(page, told).status_code == 302
    assert User.objects.get(pk=other.pk).is_superuser
    assert entry("accounts.powers.changed").details == {"reason": "takes over", "is_superuser": [False, True]}


def test_the_admin_says_what_a_service_refuses() -> None:
    ines = superuser()
    client = staff_client(ines)
    reply = client.post(f"{USERS}{ines.pk}/change/", {"is_active": "on", "reason": "resting"}, follow=True)
    assert "last superuser" in reply.content.decode()
    assert User.objects.get(pk=ines.pk).is_superuser


def test_staff_cannot_raise_themselves_with_any_form() -> None:
    superuser()
    every = [permission.codename for permission in Permission.objects.all()]
    other = helper(*every)
    group = Group.objects.create(name="theirs")
    group.user_set.add(other)
    client = staff_client(other)
    told = {"is_active": "on", "is_staff": "on", "is_superuser": "on", "username": "helper", "reason": "x"}
    for url in (
        f"{USERS}{other.pk}/change/",
        f"{USERS}add/",
        f"/admin/auth/group/{group.pk}/change/",
        "/admin/auth/group/add/",
    ):
        assert client.post(url, told).status_code == 403, url
    assert client.get(f"{USERS}{other.pk}/change/").status_code == 200
    assert not User.objects.get(pk=other.pk).is_superuser
    for url in (f"{USERS}{other.pk}/delete/", f"/admin/auth/group/{group.pk}/delete/"):
        assert client.post(url, {"post": "yes"}).status_code == 403, url


def test_wallets_accounts_are_closed_and_nothing_else_of_them_is_changed() -> None:
    superuser()
    wallet = backer_user(1, "Mia")
    client = staff_client(helper("change_user", "view_user"))
    page = f"{USERS}{wallet.pk}/change/"
    told = {
        "display_name": "Changed",
        "is_staff": "on",
        "is_superuser": "on",
        "username": "x",
        "reason": "spam",
    }
    assert client.post(page, told).status_code == 302
    found = User.objects.get(pk=wallet.pk)
    assert (found.display_name, found.is_staff, found.is_superuser, found.username) == (
        "Mia",
        False,
        False,
        wallet.username,
    )
    assert not found.is_active
    assert client.post(page, {"is_active": "on", "reason": "a mistake"}).status_code == 302
    assert entry("accounts.user.opened").details == {"reason": "a mistake"}


def test_groups_change_with_a_reason() -> None:
    ines = superuser()
    client = staff_client(ines)
    permission = Permission.objects.get(codename="change_listing")
    told = {"name": "moderators", "permissions": [permission.pk]}
    assert client.post("/admin/auth/group/add/", told).status_code == 200
    assert not Group.objects.exists()
    assert client.post("/admin/auth/group/add/", {**told, "reason": "a team"}).status_code == 302
    group = Group.objects.get()
    assert list(group.permissions.all()) == [permission]
    client.post(f"/admin/auth/group/{group.pk}/change/", {"name": "helpers", "reason": "renamed"})
    assert [found.details for found in AuditEntry.objects.filter(action="accounts.group.changed")] == [
        {
            "reason": "renamed",
            "name": ["moderators", "helpers"],
            "permissions": [["campaigns.change_listing"], []],
        },
        {"reason": "a team", "name": ["", "moderators"], "permissions": [[], ["campaigns.change_listing"]]},
    ]


def test_nobody_edits_second_factors_or_addresses_in_the_admin() -> None:
    client = staff_client(superuser())
    for url in ("/admin/mfa/authenticator/", "/admin/account/emailaddress/", "/admin/sessions/session/"):
        assert client.get(url).status_code == 404, url
