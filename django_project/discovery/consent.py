"""Consent to behaviour events, remembered in one signed cookie."""

import uuid
from typing import Literal

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase

Answer = Literal["granted", "refused", "unasked"]

COOKIE = "consent"
COOKIE_AGE_SECONDS = 365 * 24 * 3600
_SALT = "chainfund.consent"
_REFUSED = "refused"


def answer(request: HttpRequest) -> Answer:
    """What this browser answered; read from the cookie, without a query."""
    value = _cookie(request)
    if value is None:
        return "unasked"
    return "refused" if value == _REFUSED else "granted"


def visitor_id(request: HttpRequest) -> uuid.UUID | None:
    """The visitor's public id when consent was granted."""
    value = _cookie(request)
    return None if value is None or value == _REFUSED else uuid.UUID(value)


def remember(response: HttpResponseBase, visitor: uuid.UUID | None) -> None:
    """Write the answer: a visitor's id for yes, nobody for no."""
    response.set_signed_cookie(
        COOKIE,
        str(visitor) if visitor else _REFUSED,
        salt=_SALT,
        max_age=COOKIE_AGE_SECONDS,
        httponly=True,
        samesite="Lax",
        secure=settings.SESSION_COOKIE_SECURE,
    )


def _cookie(request: HttpRequest) -> str | None:
    value = request.get_signed_cookie(COOKIE, default=None, salt=_SALT, max_age=COOKIE_AGE_SECONDS)
    return value or None
