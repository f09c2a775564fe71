"""What holds for staff accounts at their edges: passwords, factors, links, and whose each of them is."""

from contextlib import nullcontext
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from django.core.exceptions import ValidationError
from django.test import Client

from django_project.accounts.models import Session, User
from django_project.accounts.staff import limits, links, services
from django_project.accounts.staff.adapters import AccountAdapter, SecondFactorAdapter
from django_project.accounts.staff.errors import PowersRefusedError
from django_project.accounts.staff.passwords import BreachedPasswordValidator, SiteWordsValidator
from django_project.core.models import AuditEntry
from tests.factories import backer_user
from tests.support.staff import add_app

pytestmark = pytest.mark.django_db


@pytest.fixture
def ines() -> User:
    return User.objects.create_superuser("ines")


@pytest.fixture
def mia() -> User:
    return User.objects.create_user("mia", is_staff=True)


@pytest.mark.parametrize(
    ("password", "is_taken"),
    [
        ("adminherons7", False),
        ("adminherons78", True),
        ("Admin-Wallet-Admin-herons", True),
        ("众筹密码heron", False),
        # Too short for others to take, and no word of the site's.
        ("heron", True),
        ("admin", False),
    ],
)
def test_eight_characters_besides_words_of_the_site_are_a_password(password: str, *, is_taken: bool) -> None:
    with nullcontext() if is_taken else pytest.raises(ValidationError, match="would try here first"):
        SiteWordsValidator().validate(password)


@pytest.mark.parametrize(("password", "is_taken"), [("1234567890", False), ("123456789", True)])
def test_the_list_of_breached_passwords_begins_at_ten_characters(password: str, *, is_taken: bool) -> None:
    with nullcontext() if is_taken else pytest.raises(ValidationError, match="data breach"):
        BreachedPasswordValidator().validate(password)


def test_only_another_factor_of_ones_own_lets_one_go(ines: User, mia: User) -> None:
    app, adapter = add_app(ines), SecondFactorAdapter()
    add_app(mia)
    RecoveryCodes.activate(ines)
    assert not adapter.can_delete_authenticator(app)
    key = Authenticator.objects.create(user=ines, type="webauthn", data={"name": "blue", "credential": {}})
    assert adapter.can_delete_authenticator(app)
    assert adapter.can_delete_authenticator(key)


def test_nobody_signs_up_and_apps_and_keys_are_told_the_sites_name(rf: Any) -> None:
    factors = SecondFactorAdapter()
    assert not AccountAdapter().is_open_for_signup(rf.get("/"))
    assert (factors.get_totp_issuer(), factors._get_site_name()) == ("ChainFund", "ChainFund")


def test_a_link_is_one_staff_accounts(ines: User, mia: User) -> None:
    customer = backer_user(1)
    tokens = {user: links._tokens.make_token(user) for user in (ines, mia, customer)}
    for user in (ines, mia):
        assert links.owner(user.public_id, tokens[user]) == user
    assert links.owner(mia.public_id, tokens[ines]) is None
    assert links.owner(customer.public_id, tokens[customer]) is None


def test_a_lost_factor_is_taken_from_its_owner_alone(ines: User, mia: User) -> None:
    User.objects.update(password="a hash of something")
    kept, lost = add_app(ines), add_app(mia)
    services.reset("MIA", reason="lost it", actor=ines)
    assert set(Authenticator.objects.all()) == {kept} != {lost}
    ines.refresh_from_db()
    mia.refresh_from_db()
    assert (ines.has_usable_password(), mia.has_usable_password()) == (True, False)


def test_staff_are_signed_out_by_superusers_alone_and_backers_by_any_staff(ines: User, mia: User) -> None:
    customer = backer_user(1)
    for user in (ines, mia, customer):
        Client().force_login(user)
    with pytest.raises(PowersRefusedError):
        services.end_sessions(ines, actor=mia, reason="x")
    services.end_sessions(customer, actor=mia, reason="asked by phone")
    assert set(Session.objects.values_list("user", flat=True)) == {ines.pk, mia.pk}
    services.end_sessions(mia, actor=ines, reason="lost her laptop")
    services.end_sessions(customer, actor=ines, reason="to be sure")
    assert set(Session.objects.values_list("user", flat=True)) == {ines.pk}
    told = AuditEntry.objects.filter(action="accounts.sessions.ended").order_by("pk")
    assert [(entry.subject, entry.actor, entry.details) for entry in told] == [
        (str(customer.public_id), mia, {"reason": "asked by phone", "sessions": 1}),
        (str(mia.public_id), ines, {"reason": "lost her laptop", "sessions": 1}),
        (str(customer.public_id), ines, {"reason": "to be sure", "sessions": 0}),
    ]


def test_a_refused_name_is_kept_with_the_staff_account_that_has_it(ines: User, mia: User) -> None:
    customer = backer_user(1)
    for user in (mia, customer):
        limits.log_refused_sign_in(None, user.username, "password")
    limits.log_refused_sign_in(None, "nobody", "password")
    limits.log_refused_sign_in(None, ines.username, limits.LIMITED)
    assert list(AuditEntry.objects.values_list("action", "subject", "details")) == [
        ("accounts.sign_in.refused", str(mia.public_id), {"who": "console", "reason": "password"})
    ]
