"""All campaigns of the shop window with what they are filtered and sorted by, in memory.

Facets, orders and counts look at every campaign, which takes PostgreSQL tens of milliseconds for each click.
So one query reads a few columns of each campaign for a generation of the cache, Redis hands them to the other
processes, and lists are made from them. Nothing here is shown: the rows of a page are read from the database.

With 10,000 campaigns the query takes 0.1 s and the rows 2 MB; both grow with the number of campaigns.
"""

import math
import sys
import threading
from collections import Counter
from collections.abc import Container
from datetime import timedelta
from functools import cached_property
from typing import NamedTuple

from django.core.cache import cache
from django.db.models import Count, F, FloatField
from django.db.models.functions import Cast, Extract
from django.utils import timezone

from django_project.campaigns.models import Listing
from django_project.campaigns.selectors.listings import visible
from django_project.catalog import cache_generation
from django_project.core.shapes import Shape
from django_project.ledger.models import Chain, Contribution
from django_project.ledger.selectors import currencies

# Lower bounds of bands. Of per cent funded: a campaign is in the highest band whose bound it has reached.
FUNDED_BANDS = ("0", "25", "50", "75", "100")
# Of goals in whole units of their own currency, and of days left: in the highest whose bound it lies above.
GOAL_BANDS = ("0", "1", "10", "100", "1000", "10000")
ENDING_BANDS = ("0", "1", "3", "7", "28")
DAY_SECONDS = 24 * 60 * 60

TRENDING_WINDOW = timedelta(days=7)
TRENDING_CACHE_SECONDS = 60
# Places that are told apart.
TRENDING_KEPT = 100


class Cell(NamedTuple):
    """A campaign's values of all facets. Fewer differ than there are campaigns: counts are taken over them.

    `status` is the contract's, and of an open campaign that takes no contributions what keeps it from that.
    Empty where there is none: only open campaigns have an `ending`, those in an unknown currency have neither
    `token` nor `goal`.
    """

    category: str
    status: str
    ending: str
    language: str
    funded: str
    goal: str
    token: str
    network: str


class Place(NamedTuple):
    """One campaign; `ratio` is raised / goal, for sorting alone.

    `start` is in seconds since 1970, `left` in seconds from the chain's time to the deadline.
    """

    listing_id: int
    campaign_id: int
    cell: Cell
    is_listed: bool
    is_staff_pick: bool
    start: float
    left: float
    ratio: float
    is_short_of_goal: bool
    backers: int

    @property
    def is_open(self) -> bool:
        """Whether it takes contributions: neither over, nor paused, nor full."""
        return self.cell.status == "open"


class CatalogIndex:
    """One generation's campaigns, and networks' names by chain id. Orders are made when first asked for."""

    def __init__(self, places: list[Place], trending: list[int], networks: dict[str, str]) -> None:
        self.places = places
        self.networks = networks
        self._trending = {campaign_id: place for place, campaign_id in enumerate(trending)}

    @cached_property
    def cube(self) -> Counter[Cell]:
        """How many campaigns there are of each combination of facet values."""
        return Counter(place.cell for place in self.places)

    @cached_property
    def by_listing(self) -> dict[int, Place]:
        return {place.listing_id: place for place in self.places}

    @cached_property
    def trending(self) -> list[Place]:
        """Open ones first; of them those that gained most backers this week, then those with most of all."""
        last = len(self._trending)
        return sorted(
            self.places,
            key=lambda each: (
                not each.is_open,
                self._trending.get(each.campaign_id, last),
                -each.backers,
                -each.start,
                -each.listing_id,
            ),
        )

    @cached_property
    def newest(self) -> list[Place]:
        return sorted(self.places, key=lambda each: (-each.start, -each.listing_id))

    @cached_property
    def ending(self) -> list[Place]:
        """Soonest end first among the open ones, latest end first among the rest."""
        return sorted(self.places, key=lambda each: (not each.is_open, abs(each.left), each.listing_id))

    @cached_property
    def backed(self) -> list[Place]:
        return sorted(self.places, key=lambda each: (-each.backers, -each.listing_id))

    @cached_property
    def funded(self) -> list[Place]:
        return sorted(self.places, key=lambda each: (-each.ratio, -each.listing_id))

    def shuffled(self, seed: int, wanted: Container[Cell]) -> list[Place]:
        """Those in wanted cells by lot; a new campaign falls in somewhere and leaves the others in order."""
        among = (place for place in self.places if place.cell in wanted)
        return sorted(among, key=lambda each: hash((each.listing_id, seed)))

    @cached_property
    def just_launched(self) -> list[Place]:
        """Open ones that may be promoted, the newest first."""
        return [place for place in self.newest if place.is_open and place.is_listed]

    @cached_property
    def staff_picks(self) -> list[Place]:
        """Those of `just_launched` that the staff recommends."""
        return [place for place in self.just_launched if place.is_staff_pick]

    @cached_property
    def nearly_funded(self) -> list[Place]:
        """Open ones that may be promoted and have something, those with the least missing first."""
        short = [each for each in self.places if each.is_open and each.is_listed and each.is_short_of_goal]
        return sorted(short, key=lambda each: (-each.ratio, each.left))


