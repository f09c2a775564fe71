"""The one-time link by which a person sets their own password: nobody else ever knows it."""

import uuid

from django.conf import settings
from django.contrib.auth.tokens import PasswordResetTokenGenerator
from django.urls import reverse

from django_project.accounts.models import User


class _Tokens(PasswordResetTokenGenerator):
    """Good until the password changes, which using it does, for `PASSWORD_RESET_TIMEOUT` at most."""

    key_salt = "chainfund.accounts.staff.links"

    def _make_hash_value(self, user: User, timestamp: int) -> str:
        return f"{super()._make_hash_value(user, timestamp)}{user.is_active}"


_tokens = _Tokens()


def issue(user: User) -> str:
    """A whole link. Whoever issues one gives the account a new unusable password first: older ones end."""
    path = reverse("staff-enrol", args=[user.public_id, _tokens.make_token(user)])
    return f"{settings.SITE_URL}{path}"


def owner(public_id: uuid.UUID, token: str) -> User | None:
    """Whose link it is, while it is good."""
    user = User.objects.filter(public_id=public_id, is_staff=True, is_active=True).first()
    return user if user is not None and _tokens.check_token(user, token) else None
