"""An interpretation as one HTML page that needs nothing else: no script, no file beside it, no network."""

import base64
from collections.abc import Iterable, Iterator, Mapping, Sequence
from html import escape

from recommender.ranking.interpretation import Interpretation, Item, Neighbour

_STYLE = (
    "body{font:16px/1.5 system-ui,'Noto Sans CJK SC','PingFang SC','Microsoft YaHei',sans-serif;"
    "max-width:70rem;margin:2rem auto;padding:0 1rem;color:#222}"
    "img{max-width:100%;height:auto}table{border-collapse:collapse;margin:1rem 0}"
    "th,td{padding:.2rem .8rem;border-bottom:1px solid #ddd;text-align:left}"
    "td.number,th.number{text-align:right;font-variant-numeric:tabular-nums}"
)


def page(run_id: str, found: Interpretation, pictures: Mapping[str, bytes]) -> str:
    """The page; `pictures` are PNGs by name, see `interpretation_pictures`."""
    body = "\n".join(_body(run_id, found, pictures))
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(run_id)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n{body}\n</body>\n</html>\n"
    )


def _body(run_id: str, found: Interpretation, pictures: Mapping[str, bytes]) -> Iterator[str]:
    yield f"<h1>{escape(run_id)}</h1>"
    yield (
        f"<p>What {escape(found.model)} has learnt from the ratings of {found.users:,} people for "
        f"{found.items:,} items. A rating is {escape(found.rating)}.</p>"
    )
    yield "<h2>Directions of taste</h2>"
    yield (
        "<p>The first two principal components of the items’ factors: items that stand together are rated "
        "alike by the same people. What a direction means is for the reader to say; its sign says nothing."
        "</p>"
    )
    yield _picture("factors", "The most rated items on the first two components", pictures)
    for number, component in enumerate(found.components, 1):
        ends = _pairs(component.lowest, component.highest)
        yield _table(
            [f"Component {number}, {component.share:.0%} of the variance: one end", "the other end"],
            [[escape(low), escape(high)] for low, high in ends],
        )
    yield "<h2>Biases</h2>"
    yield (
        "<p>How well an item is rated whoever rates it, in logits above the mean item. An item can have a "
        "low bias though it matches the tastes of those who rated it: they expected to like it and did not."
        "</p>"
    )
    yield _picture("biases", "Highest biases, lowest biases, and low ones in spite of a good match", pictures)
    for title, items in (
        ("Highest", found.highest),
        ("Lowest", found.lowest),
        ("Low, yet well matched", found.matched_but_low),
    ):
        yield _table([title, "bias", "match", "mean rating", "ratings"], [_item(item) for item in items])
    yield "<h2>Nearest neighbours</h2>"
    yield (
        "<p>By distance, items must be liked as strongly as well as by the same people; by cosine, by the "
        "same people alone.</p>"
    )
    yield _picture("neighbours", "The nearest neighbours of the most rated items", pictures)
    for likeness in found.likenesses:
        near = zip(likeness.by_distance, likeness.by_cosine, strict=True)
        yield _table(
            [escape(likeness.item.title) + ": by distance", "", "by cosine", ""],
            [[*_neighbour(one), *_neighbour(other)] for one, other in near],
            is_escaped=True,
        )


def _pairs(lowest: Iterable[Item], highest: Iterable[Item]) -> list[tuple[str, str]]:
    return [(low.title, high.title) for low, high in zip(lowest, highest, strict=True)]


def _item(item: Item) -> list[str]:
    return [
        escape(item.title),
        f"{item.bias:+.2f}",
        f"{item.match:+.2f}",
        f"{item.mean_rating:.2f}",
        f"{item.ratings:,}",
    ]


def _neighbour(each: Neighbour) -> list[str]:
    return [escape(each.item.title), f"{each.value:.2f}"]


def _picture(name: str, alternative: str, pictures: Mapping[str, bytes]) -> str:
    content = base64.b64encode(pictures[name]).decode()
    return f'<p><img alt="{escape(alternative)}" src="data:image/png;base64,{content}"></p>'


def _table(head: Sequence[str], rows: Sequence[Sequence[str]], *, is_escaped: bool = False) -> str:
    """The first cell of a row is a title; cells are escaped already, and heads where it says so."""
    heads = "".join(f"<th>{each if is_escaped else escape(each)}</th>" for each in head)
    lines = "".join(
        "<tr>" + "".join(f"<td{_number(cell)}>{cell}</td>" for cell in row) + "</tr>" for row in rows
    )
    return f"<table><thead><tr>{heads}</tr></thead><tbody>{lines}</tbody></table>"


def _number(cell: str) -> str:
    return ' class="number"' if cell.lstrip("+-−").replace(".", "").replace(",", "").isdecimal() else ""
