"""One campaign: its tabs, each with a URL of its own, and the table of its contributions to take away."""

import csv
from collections.abc import Iterator
from typing import Any

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from django_project.campaigns.models import Listing
from django_project.campaigns.selectors import (
    contributors,
    detail_of,
    events,
    is_saved_by,
    listing_by_slug,
    milestones,
    updates,
)
from django_project.discovery.selectors import similar_to
from django_project.pledges.judging import judging
from django_project.web import words
from django_project.web.spreadsheets import harmless

SIMILAR_SHOWN = 4
CSV_PAGE = 1000
CSV_COLUMNS = ("seq", "block", "time_utc", "transaction", "backer", "amount", "currency", "reward")


def _page(request: HttpRequest, listing: Listing, tab: str, more: dict[str, Any]) -> HttpResponse:
    detail = detail_of(listing)
    context = {
        "campaign": detail,
        "card": detail.card,
        "tab": tab,
        "is_saved": is_saved_by(request.user, listing),
        "similar": similar_to(listing, SIMILAR_SHOWN),
        **more,
    }
    return render(request, f"web/campaign/{tab}.html", context)


@require_safe
def story(request: HttpRequest, slug: str) -> HttpResponse:
    return _page(request, listing_by_slug(slug), "story", {})


@require_safe
def rewards(request: HttpRequest, slug: str) -> HttpResponse:
    return _page(request, listing_by_slug(slug), "rewards", {})


@require_safe
def milestones_page(request: HttpRequest, slug: str) -> HttpResponse:
    listing = listing_by_slug(slug)
    found = milestones(listing)
    is_open = found is not None and found.in_review is not None
    context = {"milestones": found, "judging": judging(request.user, listing) if is_open else None}
    return _page(request, listing, "milestones", context)


@require_safe
def updates_page(request: HttpRequest, slug: str) -> HttpResponse:
    listing = listing_by_slug(slug)
    return _page(request, listing, "updates", {"updates": updates(listing)})


@require_safe
def contributors_page(request: HttpRequest, slug: str) -> HttpResponse:
    listing = listing_by_slug(slug)
    number = request.GET.get("page", "")
    page = int(number) if number.isascii() and number.isdecimal() and len(number) < 10 else 1
    return _page(request, listing, "contributors", {"contributors": contributors(listing, page)})


@require_safe
def contract(request: HttpRequest, slug: str) -> HttpResponse:
    listing = listing_by_slug(slug)
    lines = [(event, words.EVENT[event.name]) for event in events(listing)]
    return _page(request, listing, "contract", {"events": lines})


@require_safe
def contributors_csv(_request: HttpRequest, slug: str) -> StreamingHttpResponse:
    """Every contribution, newest first, as the chain has them: addresses and no names."""
    listing = listing_by_slug(slug)
    response = StreamingHttpResponse(_csv_lines(listing), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="contributions-{listing.public_id}.csv"'
    return response


class _Echo:
    def write(self, line: str) -> str:
        return line


def _csv_lines(listing: Listing) -> Iterator[str]:
    writer = csv.writer(_Echo())
    symbol = detail_of(listing).card.token_symbol
    yield writer.writerow(CSV_COLUMNS)
    page = pages = 1
    while page <= pages:
        found = contributors(listing, page, CSV_PAGE)
        for row in found.rows:
            cells = (
                row.seq,
                row.block_number,
                row.block_time.isoformat(),
                row.tx_hash,
                row.backer,
                row.amount_text.replace(",", ""),
                symbol,
                row.reward,
            )
            yield writer.writerow([harmless(str(cell)) for cell in cells])
        page, pages = page + 1, found.pages
