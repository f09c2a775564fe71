"""What programs are told of the site: which pages are there, and which are nobody else's."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

from django_project.web.links import absolute_url

DAY_SECONDS = 24 * 3600


@require_safe
@cache_control(public=True, max_age=DAY_SECONDS)
def robots(request: HttpRequest) -> HttpResponse:
    context = {"sitemap": absolute_url("web:sitemap")}
    return render(request, "web/robots.txt", context, content_type="text/plain; charset=utf-8")
