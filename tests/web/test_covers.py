"""Covers: always the same picture for a campaign, another one for another, and nothing but a picture."""

from xml.etree import ElementTree as ET

import pytest
from django.test import Client

from django_project.web.covers import cover_svg
from tests.factories import address

CATEGORIES = [
    "technology",
    "design",
    "games",
    "film",
    "music",
    "publishing",
    "food",
    "community",
    "unheard-of",
]
DRAWN = {"svg", "defs", "linearGradient", "stop", "rect", "circle", "g", "path"}
MAX_BYTES = 24_000


@pytest.mark.parametrize("category", CATEGORIES)
def test_a_cover_is_a_small_well_formed_picture(category: str) -> None:
    for number in range(12):
        svg = cover_svg(address(number), category)
        tags = {element.tag.split("}")[1] for element in ET.fromstring(svg).iter()}  # noqa: S314  # our own
        assert tags <= DRAWN
        assert len(svg) < MAX_BYTES
        assert "style=" not in svg


def test_the_same_campaign_always_has_the_same_cover() -> None:
    assert cover_svg(address(1), "food") == cover_svg(address(1), "food")


def test_campaigns_differ_within_a_category_and_between_them() -> None:
    covers = {cover_svg(address(number), category) for number in range(20) for category in CATEGORIES}
    assert len(covers) == 20 * len(CATEGORIES)


@pytest.mark.django_db
def test_a_cover_may_be_kept_for_ever() -> None:
    answer = Client().get(f"/covers/food/0x{address(1).hex()}.svg")
    assert answer["Content-Type"] == "image/svg+xml"
    assert "immutable" in answer["Cache-Control"]
    assert "Set-Cookie" not in answer


@pytest.mark.django_db
@pytest.mark.parametrize(
    "path",
    ["food/0x12.svg", "food/nonsense.svg", "FOOD/0x" + "ab" * 20 + ".svg", "a%22b/0x" + "ab" * 20 + ".svg"],
)
def test_there_is_no_cover_of_nonsense(path: str) -> None:
    assert Client().get(f"/covers/{path}").status_code == 404
