"""Full text in English and Chinese, in one tsvector.

English words are stemmed by PostgreSQL. Chinese has no spaces, so jieba cuts it into words first, both when a
text is stored and when somebody searches; the words then go through the `simple` configuration unchanged.
"""

import logging
import re
from functools import lru_cache
from typing import TYPE_CHECKING

from django.contrib.postgres.search import CombinedSearchQuery, SearchQuery, SearchVector
from django.db.models import Value
from django.db.models.expressions import Combinable

if TYPE_CHECKING:
    import jieba

_HAN = re.compile(r"[\u3400-\u9fff\uf900-\ufaff]+")

QUERY_MAX_LENGTH = 200


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
