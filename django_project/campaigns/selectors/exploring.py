"""Explore: facets, sorts and full text search in English and Chinese."""

import hashlib
from collections import Counter
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal, get_args
from urllib.parse import urlencode

from django.contrib.postgres.search import SearchRank, TrigramWordSimilarity
from django.core.cache import cache
from django.db.models import Case, Count, F, Func, IntegerField, Q, TextField, Value, When
from django.db.models.functions import MD5, Abs, Cast, Concat, Extract
from django.http import QueryDict
from django.shortcuts import get_object_or_404
from django.utils import timezone

from django_project.campaigns import search
from django_project.campaigns.models import Category
from django_project.campaigns.selectors.cards import (
    STATUSES,
    CampaignCard,
    CategoryLabel,
    cards,
    label_of,
    visible,
)
from django_project.core.addresses import ZERO_ADDRESS
from django_project.ledger.models import Chain, Contribution, Token

if TYPE_CHECKING:
    from django_project.campaigns.selectors.cards import Listings

Sort = Literal["best", "trending", "newest", "ending", "backed", "funded", "random"]
FacetName = Literal["category", "status", "language", "funded", "token"]

SORTS: tuple[Sort, ...] = get_args(Sort)
FACETS: tuple[FacetName, ...] = get_args(FacetName)
LANGUAGES = ("en", "zh-hans")
# Bands of per cent funded, by their lower bounds.
BANDS = ("0", "25", "50", "75", "100")

PAGE_SIZE = 24
TRENDING_WINDOW = timedelta(days=7)
TRENDING_CACHE_SECONDS = 60
# Places that are told apart: each row looks for itself among them.
TRENDING_KEPT = 100
# How old the counts beside the facets may be. Everybody who looks for the same shares them.
CUBE_CACHE_SECONDS = 5
# Below this a misspelt query and a title have too little in common (word_similarity of pg_trgm).
MISSPELT_SIMILARITY = 0.45


@dataclass(frozen=True, slots=True)
class ExploreFilters:
    """What the visitor asked for; an empty facet means any. Built from the URL, and turned back into one."""

    query: str = ""
    category: tuple[str, ...] = ()
    status: tuple[str, ...] = ()
    language: tuple[str, ...] = ()
    funded: tuple[str, ...] = ()
    token: tuple[str, ...] = ()
    sort: Sort = "best"
    seed: int = 0

    @classmethod
    def from_query(cls, data: QueryDict) -> "ExploreFilters":
        """Read `?q=&category=&status=&language=&funded=&token=&sort=&seed=`, dropping what makes no sense."""

        def chosen(name: FacetName, known: tuple[str, ...] | None = None) -> tuple[str, ...]:
            values = dict.fromkeys(value[:50] for value in data.getlist(name)[:20] if "\x00" not in value)
            return tuple(value for value in values if value and (known is None or value in known))

        sort, seed = data.get("sort", ""), data.get("seed", "")
        return cls(
            query=data.get("q", "").replace("\x00", "").strip()[: search.QUERY_MAX_LENGTH],
            category=chosen("category"),
            status=chosen("status", STATUSES),
            language=chosen("language", LANGUAGES),
            funded=chosen("funded", BANDS),
            token=chosen("token"),
            sort=next((known for known in SORTS if known == sort), "best"),
            seed=int(seed) if seed.isascii() and seed.isdecimal() and len(seed) <= 9 else 0,
        )

    def selected(self, facet: FacetName) -> tuple[str, ...]:
        values: tuple[str, ...] = getattr(self, facet)
        return values

    def toggled(self, facet: FacetName, value: str) -> "ExploreFilters":
        """The same filters with one option added, or removed when it was chosen."""
        values = self.selected(facet)
        changed = tuple(v for v in values if v != value) if value in values else (*values, value)
        changes: dict[str, Any] = {facet: changed}
        return replace(self, **changes)

    def to_query(self, page: int = 1) -> str:
        """The URL's query string, without the question mark; defaults are left out."""
        pairs: list[tuple[str, str]] = [("q", self.query)] if self.query else []
        pairs += [(facet, value) for facet in FACETS for value in self.selected(facet)]
        if self.sort != "best":
            pairs.append(("sort", self.sort))
        if self.seed:
            pairs.append(("seed", str(self.seed)))
        if page > 1:
            pairs.append(("page", str(page)))
        return urlencode(pairs)


