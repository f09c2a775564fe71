"""django-allauth's forms, with the site's limiter before each guess and no secret in the session."""

import struct
from collections.abc import Callable
from typing import Any

from allauth.account.forms import LoginForm as AllauthLoginForm
from allauth.account.internal.flows.login import perform_password_login
from allauth.core import context
from allauth.mfa.adapter import get_adapter
from allauth.mfa.base.forms import AuthenticateForm as AllauthAuthenticateForm
from allauth.mfa.base.forms import ReauthenticateForm as AllauthReauthenticateForm
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.forms import ActivateTOTPForm as AllauthActivateForm
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from allauth.mfa.webauthn.forms import AddWebAuthnForm as AllauthAddWebAuthnForm
from allauth.mfa.webauthn.forms import AuthenticateWebAuthnForm as AllauthWebAuthnForm
from allauth.mfa.webauthn.forms import ReauthenticateWebAuthnForm as AllauthReauthenticateWebAuthnForm
from cryptography.exceptions import InvalidSignature
from django import forms
from django.http import HttpRequest, HttpResponse

from django_project.accounts.models import User
from django_project.accounts.staff import limits, secret_box

# What python-fido2 raises for a credential of another shape, or by another key, than it reads.
_UNREADABLE = (AttributeError, IndexError, KeyError, TypeError, ValueError, struct.error, InvalidSignature)
# A new app's secret while its first code is awaited, encrypted: sessions lie in the database.
PENDING_SECRET = "second_factor.pending"  # a name in the session


class LoginForm(AllauthLoginForm):  # type: ignore[misc]  # allauth is untyped
    def login(self, request: HttpRequest, redirect_url: str | None = None) -> HttpResponse:
        """As allauth's, but how long the session lasts is the site's business."""
        self._login.redirect_url = redirect_url
        answer: HttpResponse = perform_password_login(request, self.user_credentials(), self._login)
        return answer


class AuthenticateForm(AllauthAuthenticateForm):  # type: ignore[misc]  # as above
    """A code of the app, or a recovery code, at the sign-in."""

    def clean_code(self) -> str:
        _require_code_tries(self.user, is_sign_in=True)
        code: str = super().clean_code()
        return code


class ReauthenticateForm(AllauthReauthenticateForm):  # type: ignore[misc]  # as above
    """The same when a change asks for it once more."""

    def clean_code(self) -> str:
        _require_code_tries(self.user, is_sign_in=False)
        code: str = super().clean_code()
        return code


def _require_code_tries(user: User, *, is_sign_in: bool) -> None:
    """Take one try of the account's codes; without any, each is refused as a wrong one."""
    if not limits.has_code_tries(user):
        limits.log_refused_factor(context.request, user, limits.LIMITED, is_sign_in=is_sign_in)
        raise get_adapter().validation_error("incorrect_code")


class CredentialField(forms.JSONField):
    """What a browser says of a key; JSON that nests without end is none."""

    widget = forms.HiddenInput

    def to_python(self, value: Any) -> Any:
        try:
            return super().to_python(value)
        except RecursionError:
            raise forms.ValidationError(self.error_messages["invalid"], code="invalid") from None


class AddWebAuthnForm(AllauthAddWebAuthnForm):  # type: ignore[misc]  # as above
    """A new security key."""

    credential = CredentialField()

    def clean(self) -> dict[str, Any]:
        try:
            told: dict[str, Any] = super().clean()
        except _UNREADABLE:
            raise get_adapter().validation_error("incorrect_code") from None
        return told


class AuthenticateWebAuthnForm(AllauthWebAuthnForm):  # type: ignore[misc]  # as above
    """A security key at the sign-in: nothing to guess, but what fails is logged."""

    credential = CredentialField()

    def clean_credential(self) -> Authenticator:
        return _checked_key(self, super().clean_credential, is_sign_in=True)


class ReauthenticateWebAuthnForm(AllauthReauthenticateWebAuthnForm):  # type: ignore[misc]  # as above
    """The same when a change asks for it once more."""

    credential = CredentialField()

    def clean_credential(self) -> Authenticator:
        return _checked_key(self, super().clean_credential, is_sign_in=False)


def _checked_key(form: Any, check: Callable[[], Authenticator], *, is_sign_in: bool) -> Authenticator:
    try:
        return check()
    except (forms.ValidationError, *_UNREADABLE):
        kind = Authenticator.Type.WEBAUTHN.value
        limits.log_refused_factor(context.request, form.user, kind, is_sign_in=is_sign_in)
        raise get_adapter().validation_error("incorrect_code") from None


class ActivateTOTPForm(AllauthActivateForm):  # type: ignore[misc]  # as above
    """The first code of a new app."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.user = kwargs.pop("user")
        # Not allauth's own, which leaves the plain secret in the session.
        forms.Form.__init__(self, *args, **kwargs)
        session = context.request.session
        if not self.is_bound or PENDING_SECRET not in session:
            session[PENDING_SECRET] = secret_box.encrypt(generate_totp_secret())
        self.secret = secret_box.decrypt(session[PENDING_SECRET])

    def clean_code(self) -> str:
        _require_code_tries(self.user, is_sign_in=False)
        code: str = super().clean_code()
        # Once for all: what enrolled the app must not open the account within the same half minute.
        TOTP(Authenticator(user=self.user))._mark_code_used(code)  # noqa: SLF001
        return code
