"""Full text in English and Chinese, in one tsvector.

English words are stemmed by PostgreSQL. Chinese has no spaces, so jieba cuts it into words first, both when a
text is stored and when somebody searches; the words then go through the `simple` configuration unchanged.
"""

import hashlib
import logging
import re
from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING

from django.contrib.postgres.search import (
    CombinedSearchQuery,
    SearchQuery,
    SearchRank,
    SearchVector,
    TrigramWordSimilarity,
)
from django.core.cache import cache
from django.db.models import F, Value
from django.db.models.expressions import Combinable
from django.db.models.functions import Concat

from django_project.campaigns.models import Listing

if TYPE_CHECKING:
    import jieba

_HAN = re.compile(r"[\u3400-\u9fff\uf900-\ufaff]+")

QUERY_MAX_LENGTH = 200
# Below this a misspelt query and a title have too little in common (word_similarity of pg_trgm).
MISSPELT_SIMILARITY = 0.45
# How long what a text finds is remembered: a new campaign is found so much later by a search just made.
FOUND_CACHE_SECONDS = 30


@lru_cache(maxsize=1)
def _cutter() -> "jieba.Tokenizer":
    """The dictionary takes about a second to load, so it waits for the first Chinese text."""
    import jieba

    jieba.setLogLevel(logging.WARNING)
    return jieba.Tokenizer()


def chinese_words(text: str, *, for_index: bool) -> list[str]:
    """The words of a text's Chinese parts; for the index also the shorter words inside longer ones."""
    words: list[str] = []
    for run in _HAN.findall(text):
        words += _cutter().cut_for_search(run) if for_index else _cutter().cut(run)
    return words


def vector(title: str, tagline: str, publisher: str, story: str) -> Combinable:
    """The expression that fills `Metadata.search`: title before tagline and publisher before story."""
    fields = [(title, "A"), (tagline, "B"), (publisher, "B"), (story, "D")]
    combined: Combinable = SearchVector(Value(""), config="simple")
    for text, weight in fields:
        combined += SearchVector(Value(_HAN.sub(" ", text)), config="english", weight=weight)
        chinese = " ".join(chinese_words(text, for_index=True))
        combined += SearchVector(Value(chinese), config="simple", weight=weight)
    return combined


def query(text: str) -> "SearchQuery | CombinedSearchQuery | None":
    """What a visitor typed as a tsquery, all words required; None when no word is in it."""
    text = text[:QUERY_MAX_LENGTH]
    parts = []
    latin = _HAN.sub(" ", text).strip()
    if latin:
        parts.append(SearchQuery(latin, config="english", search_type="websearch"))
    chinese = chinese_words(text, for_index=False)
    if chinese:
        parts.append(SearchQuery(" ".join(chinese), config="simple", search_type="plain"))
    if not parts:
        return None
    return parts[0] if len(parts) == 1 else parts[0] & parts[1]


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
    likeness = TrigramWordSimilarity(text, Concat("metadata__title", Value(" "), "metadata__publisher"))
    found = Listing.objects.annotate(likeness=likeness).filter(likeness__gte=MISSPELT_SIMILARITY)
    return _remembered("resembling", text, lambda: dict(found.values_list("pk", "likeness")))


def _remembered(kind: str, text: str, find: Callable[[], dict[int, float]]) -> dict[int, float]:
    digest = hashlib.sha256(text.encode()).hexdigest()
    return cache.get_or_set(f"campaigns:{kind}:{digest}", find, FOUND_CACHE_SECONDS) or {}
