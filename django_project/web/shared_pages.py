"""Pages that are the same for everybody who is not signed in, made once for each edition.

What differs between such visitors is part of the name that a page is kept under: address, language, theme
and what they said to being remembered. The one thing that is each visitor's own, the token of the forms, is
put in when the page is handed out.
"""

import hashlib
from collections.abc import Callable
from functools import lru_cache, wraps

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import get_token
from django.utils.crypto import salted_hmac
from django.utils.translation import get_language

from django_project.campaigns import edition
from django_project.discovery import consent
from django_project.web.context import theme_of

Page = Callable[[HttpRequest], HttpResponse]


def shared_between_visitors(page: Page) -> Page:
    """Keep what a view of the shop window answers to visitors whose answer would be the same."""

    @wraps(page)
    def answer(request: HttpRequest) -> HttpResponse:
        if not _is_like_others(request):
            return page(request)
        body = edition.shared(f"page:{_name(request)}", lambda: _made(page, request))
        return HttpResponse(body.replace(_placeholder().encode(), get_token(request).encode()))

    return answer


def forms_token(request: HttpRequest) -> dict[str, str]:
    """Context processor: in a page that is to be kept, what stands for the token of the forms."""
    return {"csrf_token": _placeholder()} if getattr(request, "is_shared", False) else {}


@lru_cache(maxsize=1)
def _placeholder() -> str:
    """The same in all processes, and unknown to whoever writes the texts and addresses of pages."""
    return salted_hmac("chainfund.shared-pages", "csrf", algorithm="sha256").hexdigest()


def _is_like_others(request: HttpRequest) -> bool:
    """Nobody is signed in, no list of the visitor's own, and no order that is drawn for this request."""
    is_drawn = request.GET.get("sort") == "random"
    is_stranger = settings.SESSION_COOKIE_NAME not in request.COOKIES
    return is_stranger and consent.answer(request) != "granted" and not is_drawn


def _name(request: HttpRequest) -> str:
    parts = (
        request.get_full_path(),
        get_language() or "",
        theme_of(request),
        consent.answer(request),
    )
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _made(page: Page, request: HttpRequest) -> bytes:
    # Read by `forms_token`.
    request.is_shared = True  # type: ignore[attr-defined]
    return page(request).content
