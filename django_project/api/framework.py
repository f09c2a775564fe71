"""What every endpoint shares: who asks, how often, and how a body is read."""

import json
from collections.abc import Mapping
from typing import IO, TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from pydantic import BaseModel, ValidationError
from rest_framework import authentication, exceptions, parsers, permissions, throttling
from rest_framework.request import Request

from django_project.accounts.models import User
from django_project.core import rate_limits
from django_project.core.errors import InvalidInputError, RefusedError

if TYPE_CHECKING:
    # REST framework's settings name classes of this module, which it imports before its own views.
    from rest_framework.views import APIView

# What is wrong with a field, by pydantic's name for it.
_WRONG_FORM = _("This value has the wrong form.")
_WRONG = {
    "missing": _("This field is needed."),
    "extra_forbidden": _("There is no field of this name."),
    "string_type": _("This has to be text."),
    "int_type": _("This has to be a whole number."),
    "bool_type": _("This has to be true or false."),
    "string_too_long": _("This text is too long."),
    "string_too_short": _("This text is too short."),
    "too_long": _("There are too many entries."),
    **dict.fromkeys(
        ("greater_than", "greater_than_equal", "less_than", "less_than_equal"),
        _("This number is out of range."),
    ),
}

Body = TypeVar("Body", bound=BaseModel)


def plain(request: Request) -> HttpRequest:
    """Django's own request, whose user is known before REST framework authenticates."""
    return request._request  # noqa: SLF001  # REST framework has no public name for it


class SessionAuthentication(authentication.SessionAuthentication):
    """The session cookie, with the CSRF header on every unsafe request: signing in needs it most."""

    def authenticate(self, request: Request) -> tuple[Any, None] | None:
        self.enforce_csrf(request)
        user = plain(request).user
        return (user, None) if user.is_active else None

    def enforce_csrf(self, request: Request) -> None:
        try:
            super().enforce_csrf(request)
        except exceptions.PermissionDenied:
            raise RefusedError(
                "csrf_failed",
                _("This page is older than your sign-in, perhaps in another tab. Reload it and try again."),
            ) from None

    def authenticate_header(self, request: Request) -> str:
        return "Session"


class BeaconAuthentication(authentication.BaseAuthentication):
    """The session cookie alone: `navigator.sendBeacon` cannot set headers. Goes with `SameOrigin`."""

    def authenticate(self, request: Request) -> tuple[Any, None] | None:
        user = plain(request).user
        return (user, None) if user.is_active else None


class SameOrigin(permissions.BasePermission):
    """Only pages of this site: browsers write Sec-Fetch-Site and Origin themselves, scripts cannot."""

    def has_permission(self, request: Request, view: "APIView") -> bool:
        site = request.headers.get("Sec-Fetch-Site")
        origin = request.headers.get("Origin")
        if site is not None and site != "same-origin":
            raise _foreign()
        if origin is not None and not is_own_origin(request, origin):
            raise _foreign()
        if site is None and origin is None:
            raise _foreign()
        return True


def is_own_origin(request: HttpRequest | Request, origin: str) -> bool:
    """Whether an Origin header names the configured site or the very host that was asked."""
    parts = urlsplit(origin)
    return origin == settings.SITE_URL or (
        parts.scheme == request.scheme and parts.netloc == request.get_host()
    )


def _foreign() -> RefusedError:
    return RefusedError("foreign_origin", _("Only this site's own pages may post here."))


class BucketThrottle(throttling.BaseThrottle):
    """One token per request from the bucket that the view names as `<method>_limit`, else from READ's.

    Buckets are by account, or by address for visitors.
    """

    _wait = 0.0

    def allow_request(self, request: Request, view: "APIView") -> bool:
        limit = getattr(view, f"{str(request.method).lower()}_limit", rate_limits.READ)
        self._wait = rate_limits.take(limit, *rate_limits.asker(plain(request)))
        return self._wait == 0

    def wait(self) -> float:
        return self._wait


class LimitedJSONParser(parsers.JSONParser):
    """JSON without constants that are no JSON; its length is held to before (`web/bodies.py`)."""

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        try:
            return json.loads(stream.read(), parse_constant=_refuse_constant)
        except (ValueError, RecursionError):
            raise exceptions.ParseError from None


class PlainTextJSONParser(LimitedJSONParser):
    """The same under the type that `sendBeacon` gives a string."""

    media_type = "text/plain"


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")


def read_body(model: type[Body], request: Request) -> Body:
    """The request's JSON as `model`.

    Raises:
        InvalidInputError: with a message for each field that is wrong.
    """
    try:
        return model.model_validate(request.data)
    except ValidationError as error:
        fields = {
            ".".join(str(part) for part in entry["loc"]): _WRONG.get(entry["type"], _WRONG_FORM)
            for entry in error.errors()
        }
        raise InvalidInputError("invalid", _("Some fields are not valid."), fields=fields) from None


def signed_in_user(request: Request) -> User:
    """Who is signed in; raises NotAuthenticated (401) for visitors."""
    if not isinstance(request.user, User):
        raise exceptions.NotAuthenticated
    return request.user
