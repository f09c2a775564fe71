"""The sitemap: pages that are everybody's, under the address that each page names as its own.

The language is chosen by cookie or header and not by the URL, so there are no alternates to name.
"""

from collections.abc import Callable
from datetime import datetime
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.sitemaps import Sitemap
from django.contrib.sitemaps.views import index, sitemap
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.cache import cache_page
from django.views.decorators.http import require_safe

from django_project.campaigns.selectors import sitemap_rows

CACHE_SECONDS = 300
CAMPAIGNS_PER_PAGE = 5000


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


SECTIONS: "dict[str, type[Sitemap[Any]] | Sitemap[Any]]" = {
    "pages": PagesSitemap,
    "campaigns": CampaignsSitemap,
}


def _kept(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    return require_safe(cache_page(CACHE_SECONDS)(view))


@_kept
def sitemap_index(request: HttpRequest) -> HttpResponse:
    return index(request, SECTIONS, sitemap_url_name="web:sitemap-section")


@_kept
def sitemap_section(request: HttpRequest, section: str) -> HttpResponse:
    return sitemap(request, SECTIONS, section)
