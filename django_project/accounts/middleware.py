"""How long a session lasts, and that nobody keeps what it was shown."""

from collections.abc import Callable

from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from django_project.accounts import sessions


def clear_site_data(response: HttpResponseBase, *kinds: str) -> None:
    """Have the browser drop what it kept of this site, on the answer that ends a session.

    Signing out drops pages (`cache`) only: in its storage a browser keeps which payments it is waiting for,
    and that has to outlast a session, or somebody pays twice.
    """
    response.headers["Clear-Site-Data"] = ", ".join(f'"{kind}"' for kind in kinds)
    response.headers["Cache-Control"] = "private, no-store"


class SessionLimitsMiddleware:
    """End sessions that are past a limit; let nobody store what is shown to somebody signed in.

    Limits are by kind of user, for being unused and altogether: `SESSION_LIMITS`. It stands after Django's
    session middleware and before whatever asks who is signed in. Requests without a session's cookie are not
    looked at.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if settings.SESSION_COOKIE_NAME in request.COOKIES and SESSION_KEY in request.session:
            if sessions.has_ended(request.session):
                request.session.flush()
            else:
                sessions.touch(request.session)
        response = self.get_response(request)
        # Asking a session that nobody read would make the answer vary by it.
        if request.session.accessed and SESSION_KEY in request.session:
            response.headers.setdefault("Cache-Control", "private, no-store")
        return response
