"""Which listings and launches there are to show, as querysets that others filter further and order."""

import functools
from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Literal, TypedDict, get_args

from django.db.models import Case, CharField, Exists, F, OuterRef, Q, QuerySet, Value, When
from django.db.models.functions import Coalesce

from django_project.campaigns.models import Listing, Metadata
from django_project.ledger.clocks import chain_time
from django_project.ledger.models import CampaignLaunched, Chain
from django_project.ledger.networks import has_others, is_play_among_real, network_name
from django_project.ledger.selectors import currency_is_known, status_at

if TYPE_CHECKING:
    from django_stubs_ext import WithAnnotations

    class _Annotations(TypedDict):
        status: str
        now: datetime
        closed_by: str
        network: str
        is_one_of_several: bool
        is_play_among_real: bool

    Listings = QuerySet[WithAnnotations[Listing, _Annotations]]

Status = Literal["open", "succeeded", "failed", "cancelled", "completed", "releasing", "wind-down", "expired"]
STATUSES: tuple[Status, ...] = get_args(Status)
# What keeps a campaign from taking contributions, the first that applies. `ended` is all but an open status.
Closing = Literal["", "ended", "retired", "unknown-currency", "paused", "full"]
CLOSINGS: tuple[Closing, ...] = get_args(Closing)

CampaignKey = tuple[int, bytes]

_NOW = chain_time("launched__chain")


def visible() -> "Listings":
    """Listings that are not hidden and whose launch the chain still has.

    Annotated with the time of their chain, `now`, with their `status` at it, with what keeps them from taking
    contributions, `closed_by`, and with how their network is told from others.
    """
    return _visible().all()


@functools.cache
def _visible() -> "Listings":
    """Built once: it is the same for all requests, and takes longer to build than a query takes."""
    return (
        Listing.objects.exclude(visibility=Listing.Visibility.HIDDEN)
        .filter(launched__totals__isnull=False)
        .annotate(
            now=_NOW,
            status=status_at(_NOW, "launched"),
            closed_by=_closed_by(),
            network=network_name("launched__chain"),
            is_one_of_several=has_others("chain_id"),
            is_play_among_real=is_play_among_real("launched__chain"),
        )
    )


def accepting(listings: "Listings") -> "Listings":
    """Those of `visible` that take contributions now: what lists that promote open campaigns are made of."""
    return listings.filter(closed_by="")


def _closed_by() -> Case:
    is_full = Q(launched__cap__gt=0, launched__totals__raised__gte=F("launched__cap"))
    return Case(
        When(~Q(status="open"), then=Value("ended")),
        When(launched__chain__state=Chain.State.RETIRED, then=Value("retired")),
        When(~currency_is_known("launched"), then=Value("unknown-currency")),
        When(launched__totals__paused=True, then=Value("paused")),
        When(is_full, then=Value("full")),
        default=Value(""),
        output_field=CharField(),
    )


def unlisted(chain_id: int) -> QuerySet[CampaignLaunched]:
    """Launched campaigns of a chain whose text is known and that have no listing: none, a moment later."""
    listed = Listing.objects.filter(chain_id=OuterRef("chain_id"), address=OuterRef("address"))
    known = Metadata.objects.filter(pk=OuterRef("metadata_hash"))
    return CampaignLaunched.objects.filter(Exists(known), ~Exists(listed), chain_id=chain_id)


def listed_campaigns() -> "Listings":
    """Those that lists may show: left in the window by moderators, and in a currency that is known."""
    return visible().filter(currency_is_known("launched"), visibility=Listing.Visibility.LISTED)


def sitemap_rows() -> QuerySet[Listing, tuple[str, datetime]]:
    """(slug, time of the last contribution or else of the launch) of what moderators left in the window."""
    changed = Coalesce("launched__totals__last_contribution_at", "launched__start")
    return listed_campaigns().order_by("pk").values_list("slug", changed)


def key_filter(keys: Iterable[CampaignKey], chain_field: str, address_field: str) -> Q:
    """A condition that matches any of the keys, for models that keep them in two columns."""
    by_chain: dict[int, list[bytes]] = {}
    for chain_id, address in keys:
        by_chain.setdefault(chain_id, []).append(address)
    condition = Q(pk__in=[])
    for chain_id, addresses in by_chain.items():
        condition |= Q(**{chain_field: chain_id, f"{address_field}__in": addresses})
    return condition
