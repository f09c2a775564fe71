"""Text for drawn pictures: a font that has the glyphs, lines that fit, and an end that is cut well.

Fonts are those of the machine (docs/architecture.md names the packages). Each text is set in the first font
that has all of its characters, else in the one that lacks the fewest; what no chosen font can draw (emoji,
mostly) is left out instead of becoming an empty box.
"""

import unicodedata
from collections.abc import Iterator
from functools import lru_cache

from PIL import ImageFont

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont

# (file, face in the file), looked for wherever the system keeps fonts; Chinese ones draw Latin as well.
FONT_FILES: tuple[tuple[str, int], ...] = (
    ("NotoSansCJK-Bold.ttc", 2),
    ("NotoSansCJKsc-Bold.otf", 0),
    ("NotoSansSC-Bold.otf", 0),
    ("SourceHanSansSC-Bold.otf", 0),
    ("wqy-zenhei.ttc", 0),
    ("PingFang.ttc", 0),
    ("msyhbd.ttc", 0),
    ("DejaVuSans-Bold.ttf", 0),
    ("NotoSans-Bold.ttf", 0),
    ("LiberationSans-Bold.ttf", 0),
)
# The one inside Pillow, for machines without any: Latin only.
BUILT_IN = ("", 0)

ELLIPSIS = "…"
# Belongs to no character of any script: what a font shows for it, it shows for whatever it lacks.
_NOWHERE = "\U0010ffff"
_PROBE_SIZE = 24
# Joiners that Arabic and Indic scripts need; all other invisible controls could turn a text around.
_JOINERS = "\u200c\u200d"
_NEVER_FIRST = "，。、！？；：…—·」』）》】”’%,.!?;:)]}"
_NEVER_LAST = "「『（《【“‘([{"


@lru_cache(maxsize=1)
def installed() -> tuple[tuple[str, int], ...]:
    """The fonts of FONT_FILES that this machine has, and the built-in one."""
    found = []
    for name, face in FONT_FILES:
        try:
            ImageFont.truetype(name, _PROBE_SIZE, index=face)
        except OSError:
            continue
        found.append((name, face))
    return (*found, BUILT_IN)


@lru_cache(maxsize=64)
def load(source: tuple[str, int], size: int) -> Font:
    name, face = source
    return ImageFont.truetype(name, size, index=face) if name else ImageFont.load_default(size)


@lru_cache(maxsize=8192)
def has_glyph(source: tuple[str, int], character: str) -> bool:
    """Whether the font draws the character as something else than its sign for "not here"."""
    if character.isspace() or character in _JOINERS:
        return True
    font = load(source, _PROBE_SIZE)
    drawn, missing = font.getmask(character), font.getmask(_NOWHERE)
    return (drawn.size, bytes(drawn)) != (missing.size, bytes(missing))


def plain(text: str) -> str:
    """One line without controls, unassigned characters and what would turn the reading direction around."""
    kept = (c for c in text if c.isspace() or c in _JOINERS or unicodedata.category(c)[0] != "C")
    return " ".join("".join(kept).split())


def drawable(text: str) -> tuple[tuple[str, int], str]:
    """The font for a text, and the text without what that font lacks."""
    text = plain(text)
    lacks = {source: sum(not has_glyph(source, c) for c in text) for source in installed()}
    source = min(lacks, key=lacks.__getitem__)
    return source, plain("".join(c for c in text if has_glyph(source, c)))


def is_whole(text: str) -> bool:
    """Whether some font has every character of a text."""
    return drawable(text)[1] == plain(text)


def is_right_to_left(text: str) -> bool:
    """Whether the first letter with a direction runs to the left (UAX #9, rules P2 and P3)."""
    for character in text:
        direction = unicodedata.bidirectional(character)
        if direction in ("L", "R", "AL"):
            return direction != "L"
    return False


def direction(text: str, font: Font) -> str | None:
    """For Pillow: a font without Raqm's layout takes none, and sets characters in the order of storage."""
    if not isinstance(font, ImageFont.FreeTypeFont) or font.layout_engine != ImageFont.Layout.RAQM:
        return None
    return "rtl" if is_right_to_left(text) else "ltr"


def width(text: str, font: Font) -> float:
    if isinstance(font, ImageFont.ImageFont):
        return font.getlength(text)
    return font.getlength(text, direction=direction(text, font))


def lines(text: str, font: Font, limit: float, most: int) -> tuple[list[str], bool]:
    """At most `most` lines no wider than `limit` pixels, and whether that was the whole text."""
    found: list[str] = []
    line = ""
    for unit in _units(text, font, limit):
        if line and width((line + unit).rstrip(), font) > limit:
            found.append(line.rstrip())
            line = unit.lstrip()
        else:
            line += unit
    found.append(line.rstrip())
    if len(found) <= most:
        return found, True
    return [*found[: most - 1], _ended(found[most - 1], font, limit)], False


def cut(text: str, font: Font, limit: float) -> str:
    """The beginning of a text that fits with an ellipsis; the whole text when it fits by itself."""
    return text if width(text, font) <= limit else _ended(text, font, limit)


def _ended(text: str, font: Font, limit: float) -> str:
    """As much of a text as fits with an ellipsis, to the end of a word unless that is the first one."""
    units = list(_units(text, font, limit))
    while len(units) > 1 and width(_closed("".join(units)), font) > limit:
        units.pop()
    kept = "".join(units)
    while kept and width(_closed(kept), font) > limit:
        kept = kept[:-1]
    return _closed(kept)


def _closed(text: str) -> str:
    return text.rstrip(f" {_NEVER_LAST}{_NEVER_FIRST}") + ELLIPSIS


def _units(text: str, font: Font, limit: float) -> Iterator[str]:
    """The pieces between which a line may end; a word wider than a line is broken."""
    unit = ""
    for character in text:
        if unit and may_break(unit[-1], character):
            yield unit
            unit = ""
        if not unicodedata.combining(character) and width(unit + character, font) > limit:
            yield unit
            unit = ""
        unit += character
    if unit:
        yield unit


def may_break(before: str, after: str) -> bool:
    """Whether a line may end between two characters."""
    if after in _NEVER_FIRST or before in _NEVER_LAST or unicodedata.combining(after):
        return False
    return before == " " or _is_wide(before) or _is_wide(after)


def _is_wide(character: str) -> bool:
    return unicodedata.east_asian_width(character) in "WF"
