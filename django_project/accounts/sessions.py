"""The session engine: Django's, in the database alone, with columns to list and end an account's sessions by.

Nothing of a session is in the cache: one that was ended is gone for the very next request, whatever ran at
the same time.
"""

import ipaddress
import re
import uuid
from datetime import datetime, timedelta
from typing import Any, cast

from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends import db
from django.contrib.sessions.backends.base import SessionBase
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone

from django_project.accounts.models import Session, User
from django_project.accounts.selectors import SESSION_WALLET
from django_project.core.addresses import parse_address
from django_project.core.client_networks import client_address
from django_project.environment import SessionLimits

# What a session says of itself, under this name.
ABOUT = "about"
STAFF, WALLET = "staff", "wallet"
# `last_used_at` is written at most so often.
PRECISION = timedelta(minutes=1)

# The first that a browser names itself by: most also name those that they descend from.
_BROWSERS = (
    ("Edge", r"Edg(?:e|A|iOS)?/"),
    ("Opera", r"OPR/|Opera"),
    ("Samsung Internet", r"SamsungBrowser/"),
    ("Firefox", r"Firefox/|FxiOS/"),
    ("Chrome", r"Chrome/|CriOS/"),
    ("Safari", r"Version/[0-9.]+ (?:Mobile/\S+ )?Safari/"),
)
_SYSTEMS = (
    ("Android", r"Android"),
    ("iOS", r"iPhone|iPad|iPod"),
    ("Windows", r"Windows"),
    ("macOS", r"Macintosh|Mac OS X"),
    ("ChromeOS", r"CrOS"),
    ("Linux", r"Linux"),
)
_LONGEST_USER_AGENT = 1_000
_SHORTENED = {4: 24, 6: 48}


class SessionStore(db.SessionStore):
    """One session; `row` is what the database has of it once it was read."""

    def __init__(self, session_key: str | None = None) -> None:
        super().__init__(session_key)
        self.row: Session | None = None
        self._public_id = uuid.uuid4()

    @classmethod
    def get_model_class(cls) -> type[Session]:
        return Session

    def load(self) -> dict[str, Any]:
        self.row = Session.objects.filter(
            session_key=self.session_key, expire_date__gt=timezone.now()
        ).first()
        if self.row is None:
            self._session_key = None
            return {}
        self._public_id = self.row.public_id
        return self.decode(self.row.session_data)

    def create_model_instance(self, data: dict[str, Any]) -> Session:
        row = cast("Session", super().create_model_instance(data))
        row.public_id = self._public_id
        about = data.get(ABOUT)
        if SESSION_KEY not in data or about is None:
            return row
        row.user_id = int(data[SESSION_KEY])
        row.started_at = datetime.fromisoformat(about["started"])
        row.last_used_at = self.row.last_used_at if self.row else timezone.now()
        row.browser, row.system, row.network = about["browser"], about["system"], about["network"]
        row.wallet = parse_address(data[SESSION_WALLET]) if SESSION_WALLET in data else None
        return row

    def create(self) -> None:
        """A new row. While a key is changed the old one is there, too, so it gets a name of its own."""
        self.row, self._public_id = None, uuid.uuid4()
        super().create()


def begin(request: HttpRequest, user: User) -> None:
    """Write into a session, at its sign-in, what the list of sessions shows and how long it may last."""
    now = timezone.now()
    agent = request.META.get("HTTP_USER_AGENT", "")[:_LONGEST_USER_AGENT]
    kind = STAFF if user.is_staff or user.is_superuser else WALLET
    request.session[ABOUT] = {
        "kind": kind,
        "started": now.isoformat(),
        "browser": _first_named(_BROWSERS, agent),
        "system": _first_named(_SYSTEMS, agent),
        "network": _network(request),
    }
    request.session.set_expiry(now + settings.SESSION_LIMITS[kind].absolute)


def has_ended(session: SessionBase) -> bool:
    """Whether somebody's session is past one of its limits; one that says nothing of itself is."""
    about, row = session.get(ABOUT), getattr(session, "row", None)
    if about is None or row is None:
        return True
    limits: SessionLimits = settings.SESSION_LIMITS[about["kind"]]
    now = timezone.now()
    started = datetime.fromisoformat(about["started"])
    return bool(now - started >= limits.absolute or now - row.last_used_at >= limits.idle)


def touch(session: SessionBase) -> None:
    """Note that somebody's session is in use. One that was ended meanwhile stays ended."""
    row: Session | None = getattr(session, "row", None)
    now = timezone.now()
    if row is not None and now - row.last_used_at >= PRECISION:
        Session.objects.filter(pk=row.pk).update(last_used_at=now)
        row.last_used_at = now


def sessions_of(user: User) -> QuerySet[Session]:
    """The account's sessions that still open it, the one used last first."""
    now = timezone.now()
    kind = STAFF if user.is_staff or user.is_superuser else WALLET
    limits = settings.SESSION_LIMITS[kind]
    return Session.objects.filter(
        user=user, expire_date__gt=now, last_used_at__gt=now - limits.idle
    ).order_by("-last_used_at", "-started_at")


def is_current(row: Session, session: SessionBase) -> bool:
    return row.session_key == session.session_key


def end(user: User, public_id: uuid.UUID) -> bool:
    """End one session of an account; False where it has none of this name."""
    return bool(Session.objects.filter(user=user, public_id=public_id).delete()[0])


def end_others(user: User, session: SessionBase) -> int:
    """End all sessions of an account but this one; says how many."""
    return Session.objects.filter(user=user).exclude(session_key=session.session_key).delete()[0]


def end_all(user: User) -> int:
    """End every session of an account; says how many."""
    return Session.objects.filter(user=user).delete()[0]


def end_by_wallet(user: User, wallet: bytes) -> int:
    """End the sessions of an account that a wallet signed in; says how many."""
    return Session.objects.filter(user=user, wallet=wallet).delete()[0]


def forget_ended() -> int:
    """Delete the rows of sessions that are over; says how many."""
    now = timezone.now()
    longest = max(limits.idle for limits in settings.SESSION_LIMITS.values())
    return Session.objects.filter(Q(expire_date__lt=now) | Q(last_used_at__lt=now - longest)).delete()[0]


def _first_named(names: tuple[tuple[str, str], ...], agent: str) -> str:
    return next((name for name, pattern in names if re.search(pattern, agent)), "")


def _network(request: HttpRequest) -> str:
    """Enough to tell home from work, too little to find a door: /24 of IPv4, /48 of IPv6."""
    address = client_address(request)
    if address is None:
        return ""
    return str(ipaddress.ip_network((address, _SHORTENED[address.version]), strict=False))
