"""Explore: facets, sorts and full text search in English and Chinese."""

from collections import Counter
from collections.abc import Callable, Container, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, Literal, get_args
from urllib.parse import urlencode

from django.http import QueryDict

from django_project.campaigns.models import Category
from django_project.campaigns.selectors.cards import CampaignCard, CategoryLabel, cards_by_listing, label_of
from django_project.campaigns.selectors.listings import CLOSINGS, STATUSES
from django_project.catalog import cache_generation, search
from django_project.catalog.catalog_index import (
    ENDING_BANDS,
    FUNDED_BANDS,
    GOAL_BANDS,
    CatalogIndex,
    Cell,
    Place,
    catalog_index,
)
from django_project.core import characters
from django_project.core.shapes import Shape

Sort = Literal["best", "trending", "newest", "ending", "backed", "funded", "random"]
FacetName = Literal["category", "status", "ending", "language", "funded", "goal", "token", "network"]

SORTS: tuple[Sort, ...] = get_args(Sort)
FACETS: tuple[FacetName, ...] = get_args(FacetName)
LANGUAGES = ("en", "zh-hans")
# The contract's, and why an open campaign takes no contributions: whoever looks for open ones wants others.
STATES = (STATUSES[0], *(each for each in CLOSINGS if each not in {"", "ended"}), *STATUSES[1:])
# All values that these facets can have, in order; those of the others depend on what there is.
FACET_VALUES: dict[FacetName, tuple[str, ...]] = {
    "status": STATES,
    "ending": ENDING_BANDS,
    "language": LANGUAGES,
    "funded": FUNDED_BANDS,
    "goal": GOAL_BANDS,
}

# What a URL may say once: for any of several values there are the facets.
SINGLE = ("q", "sort", "seed", "page")
SEED_DIGITS = 9

PAGE_SIZE = 24


