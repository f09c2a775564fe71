"""Pages for what goes wrong: asked too often, broken, closed for maintenance."""

import logging
from collections.abc import Callable
from functools import wraps
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.defaults import bad_request

from django_project.core.errors import TooManyRequestsError, error_body
from django_project.core.numbers import whole_number
from django_project.web.context import THEME_COOKIE, THEMES

logger = logging.getLogger(__name__)

View = Callable[..., HttpResponse]

# What somebody may have written with care: it is shown again when its form cannot be taken.
TYPED_FIELDS = (
    *("display_name", "bio", "address", "text"),
    *("title", "tagline", "story", "publisher", "description"),
)
# What the operator's programs ask, whatever visitors are told; and the mark that the closed page shows.
OPEN_PATHS = ("/livez", "/readyz", "/metrics", "/mark.svg")
MAINTENANCE_MINUTES = 10
LONGEST_MAINTENANCE_MINUTES = 7 * 24 * 60
SECONDS = 60


class TooManyRequestsMiddleware:
    """A page's refusal for being asked too often, said in words and in Retry-After."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if not isinstance(exception, TooManyRequestsError):
            return None
        response = render(request, "429.html", {"seconds": exception.retry_after}, status=exception.status)
        return _for_now(response, exception.retry_after)


class MaintenanceMiddleware:
    """While the operator's file is there, every page and the API answer 503 without asking database or cache.

    The file may hold the number of minutes that it is going to take.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        seconds = maintenance_seconds()
        if seconds is None or request.path in OPEN_PATHS:
            return self.get_response(request)
        if is_program(request):
            message = _("The site is closed for maintenance. Try again later.")
            return _for_now(JsonResponse(error_body("maintenance", message), status=503), seconds)
        context = {"seconds": seconds, "theme": _theme(request)}
        return _for_now(HttpResponse(render_to_string("503.html", context), status=503), seconds)


def signed_in_to_post(form_page: str) -> Callable[[View], View]:
    """As `login_required`, for what is posted: whoever was signed out meanwhile gets back what they typed.

    A redirect would lose it, and after the sign-in lead to an address that answers to nothing but a post;
    the sign-in leads to the page of the form instead.
    """

    def guarded(view: View) -> View:
        @wraps(view)
        def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            if request.user.is_authenticated:
                return view(request, *args, **kwargs)
            return _refused_form(request, "401.html", 401, {"form_page": reverse(form_page)})

        return answer

    return guarded


def page_out_of_range(request: HttpRequest) -> HttpResponse:
    """A list was asked for what is behind its last row: the last page again would pass for one more."""
    return render(request, "web/errors/page_out_of_range.html", status=404)


def stale_form(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Django's handler for a form without the token of this visit, for instance one from before a sign-in."""
    logger.info("A form was refused: %s", reason)
    return _refused_form(request, "403_csrf.html", 403)


def _refused_form(
    request: HttpRequest, template: str, status: int, more: dict[str, str] | None = None
) -> HttpResponse:
    # A row of a list has its own name before the field's.
    typed = [text for name, text in request.POST.items() if name.rpartition(".")[2] in TYPED_FIELDS and text]
    response = render(request, template, {"typed": typed, **(more or {})}, status=status)
    response["Cache-Control"] = "no-store"
    return response


def maintenance_seconds() -> int | None:
    """For how long the site is closed, as far as the operator knows; None while it is open."""
    try:
        text = settings.MAINTENANCE_FILE.read_text(encoding="utf-8", errors="replace").strip()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError:
        # There, but not to be read: the operator meant something by it.
        text = ""
    minutes = whole_number(text, MAINTENANCE_MINUTES, LONGEST_MAINTENANCE_MINUTES)
    return max(minutes, 1) * SECONDS


def not_understood(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's handler for requests that no page was made for: a strange host, too many fields."""
    if is_program(request):
        message = _("This request could not be understood.")
        return JsonResponse(error_body("bad_request", message), status=400)
    return bad_request(request, exception)


def broken(request: HttpRequest) -> HttpResponse:
    """Django's handler for what nobody foresaw: it may rely on nothing, not even on the reader's language."""
    if is_program(request):
        message = _("Something went wrong here. Try again later.")
        return JsonResponse(error_body("server_error", message), status=500)
    return HttpResponse(render_to_string("500.html", {"theme": _theme(request)}), status=500)


def is_program(request: HttpRequest) -> bool:
    """Whether the answer is read by a program: JSON, also where the API has no address."""
    return f"{request.path}/".startswith(("/api/", "/metadata/"))


def _theme(request: HttpRequest) -> str:
    theme = request.COOKIES.get(THEME_COOKIE, "")
    return theme if theme in THEMES else ""


def _for_now(response: HttpResponse, seconds: int) -> HttpResponse:
    response["Retry-After"] = str(seconds)
    response["Cache-Control"] = "no-store"
    return response
