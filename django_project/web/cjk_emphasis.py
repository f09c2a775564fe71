"""Emphasis in texts whose script sets no spaces: in `**「茶」**后面` and `这是**"茶"**文字` it is one.

CommonMark takes asterisks between a sign of punctuation and a letter for no emphasis, since in Western texts
a space stands there. The CJK-friendly amendments to it (section 6.2 of the specification in the repository
tats-u/markdown-cjk-friendly) let a Chinese, Japanese or Korean neighbour stand for the space, and such
punctuation for a letter. Other texts read as before.
"""

import unicodedata

import regex
from markdown_it import MarkdownIt
from markdown_it.common.utils import isMdAsciiPunct, isPunctChar, isWhiteSpace
from markdown_it.parser_inline import ParserInline
from markdown_it.rules_inline.state_inline import Scanned, StateInline
from markdown_it.token import Token
from markdown_it.utils import EnvType

_WIDE = frozenset({"W", "F", "H"})
_HANGUL = regex.compile(r"\p{Script=Hangul}")
_SHOWN_AS_EMOJI = regex.compile(r"\p{Emoji_Presentation}")
_FORM_SELECTOR = regex.compile(r"[\ufe00-\ufe0e]")
_IDEOGRAPHIC_SELECTOR = regex.compile(r"[\U000e0100-\U000e01ef]")
# With U+FE01 they are the full-width forms of quotation marks.
_QUOTES_OF_ANY_WIDTH, _FULL_WIDTH = "‘’“”", "\ufe01"


def is_cjk(character: str) -> bool:
    """A character of Chinese, Japanese or Korean, its punctuation among them."""
    is_wide = unicodedata.east_asian_width(character) in _WIDE and not _SHOWN_AS_EMOJI.match(character)
    return is_wide or _HANGUL.match(character) is not None


def _is_punctuation(character: str) -> bool:
    return isMdAsciiPunct(ord(character)) or isPunctChar(character)


class _State(StateInline):
    def scanDelims(self, start: int, canSplitWord: bool) -> Scanned:  # noqa: N802, N803  # the library's names
        """Whether a run of markers can open and close emphasis (left- and right-flanking)."""
        marker, end = self.src[start], start
        while end < self.posMax and self.src[end] == marker:
            end += 1
        # The beginning and the end of a line count as space.
        before = self._before(start) or " "
        after = self.src[end] if end < self.posMax else " "
        is_space_before, is_space_after = isWhiteSpace(ord(before[0])), isWhiteSpace(ord(after))
        is_cjk_before = is_cjk(before[0]) or before[0] + before[1:] in _FULL_WIDTH_QUOTES
        is_cjk_before = is_cjk_before or _IDEOGRAPHIC_SELECTOR.match(before[0]) is not None
        is_mark_before, is_mark_after = _is_punctuation(before[0]), _is_punctuation(after)
        is_other_mark_before = is_mark_before and not is_cjk_before
        is_other_mark_after = is_mark_after and not is_cjk(after)
        is_left = not is_space_after and (
            not is_other_mark_after or is_space_before or is_other_mark_before or is_cjk_before
        )
        is_right = not is_space_before and (
            not is_other_mark_before or is_space_after or is_other_mark_after or is_cjk(after)
        )
        return Scanned(
            is_left and (canSplitWord or not is_right or is_mark_before),
            is_right and (canSplitWord or not is_left or is_mark_after),
            end - start,
        )

    def _before(self, start: int) -> str:
        """The character before a run, with the selector of its form if it has one."""
        if start >= 2 and _FORM_SELECTOR.match(self.src[start - 1]):
            return self.src[start - 2 : start]
        return self.src[max(start - 1, 0) : start]


_FULL_WIDTH_QUOTES = frozenset(f"{quote}{_FULL_WIDTH}" for quote in _QUOTES_OF_ANY_WIDTH)


class _Parser(ParserInline):
    def parse(self, src: str, md: MarkdownIt, env: EnvType, tokens: list[Token]) -> list[Token]:
        state = _State(src, md, env, tokens)
        self.tokenize(state)
        for rule in self.ruler2.getRules(""):
            rule(state)
        return state.tokens


def cjk_friendly_emphasis(parser: MarkdownIt) -> None:
    """A plugin of markdown-it; rules and options stay as they are."""
    inline = _Parser()
    inline.ruler, inline.ruler2 = parser.inline.ruler, parser.inline.ruler2
    parser.inline = inline
