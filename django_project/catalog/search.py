"""Full text search in every script, over what `campaigns.text_index` has put into one tsvector.

A run of characters without spaces is searched as a phrase; what is a word of the dictionary is found and
ranked as one.
"""

import itertools
from collections.abc import Callable, Iterator
from functools import reduce
from operator import and_

from django.contrib.postgres.search import (
    CombinedSearchQuery,
    SearchQuery,
    SearchRank,
    TrigramWordSimilarity,
)
from django.core.cache import cache
from django.db.models import F, Value
from django.db.models.functions import Concat

from django_project.campaigns import text_index
from django_project.campaigns.models import Listing
from django_project.core.folding import fold
from django_project.core.shapes import Labelled, Shape, slot

QUERY_MAX_LENGTH = 200
# Below this a misspelt query and a title have too little in common (word_similarity of pg_trgm).
MISSPELT_SIMILARITY = 0.45
# How long what a text finds is remembered: a new campaign is found so much later by a search just made.
FOUND_CACHE_SECONDS = 30
# Searches whose results are kept at a time, some 100 kB each at most for 10,000 campaigns.
SEARCHES_KEPT = 256

Query = SearchQuery | CombinedSearchQuery


def query(text: str) -> Query | None:
    """What a visitor typed as a tsquery, all words required; None when no word is in it."""
    folded = fold(text[:QUERY_MAX_LENGTH])
    parts: list[Query] = []
    if spaced := text_index.RUN.sub(" ", folded).strip():
        parts.append(SearchQuery(spaced, config="english", search_type="websearch"))
    for run in text_index.RUN.findall(folded):
        parts += _queries(run)
    return reduce(and_, parts) if parts else None


def _queries(run: str) -> Iterator[Query]:
    """Words of the dictionary, and phrases of the characters between them."""
    for is_word, pieces in itertools.groupby(_pieces(run), key=lambda piece: _is_word(piece)):
        if is_word:
            yield from (SearchQuery(word, config="simple", search_type="plain") for word in pieces)
        else:
            phrase = " ".join(map(text_index.written, pieces))
            yield SearchQuery(phrase, config="simple", search_type="phrase")


def _pieces(run: str) -> Iterator[str]:
    """A run in words of the dictionary where it is Chinese, else in characters."""
    end = 0
    for found in text_index.HAN.finditer(run):
        yield from text_index.CHARACTER.findall(run[end : found.start()])
        # What the dictionary lacks stays in characters: a word made up here would not be in the index.
        yield from text_index.cutter().cut(found[0], HMM=False)
        end = found.end()
    yield from text_index.CHARACTER.findall(run[end:])


def _is_word(piece: str) -> bool:
    return len(piece) > 1 and text_index.HAN.fullmatch(piece) is not None


def matches(text: str) -> dict[int, float]:
    """Listings with all words of a text in theirs, hidden ones among them: {listing id: rank}."""
    wanted = query(text)
    if wanted is None:
        return {}
    found = Listing.objects.filter(metadata__search=wanted).values_list(
        "pk", SearchRank(F("metadata__search"), wanted)
    )
    return _remembered("matches", text, lambda: dict(found))


def resembling(text: str) -> dict[int, float]:
    """Listings whose title or publisher looks like a misspelt text: {listing id: likeness}."""
    names = Concat("metadata__title", Value(" "), "metadata__publisher")
    likeness = TrigramWordSimilarity(fold(text), names)
    found = Listing.objects.annotate(likeness=likeness).filter(likeness__gte=MISSPELT_SIMILARITY)
    return _remembered("resembling", text, lambda: dict(found.values_list("pk", "likeness")))


_FOUND = Shape[dict[int, float]](dict[int, float])


def _remembered(kind: str, text: str, find: Callable[[], dict[int, float]]) -> dict[int, float]:
    folded = fold(text)
    key, shape = f"campaigns:{kind}:{slot(folded, SEARCHES_KEPT)}", Labelled(_FOUND, folded)
    found = shape.load(cache.get(key))
    if found is None:
        found = find()
        cache.set(key, shape.dump(found), FOUND_CACHE_SECONDS)
    return found
