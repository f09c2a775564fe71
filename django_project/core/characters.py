"""What of a text is seen: characters without a glyph, marks of direction and piles of accents told apart.

A name that nobody sees, or one that turns the line around it, is somebody else's name beside other people's
money. Where a text is written here it is held to `hidden_character` and its neighbours; what comes from a
chain or out of a document that is bound to one cannot be refused, and is shown by `seen`.
"""

import itertools
import unicodedata
from collections.abc import Iterator

import idna
import regex

# What scripts stack on one letter (UTS 39, section 5.4); more would be drawn over other lines.
MARKS_MOST = 4
# Scripts whose letters take at most two marks beside those that a composed letter has already.
PLAIN_MARKS_MOST = 2

_ZWNJ, _ZWJ = "\u200c", "\u200d"
_JOINERS = (_ZWNJ, _ZWJ)
_LEFTWARDS = frozenset({"R", "AL", "AN"})
_FIRST_STRONG_ISOLATE, _POP_ISOLATE = "\u2068", "\u2069"
_BIDI_CONTROL = regex.compile(r"\p{Bidi_Control}")
# Without a glyph, or with an empty one: an empty Braille pattern and fillers of Hangul are letters and signs.
_HIDDEN = regex.compile(r"[\p{Default_Ignorable_Code_Point}\p{Cc}\p{Cf}\p{Co}\p{Cn}\p{Cs}\p{Zl}\p{Zp}\u2800]")
_VISIBLE = regex.compile(r"[\p{L}\p{N}\p{P}\p{S}]")
_PICTURE = regex.compile(r"[\p{Extended_Pictographic}\p{Emoji_Modifier}\p{Regional_Indicator}\ufe0f\u20e3]")
# Of a flag of a part of a country: England, Scotland, Wales, the only ones in use (RGI_Emoji_Tag_Sequence).
_FLAG_TAGS = regex.compile(
    "(?<=\U0001f3f4)\U000e0067\U000e0062(?:\U000e0065\U000e006e\U000e0067|\U000e0073\U000e0063\U000e0074|\U000e0077\U000e006c\U000e0073)\U000e007f"
)
_CHOOSES_FORM = regex.compile(r"[\ufe00-\ufe0f\U000e0100-\U000e01ef]")
_HAN = regex.compile(r"\p{Script=Han}")
_TAKES_PICTURE_FORM = regex.compile(r"[\p{Emoji}]")
_MONGOLIAN = regex.compile(r"\p{Script=Mongolian}")
_MONGOLIAN_FORM = regex.compile(r"[\u180b-\u180f]")
_PILE = regex.compile(r"[\p{Mn}\p{Me}]{2,}")
_PLAIN_SCRIPT = regex.compile(r"[\p{Script=Latin}\p{Script=Greek}\p{Script=Cyrillic}\p{Script=Common}]")


def is_visible(text: str) -> bool:
    """Whether some letter, digit or sign of a text is drawn."""
    return any(_VISIBLE.match(character) and not _HIDDEN.match(character) for character in text)


def bidi_control(text: str) -> int | None:
    """Where the first mark of direction stands; None without one (UAX 9)."""
    return next((found.start() for found in _BIDI_CONTROL.finditer(text)), None)


def hidden_character(text: str) -> int | None:
    """Where the first character stands that is not seen and that its place does not ask for; None without.

    Joiners between letters that join or between pictures, forms chosen for a picture or an ideograph, and
    tags of the three flags are asked for.
    """
    return next(_hidden(text), None)


def pile_of_marks(text: str) -> int | None:
    """Where the first letter stands with more marks than a script has, or one twice; None without one."""
    for found in _PILE.finditer(text):
        if _capped(found) != found[0]:
            return max(found.start() - 1, 0)
    return None


def seen(text: str) -> str:
    """One line of a stranger's text as it may be shown: without what hides, turns around or piles up.

    Empty when nothing of it is seen.
    """
    line = " ".join(unicodedata.normalize("NFC", text).split())
    hidden = set(_hidden(line))
    kept = "".join(character for place, character in enumerate(line) if place not in hidden)
    return " ".join(_PILE.sub(_capped, kept).split()) if is_visible(kept) else ""


def isolated(text: str) -> str:
    """A stranger's words within a sentence: those that run to the left take nothing of it along (UAX 9)."""
    if any(unicodedata.bidirectional(character) in _LEFTWARDS for character in text):
        return f"{_FIRST_STRONG_ISOLATE}{text}{_POP_ISOLATE}"
    return text


def _capped(found: "regex.Match[str]") -> str:
    """As many of a letter's marks as its script stacks, each once in a row."""
    start = found.start()
    is_plain = start == 0 or _PLAIN_SCRIPT.match(found.string[start - 1]) is not None
    marks = [mark for mark, _ in itertools.groupby(found[0])]
    return "".join(marks[: PLAIN_MARKS_MOST if is_plain else MARKS_MOST])


def _hidden(text: str) -> Iterator[int]:
    flags = {place for found in _FLAG_TAGS.finditer(text) for place in range(*found.span())}
    for place, character in enumerate(text):
        if _HIDDEN.match(character) and place not in flags and not _is_asked_for(text, place):
            yield place


def _is_asked_for(text: str, place: int) -> bool:
    character = text[place]
    before = text[place - 1] if place else ""
    if character in _JOINERS:
        return _joins_pictures(text, place) or _joins_letters(text, place)
    if _CHOOSES_FORM.match(character) and before:
        if character in "\ufe0e\ufe0f":
            return _TAKES_PICTURE_FORM.match(before) is not None
        return _HAN.match(before) is not None
    return bool(_MONGOLIAN_FORM.match(character) and before and _MONGOLIAN.match(before))


def _joins_pictures(text: str, place: int) -> bool:
    around = text[place - 1 : place] + text[place + 1 : place + 2]
    return text[place] == _ZWJ and len(around) == 2 and all(map(_PICTURE.match, around))


def _joins_letters(text: str, place: int) -> bool:
    """By the rules for domain names (RFC 5892, appendix A): after a virama, or between joining letters.

    Persian writes a joiner also before a letter that would join, and Arabic shows a form by one at the end.
    """
    try:
        return idna.valid_contextj(text, place)
    except ValueError:
        return False
