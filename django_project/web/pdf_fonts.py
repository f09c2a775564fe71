"""Fonts for documents on paper: for every character one that draws it, put into the document.

Noto's, as the packages `manimgx-fonts` and `noto-cjk-sans-otc` bring them (SIL Open Font License): alphabets,
Arabic, Hebrew, Thai, the scripts of India and their neighbours, Chinese, Japanese and Korean, symbols, emoji
in black and white. A document holds only the glyphs that it uses.
"""

import logging
import unicodedata
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import regex
from fontTools.ttLib import TTFont
from fpdf import FPDF

from django_project.core.characters import seen

# It tells of each table of each font that it cuts.
logging.getLogger("fontTools").setLevel(logging.WARNING)


class Face(NamedTuple):
    """A font of a file; collections have several."""

    name: str
    path: Path
    number: int


MAIN = "NotoSans"
# The simplified Chinese one of the collection; it has the ideographs of all others as well.
CJK_COLLECTION, CJK_NUMBER = "NotoSansCJK-Regular.ttc", 2
# What draws nothing by itself and only chooses a form, and the frame around a digit: 1️⃣ is set as 1.
_FORMS = regex.compile(r"[\ufe00-\ufe0f\u20e3\U000e0100-\U000e01ef]")
_BETWEEN_PICTURES = regex.compile(r"(?<=[\p{Extended_Pictographic}\p{Emoji_Modifier}])\u200d")


def _folder(package: str) -> Path:
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise RuntimeError(f"The fonts of the package {package} are not installed: run `make setup`")
    return Path(spec.origin).parent


@lru_cache(maxsize=1)
def faces() -> tuple[Face, ...]:
    """The main font first, then those of single scripts, Chinese, and pictures last."""
    files = {path.name.partition("[")[0]: path for path in _folder("manimgx_fonts").glob("Noto*.ttf")}
    emoji = files.pop("NotoEmoji")
    scripts = sorted(name for name in files if name not in (MAIN, f"{MAIN}-Italic"))
    return (
        Face(MAIN, files[MAIN], 0),
        *(Face(name, files[name], 0) for name in scripts),
        Face("NotoSansCJK", _folder("noto_cjk_sans_otc") / CJK_COLLECTION, CJK_NUMBER),
        Face("NotoEmoji", emoji, 0),
    )


@lru_cache(maxsize=64)
def _covered(face: Face) -> frozenset[int]:
    """The code points that a face draws; the largest takes half a second to read."""
    with TTFont(face.path, fontNumber=face.number, lazy=True) as font:
        return frozenset(font.getBestCmap())


@lru_cache(maxsize=4096)
def face_of(character: str) -> Face | None:
    """The first face that draws a character."""
    return next((face for face in faces() if ord(character) in _covered(face)), None)


def drawable(text: str) -> str:
    """A line of text in characters that some face draws.

    A character that none does is set in its compatibility form, else as its code point: nothing is left out.
    """
    line = _BETWEEN_PICTURES.sub("", _FORMS.sub("", seen(text)))
    return "".join(map(_drawable, line))


def _drawable(character: str) -> str:
    if character.isspace() or face_of(character):
        return character
    plain = unicodedata.normalize("NFKC", character)
    if plain != character and all(map(face_of, plain)):
        return plain
    return f"[U+{ord(character):04X}]"


def use_fonts(document: FPDF, text: str) -> None:
    """Give a document the main face and those that a text needs, shaped as its scripts ask for."""
    needed = {face_of(character) for character in set(text)}
    fallbacks = []
    for face in faces():
        if face.name == MAIN or face in needed:
            document.add_font(face.name, "", face.path, collection_font_number=face.number)
            if face.name != MAIN:
                fallbacks.append(face.name)
    document.set_fallback_fonts(fallbacks, exact_match=False)
    document.set_text_shaping(use_shaping_engine=True)
