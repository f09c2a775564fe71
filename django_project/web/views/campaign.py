"""One campaign: its tabs, each with a URL of its own, and the table of its contributions to take away."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from django_project.accounts.models import User
from django_project.campaigns.models import Listing
from django_project.campaigns.selectors import CampaignDetail, card_of, contributors, detail_of, events
from django_project.community import selectors as community
from django_project.community import services as community_services
from django_project.community.milestones import milestones
from django_project.community.models import SupporterMessage
from django_project.community.selectors import is_saved_by, updates
from django_project.core import rate_limits
from django_project.core.errors import UserError
from django_project.core.keyset import is_key
from django_project.discovery.selectors import similar_to
from django_project.pledges.milestone_votes import judging
from django_project.web import labels
from django_project.web.error_views import page_out_of_range
from django_project.web.forms import MessageForm
from django_project.web.lookups import listing_or_404
from django_project.web.spreadsheets import CONTENT_TYPE, csv_lines

SIMILAR_SHOWN = 4
CSV_PAGE = 1000
CSV_COLUMNS = (
    "seq",
    "block",
    "time_utc",
    "transaction",
    "backer",
    "amount",
    "currency",
    "reward",
    "went_back",
    "went_back_time_utc",
    "went_back_transaction",
    "network",
)
# The addresses that the parts of a campaign's page have.
TAB_URLS = {
    "story": "campaign",
    "rewards": "campaign-rewards",
    "milestones": "campaign-milestones",
    "updates": "campaign-updates",
    "comments": "campaign-messages",
    "contributors": "campaign-contributors",
    "contract": "campaign-contract",
}
# The contract counts its events in 40 bits.
SEQ_DIGITS = 13


@dataclass(frozen=True, slots=True)
class Tab:
    """A part of a campaign's page, with how much there is in it; None where that says nothing."""

    name: str
    url: str
    label: labels.Word
    count: int | None = None


def _tabs(campaign: CampaignDetail) -> list[Tab]:
    counts = {
        "rewards": len(campaign.rewards),
        "milestones": campaign.milestones,
        "updates": campaign.updates,
        "comments": campaign.messages,
        "contributors": campaign.active_contributions_count,
    }
    slug = campaign.card.slug
    return [
        Tab(name, reverse(f"web:{TAB_URLS[name]}", args=[slug]), label, counts.get(name))
        for name, label in labels.CAMPAIGN_TAB.items()
    ]


def _page(
    request: HttpRequest, listing: Listing, tab: str, more: dict[str, Any], status: int = 200
) -> HttpResponse:
    detail = detail_of(listing)
    context = {
        "campaign": detail,
        "card": detail.card,
        "chain_ids": {detail.card.chain_id},
        "tab": tab,
        "tabs": _tabs(detail),
        "is_saved": is_saved_by(request.user, listing),
        "similar": similar_to(listing, SIMILAR_SHOWN),
        **more,
    }
    return render(request, f"web/campaign/{tab}.html", context, status=status)


@require_safe
def story(request: HttpRequest, slug: str) -> HttpResponse:
    return _page(request, listing_or_404(slug), "story", {})


@require_safe
def rewards(request: HttpRequest, slug: str) -> HttpResponse:
    return _page(request, listing_or_404(slug), "rewards", {})


@require_safe
def milestones_page(request: HttpRequest, slug: str) -> HttpResponse:
    listing = listing_or_404(slug)
    found = milestones(listing)
    is_open = found is not None and found.in_review is not None
    context = {"milestones": found, "judging": judging(request.user, listing) if is_open else None}
    return _page(request, listing, "milestones", context)


