"""The cookie that binds a text to sign to the browser that asked for it.

Whoever asks for one need not be signed in, and may never come back: a cookie costs the site no row.
"""

import hashlib
import re
import secrets

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase

KEY_BYTES = 16
_KEY = re.compile(rf"[0-9a-f]{{{2 * KEY_BYTES}}}")


def read(request: HttpRequest) -> str:
    """The browser's key; empty where it has none."""
    value = request.COOKIES.get(settings.SIGN_IN_COOKIE_NAME, "")
    return value if _KEY.fullmatch(value) else ""


def new() -> str:
    return secrets.token_hex(KEY_BYTES)


def remember(response: HttpResponseBase, key: str) -> None:
    """For as long as the longest challenge is good."""
    response.set_cookie(
        settings.SIGN_IN_COOKIE_NAME,
        key,
        max_age=settings.SIGN_IN_CONTRACT_CHALLENGE_LIFETIME,
        httponly=True,
        samesite="Lax",
        secure=settings.SESSION_COOKIE_SECURE,
    )


def forget(response: HttpResponseBase) -> None:
    response.delete_cookie(settings.SIGN_IN_COOKIE_NAME, samesite="Lax")


def digest(key: str) -> str:
    """What a challenge keeps of the browser: cookies have no place in the database."""
    return hashlib.sha256(key.encode()).hexdigest()
