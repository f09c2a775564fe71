"""What machines ask: alive, ready, metrics; and whom researchers write to."""

import hmac
from ipaddress import ip_address

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from django_prometheus.exports import ExportToDjangoView
from prometheus_client import generate_latest

from django_project.core.client_networks import client_address
from django_project.ops.health import checks
from django_project.ops.index_metrics import INDEX_REGISTRY

LOOPBACK = ip_address("127.0.0.1")


@require_safe
@never_cache
def livez(_request: HttpRequest) -> HttpResponse:
    """The process answers; says nothing about what it needs."""
    return HttpResponse("ok\n", content_type="text/plain")


@require_safe
@never_cache
def readyz(request: HttpRequest) -> JsonResponse:
    """503 while something is missing without which no page can be served.

    What is wrong, and what else is, is for whoever may read the metrics: it names chains and parts.
    """
    found = checks()
    is_ready = all(check.is_well for check in found if check.is_needed)
    body: dict[str, object] = {"ready": is_ready}
    if _is_operator(request):
        body["checks"] = {check.name: check.problem or "ok" for check in found}
    return JsonResponse(body, status=200 if is_ready else 503)


@require_safe
@never_cache
def metrics(request: HttpRequest) -> HttpResponse:
    """Prometheus text, for whoever has the token; without one, for this machine, and never in production."""
    if not _is_operator(request):
        raise Http404("No metrics for strangers")
    answer: HttpResponse = ExportToDjangoView(request)
    answer.write(generate_latest(INDEX_REGISTRY))
    return answer


@require_safe
def security_txt(_request: HttpRequest) -> HttpResponse:
    """RFC 9116. What its operator no longer stands by is not handed out."""
    expires = settings.SECURITY_EXPIRES
    if not settings.SECURITY_CONTACTS or expires is None or expires <= timezone.now():
        raise Http404("Nobody to write to")
    lines = [
        *(f"Contact: {contact}" for contact in settings.SECURITY_CONTACTS),
        f"Expires: {expires:%Y-%m-%dT%H:%M:%SZ}",
        "Preferred-Languages: en, zh",
        f"Canonical: {settings.SITE_URL}{reverse('ops:security-txt')}",
    ]
    return HttpResponse("".join(f"{line}\n" for line in lines), content_type="text/plain; charset=utf-8")


def _is_operator(request: HttpRequest) -> bool:
    """Who has the token; without one, who asks from this machine, and never in production."""
    if settings.METRICS_TOKEN:
        return hmac.compare_digest(
            request.headers.get("Authorization", "").encode(), f"Bearer {settings.METRICS_TOKEN}".encode()
        )
    return not settings.IS_PRODUCTION and client_address(request) == LOOPBACK
