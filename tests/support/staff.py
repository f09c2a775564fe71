"""Staff in tests: accounts with a second factor, and sessions that have shown it."""

import time
from datetime import timedelta

from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP
from django.test import Client

from demo.codes import code
from django_project.accounts.backends import STAFF_BACKEND
from django_project.accounts.models import User

KEY = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
PASSWORD = "four herons over slow water"


def code_at(moment: float, key: str = KEY) -> str:
    """What an authenticator app shows at a moment (seconds since 1970)."""
    return code(key, moment)


def add_app(user: User, key: str = KEY) -> Authenticator:
    """Give an account an authenticator app."""
    found = Authenticator.objects.filter(user=user, type=Authenticator.Type.TOTP).first()
    if found is None:
        found = TOTP.activate(user, key).instance
    assert isinstance(found, Authenticator)
    return found


def staff_client(user: User, *, shown: timedelta | None = timedelta(0)) -> Client:
    """A browser in which somebody gave the password, and `shown` ago the second factor; None: not yet."""
    client = Client()
    client.force_login(user, backend=STAFF_BACKEND)
    now = time.time()
    proofs: list[dict[str, object]] = [{"method": "password", "at": now}]
    if shown is not None:
        app = add_app(user)
        proofs.append({"method": "mfa", "at": now - shown.total_seconds(), "id": app.pk, "type": app.type})
    session = client.session
    session["account_authentication_methods"] = proofs
    session["account_authentication_methods_user"] = str(user.pk)
    session.save()
    return client
