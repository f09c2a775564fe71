"""One spelling for what people take for the same word, for comparing only: nothing folded is ever shown.

Compatibility forms (full width, ligatures, half-width kana), case, accents of alphabets, traditional Chinese
characters and what is not seen at all make no difference.
"""

import unicodedata
from functools import lru_cache

import regex

# Soft hyphens, zero-width spaces, joiners; and what only chooses the form of another character.
_UNSEEN = regex.compile(r"[\p{Default_Ignorable_Code_Point}\p{Cf}\u2800]+")
# Marks on letters of alphabets; in Thai, in Indian scripts and on kana they are sounds.
_ACCENTS = regex.compile(
    r"(?<=[\p{Script=Latin}\p{Script=Greek}\p{Script=Cyrillic}\p{Script=Arabic}\p{Script=Hebrew}])[\p{Mn}]+"
)
# Letters of Latin that no decomposition takes apart, and the stretch of Arabic words.
_LETTERS = str.maketrans(
    {"ø": "o", "đ": "d", "ð": "d", "ł": "l", "ħ": "h", "ı": "i", "æ": "ae", "œ": "oe", "þ": "th", "ـ": ""}
)
# Where OpenCC's dictionaries have characters: the unified ideographs and all their extensions.
_IDEOGRAPHS = ((0x3400, 0xA000), (0xF900, 0xFB00), (0x20000, 0x323B0))


def fold(text: str) -> str:
    """A text in the one spelling; folding twice is folding once."""
    seen = _UNSEEN.sub("", unicodedata.normalize("NFKC", text)).casefold()
    letters = _ACCENTS.sub("", unicodedata.normalize("NFKD", seen)).translate(_LETTERS)
    return simplified(_UNSEEN.sub("", unicodedata.normalize("NFKC", letters)))


def simplified(text: str) -> str:
    """Chinese with each traditional character as its simplified one.

    One by one, not by words: 乾 alone and in a name such as 乾隆 is the same, so that a part of a text is
    folded as it is within the whole.
    """
    return text.translate(_simplified_characters())


@lru_cache(maxsize=1)
def _simplified_characters() -> dict[int, str]:
    """By OpenCC's dictionaries; reading them takes 50 ms, so they wait for the first text."""
    import opencc

    characters = [chr(point) for start, end in _IDEOGRAPHS for point in range(start, end)]
    turned = opencc.OpenCC("t2s").convert("\n".join(characters)).split("\n")
    table = {old: new for old, new in zip(characters, turned, strict=True) if old != new}
    # A few lead to a character that has a simplified one of its own.
    return {ord(old): table.get(new, new) for old, new in table.items()}
