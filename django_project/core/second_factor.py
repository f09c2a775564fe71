"""What a session has proved of whoever works in it: a password, a second factor, and how long ago.

django-allauth notes in the session each proof that it took, bound to the account. Whether that is enough is
decided here: staff need a second factor for every page of the admin, and a fresh one for what they change.
"""

from datetime import UTC, datetime
from typing import Any

from allauth.account.internal.flows.login import get_authentication_records
from allauth.account.internal.flows.reauthentication import STATE_SESSION_KEY
from allauth.account.utils import get_next_redirect_url
from allauth.mfa.models import Authenticator
from allauth.mfa.utils import is_mfa_enabled
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.http import HttpRequest, HttpResponse, HttpResponseBase, QueryDict
from django.shortcuts import redirect
from django.urls import resolve, reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext as _

# Recovery codes stand in for one of these, and never alone.
FACTORS = (Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN)
RESUME = "django_project.core.second_factor.resume"


def has_one(request: HttpRequest) -> bool:
    """Whether the account has a second factor at all."""
    return bool(is_mfa_enabled(request.user, FACTORS))


def is_shown(request: HttpRequest) -> bool:
    """Whether this session showed one, and the account still has one."""
    return _last(request, "mfa") is not None and has_one(request)


def is_fresh(request: HttpRequest) -> bool:
    """Whether this session showed one within `SUDO_PERIOD`."""
    return _is_recent(_last(request, "mfa"))


def may_enrol(request: HttpRequest) -> bool:
    """Whether an account without a second factor may add its first: right after its password only."""
    return _is_recent(_last(request, "password")) and not has_one(request)


def ask(request: HttpRequest) -> HttpResponse:
    """Send the browser to where the second factor is asked for; what it wanted is done after that."""
    if request.method in ("GET", "HEAD"):
        request.session.pop(STATE_SESSION_KEY, None)
        return redirect(page(request) + "?" + urlencode({REDIRECT_FIELD_NAME: request.get_full_path()}))
    request.session[STATE_SESSION_KEY] = {
        "callback": RESUME,
        "state": {
            "path": request.path,
            "query": request.META.get("QUERY_STRING", ""),
            "form": request.POST.urlencode(),
            "at": timezone.now().timestamp(),
        },
    }
    return redirect(page(request))


def page(request: HttpRequest) -> str:
    """The address of the page that asks for the factor that the account has."""
    has_code = is_mfa_enabled(request.user, [Authenticator.Type.TOTP])
    return reverse("mfa_reauthenticate" if has_code else "mfa_reauthenticate_webauthn")


def resume(request: HttpRequest, state: dict[str, Any]) -> HttpResponseBase:
    """Do what was posted before the factor was asked for.

    Not if it was left lying, and not if another page asked meanwhile: that is gone on to instead.
    """
    elsewhere = get_next_redirect_url(request)
    if elsewhere:
        return redirect(elsewhere)
    if not _is_recent(datetime.fromtimestamp(state["at"], UTC)):
        messages.warning(request, _("Nothing was changed: that took too long. Choose it again."))
        return redirect(state["path"])
    request.method = "POST"
    request.path = request.path_info = state["path"]
    request.META["QUERY_STRING"] = state["query"]
    request.GET, request.POST = QueryDict(state["query"]), QueryDict(state["form"])
    view, arguments, named = resolve(state["path"])
    answer: HttpResponseBase = view(request, *arguments, **named)
    return answer


def _last(request: HttpRequest, method: str) -> datetime | None:
    """When this session's account last proved itself in one way."""
    user = request.user if request.user.is_authenticated else None
    times = [
        record["at"] for record in get_authentication_records(request, user) if record["method"] == method
    ]
    return datetime.fromtimestamp(times[-1], UTC) if times else None


def _is_recent(moment: datetime | None) -> bool:
    return moment is not None and timezone.now() - moment < settings.SUDO_PERIOD
