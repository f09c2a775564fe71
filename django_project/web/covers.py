"""Campaign covers: engraved line art in the manner of banknotes, drawn from the campaign's own address.

The same address and category always give the same picture, so a cover needs no storage, no upload and no
query, and may be cached for ever. The category chooses the family of lines and the range of inks; the
address, through a counter-mode SHA-256 stream, chooses everything else.
"""

import hashlib
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count

WIDTH, HEIGHT = 800, 500


class Dice:
    """Reproducible draws from a seed: 32 bits each from SHA-256 in counter mode."""

    def __init__(self, seed: bytes) -> None:
        self._words = self._stream(seed)

    @staticmethod
    def _stream(seed: bytes) -> Iterator[int]:
        for block in count():
            digest = hashlib.sha256(seed + block.to_bytes(4, "big")).digest()
            yield from (int.from_bytes(digest[at : at + 4], "big") for at in range(0, 32, 4))

    def between(self, low: float, high: float) -> float:
        return low + (high - low) * next(self._words) / 2**32

    def whole(self, low: int, high: int) -> int:
        """A whole number from low to high, both included."""
        return low + next(self._words) % (high - low + 1)


@dataclass(frozen=True)
class Inks:
    """The colours of one cover: ground from `paper` to `shade`, lines in `line`, the accent in `spark`."""

    paper: str
    shade: str
    line: str
    spark: str


# Hue of the ground and of the accent, in degrees, and the families of lines, by category.
_STYLES: dict[str, tuple[int, int, tuple[str, ...]]] = {
    "technology": (222, 168, ("lattice", "moire")),
    "design": (262, 36, ("rosette", "petals")),
    "games": (338, 48, ("moire", "rosette")),
    "film": (14, 200, ("beams", "waves")),
    "music": (284, 338, ("waves", "rosette")),
    "publishing": (38, 212, ("folios", "contours")),
    "food": (84, 24, ("petals", "waves")),
    "community": (164, 44, ("contours", "moire")),
}
# Families that stand upright: a turned grid or spine looks like a mistake.
_UPRIGHT = {"lattice", "folios"}


def _hsl(hue: float, saturation: float, lightness: float) -> str:
    return f"hsl({hue % 360:.0f} {saturation:.0f}% {lightness:.0f}%)"


def _inks(hue: int, spark_hue: int, dice: Dice) -> Inks:
    ground = hue + dice.between(-26, 26)
    spark = spark_hue + dice.between(-10, 10)
    if dice.whole(0, 2) == 0:
        return Inks(
            _hsl(ground, 38, 90), _hsl(ground + 14, 44, 80), _hsl(ground, 52, 30), _hsl(spark, 70, 44)
        )
    return Inks(
        _hsl(ground, 46, 27), _hsl(ground + 18, 50, 16), _hsl(ground + 6, 56, 76), _hsl(spark, 82, 66)
    )


def _path(points: Iterator[tuple[float, float]], *, closed: bool) -> str:
    text = " ".join(f"{x:.0f} {y:.0f}" for x, y in points)
    return f"M{text}{'Z' if closed else ''}"


def _stroke(path: str, colour: str, width: float, opacity: float) -> str:
    return f'<path d="{path}" stroke="{colour}" stroke-width="{width:.1f}" opacity="{opacity:.2f}"/>'


def _rosette(dice: Dice, inks: Inks) -> Iterator[str]:
    """Nested guilloche rings: a circle whose radius swings, turned a little from ring to ring."""
    centre_x, centre_y = dice.between(430, 600), dice.between(190, 310)
    lobes, swing = dice.whole(7, 13), dice.between(0.16, 0.3)
    for ring in range(13):
        radius, turn = 36 + ring * 23, ring * math.pi / lobes / 3
        yield _stroke(
            _path(
                (
                    (
                        centre_x
                        + radius * (1 + swing * math.cos(lobes * angle + turn * lobes)) * math.cos(angle),
                        centre_y
                        + radius * (1 + swing * math.cos(lobes * angle + turn * lobes)) * math.sin(angle),
                    )
                    for angle in (step * math.tau / 150 for step in range(150))
                ),
                closed=True,
            ),
            inks.spark if ring % 5 == 2 else inks.line,
            1.6,
            0.75,
        )


