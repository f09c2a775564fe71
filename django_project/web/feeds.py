"""Atom feeds (RFC 4287): new campaigns, those of a category, and a campaign's updates.

Titles and texts are strangers' words: what XML 1.0 cannot carry is taken out, titles are plain text, and
summaries, which readers take for HTML, are escaped or cleaned like the pages.
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from django.contrib.syndication.views import Feed
from django.http import HttpRequest, HttpResponse
from django.utils.cache import patch_cache_control, patch_vary_headers
from django.utils.feedgenerator import Atom1Feed
from django.utils.html import escape
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from django_project.campaigns.models import Listing
from django_project.campaigns.selectors import CampaignCard, CategoryLabel, newest
from django_project.community.selectors import UpdateView, updates
from django_project.core.characters import isolated
from django_project.core.conditional import conditional
from django_project.web.links import absolute, absolute_url
from django_project.web.lookups import category_or_404, listing_or_404
from django_project.web.markdown import render_markdown

ENTRIES = 30
MAX_AGE_SECONDS = 60
# Of a feed that has no entry yet: any fixed moment, so that the same feed stays the same bytes.
NO_ENTRY = datetime(1970, 1, 1, tzinfo=UTC)

# Outside the Char production of XML 1.0.
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def xml_text(text: str) -> str:
    """The text without the characters that no XML document may hold."""
    return _NOT_XML.sub("", text)


class _AtomFeed(Atom1Feed):
    """Atom whose entries say their own language, and whose date is not the time of asking."""

    def item_attributes(self, item: dict[str, Any]) -> dict[str, str]:
        return {"xml:lang": item["language"]}

    def latest_post_date(self) -> datetime:
        return super().latest_post_date() if self.items else NO_ENTRY


class _CampaignsFeed(Feed):  # type: ignore[type-arg]  # generic in the stubs only
    """Campaigns by their launch, the newest first."""

    feed_type = _AtomFeed

    def item_title(self, item: CampaignCard) -> str:
        return xml_text(item.title)

    def item_description(self, item: CampaignCard) -> str:
        return escape(xml_text(item.tagline))

    def item_link(self, item: CampaignCard) -> str:
        return absolute(item.url)

    def item_author_name(self, item: CampaignCard) -> str:
        return xml_text(item.publisher)

    def item_pubdate(self, item: CampaignCard) -> datetime:
        return item.start

    def item_updateddate(self, item: CampaignCard) -> datetime:
        return item.start

    def item_categories(self, item: CampaignCard) -> list[str]:
        return [item.category.slug]

    def item_extra_kwargs(self, item: CampaignCard) -> dict[str, Any]:
        return {"language": item.language}


class NewCampaigns(_CampaignsFeed):
    """One query."""

    def title(self) -> str:
        return _("New campaigns on ChainFund")

    def link(self) -> str:
        return absolute_url("web:explore") + "?sort=newest"

    def feed_url(self) -> str:
        return absolute_url("web:feed")

    def items(self) -> list[CampaignCard]:
        return newest(ENTRIES)


class NewCampaignsOfCategory(_CampaignsFeed):
    """Two queries; a category there is not is a 404."""

    def get_object(self, _request: HttpRequest, slug: str) -> CategoryLabel:
        return category_or_404(slug)

    def title(self, category: CategoryLabel) -> str:
        return _("New campaigns on ChainFund: %(category)s") % {"category": category.name}

    def link(self, category: CategoryLabel) -> str:
        return f"{absolute_url('web:explore')}?category={category.slug}&sort=newest"

    def feed_url(self, category: CategoryLabel) -> str:
        return absolute_url("web:feed-category", category.slug)

    def items(self, category: CategoryLabel) -> list[CampaignCard]:
        return newest(ENTRIES, category.slug)


class CampaignUpdates(Feed):  # type: ignore[type-arg]  # generic in the stubs only
    """What the creator posted, as far as its text is known here. Three queries."""

    feed_type = _AtomFeed

    def get_object(self, _request: HttpRequest, slug: str) -> Listing:
        return listing_or_404(slug)

    def title(self, listing: Listing) -> str:
        return _("Updates of “%(title)s”") % {"title": isolated(xml_text(listing.metadata.title))}

    def link(self, listing: Listing) -> str:
        return absolute_url("web:campaign-updates", listing.slug)

    def feed_url(self, listing: Listing) -> str:
        return absolute_url("web:campaign-updates-feed", listing.slug)

    def author_name(self, listing: Listing) -> str:
        return xml_text(listing.metadata.publisher)

    def items(self, listing: Listing) -> list[tuple[Listing, UpdateView]]:
        return [(listing, update) for update in updates(listing).rows if update.is_text_known]

    def item_title(self, item: tuple[Listing, UpdateView]) -> str:
        return xml_text(item[1].title)

    def item_description(self, item: tuple[Listing, UpdateView]) -> str:
        return xml_text(render_markdown(item[1].body))

    def item_link(self, item: tuple[Listing, UpdateView]) -> str:
        listing, update = item
        return f"{absolute_url('web:campaign-updates', listing.slug)}#{update.anchor}"

    def item_pubdate(self, item: tuple[Listing, UpdateView]) -> datetime:
        return item[1].posted_at

    def item_updateddate(self, item: tuple[Listing, UpdateView]) -> datetime:
        return item[1].posted_at

    def item_extra_kwargs(self, item: tuple[Listing, UpdateView]) -> dict[str, Any]:
        return {"language": item[0].metadata.language}


def served(feed: "Feed[Any, Any]") -> Callable[..., HttpResponse]:
    """The feed as a view: readers come back with the ETag they have, and hear 304 when nothing changed."""

    @require_safe
    @conditional
    def view(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
        response = feed(request, *args, **kwargs)
        # Its words follow the reader's language, which a header or the language cookie names.
        patch_vary_headers(response, ["Accept-Language", "Cookie"])
        patch_cache_control(response, public=True, max_age=MAX_AGE_SECONDS)
        # What moderators hid leaves the feed without making it any younger: only the ETag can tell.
        del response.headers["Last-Modified"]
        return response

    return view
