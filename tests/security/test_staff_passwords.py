"""Staff's passwords: long enough, in no list of attackers, and changed by who knows the old one."""

import re

import pytest
from django.test import Client

from django_project.accounts.models import User
from django_project.accounts.staff import adapters
from tests.support.staff import PASSWORD, staff_client
from tests.support.staff_pages import FACTORS, SIGN_IN, enrol, link_of, messages_of, path, run, twice

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("_quick_hashes")]

WRONG_PASSWORD = str(adapters.WRONG_PASSWORD)


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
