"""The statement for paper: what is written in it can be read there, whatever script it is in."""

import io
import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client
from pypdf import PdfReader

from django_project.web.pdf_fonts import drawable, face_of
from tests.factories import ETHER, World, address, backer_user
from tests.web.conftest import Shop, signed_in

TITLES = {
    "latin": "Čeština ğ ş ą, Ştefan & Łódź",
    "greek and cyrillic": "Ελλάδα, Київ, Ёлка",
    "arabic": "العربية مرحبا 2026 تبرع",
    "persian": "می\u200cخواهم کتاب",
    "hebrew": "עברית שלום",
    "thai": "ที่นี่ กำลัง",
    "hindi": "हिन्दी नेपाल",
    "chinese": "鼓楼夜歌，茶園𠮷野家",
    "japanese": "コーヒーとラーメン",
    "korean": "서울의 커피",
    "pictures": "🎵 🚀 👩\u200d🌾 ⭐",
    "markup": "<b>&amp; <font size=90>x</b> **y** </para>",
}
# What a reader takes out of a document that is set from right to left, or in syllables that are joined.
JOINED = ("arabic", "persian", "hebrew", "hindi", "thai")


def statement(client: Client, language: str = "en") -> PdfReader:
    answer = client.get("/me/receipts.pdf", headers={"Accept-Language": language})
    assert answer.status_code == 200
    return PdfReader(io.BytesIO(answer.content))


def written(document: PdfReader) -> str:
    """All words without spaces; pypdf reads the first byte of some two-byte codes as a NUL."""
    return re.sub(r"[\s\x00]+", "", "".join(page.extract_text() for page in document.pages))


def fonts(document: PdfReader) -> Iterator[Any]:
    for page in document.pages:
        for font in page["/Resources"]["/Font"].values():  # type: ignore[index]
            yield font.get_object()


@pytest.fixture
def world(db: None) -> World:  # noqa: ARG001  # asked for by its effect
    return World()


def test_every_script_is_there_to_be_read(world: World) -> None:
    for number, title in enumerate(TITLES.values()):
        campaign = world.campaign(title=title, publisher=f"P {number}")
        world.contribute(campaign, backer=address(1), amount=ETHER + number)
        world.listing(campaign)
    document = statement(signed_in(backer_user(1)))
    text = written(document)
    for kind, title in TITLES.items():
        if kind in JOINED:
            assert all(letter in text for letter in drawable(title).replace(" ", "") if letter.isalpha()), (
                kind
            )
        else:
            assert drawable(title).replace(" ", "") in text, kind
    assert "U+" not in text
    assert "1.000000000000000011" in text


def test_its_fonts_are_inside_and_only_what_it_needs_of_them(shop: Shop) -> None:
    document = statement(signed_in(backer_user(1)))
    for font in fonts(document):
        descendant = font["/DescendantFonts"][0].get_object()
        descriptor = descendant["/FontDescriptor"].get_object()
        assert {"/FontFile", "/FontFile2", "/FontFile3"} & set(descriptor)
        # A subset: six letters and a plus before the name.
        assert re.fullmatch(r"/[A-Z]{6}\+.+", str(font["/BaseFont"]))
    assert shop.tea.metadata.title in written(document)


def test_a_symbol_is_text_and_not_markup(world: World) -> None:
    token = bytes.fromhex("ab" * 20)
    world.add_token(token, "<b>&", 6)
    campaign = world.campaign(title="A", token=token, goal=10**9)
    world.contribute(campaign, backer=address(1), amount=5 * 10**6)
    world.listing(campaign)
    text = written(statement(signed_in(backer_user(1))))
    assert "Amountsin<b>&" in text
    assert "Inthecampaignatpresent:5<b>&" in text


def test_it_speaks_the_language_of_the_request(shop: Shop) -> None:  # noqa: ARG001  # asked for by its effect
    document = statement(signed_in(backer_user(1)), "zh-hans")
    assert "支持明细" in written(document)
    assert str(document.root_object["/Lang"]) == "zh-hans"
    assert document.metadata is not None
    assert document.metadata.author == "ChainFund"


def test_who_backed_nothing_has_a_statement_that_says_so(db: None) -> None:  # noqa: ARG001  # as above
    assert "Nocontributionsyet." in written(statement(signed_in(backer_user(9))))


def test_a_long_one_numbers_its_pages_and_repeats_its_headings(world: World) -> None:
    campaign = world.campaign(title="Long")
    for number in range(60):
        world.contribute(campaign, backer=address(1), amount=ETHER + number)
    world.listing(campaign)
    document = statement(signed_in(backer_user(1)))
    pages = [page.extract_text() for page in document.pages]
    assert len(pages) > 2
    for number, text in enumerate(pages, start=1):
        assert text.split()[-1] == str(number)
        assert "Block and transaction" in text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("𝓣𝓮𝓻𝓷", "Tern"),
        ("\U00012000", "[U+12000]"),
        ("1️⃣", "1"),
        ("❤️", "❤"),
        ("葛\U000e0100", "葛"),
        ("\u202eevil\u2066", "evil"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("👩\u200d🌾", "👩🌾"),
        ("①㊗", "①㊗"),
    ],
)
def test_what_no_font_has_is_written_in_another_way(text: str, shown: str) -> None:
    assert drawable(text) == shown
    assert all(character.isspace() or face_of(character) for character in drawable(text))