@dataclass(frozen=True, slots=True)
class ExploreFilters:
    """What the visitor asked for; an empty facet means any. Built from the URL, and turned back into one."""

    query: str = ""
    category: tuple[str, ...] = ()
    status: tuple[str, ...] = ()
    ending: tuple[str, ...] = ()
    language: tuple[str, ...] = ()
    funded: tuple[str, ...] = ()
    goal: tuple[str, ...] = ()
    token: tuple[str, ...] = ()
    network: tuple[str, ...] = ()
    sort: Sort = "best"
    seed: int = 0

    @classmethod
    def from_query(cls, data: QueryDict) -> "ExploreFilters":
        """Read `q`, each facet, `sort` and `seed` of a URL, dropping what makes no sense."""

        def chosen(name: FacetName) -> tuple[str, ...]:
            values = dict.fromkeys(value[:50] for value in data.getlist(name)[:20] if "\x00" not in value)
            known = FACET_VALUES.get(name, values)
            return tuple(value for value in values if value and value in known)

        sort, seed = data.get("sort", ""), data.get("seed", "")
        return cls(
            query=characters.seen(data.get("q", "")[: search.QUERY_MAX_LENGTH]),
            category=chosen("category"),
            status=chosen("status"),
            ending=chosen("ending"),
            language=chosen("language"),
            funded=chosen("funded"),
            goal=chosen("goal"),
            token=chosen("token"),
            network=tuple(value for value in chosen("network") if value.isascii() and value.isdecimal()),
            sort=next((known for known in SORTS if known == sort), "best"),
            seed=int(seed) if seed.isascii() and seed.isdecimal() and len(seed) <= SEED_DIGITS else 0,
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

    @property
    def is_past_end(self) -> bool:
        return self.page > self.pages


def explore(filters: ExploreFilters, page: int = 1, page_size: int = PAGE_SIZE) -> ExploreResult:
    """One page of campaigns with the counts of every facet; without cards behind the last one.

    Two queries beside those of the index, and one or two more for a text that nobody searched for lately.
    """
    everything = catalog_index()
    relevance, is_misspelt = _relevance(filters.query, everything) if filters.query else (None, False)
    cube = everything.cube
    if relevance is not None:
        cube = Counter(everything.by_listing[key].cell for key in relevance)
    wanted, counts = _counted(filters, cube)
    total = sum(cube[cell] for cell in wanted)
    pages = max(1, -(-total // page_size))
    ordered = _ordered(filters, everything, relevance, wanted)
    shown = islice(ordered, (page - 1) * page_size, page * page_size) if page <= pages else ()
    return ExploreResult(
        filters=filters,
        cards=tuple(_cards_of(shown)),
        facets=_facets(filters, cube, counts, everything.networks),
        total=total,
        page=page,
        pages=pages,
        is_misspelt=is_misspelt,
    )


def facet_values(facet: FacetName) -> tuple[str, ...]:
    """All values that a facet can have now, in order."""
    if facet in FACET_VALUES:
        return FACET_VALUES[facet]
    if facet == "category":
        return tuple(label.slug for label in categories())
    if facet == "token":
        return tuple(sorted({cell.token for cell in catalog_index().cube if cell.token}))
    return tuple(sorted(catalog_index().networks, key=int))


def misfits(data: QueryDict) -> tuple[tuple[str, str], ...]:
    """(parameter, value) of what `ExploreFilters.from_query` passes over or reads otherwise than meant.

    Without a value a parameter asks for nothing, as in a form that was left empty. Names that explore does
    not know may be somebody else's: links are tagged on their way.
    """
    found: list[tuple[str, str]] = [
        (facet, value)
        for facet in FACETS
        for value in data.getlist(facet)
        if value and value not in facet_values(facet)
    ]
    found += [("sort", value) for value in data.getlist("sort") if value and value not in SORTS]
    found += [
        (name, value)
        for name in ("seed", "page")
        for value in data.getlist(name)
        if value and not (value.isascii() and value.isdecimal() and value.strip("0"))
    ]
    found += [("seed", value) for value in data.getlist("seed") if len(value) > SEED_DIGITS]
    found += [(name, "; ".join(values)) for name in SINGLE if len(values := data.getlist(name)) > 1]
    return tuple(dict.fromkeys((name, value[:50].replace("\x00", "\ufffd")) for name, value in found))


@dataclass(frozen=True, slots=True)
class ShopRows:
    """Rows of open campaigns that may be promoted."""

    nearly_funded: tuple[CampaignCard, ...]
    """Below their goal, those with the least left in proportion first."""
    staff_picks: tuple[CampaignCard, ...]
    """What the staff recommends, the newest first."""
    just_launched: tuple[CampaignCard, ...]


def shop_rows(limit: int) -> ShopRows:
    """The rows of the home page, each of at most so many, in one query."""
    everything = catalog_index()
    rows = [
        places[:limit]
        for places in (everything.nearly_funded, everything.staff_picks, everything.just_launched)
    ]
    found = cards_by_listing({place.listing_id for row in rows for place in row})
    return ShopRows(
        *(tuple(found[each.listing_id] for each in row if each.listing_id in found) for row in rows)
    )


def just_launched(limit: int) -> list[CampaignCard]:
    """Open campaigns, the newest first."""
    return _cards_of(catalog_index().just_launched[:limit])


def trending(limit: int) -> list[CampaignCard]:
    """Open campaigns with backers that may be promoted, those that gained most this week first."""
    backed = (each for each in catalog_index().trending if each.is_open and each.is_listed and each.backers)
    return _cards_of(islice(backed, limit))


def most_backed(limit: int, category: str, language: str, *, excluding: int) -> list[CampaignCard]:
    """Open campaigns of a category in a language, those with most backers first, without one listing."""
    alike = (
        place
        for place in catalog_index().backed
        if place.is_open
        and place.is_listed
        and (place.cell.category, place.cell.language) == (category, language)
        and place.listing_id != excluding
    )
    return _cards_of(islice(alike, limit))


def categories_with_counts() -> list[tuple[CategoryLabel, int]]:
    """Every category with its number of open campaigns, in their own order."""
    counts = Counter[str]()
    for cell, count in catalog_index().cube.items():
        if cell.status == "open":
            counts[cell.category] += count
    return [(label, counts[label.slug]) for label in categories()]


_LABELS = Shape[list[CategoryLabel]](list[CategoryLabel])


def categories() -> list[CategoryLabel]:
    """Every category, in their own order."""
    return cache_generation.shared(
        "categories", _LABELS, lambda: [label_of(row) for row in Category.objects.all()]
    )


def category_by_slug(slug: str) -> CategoryLabel:
    """Raises Category.DoesNotExist for one there is not."""
    return label_of(Category.objects.get(slug=slug))


def _cards_of(places: Iterable[Place]) -> list[CampaignCard]:
    """The cards of these places as the database has them now, in their order, in one query."""
    keys = [place.listing_id for place in places]
    found = cards_by_listing(keys)
    return [found[key] for key in keys if key in found]


def _relevance(text: str, everything: CatalogIndex) -> tuple[dict[int, float], bool]:
    """{listing id: how well it fits a search}, and whether only what looks alike was found."""
    known = everything.by_listing
    exact = {key: rank for key, rank in search.matches(text).items() if key in known}
    if exact:
        return exact, False
    alike = {key: rank for key, rank in search.resembling(text).items() if key in known}
    return alike, bool(alike)


def _counted(filters: ExploreFilters, cube: Counter[Cell]) -> tuple[set[Cell], dict[FacetName, Counter[str]]]:
    """The cells that all facets accept, and how many campaigns each option would show.

    An option is counted with the other facets as they are. So a cell that one facet alone turns away counts
    there, one that none turns away counts everywhere, and no other does: one pass is enough.
    """
    chosen = [(facet, filters.selected(facet)) for facet in FACETS if filters.selected(facet)]
    wanted: set[Cell] = set()
    counts: dict[FacetName, Counter[str]] = {facet: Counter() for facet in FACETS}
    for cell, count in cube.items():
        missed = [facet for facet, values in chosen if getattr(cell, facet) not in values]
        if not missed:
            wanted.add(cell)
        if len(missed) <= 1:
            for facet in missed or FACETS:
                counts[facet][getattr(cell, facet)] += count
    return wanted, counts


def _facets(
    filters: ExploreFilters,
    cube: Counter[Cell],
    counts: dict[FacetName, Counter[str]],
    networks: dict[str, str],
) -> dict[FacetName, tuple[FacetOption, ...]]:
    names = {label.slug: label.name for label in categories()}
    labels: dict[FacetName, dict[str, str]] = {"category": names, "network": networks}
    # Of tokens and networks those that were found, and those chosen: they have to be there to be taken away.
    tokens = {cell.token for cell in cube if cell.token}.union(filters.token)
    chain_ids = {cell.network for cell in cube}.union(filters.network)
    known: dict[FacetName, tuple[str, ...]] = {
        **FACET_VALUES,
        "category": tuple(names),
        "token": tuple(sorted(tokens)),
        "network": tuple(sorted(chain_ids, key=int)),
    }
    return {
        facet: tuple(
            FacetOption(
                value=value,
                label=labels.get(facet, {}).get(value, value),
                count=counts[facet][value],
                is_selected=value in filters.selected(facet),
                query=filters.toggled(facet, value).to_query(),
            )
            for value in known[facet]
        )
        for facet in FACETS
    }


def _ordered(
    filters: ExploreFilters,
    everything: CatalogIndex,
    relevance: dict[int, float] | None,
    wanted: Container[Cell],
) -> Iterator[Place]:
    """The places in wanted cells, and of a search those that it found, in the order that was asked for."""
    orders: dict[Sort, Callable[[], list[Place]]] = {
        "best": lambda: everything.trending,
        "trending": lambda: everything.trending,
        "newest": lambda: everything.newest,
        "ending": lambda: everything.ending,
        "backed": lambda: everything.backed,
        "funded": lambda: everything.funded,
        "random": lambda: everything.shuffled(filters.seed, wanted),
    }
    if filters.sort == "best" and relevance is not None:
        ordered = sorted(
            (everything.by_listing[key] for key in relevance),
            key=lambda each: (-relevance[each.listing_id], not each.is_open, each.listing_id),
        )
    else:
        ordered = orders[filters.sort]()
    return (
        place
        for place in ordered
        if place.cell in wanted and (relevance is None or place.listing_id in relevance)
    )
