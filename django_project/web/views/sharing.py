"""What programs are told of the site: which pages are there, and the pictures that shared links show."""

import hashlib
from collections.abc import Callable

from django.conf import settings
from django.core.cache import cache
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils.cache import get_conditional_response, patch_cache_control
from django.utils.http import quote_etag
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

from django_project.campaigns.selectors import card_of
from django_project.core import rate_limits
from django_project.core.addresses import shorten_address
from django_project.core.shapes import RAW
from django_project.web import share_picture, typesetting
from django_project.web.links import absolute_url
from django_project.web.lookups import listing_or_404

DAY_SECONDS = 24 * 3600
# How old a shown state may be, and how long a drawing waits for the next who asks for the same.
PICTURE_MAX_AGE_SECONDS = 300
PICTURE_KEPT_SECONDS = 3600


@require_safe
@cache_control(public=True, max_age=DAY_SECONDS)
def robots(request: HttpRequest) -> HttpResponse:
    context = {"sitemap": absolute_url("web:sitemap")}
    return render(request, "web/robots.txt", context, content_type="text/plain; charset=utf-8")


@require_safe
def campaign_picture(request: HttpRequest, slug: str) -> HttpResponseBase:
    """One query, and no drawing for whoever has the picture already or asks for one just drawn."""
    card = card_of(listing_or_404(slug))
    state = share_picture.state_of(card)
    return _picture(
        request,
        state.digest,
        lambda: share_picture.campaign_picture(state, shorten_address(card.key[1])),
    )


@require_safe
def site_picture(request: HttpRequest, language: str) -> HttpResponseBase:
    if language not in dict(settings.LANGUAGES):
        raise Http404("No such picture")
    content = repr((share_picture.EDITION, typesetting.installed(), language))
    digest = hashlib.sha256(content.encode()).hexdigest()[:32]
    return _picture(request, digest, lambda: share_picture.site_picture(language))


def _picture(request: HttpRequest, digest: str, draw: Callable[[], bytes]) -> HttpResponseBase:
    """The picture of a digest, drawn at most once in a while.

    Raises:
        TooManyRequestsError: the visitor had too many pictures drawn; kept ones are always handed out.
    """
    etag = quote_etag(digest)
    answer = get_conditional_response(request, etag=etag)
    if answer is None:
        key = f"web:share-picture:{digest}"
        picture = RAW.load(cache.get(key))
        if picture is None:
            rate_limits.require(rate_limits.PICTURE, *rate_limits.visitor(request))
            picture = draw()
            cache.set(key, picture, PICTURE_KEPT_SECONDS)
        answer = HttpResponse(picture, content_type=share_picture.CONTENT_TYPE)
    answer["ETag"] = etag
    patch_cache_control(answer, public=True, max_age=PICTURE_MAX_AGE_SECONDS)
    # Previews of links are shown on other sites: that is what it is for.
    answer["Cross-Origin-Resource-Policy"] = "cross-origin"
    return answer
