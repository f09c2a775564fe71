"""Response headers that Django and django-csp do not set, and the log of who was turned away."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from django_project.core import rate_limits, refusals

# The site asks for nothing but what a wallet's page needs: no sensors, no capture, no ad interfaces.
PERMISSIONS_POLICY = ", ".join(
    f"{feature}=()"
    for feature in (
        "accelerometer",
        "browsing-topics",
        "camera",
        "display-capture",
        "geolocation",
        "gyroscope",
        "magnetometer",
        "microphone",
        "midi",
        "payment",
        "usb",
    )
)


class SecurityHeadersMiddleware:
    """Permissions-Policy and Cross-Origin-Resource-Policy on every answer."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response.headers.setdefault("Permissions-Policy", PERMISSIONS_POLICY)
        # What names an origin that may read it (such as texts by hash) may also be embedded by it.
        shared = "Access-Control-Allow-Origin" in response.headers
        response.headers.setdefault(
            "Cross-Origin-Resource-Policy", "cross-origin" if shared else "same-origin"
        )
        return response


class AccessRefusalsMiddleware:
    """One line in the log for each request that was turned away, because nobody or the wrong one asked.

    Where somebody else's thing is asked for, the answer is 404 as for what does not exist, without a line.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if response.status_code in (401, 403) or _is_sent_away_from_admin(request, response):
            _note_refusal(request, response)
        return response


def _is_sent_away_from_admin(request: HttpRequest, response: HttpResponse) -> bool:
    """The admin answers accounts without rights by a redirect to its sign-in, as it does visitors."""
    match = request.resolver_match
    is_redirected = response.status_code == 302 and match is not None and "admin" in match.app_names
    return is_redirected and request.user.is_authenticated and not request.user.is_staff


def _note_refusal(request: HttpRequest, response: HttpResponse) -> None:
    network = rate_limits.visitor(request)[0]
    facts: dict[str, str | int] = {
        "status": response.status_code,
        "method": str(request.method),
        "route": request.resolver_match.route if request.resolver_match else "",
        "who": refusals.pseudonym(f"{network.kind}:{network.key}"),
    }
    if request.user.is_authenticated:
        facts["account"] = str(request.user.public_id)
    refusals.log("access.refused", **facts)
