"""Full text in every script, in one tsvector.

Both sides are folded first (`core.folding`): width, case, accents and traditional characters do not matter.
Words between spaces are stemmed as English by PostgreSQL. Scripts that set no spaces, and Korean, whose words
take endings, are indexed character by character, and a run of them is searched as a phrase; of Chinese the
words of jieba's dictionary are indexed as well, so that what is a word is found and ranked as one. All that
the dictionary has in a run is in the index, so whatever part of a text is typed finds it.

Pictures and characters beyond what PostgreSQL's parser takes for letters are written as their code points.
Positions end at 16,383, PostgreSQL's limit: a phrase of characters is not found behind it, words are.
"""

import itertools
import logging
from collections.abc import Callable, Iterator
from functools import lru_cache, reduce
from operator import and_
from typing import TYPE_CHECKING

import regex
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
from django_project.core.folding import fold
from django_project.core.shapes import Labelled, Shape, slot

if TYPE_CHECKING:
    import jieba

# Of how a text is indexed: documents of an older edition are indexed anew (`services.index_anew`).
INDEX_EDITION = 1

_SPACELESS = (
    r"\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Script=Bopomofo}\p{Script=Thai}"
    r"\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}\p{Script=Tibetan}\p{Script=Yi}ー々〆〇"
)
# A character with the marks that belong to it, or a picture.
_CHARACTER = regex.compile(rf"[{_SPACELESS}--[\p{{P}}\p{{M}}\p{{Z}}]]\p{{M}}*|\p{{So}}", regex.VERSION1)
_RUN = regex.compile(rf"(?:{_CHARACTER.pattern})+", regex.VERSION1)
_HAN = regex.compile(r"\p{Script=Han}+")

QUERY_MAX_LENGTH = 200
# Below this a misspelt query and a title have too little in common (word_similarity of pg_trgm).
MISSPELT_SIMILARITY = 0.45
# How long what a text finds is remembered: a new campaign is found so much later by a search just made.
FOUND_CACHE_SECONDS = 30
# Searches whose results are kept at a time, some 100 kB each at most for 10,000 campaigns.
SEARCHES_KEPT = 256

Query = SearchQuery | CombinedSearchQuery


@lru_cache(maxsize=1)
def _cutter() -> "jieba.Tokenizer":
    """The dictionary takes about a second to load, so it waits for the first Chinese text."""
    import jieba

    jieba.setLogLevel(logging.WARNING)
    return jieba.Tokenizer()


def vector(title: str, tagline: str, publisher: str, story: str) -> Combinable:
    """The expression that fills `Metadata.search`: title before tagline and publisher before story."""
    fields = [(title, "A"), (tagline, "B"), (publisher, "B"), (story, "D")]
    combined: Combinable = SearchVector(Value(""), config="simple")
    for text, weight in fields:
        folded = fold(text)
        combined += SearchVector(Value(_RUN.sub(" ", folded)), config="english", weight=weight)
        spaceless = " ".join((*_dictionary_words(folded), *_characters(folded)))
        combined += SearchVector(Value(spaceless), config="simple", weight=weight)
    return combined


def query(text: str) -> Query | None:
    """What a visitor typed as a tsquery, all words required; None when no word is in it."""
    folded = fold(text[:QUERY_MAX_LENGTH])
    parts: list[Query] = []
    if spaced := _RUN.sub(" ", folded).strip():
        parts.append(SearchQuery(spaced, config="english", search_type="websearch"))
    for run in _RUN.findall(folded):
        parts += _queries(run)
    return reduce(and_, parts) if parts else None


def _queries(run: str) -> Iterator[Query]:
    """Words of the dictionary, and phrases of the characters between them."""
    for is_word, pieces in itertools.groupby(_pieces(run), key=lambda piece: _is_word(piece)):
        if is_word:
            yield from (SearchQuery(word, config="simple", search_type="plain") for word in pieces)
        else:
            phrase = " ".join(map(_written, pieces))
            yield SearchQuery(phrase, config="simple", search_type="phrase")


def _pieces(run: str) -> Iterator[str]:
    """A run in words of the dictionary where it is Chinese, else in characters."""
    end = 0
    for found in _HAN.finditer(run):
        yield from _CHARACTER.findall(run[end : found.start()])
        # What the dictionary lacks stays in characters: a word made up here would not be in the index.
        yield from _cutter().cut(found[0], HMM=False)
        end = found.end()
    yield from _CHARACTER.findall(run[end:])


def _is_word(piece: str) -> bool:
    return len(piece) > 1 and _HAN.fullmatch(piece) is not None


def _dictionary_words(text: str) -> Iterator[str]:
    """All words of the dictionary in a text's Chinese parts, overlapping ones too."""
    for run in _HAN.findall(text):
        yield from (word for word in _cutter().cut(run, cut_all=True) if len(word) > 1)


def _characters(text: str) -> Iterator[str]:
    return map(_written, _CHARACTER.findall(text))


def _written(character: str) -> str:
    """A character as PostgreSQL's parser takes it for a word."""
    if len(character) == 1 and character.isalpha() and ord(character) < 0x10000:
        return character
    return "".join(f"u{ord(point):x}" for point in character)


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
