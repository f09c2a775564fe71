"""Reading campaigns, rankings and the index; open to everybody."""

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.utils.cache import patch_cache_control
from django.utils.decorators import method_decorator
from django.views.decorators.http import conditional_page, require_GET
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from django_project.accounts.selectors import user_key
from django_project.api.errors import REFUSALS
from django_project.api.framework import plain, whole_number
from django_project.api.schemas import (
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
from django_project.campaigns.selectors import FACET_VALUES, FACETS, SORTS, ExploreFilters, FacetName
from django_project.core.addresses import parse_address, parse_hash
from django_project.discovery.selectors import live_model, recommended_for, similar_to
from django_project.ledger.selectors import index_health

CONTRIBUTIONS_PAGE_SIZE = 100
RANKINGS_LIMIT = 24
SIMILAR_LIMIT = 12
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


def _query(name: str, kind: Any = OpenApiTypes.STR, description: str = "", **more: Any) -> OpenApiParameter:
    return OpenApiParameter(name, kind, OpenApiParameter.QUERY, description=description, **more)


@method_decorator(conditional_page, name="dispatch")
class CampaignsView(APIView):
    @extend_schema(
        operation_id="campaigns_list",
        summary="Campaigns, by the same filters as the explore page",
        parameters=[
            _query("q", description="Words to look for, in English or Chinese."),
            *[
                _query(facet, description=FACET_MEANING[facet], many=True, enum=FACET_VALUES.get(facet))
                for facet in FACETS
            ],
            _query("sort", enum=SORTS),
            _query("seed", OpenApiTypes.INT, "Which random order."),
            _query("page", OpenApiTypes.INT),
        ],
        responses={200: CampaignPage, **REFUSALS},
    )
    def get(self, request: Request) -> Response:
        filters = ExploreFilters.from_query(request.query_params)
        found = selectors.explore(filters, whole_number(request, "page", default=1))
        page = CampaignPage(
            total=found.total,
            page=found.page,
            pages=found.pages,
            results=[CampaignOut.of(card) for card in found.cards],
        )
        return Response(page.model_dump(mode="json"))


@method_decorator(conditional_page, name="dispatch")
class CampaignView(APIView):
    @extend_schema(summary="One campaign", responses={200: CampaignDetailOut, **REFUSALS})
    def get(self, request: Request, chain_id: int, address: str) -> Response:
        detail = selectors.detail_of(_listing(chain_id, address))
        return Response(CampaignDetailOut.of(detail).model_dump(mode="json"))


@method_decorator(conditional_page, name="dispatch")
class ContributionsView(APIView):
    @extend_schema(
        summary="A campaign's contributions, newest first",
        parameters=[_query("before", OpenApiTypes.INT, "Only those with a smaller `seq`.")],
        responses={200: ContributionPage, **REFUSALS},
    )
    def get(self, request: Request, chain_id: int, address: str) -> Response:
        before = whole_number(request, "before", default=0)
        rows = selectors.contributions_before(
            _listing(chain_id, address), before or None, CONTRIBUTIONS_PAGE_SIZE + 1
        )
        shown = rows[:CONTRIBUTIONS_PAGE_SIZE]
        page = ContributionPage(
            results=[ContributionOut.of(row) for row in shown],
            next_before=shown[-1].seq if len(rows) > len(shown) else None,
        )
        return Response(page.model_dump(mode="json"))


@method_decorator(conditional_page, name="dispatch")
class SimilarView(APIView):
    @extend_schema(
        summary="Open campaigns nearest to one",
        responses={200: CampaignPage, **REFUSALS},
    )
    def get(self, request: Request, chain_id: int, address: str) -> Response:
        found = similar_to(_listing(chain_id, address), SIMILAR_LIMIT)
        page = CampaignPage(
            total=len(found), page=1, pages=1, results=[CampaignOut.of(card) for card in found]
        )
        return Response(page.model_dump(mode="json"))


class RankingsView(APIView):
    @extend_schema(
        summary="What the home page recommends to whoever asks, and the model behind it",
        parameters=[_query("limit", OpenApiTypes.INT, f"At most {RANKINGS_LIMIT}.")],
        responses={200: Rankings, **REFUSALS},
    )
    def get(self, request: Request) -> Response:
        limit = min(max(whole_number(request, "limit", default=12), 1), RANKINGS_LIMIT)
        entries = recommended_for(user_key(plain(request)), limit)
        live = live_model()
        rankings = Rankings(
            is_personal=bool(entries) and not entries[0].is_popular_fallback,
            model=ModelOut.of(live) if live else None,
            results=[RankedCampaign.of(entry) for entry in entries],
        )
        return Response(rankings.model_dump(mode="json"), headers={"Cache-Control": "private, no-cache"})


class IndexerStatusView(APIView):
    @extend_schema(summary="How far each chain is indexed", responses={200: IndexerStatus, **REFUSALS})
    def get(self, request: Request) -> Response:
        status = IndexerStatus(chains=[ChainStatus.of(health) for health in index_health()])
        return Response(status.model_dump(mode="json"), headers={"Cache-Control": "no-cache"})


@require_GET
def metadata_document(_request: HttpRequest, digest: str) -> HttpResponse:
    """A campaign's or an update's text by its hash: the very bytes that the chain binds, so kept forever."""
    try:
        document = selectors.document_by_hash(parse_hash(digest))
    except ValueError:
        document = None
    if document is None:
        raise Http404("No text with this hash")
    response = HttpResponse(document, content_type="application/json")
    response["Access-Control-Allow-Origin"] = "*"
    patch_cache_control(response, public=True, immutable=True, max_age=TEXT_CACHE_SECONDS)
    return response


def _listing(chain_id: int, address: str) -> Listing:
    try:
        return selectors.listing_by_key(chain_id, parse_address(address))
    except ValueError:
        raise Http404("No such campaign") from None
