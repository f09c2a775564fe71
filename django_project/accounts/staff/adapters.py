"""How django-allauth is used here: by staff alone, with a name, a password and a second factor."""

from typing import Any, ClassVar

from allauth.account.adapter import DefaultAccountAdapter
from allauth.core import context
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from django.contrib.auth import authenticate
from django.contrib.auth import login as django_login
from django.contrib.auth.base_user import AbstractBaseUser
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from django_project.accounts.backends import STAFF_BACKEND
from django_project.accounts.models import User
from django_project.accounts.staff import limits, secret_box
from django_project.core import second_factor

# One sentence for a wrong password, an unknown name, a closed account and too many tries.
WRONG_PASSWORD = _(
    "The name or the password is wrong. After several tries, right ones are refused too for some minutes."
)
WRONG_CODE = _(
    "This code is wrong or was used before. After several tries, right ones are refused too for some minutes."
)


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # allauth is untyped
    """Sign-in; there is no sign-up, no mail and no way around a lost password but `manage.py staff reset`."""

    error_messages: ClassVar = {
        **DefaultAccountAdapter.error_messages,
        "username_password_mismatch": WRONG_PASSWORD,
    }

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def get_login_redirect_url(self, request: HttpRequest) -> str:
        return reverse("admin:index")

    def get_login_stages(self) -> list[str]:
        return ["allauth.mfa.stages.AuthenticateStage"]

    def authenticate(self, request: HttpRequest, **credentials: Any) -> AbstractBaseUser | None:
        """The staff account of a name and a password; None also while the name's tries are used up.

        Raises:
            TooManyRequestsError: too many tries came from this network, whatever the names.
        """
        name = str(credentials["username"])
        limits.require_tries_of_network(request)
        if not limits.has_password_tries(request, name):
            # As long as a check takes.
            User().set_password(credentials["password"])
            limits.log_refused_sign_in(request, name, limits.LIMITED)
            return None
        return authenticate(request, **credentials)

    def login(self, request: HttpRequest, user: User) -> None:
        django_login(request, user, backend=STAFF_BACKEND)

    def post_login(self, request: HttpRequest, user: User, **how: Any) -> HttpResponse:
        response: HttpResponse = super().post_login(request, user, **how)
        if second_factor.is_shown(request):
            limits.remember_browser(response, user.username)
        return response

    def is_reauthentication_required(self, *, app: str, **kwargs: object) -> bool:
        """Whether a page of one's own factors asks for one first: unless shown lately, or the first."""
        request = context.request
        return not (second_factor.is_fresh(request) or second_factor.may_enrol(request))

    def add_message(
        self, request: HttpRequest, level: int, message_template: str | None = None, *more: Any, **most: Any
    ) -> None:
        """Nothing: the pages say what happened themselves."""

    def send_notification_mail(self, *args: object, **kwargs: object) -> None:
        """Staff accounts have no mail address: the audit trail has what changed."""


class SecondFactorAdapter(DefaultMFAAdapter):  # type: ignore[misc]  # as above
    """Secrets encrypted, and never without a factor once there was one."""

    error_messages: ClassVar = {
        **DefaultMFAAdapter.error_messages,
        "incorrect_code": WRONG_CODE,
        "cannot_delete_authenticator": _("This is your only second factor. Add another one first."),
    }

    def encrypt(self, text: str) -> str:
        return secret_box.encrypt(text)

    def decrypt(self, encrypted_text: str) -> str:
        return secret_box.decrypt(encrypted_text)

    def get_totp_issuer(self) -> str:
        return "ChainFund"

    def _get_site_name(self) -> str:
        return "ChainFund"

    def can_delete_authenticator(self, authenticator: Authenticator) -> bool:
        others = Authenticator.objects.filter(user=authenticator.user, type__in=second_factor.FACTORS)
        return bool(others.exclude(pk=authenticator.pk).exists())
