"""An interpretation drawn: the map of the factors, the biases, the neighbours.

Pictures hold titles and numbers but no words of ours, so that one set serves every language of the site.
"""

import io
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from matplotlib import font_manager
from matplotlib.figure import Figure
from matplotlib.ft2font import FT2Font
from matplotlib.transforms import Bbox

from recommender.data.dataset import Floats
from recommender.ranking.interpretation import Interpretation, Item, Neighbour

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FONTS = (
    "DejaVu Sans", "Noto Sans CJK SC", "Noto Sans CJK JP", "Source Han Sans SC", "Noto Sans SC",
    "WenQuanYi Zen Hei", "PingFang SC", "Microsoft YaHei",
)  # fmt: skip
"""Those the machine has are used, each character from the first that has it."""
DRAWN_TITLE = 28
LABEL_PLACES = (((4, 4), "left"), ((4, -4), "left"), ((-4, 4), "right"), ((-4, -4), "right"))
"""Points to the side and up, and where a title is held."""
HIGH, LOW, MATCHED = "#1a7f5a", "#b3452c", "#8a6d1a"


def draw(found: Interpretation) -> dict[str, bytes]:
    """PNGs by name: `factors`, `biases`, `neighbours`."""
    figures = {"factors": _factors(found), "biases": _biases(found), "neighbours": _neighbours(found)}
    return {name: _png(figure) for name, figure in figures.items()}


def drawable(title: str) -> str:
    """The title without what no font here has, cut short; a dollar begins no formula."""
    kept = "".join(c for c in title if c.isprintable() and _has_glyph(c)).strip()
    short = kept if len(kept) <= DRAWN_TITLE else kept[: DRAWN_TITLE - 1].rstrip() + "…"
    return short.replace("$", r"\$")


@lru_cache(maxsize=1)
def _fonts() -> dict[str, FT2Font]:
    """Those of FONTS that are installed."""
    files = {font.name: font.fname for font in font_manager.fontManager.ttflist}
    return {name: FT2Font(files[name]) for name in FONTS if name in files}


@lru_cache(maxsize=4096)
def _has_glyph(character: str) -> bool:
    return any(font.get_char_index(ord(character)) for font in _fonts().values())


def _factors(found: Interpretation) -> Figure:
    figure = Figure(figsize=(11, 8), layout="constrained")
    axes = figure.subplots()
    x, y = (np.array([place[axis] for place in found.places]) for axis in (1, 2))
    axes.scatter(x, y, s=14, color=HIGH, alpha=0.7)
    axes.axhline(0, color="grey", linewidth=0.5)
    axes.axvline(0, color="grey", linewidth=0.5)
    axes.margins(x=0.15, y=0.06)
    axes.set_xlabel(f"PC 1 ({found.components[0].share:.0%})")
    axes.set_ylabel(f"PC 2 ({found.components[1].share:.0%})")
    axes.spines[["top", "right"]].set_visible(False)
    figure.draw_without_rendering()
    _label(axes, [drawable(item.title) for item, *_ in found.places], np.stack([x, y], 1))
    return figure


def _biases(found: Interpretation) -> Figure:
    groups = ((found.highest[::-1], HIGH), (found.lowest, LOW), (found.matched_but_low, MATCHED))
    figure = Figure(figsize=(10, 9.5), layout="constrained")
    for axes, (items, colour) in zip(figure.subplots(3, 1, sharex=True), groups, strict=True):
        _bars(axes, items, [item.bias for item in items], colour, "{:+.2f}")
    return figure


def _neighbours(found: Interpretation) -> Figure:
    rows = len(found.likenesses)
    figure = Figure(figsize=(12, 1.55 * rows + 0.5), layout="constrained")
    for panels, likeness in zip(figure.subplots(rows, 2, squeeze=False), found.likenesses, strict=True):
        sides = ((likeness.by_distance, "‖a − b‖", LOW), (likeness.by_cosine, "cos", HIGH))
        for axes, (near, measure, colour) in zip(panels, sides, strict=True):
            _near(axes, near, colour)
            _text_of(axes, f"{drawable(likeness.item.title)}   {measure}")
    return figure


def _near(axes: "Axes", near: Sequence[Neighbour], colour: str) -> None:
    backwards = near[::-1]
    _bars(axes, [each.item for each in backwards], [each.value for each in backwards], colour, "{:.2f}")


def _bars(axes: "Axes", items: Sequence[Item], values: Sequence[float], colour: str, form: str) -> None:
    places = np.arange(len(items))
    axes.barh(places, values, color=colour, height=0.6)
    axes.set_yticks(places, [drawable(item.title) for item in items], fontfamily=list(_fonts()), fontsize=8)
    for place, value in zip(places, values, strict=True):
        gap, side = (3, "left") if value >= 0 else (-3, "right")
        axes.annotate(
            form.format(value), (value, place), (gap, 0), textcoords="offset points",
            va="center", ha=side, fontsize=7,
        )  # fmt: skip
    axes.margins(x=0.12)
    axes.axvline(0, color="grey", linewidth=0.5)
    axes.spines[["top", "right"]].set_visible(False)


def _label(axes: "Axes", titles: Sequence[str], points: Floats) -> None:
    """Titles beside their points where there is room; the first ones, which most have rated, choose first."""
    taken: list[Bbox] = []
    for title, point in zip(titles, points, strict=True):
        for offset, side in LABEL_PLACES:
            label = axes.annotate(
                title, (point[0], point[1]), offset, textcoords="offset points", ha=side, va="center",
                fontsize=7, fontfamily=list(_fonts()),
            )  # fmt: skip
            box = label.get_window_extent()
            if box.count_overlaps(taken) == 0:
                taken.append(box)
                break
            label.remove()


def _text_of(axes: "Axes", text: str) -> None:
    axes.set_title(text, fontsize=9, loc="left", fontfamily=list(_fonts()))


def _png(figure: Figure) -> bytes:
    picture = io.BytesIO()
    figure.savefig(picture, format="png", dpi=110)
    return picture.getvalue()
