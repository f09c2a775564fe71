"""The picture that a shared link shows: a campaign's title, how far it is, and nothing from elsewhere.

1200 × 630 pixels, as OpenGraph and Twitter cards ask for, in the campaign's own language. Nothing in
it changes by itself (such as the time left), so the same state is always the same picture.
"""

import hashlib
import io
import math
from dataclasses import astuple, dataclass

from django.utils.translation import gettext as _
from django.utils.translation import ngettext, override
from PIL import Image, ImageDraw

from django_project.campaigns.selectors import CampaignCard
from django_project.web import typesetting
from django_project.web.covers import Dice
from django_project.web.labels import STATUS

WIDTH, HEIGHT = 1200, 630
# Part of every digest: raise it when the drawing changes, so that nobody keeps an old picture.
EDITION = 1
CONTENT_TYPE = "image/png"

_SCALE = 2  # drawn larger and scaled down: smooth edges
_COLOURS = 160
_MARGIN = 72
_TEXT_WIDTH = WIDTH - 2 * _MARGIN
# (font size, lines it may take) for the title: the first that holds all of it, else the last, cut.
_TITLE_SIZES = ((84, 2), (68, 3), (52, 4))
# The same for the amounts: what was raised, and the goal.
_AMOUNT_SIZES = ((56, 34), (46, 28), (36, 24), (28, 20))
_GAP = 16
_TITLE_MIDDLE = 258
_LONGEST_FRACTION = 4

_PAPER, _SHADE, _LINE = (249, 252, 250), (232, 243, 238), (214, 231, 223)
_INK, _QUIET = (19, 38, 33), (72, 92, 86)
_SPRUCE, _MARIGOLD, _TRACK, _ENDED = (12, 88, 68), (243, 178, 61), (208, 224, 217), (128, 142, 137)


@dataclass(frozen=True, slots=True)
class CampaignState:
    """All that a campaign's picture depends on."""

    title: str
    category: str
    publisher: str
    raised: str
    goal: str
    percent: int
    foot: str
    has_ended_badly: bool
    seed: bytes

    @property
    def digest(self) -> str:
        """The same for the same picture (and the same fonts)."""
        content = repr((EDITION, typesetting.installed(), astuple(self)))
        return hashlib.sha256(content.encode(errors="backslashreplace")).hexdigest()[:32]


def state_of(card: CampaignCard) -> CampaignState:
    """A card's words in the campaign's language; in English where no font of this machine draws that."""
    state = _state(card, card.language)
    words = f"{state.category}{state.raised}{state.goal}{state.foot}"
    return state if typesetting.is_whole(words) else _state(card, "en")


def _state(card: CampaignCard, language: str) -> CampaignState:
    with override(language):
        backers = ngettext("%(count)d backer", "%(count)d backers", card.backers) % {"count": card.backers}
        foot = [f"{card.percent_text}%", backers]
        if not card.is_open:
            foot.append(str(STATUS[card.state]))
        if card.network_label:
            foot.append(card.network_label)
        return CampaignState(
            title=card.title,
            category=card.category.name,
            publisher=_("by %(name)s") % {"name": card.publisher},
            raised=f"{short_amount(card.raised_text)} {card.token_symbol}" if card.token else "",
            goal=_("of %(goal)s %(symbol)s")
            % {"goal": short_amount(card.goal_text), "symbol": card.token_symbol}
            if card.token
            else "",
            percent=card.percent,
            foot=" · ".join(foot),
            has_ended_badly=card.status in ("failed", "cancelled", "wind-down", "expired"),
            seed=card.key[1],
        )


def short_amount(text: str) -> str:
    """An exact decimal for a picture: "6.000000000000000021" -> "≈ 6", always rounded down."""
    whole, _point, fraction = text.partition(".")
    kept = fraction[:_LONGEST_FRACTION].rstrip("0")
    if len(fraction) <= _LONGEST_FRACTION or (whole == "0" and not kept):
        return text
    return f"≈ {whole}.{kept}" if kept else f"≈ {whole}"


class _Canvas:
    """Draws in the picture's own units, whatever it is enlarged by."""

    def __init__(self) -> None:
        self.image = Image.new("RGB", (WIDTH * _SCALE, HEIGHT * _SCALE), _PAPER)
        self.draw = ImageDraw.Draw(self.image)

    def bar(self, box: tuple[float, float, float, float], colour: tuple[int, int, int]) -> None:
        scaled = [edge * _SCALE for edge in box]
        self.draw.rounded_rectangle(scaled, radius=(scaled[3] - scaled[1]) / 2, fill=colour)

    def ring(self, box: tuple[float, float, float, float], colour: tuple[int, int, int]) -> None:
        scaled = [edge * _SCALE for edge in box]
        radius = (scaled[3] - scaled[1]) / 2
        self.draw.rounded_rectangle(scaled, radius=radius, outline=colour, width=5 * _SCALE)

    def curve(self, points: list[tuple[float, float]], colour: tuple[int, int, int]) -> None:
        scaled = [(x * _SCALE, y * _SCALE) for x, y in points]
        self.draw.line(scaled, fill=colour, width=2 * _SCALE, joint="curve")

    def text(self, text: str, baseline: float, size: int, colour: tuple[int, int, int], *, x: float) -> float:
        """One line, cut at the margin; says where it ends. Right-to-left text stands at the right."""
        source, kept = typesetting.drawable(text)
        font = typesetting.load(source, size * _SCALE)
        room = (WIDTH - _MARGIN - x) * _SCALE
        line = typesetting.cut(kept, font, room)
        taken = typesetting.width(line, font)
        left = x * _SCALE + (room - taken if typesetting.is_right_to_left(line) else 0)
        self.draw.text(
            (left, baseline * _SCALE),
            line,
            font=font,
            fill=colour,
            anchor="ls",
            direction=typesetting.direction(line, font),
        )
        return x + taken / _SCALE

    def png(self) -> bytes:
        small = self.image.resize((WIDTH, HEIGHT), Image.Resampling.LANCZOS)
        buffer = io.BytesIO()
        small.quantize(_COLOURS, method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE).save(
            buffer, "PNG", optimize=True
        )
        return buffer.getvalue()


