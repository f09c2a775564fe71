"""Conditional requests (RFC 9110, 13): an unchanged answer is told in a few bytes, to GET and HEAD alike."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.cache import get_conditional_response, set_response_etag
from django.utils.http import parse_http_date_safe

View = Callable[..., HttpResponse]


def conditional(view: View) -> View:
    """A view whose answers carry an ETag; 304 for whoever names it in If-None-Match.

    Django's own decorator leaves HEAD without one.
    """

    @wraps(view)
    def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return answered(request, view(request, *args, **kwargs))

    return answer


def answered(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """The response with its ETag, or 304 in its place; as it is where nothing may be kept of it."""
    is_kept = "no-store" not in response.get("Cache-Control", "")
    if request.method not in ("GET", "HEAD") or response.status_code != 200 or not is_kept:
        return response
    if "ETag" not in set_response_etag(response):
        return response
    changed = response.get("Last-Modified")
    last_modified = parse_http_date_safe(changed) if changed else None
    return get_conditional_response(request, response["ETag"], last_modified, response) or response
