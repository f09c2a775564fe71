"""Pages that are the same for everybody who is not signed in, made once for each generation.

What such a page depends on is its name: which view it is, what the view reads of the query, and the visitor's
language, theme and answer to being remembered. It depends on nothing else, neither on the host that was
asked nor on what else stands in the query, which is taken out of the request before the page is made. The one
thing that is each visitor's own, the token of the forms, is put in when the page is handed out.

Who answered the questions about their interests is no stranger: there are more combinations of answers than
pages to keep, few visitors share one, and what was never kept cannot be handed to somebody else.
"""

import hashlib
from collections.abc import Callable
from functools import lru_cache, wraps

from django.conf import settings
from django.http import HttpRequest, HttpResponse, QueryDict
from django.middleware.csrf import get_token
from django.utils.crypto import salted_hmac
from django.utils.translation import get_language

from django_project.catalog import cache_generation
from django_project.core.shapes import RAW, Labelled, slot
from django_project.discovery import answers, consent
from django_project.web.context import theme_of

Page = Callable[[HttpRequest], HttpResponse]

# Pages with a query that a generation keeps at most, some 60 kB each: there are more queries than anybody
# could keep. One that is asked for again and again is made anew only when another took its place.
QUERIES_KEPT = 256


def shared_between_visitors(read: Callable[[QueryDict], str]) -> Callable[[Page], Page]:
    """Keep what a view of the shop window answers to visitors whose answer would be the same.

    `read` gives the query that means the same to the view, in one spelling, empty for none.
    """

    def decorate(page: Page) -> Page:
        @wraps(page)
        def answer(request: HttpRequest) -> HttpResponse:
            if not _is_like_others(request):
                return page(request)
            _leave_only(request, read(request.GET))
            name = _name(page, request)
            place = slot(name, QUERIES_KEPT) if request.META["QUERY_STRING"] else name
            body = cache_generation.shared(f"page:{place}", Labelled(RAW, name), lambda: _made(page, request))
            return HttpResponse(body.replace(_placeholder().encode(), get_token(request).encode()))

        return answer

    return decorate


def forms_token(request: HttpRequest) -> dict[str, str]:
    """Context processor: in a page that is to be kept, what stands for the token of the forms."""
    return {"csrf_token": _placeholder()} if getattr(request, "is_shared", False) else {}


@lru_cache(maxsize=1)
def _placeholder() -> str:
    """The same in all processes, and unknown to whoever writes the texts and addresses of pages."""
    return salted_hmac("chainfund.shared-pages", "csrf", algorithm="sha256").hexdigest()


def _is_like_others(request: HttpRequest) -> bool:
    """Nobody is signed in, no list or answers of the visitor's own, no order that is drawn for this request.

    Nor is the site mounted below a path: every link of such a page would begin with it.
    """
    is_drawn = request.GET.get("sort") == "random"
    is_signed_in = settings.SESSION_COOKIE_NAME in request.COOKIES
    is_known = is_signed_in or consent.answer(request) == "granted" or answers.read(request) is not None
    is_mounted = bool(request.META.get("SCRIPT_NAME"))
    return not is_known and not is_drawn and not is_mounted


def _leave_only(request: HttpRequest, query: str) -> None:
    """Have the request say what its page is made from, and no more."""
    request.META["QUERY_STRING"] = query
    # Django parses the query once.
    request.__dict__.pop("GET", None)


def _name(page: Page, request: HttpRequest) -> str:
    parts = (
        f"{page.__module__}.{page.__qualname__}",
        request.path_info,
        request.META["QUERY_STRING"],
        get_language() or "",
        theme_of(request),
        consent.answer(request),
    )
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _made(page: Page, request: HttpRequest) -> bytes:
    # Read by `forms_token`.
    request.is_shared = True  # type: ignore[attr-defined]
    return page(request).content
