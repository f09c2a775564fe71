"""`tfidf`: likeness of words. What an encoder has to beat on items nobody has backed yet."""

import re
from collections.abc import Sequence

import numpy as np
from scipy.sparse import csr_matrix

from recommender.data.context import Context
from recommender.models.item_to_item import ItemToItem, Matrix

_WORD = re.compile(r"[^\W\d_]{2,}|\d+", re.UNICODE)
_HAN = re.compile(r"[\u3400-\u9fff]+")


def terms(text: str) -> list[str]:
    """Lower-case words; Chinese, written without spaces, as overlapping pairs of characters."""
    found: list[str] = []
    for word in _WORD.findall(text.lower()):
        for run in _HAN.findall(word):
            found.extend(run[i : i + 2] for i in range(max(len(run) - 1, 1)))
        found.extend(part for part in _HAN.split(word) if part)
    return found


class TfIdf(ItemToItem):
    """S = cosines of the items' vectors of words, see `word_vectors`.

    Source: Salton and Buckley 1988, smoothed as in scikit-learn.
    """

    name = "tfidf"

    def learn(self, history: csr_matrix, context: Context) -> Matrix:
        vectors = word_vectors(context.texts)
        likeness: Matrix = (vectors @ vectors.T).toarray().astype(np.float32)
        np.fill_diagonal(likeness, 0.0)
        return likeness


def word_vectors(texts: Sequence[str]) -> csr_matrix:
    """(texts, terms): (1 + ln tf) · (1 + ln((1 + n) / (1 + df))), each row of length 1."""
    numbers: dict[str, int] = {}
    rows, columns = [], []
    for row, text in enumerate(texts):
        for term in terms(text):
            rows.append(row)
            columns.append(numbers.setdefault(term, len(numbers)))
    counts = csr_matrix((np.ones(len(rows)), (rows, columns)), shape=(len(texts), max(len(numbers), 1)))
    counts.sum_duplicates()
    frequency = np.bincount(counts.indices, minlength=counts.shape[1])
    rarity = 1.0 + np.log((1.0 + len(texts)) / (1.0 + frequency))
    counts.data = (1.0 + np.log(counts.data)) * rarity[counts.indices]
    norms = np.sqrt(np.asarray(counts.multiply(counts).sum(1)).ravel())
    return csr_matrix(counts.multiply(1.0 / np.maximum(norms, 1e-9)[:, None]))
