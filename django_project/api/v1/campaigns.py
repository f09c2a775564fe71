"""Reading campaigns, rankings and the index; open to everybody."""

from typing import ClassVar

from django.http import Http404, HttpResponse
from django.utils.cache import patch_cache_control
from django.utils.translation import gettext_lazy as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from django_project.accounts.selectors import user_key
from django_project.api.endpoint import Endpoint
from django_project.api.framework import plain
from django_project.api.lookups import listing_or_404
from django_project.api.query import (
    Choice,
    Choices,
    Cursor,
    WholeNumber,
    Words,
    open_cursor,
    seal_cursor,
)
from django_project.api.v1.schemas import (
    CampaignDetailOut,
    CampaignOut,
    CampaignPage,
    ChainStatus,
    ContributionOut,
    ContributionPage,
    IndexerStatus,
    ModelOut,
    RankedCampaign,
    Rankings,
)
from django_project.campaigns import selectors
from django_project.campaigns.models import Listing
from django_project.catalog import search
from django_project.catalog import selectors as catalog
from django_project.catalog.selectors import FACET_VALUES, FACETS, PAGE_SIZE, SORTS, ExploreFilters, FacetName
from django_project.community import selectors as community
from django_project.core.addresses import parse_address, parse_hash
from django_project.core.errors import UserError
from django_project.discovery import answers
from django_project.discovery.selectors import live_model, recommended_for, similar_to
from django_project.ledger.selectors import index_health

LONGEST_PAGE = 100
RANKINGS_LIMIT = 24
SIMILAR_LIMIT = 12
SEED_MOST = 10**9 - 1
TEXT_CACHE_SECONDS = 365 * 24 * 3600

# Several values of a facet mean any of them.
FACET_MEANING: dict[FacetName, str] = {
    "category": "A category's slug.",
    "status": "As the contract has it; an open campaign that takes no contributions under its `closed_by`.",
    "ending": "Days left, of open campaigns: above this many, up to the next value.",
    "language": "Of the story.",
    "funded": "Per cent of the goal: at least this many, below the next value.",
    "goal": "In whole units of the campaign's own currency: above this many, up to the next value.",
    "token": "The currency's symbol.",
    "network": "A chain id.",
}


class PastTheEndError(UserError):
    """A page behind the last one; `last_page` of the answer says which that is."""

    status = 404

    def __init__(self, last_page: int) -> None:
        message = _("This list ends with page %(page)s.") % {"page": last_page}
        super().__init__("past_the_end", message)
        self.details["last_page"] = last_page


def _facet(name: FacetName) -> Choices:
    return Choices(FACET_MEANING[name], lambda: catalog.facet_values(name), FACET_VALUES.get(name, ()))


def _limit(default: int, most: int) -> WholeNumber:
    return WholeNumber(f"How many at the most, from 1 to {most}.", default=default, most=most)


class CampaignsView(Endpoint):
    is_public = True
    parameters: ClassVar = {
        "q": Words("Words to look for, in English or Chinese.", search.QUERY_MAX_LENGTH),
        **{facet: _facet(facet) for facet in FACETS},
        "sort": Choice("The order.", SORTS),
        "seed": WholeNumber("Which random order.", default=0, least=0, most=SEED_MOST),
        "page": WholeNumber("From 1 on.", default=1),
        "limit": _limit(PAGE_SIZE, LONGEST_PAGE),
    }

    @extend_schema(
        operation_id="campaigns_list",
        summary="Campaigns, by the same filters as the explore page",
        responses=CampaignPage,
    )
    def get(self, request: Request) -> Response:
        asked = self.query
        filters = ExploreFilters(
            query=asked["q"],
            sort=asked["sort"],
            seed=asked["seed"],
            **{facet: asked[facet] for facet in FACETS},
        )
        found = catalog.explore(filters, asked["page"], asked["limit"])
        if found.is_past_end:
            raise PastTheEndError(found.pages)
        page = CampaignPage(
            total=found.total,
            page=found.page,
            pages=found.pages,
            results=[CampaignOut.of(card) for card in found.cards],
        )
        return Response(page.model_dump(mode="json"))


