"""CORS: pages of other sites may read what everybody is told alike, and nothing that is a session's own."""

from collections.abc import Callable

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import Resolver404, resolve
from django.utils.cache import patch_vary_headers

METHODS = ("GET", "HEAD", "OPTIONS")
PREFLIGHT_SECONDS = 24 * 60 * 60


class PublicReadsMiddleware:
    """Lets every origin read public endpoints, refusals and failures included, as long as nobody signs.

    What comes with a cookie or a key is answered as ever, but not for other sites to read. Browsers send
    neither unless a page asks for it, and would not hand it the answer: `*` is for no credentials.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if request.method not in METHODS or not _is_public(request.path_info):
            return response
        patch_vary_headers(response, ["Cookie", "Authorization"])
        if request.headers.get("Cookie") or request.headers.get("Authorization"):
            return response
        response["Access-Control-Allow-Origin"] = "*"
        response["Access-Control-Expose-Headers"] = "ETag, Retry-After"
        if request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers:
            response["Access-Control-Allow-Methods"] = ", ".join(METHODS)
            response["Access-Control-Allow-Headers"] = "If-None-Match"
            response["Access-Control-Max-Age"] = str(PREFLIGHT_SECONDS)
        return response


def _is_public(path: str) -> bool:
    try:
        view = resolve(path).func
    except Resolver404:
        return False
    # REST framework keeps a view's class there.
    return bool(getattr(getattr(view, "cls", None), "is_public", False))