@require_safe
def updates_page(request: HttpRequest, slug: str) -> HttpResponse:
    listing = listing_or_404(slug)
    before = request.GET.get("before", "")
    page = updates(listing, before)
    if not page.rows and is_key(before):
        return page_out_of_range(request)
    context = {"updates": page.rows, "older": page.older, "is_first_page": not is_key(before)}
    return _page(request, listing, "updates", context)


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def messages_page(request: HttpRequest, slug: str) -> HttpResponse:
    """What backers say; a backer writes, changes or removes a message here."""
    listing = listing_or_404(slug)
    if request.method != "POST":
        return _comments(request, listing)
    user = request.user
    if not isinstance(user, User):
        return _comments(
            request,
            listing,
            _("You are signed out. Sign in again in another tab and copy your message there: it stays here."),
            401,
        )
    if "remove" in request.POST:
        community_services.remove_comment(user, listing)
    else:
        form = MessageForm(request.POST)
        if not form.is_valid():
            return _comments(request, listing, str(form.errors["text"][0]), 422)
        try:
            rate_limits.require(rate_limits.MESSAGE, *rate_limits.asker(request))
            community_services.write_comment(user, listing, form.cleaned_data["text"])
        except UserError as error:
            return _comments(request, listing, str(error.message), error.status)
    return redirect(f"{reverse('web:campaign-messages', args=[slug])}#parts")


def _comments(request: HttpRequest, listing: Listing, problem: str = "", status: int = 200) -> HttpResponse:
    """The comments; with a `problem`, what was typed stays in the form beside them."""
    user = request.user
    before = request.GET.get("before", "")
    page = community.comments(listing, user, before)
    if not page.rows and is_key(before) and request.method != "POST":
        return page_out_of_range(request)
    own = community.own_comment(listing, user) if isinstance(user, User) else ""
    typed = request.POST.get("text", "")
    context = {
        "comments": page.rows,
        "older": page.older,
        "is_first_page": not is_key(before),
        "may_write": bool(own or typed) or community.is_backer(user, listing),
        "own": own,
        "typed": typed if problem else own,
        "problem": problem,
        "text_max_length": SupporterMessage.TEXT_MAX_LENGTH,
    }
    return _page(request, listing, "comments", context, status)


@require_safe
def contributors_page(request: HttpRequest, slug: str) -> HttpResponse:
    listing = listing_or_404(slug)
    before, after = _seq(request, "before"), _seq(request, "after")
    page = contributors(listing, before=before, after=after)
    if not page.rows and (before is not None or after is not None):
        return page_out_of_range(request)
    return _page(request, listing, "contributors", {"contributors": page})


def _seq(request: HttpRequest, name: str) -> int | None:
    """Next to which contribution to go on; the newest ones for what is no such number."""
    text = request.GET.get(name, "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= SEQ_DIGITS else None


@require_safe
def contract(request: HttpRequest, slug: str) -> HttpResponse:
    listing = listing_or_404(slug)
    before = _seq(request, "before")
    page = events(listing, before)
    if not page.rows and before is not None:
        return page_out_of_range(request)
    lines = [(event, labels.EVENT[event.name]) for event in page.rows]
    context = {"events": lines, "older": page.older, "is_first_page": before is None}
    return _page(request, listing, "contract", context)


@require_safe
def contributors_csv(request: HttpRequest, slug: str) -> StreamingHttpResponse:
    """Every contribution, newest first, as the chain has them: addresses and no names."""
    listing = listing_or_404(slug)
    rate_limits.require(rate_limits.DOWNLOAD, *rate_limits.asker(request))
    # Who asks for the headers alone is not read the whole table.
    rows = () if request.method == "HEAD" else _csv_rows(listing)
    response = StreamingHttpResponse(csv_lines(CSV_COLUMNS, rows), content_type=CONTENT_TYPE)
    response["Content-Disposition"] = f'attachment; filename="contributions-{listing.public_id}.csv"'
    return response


def _csv_rows(listing: Listing) -> Iterator[tuple[object, ...]]:
    """By keyset, so that a contribution during the export neither doubles a row nor loses one."""
    card = card_of(listing)
    before: int | None = None
    while True:
        found = contributors(listing, before=before, page_size=CSV_PAGE)
        for row in found.rows:
            back = row.went_back
            yield (
                row.seq,
                row.block_number,
                row.block_time.isoformat(),
                row.tx_hash,
                row.backer,
                row.amount_text.replace(",", "") if card.token else "",
                card.token_symbol,
                row.reward,
                back.kind if back else "",
                back.block_time.isoformat() if back else "",
                row.went_back_tx,
                card.network,
            )
        if found.older is None:
            return
        before = found.older