class CampaignView(Endpoint):
    is_public = True

    @extend_schema(summary="One campaign", responses=CampaignDetailOut)
    def get(self, request: Request, chain_id: int, address: str) -> Response:
        detail = selectors.detail_of(_listing(chain_id, address))
        return Response(CampaignDetailOut.of(detail).model_dump(mode="json"))


class ContributionsView(Endpoint):
    is_public = True
    parameters: ClassVar = {
        "before": Cursor("Where to go on: `next_before` of the page before, of this campaign."),
        "limit": _limit(LONGEST_PAGE, LONGEST_PAGE),
    }

    @extend_schema(summary="A campaign's contributions, newest first", responses=ContributionPage)
    def get(self, request: Request, chain_id: int, address: str) -> Response:
        listing = _listing(chain_id, address)
        of = f"contributions:{listing.chain_id}:{listing.address.hex()}"
        before, limit = self.query["before"], self.query["limit"]
        rows = selectors.contributions_before(
            listing, open_cursor(of, "before", before) if before else None, limit + 1
        )
        shown = rows[:limit]
        page = ContributionPage(
            results=[ContributionOut.of(row) for row in shown],
            next_before=seal_cursor(of, shown[-1].seq) if len(rows) > len(shown) else None,
        )
        return Response(page.model_dump(mode="json"))


class SimilarView(Endpoint):
    is_public = True
    parameters: ClassVar = {"limit": _limit(SIMILAR_LIMIT, SIMILAR_LIMIT)}

    @extend_schema(summary="Open campaigns nearest to one", responses=CampaignPage)
    def get(self, request: Request, chain_id: int, address: str) -> Response:
        found = similar_to(_listing(chain_id, address), self.query["limit"])
        page = CampaignPage(
            total=len(found), page=1, pages=1, results=[CampaignOut.of(card) for card in found]
        )
        return Response(page.model_dump(mode="json"))


class RankingsView(Endpoint):
    is_public = True
    parameters: ClassVar = {
        "category": Choices(
            "A category that the reader cares about.", lambda: catalog.facet_values("category")
        ),
        "language": Choices(
            "A language that the reader reads.",
            lambda: FACET_VALUES["language"],
            FACET_VALUES["language"],
        ),
        "limit": _limit(RANKINGS_LIMIT // 2, RANKINGS_LIMIT),
    }

    @extend_schema(
        summary="What the home page recommends to whoever asks or answers so, and the model behind it",
        responses=Rankings,
    )
    def get(self, request: Request) -> Response:
        asker = plain(request)
        answered = answers.known(self.query["category"], self.query["language"]) or answers.read(asker)
        entries = recommended_for(user_key(asker), self.query["limit"], answers=answered)
        live = live_model()
        rankings = Rankings(
            is_personal=bool(entries) and not entries[0].is_popular_fallback,
            model=ModelOut.of(live) if live else None,
            results=[RankedCampaign.of(entry) for entry in entries],
        )
        return Response(rankings.model_dump(mode="json"), headers={"Cache-Control": "private, no-cache"})


class IndexerStatusView(Endpoint):
    is_public = True

    @extend_schema(summary="How far each chain is indexed", responses=IndexerStatus)
    def get(self, request: Request) -> Response:
        status = IndexerStatus(chains=[ChainStatus.of(health) for health in index_health()])
        return Response(status.model_dump(mode="json"), headers={"Cache-Control": "no-cache"})


class MetadataView(Endpoint):
    """A campaign's or an update's text by its hash: the very bytes that the chain binds, so kept forever."""

    is_public = True

    @extend_schema(
        operation_id="metadata_retrieve",
        summary="A text by its keccak-256 hash",
        responses=OpenApiResponse(OpenApiTypes.OBJECT, "The very bytes that the chain binds."),
    )
    def get(self, request: Request, digest: str) -> HttpResponse:
        try:
            document = community.document_by_hash(parse_hash(digest))
        except ValueError:
            document = None
        if document is None:
            raise Http404("No text with this hash")
        response = HttpResponse(document, content_type="application/json")
        patch_cache_control(response, public=True, immutable=True, max_age=TEXT_CACHE_SECONDS)
        return response


def _listing(chain_id: int, address: str) -> Listing:
    try:
        return listing_or_404(chain_id, parse_address(address))
    except ValueError:
        raise Http404("No such campaign") from None