def _waves(dice: Dice, inks: Inks) -> Iterator[str]:
    """Two bands of sines that drift in phase, as on the edge of a note."""
    cycles, beat = dice.between(1.4, 3.2), dice.between(4.5, 8)
    height, middle = dice.between(70, 130), dice.between(200, 300)
    for line in range(22):
        phase, lift = line * 0.21, (line - 11) * dice.between(11, 14)
        yield _stroke(
            _path(
                (
                    (
                        x,
                        middle
                        + lift
                        + height
                        * math.sin(cycles * math.tau * x / WIDTH + phase)
                        * math.cos(math.tau * x / WIDTH * beat / 8),
                    )
                    for x in range(-10, WIDTH + 20, 15)
                ),
                closed=False,
            ),
            inks.spark if line % 7 == 3 else inks.line,
            1.5,
            0.7,
        )


def _lattice(dice: Dice, inks: Inks) -> Iterator[str]:
    """Traces that run along a grid, bend once by 45 degrees and end in a pad."""
    cell = 25
    for trace in range(WIDTH // cell):
        x, y = trace * cell, dice.whole(-4, 10) * cell
        run, bend = dice.whole(3, 8) * cell, dice.whole(1, 4) * cell
        side = 1 if dice.whole(0, 1) else -1
        tail = dice.whole(1, 7) * cell
        end_x, end_y = x + side * bend, y + run + bend + tail
        colour = inks.spark if trace % 7 == 3 else inks.line
        yield _stroke(f"M{x} {y}v{run}l{side * bend} {bend}v{tail}", colour, 2.2, 0.7)
        for pad_x, pad_y in ((x, y), (end_x, end_y)):
            yield f'<circle cx="{pad_x}" cy="{pad_y}" r="6" stroke="{colour}" stroke-width="2.2"/>'


def _folios(dice: Dice, inks: Inks) -> Iterator[str]:
    """An open book seen from its end: leaves that fan out from one spine."""
    spine_x, spine_y = dice.between(340, 480), dice.between(400, 450)
    for leaf in range(34):
        lean = (leaf - 16.5) / 16.5
        reach, lift = spine_x + lean * 430, spine_y - 360 * (1 - abs(lean) ** 1.8) - dice.between(0, 16)
        bend_x, bend_y = spine_x + lean * 60, spine_y - dice.between(190, 250)
        yield _stroke(
            f"M{spine_x:.0f} {spine_y:.0f}Q{bend_x:.0f} {bend_y:.0f} {reach:.0f} {lift:.0f}",
            inks.spark if leaf % 8 == 4 else inks.line,
            1.7,
            0.75,
        )


def _petals(dice: Dice, inks: Inks) -> Iterator[str]:
    """Rose curves laid over each other around one heart."""
    centre_x, centre_y = dice.between(460, 620), dice.between(200, 300)
    petals = dice.whole(4, 8)
    for layer in range(9):
        size, turn = 320 - layer * 32, layer * dice.between(0.05, 0.12)
        yield _stroke(
            _path(
                (
                    (
                        centre_x
                        + size * (0.35 + 0.65 * abs(math.cos(petals * angle / 2))) * math.cos(angle + turn),
                        centre_y
                        + size * (0.35 + 0.65 * abs(math.cos(petals * angle / 2))) * math.sin(angle + turn),
                    )
                    for angle in (step * math.tau / 160 for step in range(160))
                ),
                closed=True,
            ),
            inks.spark if layer % 4 == 1 else inks.line,
            1.7,
            0.75,
        )


def _contours(dice: Dice, inks: Inks) -> Iterator[str]:
    """Lines of a map: rings around two hills, bent by the same slow waves."""
    hills = [
        (dice.between(120, 330), dice.between(150, 380)),
        (dice.between(480, 700), dice.between(120, 360)),
    ]
    bend, phase = dice.whole(2, 4), dice.between(0, math.tau)
    for hill, (centre_x, centre_y) in enumerate(hills):
        for ring in range(11):
            radius = 22 + ring * 22
            yield _stroke(
                _path(
                    (
                        (
                            centre_x
                            + radius
                            * 1.25
                            * (1 + 0.16 * math.sin(bend * a + phase + ring * 0.16))
                            * math.cos(a),
                            centre_y + radius * (1 + 0.2 * math.cos((bend + 1) * a - phase)) * math.sin(a),
                        )
                        for a in (step * math.tau / 80 for step in range(80))
                    ),
                    closed=True,
                ),
                inks.spark if (ring + hill) % 5 == 0 else inks.line,
                1.5,
                0.68,
            )


def _moire(dice: Dice, inks: Inks) -> Iterator[str]:
    """Two families of circles whose crossings make the figure."""
    left, right = dice.between(180, 330), dice.between(450, 640)
    height = dice.between(180, 320)
    gap = dice.between(17, 23)
    for ring in range(1, 20):
        for centre, colour in ((left, inks.line), (right, inks.spark if ring % 3 == 0 else inks.line)):
            yield (
                f'<circle cx="{centre:.0f}" cy="{height:.0f}" r="{ring * gap:.0f}" stroke="{colour}" '
                f'stroke-width="1.6" opacity="0.62"/>'
            )


def _beams(dice: Dice, inks: Inks) -> Iterator[str]:
    """Light from two lamps, and the frames it passes through."""
    lamp_x, lamp_y = dice.between(-60, 60), dice.between(-40, 540)
    other_x, other_y = dice.between(740, 860), dice.between(-40, 540)
    for ray in range(30):
        end = -150 + ray * 28
        yield _stroke(f"M{lamp_x:.0f} {lamp_y:.0f} {WIDTH + 20} {end}", inks.line, 1.4, 0.6)
        if ray % 2:
            yield _stroke(
                f"M{other_x:.0f} {other_y:.0f} -20 {end}",
                inks.spark if ray % 5 == 0 else inks.line,
                1.4,
                0.55,
            )
    for frame in range(4):
        yield (
            f'<rect x="{210 + frame * 105}" y="{170 - frame * 22}" width="{78 + frame * 20}" '
            f'height="{120 + frame * 44}" rx="6" stroke="{inks.spark}" stroke-width="2.4"/>'
        )


_FAMILIES: dict[str, Callable[[Dice, Inks], Iterator[str]]] = {
    "rosette": _rosette,
    "waves": _waves,
    "lattice": _lattice,
    "petals": _petals,
    "contours": _contours,
    "moire": _moire,
    "beams": _beams,
    "folios": _folios,
}


def _style(category: str) -> tuple[int, int, tuple[str, ...]]:
    """The category's style; a category we have not drawn for gets one from its own name."""
    if category in _STYLES:
        return _STYLES[category]
    digest = hashlib.sha256(category.encode()).digest()
    return digest[0] * 360 // 256, digest[1] * 360 // 256, tuple(_FAMILIES)


def cover_svg(address: bytes, category: str) -> str:
    """The cover of the campaign at `address` (20 bytes) as an SVG document of 800 × 500 units."""
    dice = Dice(address)
    hue, spark_hue, families = _style(category)
    family = families[dice.whole(0, len(families) - 1)]
    inks = _inks(hue, spark_hue, dice)
    turn = 0.0 if family in _UPRIGHT else dice.between(-14, 14)
    disc_x, disc_y, disc = dice.between(80, 720), dice.between(60, 440), dice.between(70, 190)
    lines = "".join(_FAMILIES[family](dice, inks))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        'preserveAspectRatio="xMidYMid slice">'
        f'<defs><linearGradient id="g" x1="0" y1="0" x2="1" y2="1"><stop stop-color="{inks.paper}"/>'
        f'<stop offset="1" stop-color="{inks.shade}"/></linearGradient></defs>'
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="url(#g)"/>'
        f'<circle cx="{disc_x:.0f}" cy="{disc_y:.0f}" r="{disc:.0f}" fill="{inks.spark}" opacity="0.22"/>'
        f'<g fill="none" stroke-linejoin="round" stroke-linecap="round" '
        f'transform="rotate({turn:.0f} {WIDTH // 2} {HEIGHT // 2})">{lines}</g>'
        f'<g fill="none" stroke="{inks.spark}" stroke-width="2" opacity="0.9">{_seal(dice)}</g></svg>'
    )


def _seal(dice: Dice) -> str:
    """A small numbered corner, as notes have: bars that spell some of the address's bits."""
    bars = (f'<path d="M{40 + at * 9} {HEIGHT - 40}v-{dice.whole(6, 26)}"/>' for at in range(12))
    return "".join(bars)