# The last two generations that this process has unpacked: a page of the one before may still be made.
_here: dict[str, CatalogIndex] = {}
_unpacking = threading.Lock()


def catalog_index() -> CatalogIndex:
    """The generation's campaigns: this process's own, else another's from Redis, else read anew."""
    return _index_of(cache_generation.current())


def _index_of(name: str) -> CatalogIndex:
    """Threads that need a generation which is not unpacked yet wait for the first of them."""
    global _here
    if name not in (here := _here):
        with _unpacking:
            if name not in (here := _here):
                unpacked = _unpacked(cache_generation.shared("catalog-index", _PACKED, _read, name))
                here = _here = {**dict(list(here.items())[-1:]), name: unpacked}
    return here[name]


cache_generation.prepare_with(_index_of)


class _Packed(NamedTuple):
    """An index for Redis: places name their cell by its number, so that each of them is kept once."""

    cells: list[Cell]
    places: list[tuple[int, int, int, bool, bool, float, float, float, bool, int]]
    trending: list[int]
    networks: dict[str, str]


_PACKED = Shape[_Packed](_Packed)


def _unpacked(packed: _Packed) -> CatalogIndex:
    cells = [Cell(*map(sys.intern, cell)) for cell in packed.cells]
    places = [
        Place(listing, campaign, cells[cell], listed, pick, start, left, ratio, short, backers)
        for listing, campaign, cell, listed, pick, start, left, ratio, short, backers in packed.places
    ]
    return CatalogIndex(places, packed.trending, packed.networks)


def _read() -> _Packed:
    chains = list(Chain.objects.all())
    known = currencies()
    cells: dict[Cell, int] = {}
    rows = (
        visible()
        .order_by()
        .values_list(
            "pk",
            "launched__pk",
            "metadata__category__slug",
            "status",
            "closed_by",
            "metadata__language",
            "launched__totals__raised",
            "launched__goal",
            "chain_id",
            "launched__token",
            "visibility",
            "is_staff_pick",
            Cast(Extract("launched__start", "epoch"), FloatField()),
            Cast(Extract(F("launched__deadline") - F("now"), "epoch"), FloatField()),
            "launched__totals__backers",
        )
    )
    places = []
    for pk, launched, category, status, closed_by, language, raised, goal, chain_id, token, *rest in rows:
        visibility, is_staff_pick, start, left, backers = rest
        currency = known.get((chain_id, token))
        values = (
            category,
            closed_by if status == "open" and closed_by else status,
            band_above(math.ceil(left), DAY_SECONDS, ENDING_BANDS) if status == "open" else "",
            language,
            funded_band(raised, goal),
            band_above(goal, 10**currency.decimals, GOAL_BANDS) if currency else "",
            currency.symbol if currency else "",
            str(chain_id),
        )
        places.append(
            (
                pk,
                launched,
                cells.setdefault(Cell(*values), len(cells)),
                visibility == Listing.Visibility.LISTED and currency is not None,
                is_staff_pick,
                start,
                left,
                # JSON has no infinity.
                raised / goal if goal else sys.float_info.max,
                0 < raised < goal,
                backers,
            )
        )
    return _Packed(list(cells), places, trending_ids(), {str(chain.chain_id): chain.name for chain in chains})


def funded_band(raised: int, goal: int) -> str:
    """The highest of FUNDED_BANDS that is reached, exactly."""
    return next(
        (bound for bound in reversed(FUNDED_BANDS) if raised * 100 >= goal * int(bound)), FUNDED_BANDS[0]
    )


def band_above(amount: int, unit: int, bounds: tuple[str, ...]) -> str:
    """The highest of the bounds, each so many units, that an amount lies above, exactly; else the lowest."""
    return next((bound for bound in reversed(bounds) if amount > unit * int(bound)), bounds[0])


def trending_ids() -> list[int]:
    """Ids of launched campaigns by backers in the last week, most first; up to a minute old."""

    def counted() -> list[int]:
        recent = Contribution.objects.filter(block_time__gte=timezone.now() - TRENDING_WINDOW)
        ranked = recent.values("campaign_id").annotate(recent_backers=Count("backer", distinct=True))
        return list(
            ranked.order_by("-recent_backers", "-campaign_id").values_list("campaign_id", flat=True)[
                :TRENDING_KEPT
            ]
        )

    return list(cache.get_or_set("campaigns:trending", counted, TRENDING_CACHE_SECONDS) or [])
