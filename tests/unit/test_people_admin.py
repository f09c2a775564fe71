"""The admin over people and what they do: shown to whoever may look, changed by whoever may change."""

import re
from datetime import timedelta
from html import unescape

import pytest
from django.contrib.auth.models import Group, Permission
from django.test import Client
from django.utils import timezone

from django_project.accounts.models import Challenge, Session, User
from django_project.core.addresses import format_address
from django_project.core.models import AuditEntry
from django_project.pledges.models import PledgeIntent
from tests.factories import CHAIN_ID, TOKEN, address, backer_user, reference
from tests.support.staff import staff_client

pytestmark = pytest.mark.django_db

USERS = "/admin/accounts/user/"


@pytest.fixture
def admin() -> Client:
    return staff_client(User.objects.create_superuser("admin"))


def clerk(*codenames: str) -> Client:
    user = User.objects.create_user("clerk", is_staff=True)
    user.user_permissions.add(*Permission.objects.filter(codename__in=codenames))
    return staff_client(user)


def read(client: Client, path: str) -> str:
    reply = client.get(path)
    assert reply.status_code == 200, path
    return str(reply.content.decode())


def rows(page: str) -> list[list[str]]:
    """The cells of a list, without those in which rows are chosen."""
    found = re.findall(r"<tr>(.*?)</tr>", page.partition('id="result_list"')[2], re.DOTALL)
    cells = (re.findall(r'<t[dh] class="field-[^"]*">(.*?)</t[dh]>', row, re.DOTALL) for row in found)
    return [[unescape(re.sub(r"<[^>]+>", "", cell)).strip() for cell in row] for row in cells if row]


def pledge(user: User, number: int, amount: int) -> PledgeIntent:
    return PledgeIntent.objects.create(
        user=user,
        chain_id=CHAIN_ID,
        campaign_address=address(9),
        backer=address(1),
        ref=reference(number),
        token=TOKEN,
        amount=amount,
    )


def test_a_pledge_is_listed_and_found_by_its_number(admin: Client) -> None:
    user = backer_user(1)
    other, wanted = pledge(user, 1, 17), pledge(user, 2, 19)
    listed = rows(read(admin, "/admin/pledges/pledgeintent/"))
    assert [row[0] for row in listed] == [str(wanted.public_id), str(other.public_id)]
    assert listed[0][1:5] == [str(user), "written down", str(CHAIN_ID), "19"]
    found = rows(read(admin, f"/admin/pledges/pledgeintent/?q={wanted.public_id}"))
    assert [row[0] for row in found] == [str(wanted.public_id)]
    page = read(admin, f"/admin/pledges/pledgeintent/{wanted.pk}/change/")
    assert f"pledge {wanted.public_id} created" in page
    assert 'name="_save"' not in page


def test_wallets_and_challenges_are_listed_without_what_opens_an_account(admin: Client) -> None:
    user = backer_user(1)
    [wallet] = rows(read(admin, "/admin/accounts/wallet/"))
    assert wallet[:2] == [f"0x{address(1).hex()}", str(user)]
    challenge = Challenge.objects.create(
        nonce="nonce-of-somebody",
        browser_digest="05" * 32,
        message="A message of somebody.",
        subject="",
        address=address(1),
        chain_id=CHAIN_ID,
        expires_at=timezone.now() + timedelta(minutes=5),
    )
    [listed] = rows(read(admin, "/admin/accounts/challenge/"))
    assert listed[:3] == [str(challenge), challenge.get_purpose_display(), str(CHAIN_ID)]
    page = read(admin, f"/admin/accounts/challenge/{challenge.pk}/change/")
    for secret in ("nonce-of-somebody", "A message of somebody."):
        assert secret not in page


def test_a_backers_page_shows_its_wallets_and_changes_none(admin: Client) -> None:
    user = backer_user(1, display_name="Olga")
    page = read(admin, f"{USERS}{user.pk}/change/")
    assert format_address(address(1)) in page
    assert re.search(r'<th class="column-hex_address[^"]*">\s*Address', page)
    assert 'name="wallets-0-DELETE"' not in page
    assert 'name="wallets-TOTAL_FORMS" value="1"' in page
    assert "wallets-__prefix__" not in page
    # Staff have none, and what they may do is set instead.
    staff = User.objects.create_user("helper", is_staff=True)
    page = read(admin, f"{USERS}{staff.pk}/change/")
    assert "hex_address" not in page
    assert 'name="user_permissions"' in page
    assert 'name="is_superuser"' in page


def test_only_who_may_change_accounts_signs_them_out() -> None:
    backer = backer_user(1)
    Client().force_login(backer)
    viewer = clerk("view_user")
    assert 'value="end_sessions"' not in read(viewer, USERS)
    assert 'name="reason"' not in read(viewer, f"{USERS}{backer.pk}/change/")
    told = {"action": "end_sessions", "_selected_action": [backer.pk], "reason": "because I can", "index": 0}
    viewer.post(USERS, told)
    assert Session.objects.filter(user=backer).exists()
    assert not AuditEntry.objects.filter(action="accounts.sessions.ended").exists()
    operator = staff_client(User.objects.create_superuser("root"))
    assert '<option value="end_sessions">Sign out everywhere</option>' in read(operator, USERS)


@pytest.mark.parametrize("who", ["clerk", "root"])
def test_groups_are_made_and_changed_by_superusers_alone_and_deleted_by_nobody(who: str) -> None:
    group = Group.objects.create(name="moderators")
    rights = ("add_group", "change_group", "delete_group", "view_group", "add_user", "view_user")
    client = clerk(*rights) if who == "clerk" else staff_client(User.objects.create_superuser(who))
    may = who == "root"
    expected = {
        "/admin/auth/group/add/": may,
        f"/admin/auth/group/{group.pk}/delete/": False,
        f"{USERS}add/": may,
    }
    assert {path: client.get(path).status_code == 200 for path in expected} == expected
    told = {"name": "renamed", "reason": "a better word"}
    client.post(f"/admin/auth/group/{group.pk}/change/", told)
    group.refresh_from_db()
    assert group.name == ("renamed" if may else "moderators")
