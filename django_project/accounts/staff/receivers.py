"""What is logged and kept when staff, or somebody in their name, signs in, fails to, or changes a factor."""

from typing import Any

from allauth.account.internal.flows.login import record_authentication
from allauth.mfa.models import Authenticator
from django.db import transaction
from django.http import HttpRequest

from django_project.accounts.models import User
from django_project.accounts.staff import limits
from django_project.accounts.staff.forms import PENDING_SECRET
from django_project.core import audit, second_factor


def password_refused(
    credentials: dict[str, Any], request: HttpRequest | None = None, **_more: object
) -> None:
    limits.log_refused_sign_in(request, str(credentials.get("username", "")), "password")


def factor_refused(
    request: HttpRequest,
    user: User,
    authenticator: Authenticator,
    *,
    reauthentication: bool = False,
    **_more: object,
) -> None:
    limits.log_refused_factor(request, user, authenticator.type, is_sign_in=not reauthentication)


def factor_used(
    request: HttpRequest, user: User, authenticator: Authenticator, *, reauthenticated: bool, **_more: object
) -> None:
    action = "accounts.step_up.passed" if reauthenticated else "accounts.sign_in.passed"
    with transaction.atomic():
        audit.record(action, user.public_id, actor=user, factor=authenticator.type, who=limits.who(request))


def factor_added(request: HttpRequest, user: User, authenticator: Authenticator, **_more: object) -> None:
    """Whoever adds one has just shown it: the session need not ask again."""
    request.session.pop(PENDING_SECRET, None)
    if authenticator.type in second_factor.FACTORS:
        record_authentication(
            request, user, "mfa", id=authenticator.pk, type=authenticator.type, reauthenticated=True
        )
    _note(user, "added", authenticator)


def factor_removed(user: User, authenticator: Authenticator, **_more: object) -> None:
    _note(user, "removed", authenticator)


def factor_reset(user: User, authenticator: Authenticator, **_more: object) -> None:
    _note(user, "renewed", authenticator)


def _note(user: User, verb: str, authenticator: Authenticator) -> None:
    with transaction.atomic():
        audit.record(f"accounts.second_factor.{verb}", user.public_id, actor=user, factor=authenticator.type)
