"""What machines ask: alive, ready, metrics."""

import hmac
from ipaddress import ip_address

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
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
def readyz(_request: HttpRequest) -> JsonResponse:
    """503 while something is missing without which no page can be served; what else is wrong is told too."""
    found = checks()
    is_ready = all(check.is_well for check in found if check.is_needed)
    body = {"ready": is_ready, "checks": {check.name: check.problem or "ok" for check in found}}
    return JsonResponse(body, status=200 if is_ready else 503)


@require_safe
@never_cache
def metrics(request: HttpRequest) -> HttpResponse:
    """Prometheus text, for whoever has the token; without one, for this machine, and never in production."""
    if not _may_read_metrics(request):
        raise Http404("No metrics for strangers")
    answer: HttpResponse = ExportToDjangoView(request)
    answer.write(generate_latest(INDEX_REGISTRY))
    return answer


def _may_read_metrics(request: HttpRequest) -> bool:
    if settings.METRICS_TOKEN:
        return hmac.compare_digest(
            request.headers.get("Authorization", "").encode(), f"Bearer {settings.METRICS_TOKEN}".encode()
        )
    return not settings.IS_PRODUCTION and client_address(request) == LOOPBACK
