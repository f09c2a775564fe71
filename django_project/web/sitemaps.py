"""The sitemap: pages that are everybody's, under the address that each page names as its own.

The language is chosen by cookie or header and not by the URL, so there are no alternates to name.
"""

import re
from collections.abc import Callable
from datetime import datetime
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.sitemaps import Sitemap
from django.contrib.sitemaps.views import sitemap
from django.core.cache import cache
from django.http import Http404, HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.cache import patch_cache_control
from django.views.decorators.http import require_safe

from django_project.campaigns.selectors import sitemap_rows
from django_project.web.links import absolute_url

CACHE_SECONDS = 300
CAMPAIGNS_PER_PAGE = 5000
_PAGE = re.compile("[1-9][0-9]{0,4}")


class _OnOwnOrigin(Sitemap):  # type: ignore[type-arg]  # generic in the stubs only
    """Locations on the site's own origin, whatever host was asked."""

    def get_urls(self, page: int | str = 1, site: Any = None, protocol: str | None = None) -> list[Any]:
        del site, protocol
        own = urlsplit(settings.SITE_URL)
        own_site: Any = SimpleNamespace(domain=own.netloc)
        return super().get_urls(page, own_site, own.scheme)


class PagesSitemap(_OnOwnOrigin):
    def items(self) -> list[str]:
        return ["web:home", "web:explore", "web:about-rankings"]

    def location(self, item: str) -> str:
        return reverse(item)


class CampaignsSitemap(_OnOwnOrigin):
    """Campaigns that moderators neither hid nor froze, each with the time of its last contribution."""

    limit = CAMPAIGNS_PER_PAGE

    def items(self) -> Any:
        return sitemap_rows()

    def location(self, item: tuple[str, datetime]) -> str:
        return reverse("web:campaign", args=[item[0]])

    def lastmod(self, item: tuple[str, datetime]) -> datetime:
        return item[1]


SECTIONS: "dict[str, type[Sitemap[Any]]]" = {
    "pages": PagesSitemap,
    "campaigns": CampaignsSitemap,
}


@require_safe
def sitemap_index(_request: HttpRequest) -> HttpResponse:
    """Where each section's pages are, on the site's own origin."""
    return _kept("index", _index)


@require_safe
def sitemap_section(request: HttpRequest, section: str) -> HttpResponse:
    """A page of a section; what else the query says makes no other page."""
    page = request.GET.get("p", "1")
    if section not in SECTIONS or not _PAGE.fullmatch(page):
        raise Http404("No such sitemap")
    return _kept(f"{section}:{page}", lambda: _section(request, section))


def _index() -> str:
    places = []
    for section, sitemap_class in SECTIONS.items():
        pages = sitemap_class().paginator.num_pages
        own = absolute_url("web:sitemap-section", section)
        places += [own, *(f"{own}?p={page}" for page in range(2, pages + 1))]
    return render_to_string("sitemap_index.xml", {"sitemaps": [{"location": place} for place in places]})


def _section(request: HttpRequest, section: str) -> str:
    response = sitemap(request, dict(SECTIONS), section)
    return str(response.render().content, "utf-8")


def _kept(name: str, write: Callable[[], str]) -> HttpResponse:
    key = f"web:sitemap:{name}"
    body: str | None = cache.get(key)
    if body is None:
        body = write()
        cache.set(key, body, CACHE_SECONDS)
    response = HttpResponse(body, content_type="application/xml")
    # A sitemap is for crawlers to read, not to list.
    response["X-Robots-Tag"] = "noindex, noodp, noarchive"
    patch_cache_control(response, public=True, max_age=CACHE_SECONDS)
    return response