@dataclass(frozen=True, slots=True)
class FacetOption:
    """One chip. `count` is how many campaigns choosing it would show, with the other facets as they are."""

    value: str
    label: str
    count: int
    is_selected: bool
    query: str


@dataclass(frozen=True, slots=True)
class ExploreResult:
    filters: ExploreFilters
    cards: tuple[CampaignCard, ...]
    facets: dict[FacetName, tuple[FacetOption, ...]]
    total: int
    page: int
    pages: int
    is_misspelt: bool

    @property
    def has_next(self) -> bool:
        return self.page < self.pages

    @property
    def has_previous(self) -> bool:
        return self.page > 1


Cell = dict[FacetName, str]
Cube = list[tuple[Cell, int]]


def explore(filters: ExploreFilters, page: int = 1) -> ExploreResult:
    """One page of campaigns with the counts of every facet, in seven queries (eight when nothing matches)."""
    now = timezone.now()
    tokens = _token_symbols()
    matching = _matching(filters.query, now)
    cube = _recent_cube(filters.query, matching, tokens)
    is_misspelt = False
    if filters.query and not cube:
        matching = _resembling(filters.query, now)
        cube = _cube(matching, tokens)
        is_misspelt = bool(cube)
    total = sum(count for cell, count in cube if _accepts(filters, cell))
    pages = max(1, -(-total // PAGE_SIZE))
    page = min(max(page, 1), pages)
    first = (page - 1) * PAGE_SIZE
    chosen = _ordered(_narrowed(matching, filters, tokens), filters, is_misspelt=is_misspelt)
    # Sorting keys alone and reading the page's rows afterwards is much cheaper than sorting whole rows.
    keys = list(chosen.values_list("pk", flat=True)[first : first + PAGE_SIZE])
    found = cards(visible(now).filter(pk__in=keys))
    return ExploreResult(
        filters=filters,
        cards=tuple(sorted(found, key=lambda card: keys.index(card.listing_id))),
        facets=_facets(filters, cube),
        total=total,
        page=page,
        pages=pages,
        is_misspelt=is_misspelt,
    )


def categories_with_counts() -> list[tuple[CategoryLabel, int]]:
    """Every category with its number of open campaigns, in their own order, in two queries."""
    found = visible().filter(status="open").values_list("metadata__category_id").annotate(count=Count("pk"))
    counts = dict(found.order_by())
    return [(label_of(row), counts.get(row.pk, 0)) for row in Category.objects.all()]


def category_by_slug(slug: str) -> CategoryLabel:
    """Raises Http404 for a category there is not."""
    return label_of(get_object_or_404(Category, slug=slug))


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


def _matching(text: str, now: datetime) -> "Listings":
    listings = visible(now)
    if not text:
        return listings
    query = search.query(text)
    return listings.none() if query is None else listings.filter(metadata__search=query)


def _resembling(text: str, now: datetime) -> "Listings":
    """Titles and publishers that look like a misspelt query."""
    likeness = TrigramWordSimilarity(text, Concat("metadata__title", Value(" "), "metadata__publisher"))
    return visible(now).annotate(likeness=likeness).filter(likeness__gte=MISSPELT_SIMILARITY)


def _token_symbols() -> dict[tuple[int, bytes], str]:
    """{(chain id, token address): symbol}, the chains' own currencies under the zero address."""
    symbols = {
        (chain_id, ZERO_ADDRESS): symbol
        for chain_id, symbol in Chain.objects.values_list("chain_id", "currency_symbol")
    }
    for chain_id, address, symbol in Token.objects.values_list("chain_id", "address", "symbol"):
        symbols[chain_id, address] = symbol
    return symbols


def _recent_cube(query: str, matching: "Listings", tokens: dict[tuple[int, bytes], str]) -> Cube:
    digest = hashlib.sha256(query.encode()).hexdigest()
    found: Cube | None = cache.get_or_set(
        f"campaigns:cube:{digest}", lambda: _cube(matching, tokens), CUBE_CACHE_SECONDS
    )
    return found or []


def _cube(matching: "Listings", tokens: dict[tuple[int, bytes], str]) -> Cube:
    """How many campaigns there are for each combination of facet values: every count comes from it."""
    rows = (
        matching.annotate(band=_band())
        .values_list(
            "metadata__category__slug",
            "status",
            "metadata__language",
            "band",
            "launched__chain_id",
            "launched__token",
        )
        .annotate(count=Count("pk"))
        .order_by()
    )
    return [
        (
            {
                "category": category,
                "status": status,
                "language": language,
                "funded": band,
                "token": tokens.get((chain_id, bytes(token)), ""),
            },
            count,
        )
        for category, status, language, band, chain_id, token, count in rows
    ]


def _band() -> Case:
    reached = [
        When(launched__totals__raised__gte=F("launched__goal") * int(bound) / 100, then=Value(bound))
        for bound in reversed(BANDS)
    ]
    return Case(*reached, default=Value(BANDS[0]), output_field=TextField())


def _accepts(filters: ExploreFilters, cell: Cell, *, ignoring: FacetName | None = None) -> bool:
    return all(
        not filters.selected(facet) or cell[facet] in filters.selected(facet)
        for facet in FACETS
        if facet != ignoring
    )


def _facets(filters: ExploreFilters, cube: Cube) -> dict[FacetName, tuple[FacetOption, ...]]:
    labels = {row.slug: label_of(row).name for row in Category.objects.all()}
    known: dict[FacetName, tuple[str, ...]] = {
        "category": tuple(labels),
        "status": STATUSES,
        "language": LANGUAGES,
        "funded": BANDS,
        "token": tuple(sorted({cell["token"] for cell, _ in cube if cell["token"]})),
    }
    facets: dict[FacetName, tuple[FacetOption, ...]] = {}
    for facet, values in known.items():
        counts: Counter[str] = Counter()
        for cell, count in cube:
            if _accepts(filters, cell, ignoring=facet):
                counts[cell[facet]] += count
        facets[facet] = tuple(
            FacetOption(
                value=value,
                label=labels.get(value, value),
                count=counts[value],
                is_selected=value in filters.selected(facet),
                query=filters.toggled(facet, value).to_query(),
            )
            for value in values
        )
    return facets


def _narrowed(
    matching: "Listings", filters: ExploreFilters, tokens: dict[tuple[int, bytes], str]
) -> "Listings":
    if filters.category:
        matching = matching.filter(metadata__category__slug__in=filters.category)
    if filters.status:
        matching = matching.filter(status__in=filters.status)
    if filters.language:
        matching = matching.filter(metadata__language__in=filters.language)
    if filters.funded:
        matching = matching.annotate(band=_band()).filter(band__in=filters.funded)
    if filters.token:
        wanted = Q(pk__in=[])
        for (chain_id, address), symbol in tokens.items():
            if symbol in filters.token:
                wanted |= Q(launched__chain_id=chain_id, launched__token=address)
        matching = matching.filter(wanted)
    return matching


def _open_first() -> Case:
    return Case(When(status="open", then=Value(0)), default=Value(1))


def _ordered(listings: "Listings", filters: ExploreFilters, *, is_misspelt: bool) -> "Listings":
    if filters.sort == "best" and filters.query:
        return _by_relevance(listings, filters.query, is_misspelt=is_misspelt)
    if filters.sort in ("best", "trending"):
        return _by_trend(listings)
    shuffled = MD5(Concat(Cast("pk", TextField()), Value(f":{filters.seed}")))
    orders: dict[Sort, tuple[Any, ...]] = {
        "newest": ("-launched__start", "-pk"),
        "ending": (_open_first(), _distance_to_deadline(), "pk"),
        "backed": ("-launched__totals__backers", "-pk"),
        "funded": ((F("launched__totals__raised") / F("launched__goal")).desc(), "-pk"),
        "random": (shuffled, "pk"),
    }
    return listings.order_by(*orders[filters.sort])


def _by_relevance(listings: "Listings", text: str, *, is_misspelt: bool) -> "Listings":
    if is_misspelt:
        return listings.order_by(F("likeness").desc(), _open_first(), "pk")
    query = search.query(text)
    if query is None:
        return listings
    return listings.order_by(SearchRank(F("metadata__search"), query).desc(), _open_first(), "pk")


def _by_trend(listings: "Listings") -> "Listings":
    place: Any = Func(
        Value(trending_ids()), F("launched__pk"), function="array_position", output_field=IntegerField()
    )
    return listings.order_by(
        _open_first(), place.asc(nulls_last=True), "-launched__totals__backers", "-launched__start", "-pk"
    )


def _distance_to_deadline() -> Func:
    """Soonest end first among the open ones, latest end first among the rest."""
    seconds = Extract("launched__deadline", "epoch")
    return Abs(seconds - Value(timezone.now().timestamp()))