def campaign_picture(state: CampaignState, fallback_title: str) -> bytes:
    """PNG of a campaign's state; `fallback_title` stands in for a title of which nothing can be drawn."""
    canvas = _Canvas()
    _rosette(canvas, Dice(state.seed))
    _wordmark(canvas, state.category)
    bottom = _title(canvas, state.title, fallback_title)
    canvas.text(state.publisher, bottom + 52, 28, _QUIET, x=_MARGIN)
    _amounts(canvas, state)
    canvas.bar((_MARGIN, 528, WIDTH - _MARGIN, 550), _TRACK)
    if state.percent > 0:
        filled = max(22.0, _TEXT_WIDTH * min(state.percent, 100) / 100)
        canvas.bar((_MARGIN, 528, _MARGIN + filled, 550), _colour_of(state))
    canvas.text(state.foot, 594, 30, _QUIET, x=_MARGIN)
    return canvas.png()


def site_picture(language: str) -> bytes:
    """PNG for the pages that are nobody's campaign."""
    canvas = _Canvas()
    _rosette(canvas, Dice(b"ChainFund"))
    _wordmark(canvas, "")
    with override(language):
        title = _("Back work you believe in. Check every payment.")
    if not typesetting.is_whole(title):
        with override("en"):
            title = _("Back work you believe in. Check every payment.")
    _title(canvas, title, title)
    canvas.bar((_MARGIN, 528, WIDTH - _MARGIN, 550), _TRACK)
    canvas.bar((_MARGIN, 528, _MARGIN + _TEXT_WIDTH * 0.62, 550), _SPRUCE)
    return canvas.png()


def _amounts(canvas: _Canvas, state: CampaignState) -> None:
    """What was raised and the goal on one line, as large as both fit."""
    for size, small in _AMOUNT_SIZES:
        ends = (_width(state.raised, size), _width(state.goal, small))
        if sum(ends) + _GAP <= _TEXT_WIDTH:
            break
    canvas.text(state.raised, 506, size, _INK, x=_MARGIN)
    left = _MARGIN + ends[0] + _GAP
    if left < WIDTH - _MARGIN - _GAP:
        canvas.text(state.goal, 506, small, _QUIET, x=left)


def _width(text: str, size: int) -> float:
    source, kept = typesetting.drawable(text)
    return typesetting.width(kept, typesetting.load(source, size * _SCALE)) / _SCALE


def _colour_of(state: CampaignState) -> tuple[int, int, int]:
    if state.has_ended_badly:
        return _ENDED
    return _MARIGOLD if state.percent >= 100 else _SPRUCE


def _title(canvas: _Canvas, title: str, fallback: str) -> float:
    """The title about the middle of its space, as large as it fits; says where its last line ends."""
    source, kept = typesetting.drawable(title)
    if not kept:
        source, kept = typesetting.drawable(fallback)
    for size, most in _TITLE_SIZES:
        font = typesetting.load(source, size * _SCALE)
        lines, is_whole = typesetting.lines(kept, font, _TEXT_WIDTH * _SCALE, most)
        if is_whole:
            break
    step = size * 1.22
    baseline = _TITLE_MIDDLE - step * len(lines) / 2 + size
    for line in lines:
        canvas.text(line, baseline, size, _INK, x=_MARGIN)
        baseline += step
    return baseline - step


def _wordmark(canvas: _Canvas, category: str) -> None:
    """Two links of a chain and the name, as in the site's header; the category beside them."""
    canvas.ring((_MARGIN, 56, _MARGIN + 40, 82), _SPRUCE)
    canvas.ring((_MARGIN + 22, 72, _MARGIN + 62, 98), _MARIGOLD)
    end = canvas.text("ChainFund", 90, 36, _INK, x=_MARGIN + 78)
    if category:
        canvas.text(f"· {category}", 90, 30, _QUIET, x=end + 14)


def _rosette(canvas: _Canvas, dice: Dice) -> None:
    """Guilloche rings in the corner, the campaign's own, too pale to disturb the words above them."""
    centre_x, centre_y = dice.between(960, 1110), dice.between(60, 170)
    lobes, swing = dice.whole(7, 13), dice.between(0.12, 0.24)
    for ring in range(15):
        radius, turn = 30 + ring * 26, ring * math.pi / lobes / 3
        steps = (step * math.tau / 240 for step in range(241))
        points = [
            (
                centre_x + radius * (1 + swing * math.cos(lobes * (angle + turn))) * math.cos(angle),
                centre_y + radius * (1 + swing * math.cos(lobes * (angle + turn))) * math.sin(angle),
            )
            for angle in steps
        ]
        canvas.curve(points, _LINE if ring % 4 == 2 else _SHADE)
