"""How often somebody may guess, by the site's one limiter, and the log of those who did."""

import hashlib
import secrets
from datetime import timedelta

from django.conf import settings
from django.core import signing
from django.db import transaction
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from django_project.accounts.models import User
from django_project.core import audit, rate_limits, refusals
from django_project.core.rate_limits import Subject

LIMITED = "limited"
_BROWSER_BYTES = 16
_BROWSER_KNOWN = timedelta(days=90)


def require_tries_of_network(request: HttpRequest) -> None:
    """Take one try of the networks that a request comes from.

    Raises:
        TooManyRequestsError: there is none left.
    """
    rate_limits.require(rate_limits.STAFF_NETWORK, *rate_limits.visitor(request))


def has_password_tries(request: HttpRequest, name: str) -> bool:
    """Take one try of a name, whether or not anybody has it.

    A browser in which the name signed in before has tries of its own: strangers who use up the name's do not
    keep its owner out.
    """
    digest = hashlib.sha256(name.strip().casefold().encode()).hexdigest()
    browser = _browser(request, digest)
    subject = Subject("staff-browser", browser) if browser else Subject("staff", digest)
    return rate_limits.take(rate_limits.STAFF_PASSWORD, subject) == 0


def remember_browser(response: HttpResponseBase, name: str) -> None:
    """Note in a browser that a name signed in there, with both factors; it opens nothing by itself."""
    digest = hashlib.sha256(name.strip().casefold().encode()).hexdigest()
    response.set_cookie(
        settings.STAFF_BROWSER_COOKIE,
        _signer().sign_object([digest, secrets.token_urlsafe(_BROWSER_BYTES)]),
        max_age=_BROWSER_KNOWN,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Strict",
    )


def _browser(request: HttpRequest, digest: str) -> str | None:
    """The name of a browser that a name's digest is known in."""
    try:
        known, browser = _signer().unsign_object(
            request.COOKIES.get(settings.STAFF_BROWSER_COOKIE, ""), max_age=_BROWSER_KNOWN
        )
    except signing.BadSignature:
        return None
    return str(browser) if known == digest else None


def _signer() -> signing.TimestampSigner:
    return signing.TimestampSigner(salt="chainfund.accounts.staff.browser")


def has_code_tries(user: User) -> bool:
    """Take one try of an account's codes, those of an app and the recovery codes together."""
    return rate_limits.take(rate_limits.SECOND_FACTOR, Subject("account", str(user.pk))) == 0


def log_refused_sign_in(request: HttpRequest | None, name: str, reason: str) -> None:
    """Log a refused name and password, and keep it in the audit trail of the account that it was meant for.

    A name that no staff account has is written nowhere: it may be a password in the wrong field.
    """
    user = User.objects.filter(username=name, is_staff=True).first()
    _note("sign_in.refused", request, user, reason)


def log_refused_factor(request: HttpRequest, user: User, reason: str, *, is_sign_in: bool) -> None:
    """The same for a second factor, at the sign-in or when it was asked for again."""
    _note("sign_in.refused" if is_sign_in else "step_up.refused", request, user, reason)


def _note(event: str, request: HttpRequest | None, user: User | None, reason: str) -> None:
    network = who(request)
    refusals.log(event, account=str(user.public_id) if user else "unknown", who=network, reason=reason)
    # Of those beyond the limit there may be any number: the log has them, the audit trail has not.
    if user is not None and reason != LIMITED:
        with transaction.atomic():
            audit.record(f"accounts.{event}", user.public_id, who=network, reason=reason)


def who(request: HttpRequest | None) -> str:
    """A pseudonym of the network that a request comes from, the same for a day."""
    if request is None:
        return "console"
    network = rate_limits.visitor(request)[0]
    return refusals.pseudonym(f"{network.kind}:{network.key}")
