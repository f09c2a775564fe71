"""The answer to a body of more than its address takes, before anything reads it (core/bodies.py)."""

import io
from collections.abc import Callable

from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.template.loader import render_to_string
from django.utils.translation import gettext as _

from django_project.core.bodies import TOO_LARGE, is_longer_than, limit_of
from django_project.core.errors import error_body
from django_project.web.context import theme_of
from django_project.web.error_views import is_program


class BodyLimitMiddleware:
    """413 for a body that is too large; one in chunks, whose length is not told, is read up to the limit."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if _is_too_large(request):
            return _refusal(request)
        return self.get_response(request)


def _is_too_large(request: HttpRequest) -> bool:
    limit = limit_of(request.path_info)
    if getattr(request, "scope", {}).get(TOO_LARGE) or is_longer_than(
        limit, request.META.get("CONTENT_LENGTH") or ""
    ):
        return True
    is_in_chunks = "chunked" in request.META.get("HTTP_TRANSFER_ENCODING", "").lower()
    if not is_in_chunks or "wsgi.input" not in request.META:
        return False
    try:
        body = request.META["wsgi.input"].read(limit + 1)
    except Exception as error:
        # Chunks that are none, or a client that left: each server has errors of its own for them.
        raise BadRequest("The body cannot be read") from error
    if len(body) > limit:
        return True
    # From here on as if its length had been told; Django has no public name for where a body is read from.
    request.META["CONTENT_LENGTH"] = str(len(body))
    request._stream = io.BytesIO(body)  # noqa: SLF001
    return False


def _refusal(request: HttpRequest) -> HttpResponse:
    if is_program(request):
        message = _("This is more than can be sent at once.")
        return JsonResponse(error_body("body_too_large", message), status=413)
    response = HttpResponse(render_to_string("413.html", {"theme": theme_of(request)}), status=413)
    response["Cache-Control"] = "no-store"
    return response
