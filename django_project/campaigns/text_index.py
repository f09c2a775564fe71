"""How a campaign's text is indexed: full text in every script, in one tsvector.

Texts are folded first, and so is what is searched for (`core.folding`): width, case, accents and traditional
characters do not matter. Words between spaces are stemmed as English by PostgreSQL. Scripts that set no
spaces, and Korean, whose words take endings, are indexed character by character; of Chinese the words of
jieba's dictionary are indexed as well. All that the dictionary has in a run is in the index, so whatever part
of a text is typed finds it (`catalog.search`).

Pictures and characters beyond what PostgreSQL's parser takes for letters are written as their code points.
Positions end at 16,383, PostgreSQL's limit: a phrase of characters is not found behind it, words are.
"""

import logging
from collections.abc import Iterator
from functools import lru_cache
from typing import TYPE_CHECKING

import regex
from django.contrib.postgres.search import SearchVector
from django.db.models import Value
from django.db.models.expressions import Combinable

from django_project.core.folding import fold

if TYPE_CHECKING:
    import jieba

# Of how a text is indexed: documents of an older version are indexed anew (`services.index_anew`).
INDEX_EDITION = 1

_SPACELESS = (
    r"\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Script=Bopomofo}\p{Script=Thai}"
    r"\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}\p{Script=Tibetan}\p{Script=Yi}ー々〆〇"
)
# A character with the marks that belong to it, or a picture.
CHARACTER = regex.compile(rf"[{_SPACELESS}--[\p{{P}}\p{{M}}\p{{Z}}]]\p{{M}}*|\p{{So}}", regex.VERSION1)
RUN = regex.compile(rf"(?:{CHARACTER.pattern})+", regex.VERSION1)
HAN = regex.compile(r"\p{Script=Han}+")


@lru_cache(maxsize=1)
def cutter() -> "jieba.Tokenizer":
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
        combined += SearchVector(Value(RUN.sub(" ", folded)), config="english", weight=weight)
        spaceless = " ".join((*_dictionary_words(folded), *_characters(folded)))
        combined += SearchVector(Value(spaceless), config="simple", weight=weight)
    return combined


def _dictionary_words(text: str) -> Iterator[str]:
    """All words of the dictionary in a text's Chinese parts, overlapping ones too."""
    for run in HAN.findall(text):
        yield from (word for word in cutter().cut(run, cut_all=True) if len(word) > 1)


def _characters(text: str) -> Iterator[str]:
    return map(written, CHARACTER.findall(text))


def written(character: str) -> str:
    """A character as PostgreSQL's parser takes it for a word."""
    if len(character) == 1 and character.isalpha() and ord(character) < 0x10000:
        return character
    return "".join(f"u{ord(point):x}" for point in character)
