"""What a shared link shows: the card's words, and a picture that every title fits into."""

import html
import io
import re
from dataclasses import replace
from datetime import timedelta

import pytest
from django.conf import LazySettings
from django.test import Client
from PIL import Image, ImageFont
from pytest_django import DjangoAssertNumQueries

from django_project.accounts.models import User
from django_project.campaigns.selectors import campaign_detail
from django_project.community import moderation
from django_project.core import rate_limits
from django_project.core.rate_limits import Limit
from django_project.web import share_picture, typesetting
from django_project.web.share_picture import CampaignState, campaign_picture, short_amount, state_of
from tests.factories import ETHER, World, address
from tests.web.conftest import Shop

STATE = CampaignState(
    title="Honey from eight roofs",
    category="Food",
    publisher="by Roof Apiary",
    raised="6 ETH",
    goal="of 10 ETH",
    percent=60,
    foot="60% · 3 backers",
    has_ended_badly=False,
    seed=address(1),
)
TITLES = {
    "short": "Honey",
    "long": "An encyclopaedia of everyday repairs, from hubs to zips: " + "forty illustrated booklets " * 3,
    "one word": "W" * 120,
    "chinese": "半坡春茶：四十亩老丛，人工除草" * 8,
    "right to left": "كتاب عن النحل في المدينة 2026",
    "turned around": "\u202eecin \u2066ton",
    "emoji": "Bees \U0001f41d\U0001f36f and \U0001f469\u200d\U0001f33e",
    "only emoji": "\U0001f41d\U0001f36f",
    "accents": "e\u0301" * 120,
}


def opened(png: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(png))
    assert image.format == "PNG"
    return image.convert("RGB")


def cards_of(url: str, language: str = "en") -> dict[str, str]:
    text = Client(headers={"Accept-Language": language}).get(url).content.decode()
    pairs = re.findall(r'<meta (?:property|name)="((?:og|twitter):[a-z:_]+)" content="([^"]*)">', text)
    assert len(pairs) == len(dict(pairs))
    return {name: html.unescape(content) for name, content in pairs}


def test_a_campaigns_card(shop: Shop, settings: LazySettings) -> None:
    settings.SITE_URL = "https://chainfund.example"
    card = cards_of(f"/campaigns/{shop.honey.slug}/")
    assert card["og:title"] == card["twitter:title"] == "Honey from eight roofs"
    assert card["og:description"] == "Bees above the tram depot"
    assert card["og:url"] == f"https://chainfund.example/campaigns/{shop.honey.slug}/"
    assert card["twitter:card"] == "summary_large_image"
    origin, path = card["og:image"][:25], card["og:image"][25:]
    assert origin == "https://chainfund.example"
    answer = Client().get(path)
    assert answer["Content-Type"] == "image/png"
    assert opened(answer.content).size == (1200, 630)


def test_the_pictures_address_changes_with_the_standing(shop: Shop) -> None:
    url = f"/campaigns/{shop.honey.slug}/"
    before = cards_of(url)["og:image"]
    assert cards_of(url)["og:image"] == before
    shop.world.contribute(shop.launched(shop.honey), backer=address(9), amount=ETHER)
    assert cards_of(url)["og:image"] != before


@pytest.mark.usefixtures("shop")
@pytest.mark.parametrize(("language", "locale"), [("en", "en_US"), ("zh-hans", "zh_CN")])
def test_other_pages_have_the_sites_card(language: str, locale: str) -> None:
    for url in ("/", "/explore/?category=food", "/about/rankings/"):
        card = cards_of(url, language)
        assert card["og:locale"] == locale
        assert card["og:title"]
        assert card["og:image"].endswith(f"/card-{language}.png")
    assert opened(Client().get(f"/card-{language}.png").content).size == (1200, 630)


@pytest.mark.django_db
def test_a_card_is_text_whatever_the_title_is() -> None:
    world = World()
    title = '"><script>alert(1)</script>'
    listing = world.listing(world.campaign(title=title, tagline=title))
    text = Client().get(f"/campaigns/{listing.slug}/").content.decode()
    assert "<script>alert" not in text
    assert cards_of(f"/campaigns/{listing.slug}/")["og:title"] == title


def test_pages_of_one_person_have_no_card(backer: Client) -> None:
    for url in ("/me/", "/me/settings/", "/nothing/"):
        assert "og:image" not in backer.get(url).content.decode()


def test_a_picture_is_drawn_once_and_sent_once(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    drawn = []

    def counted(state: CampaignState, fallback: str) -> bytes:
        drawn.append(state)
        return campaign_picture(state, fallback)

    monkeypatch.setattr(share_picture, "campaign_picture", counted)
    url = f"/campaigns/{shop.honey.slug}/card.png"
    with django_assert_num_queries(1):
        first = Client().get(url)
    assert Client().get(url).content == first.content
    assert len(drawn) == 1
    assert first["Cross-Origin-Resource-Policy"] == "cross-origin"
    assert "Set-Cookie" not in first
    again = Client().get(url, headers={"If-None-Match": first["ETag"]})
    assert (again.status_code, again.content, again["ETag"]) == (304, b"", first["ETag"])
    shop.world.contribute(shop.launched(shop.honey), backer=address(9), amount=ETHER)
    changed = Client().get(url, headers={"If-None-Match": first["ETag"]})
    assert changed.status_code == 200
    assert len(drawn) == 2


def test_there_is_no_picture_of_what_is_hidden(shop: Shop) -> None:
    moderation.hide(shop.honey, actor=User.objects.create_superuser("moderator"), reason="copied")
    assert Client().get(f"/campaigns/{shop.honey.slug}/card.png").status_code == 404
    assert Client().get("/card-fr.png").status_code == 404


def test_drawing_is_limited_and_handing_out_is_not(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rate_limits, "PICTURE", Limit("test-picture", 1, timedelta(hours=1)))
    kept = f"/campaigns/{shop.honey.slug}/card.png"
    assert Client().get(kept).status_code == 200
    assert Client().get(kept).status_code == 200
    refused = Client().get(f"/campaigns/{shop.clock.slug}/card.png")
    assert refused.status_code == 429
    assert int(refused["Retry-After"]) > 3000


def test_a_chinese_campaign_has_chinese_words_where_a_font_draws_them(shop: Shop) -> None:
    state = state_of(campaign_detail(shop.tea.slug).card)
    assert state.raised == "1,250.5 TUSD"
    if typesetting.is_whole("目标"):
        assert (state.goal, state.category) == ("目标 5,000 TUSD", "科技")
    else:
        assert (state.goal, state.category) == ("of 5,000 TUSD", "Technology")


def test_without_a_chinese_font_the_words_are_english_and_the_title_an_address(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(typesetting, "installed", lambda: (typesetting.BUILT_IN,))
    state = state_of(campaign_detail(shop.tea.slug).card)
    assert state.goal == "of 5,000 TUSD"
    assert campaign_picture(state, "0x1234…abcd") == campaign_picture(replace(state, title="0x1234…abcd"), "")


@pytest.mark.parametrize("kind", TITLES)
def test_every_title_stays_inside_the_margins(kind: str) -> None:
    image = opened(campaign_picture(replace(STATE, title=TITLES[kind]), "0x1234…abcd"))
    ink = image.convert("L").point(lambda value: 255 if value < 90 else 0)
    box = ink.getbbox()
    assert box is not None
    left, top, right, bottom = box
    assert left >= 66
    assert top >= 50
    assert right <= 1200 - 66
    assert bottom <= 606


@pytest.mark.parametrize("kind", TITLES)
def test_lines_fit_and_lose_nothing_but_the_end(kind: str) -> None:
    source, kept = typesetting.drawable(TITLES[kind])
    font = typesetting.load(source, 50)
    whole, is_whole = typesetting.lines(kept, font, 600, 1000)
    assert is_whole
    assert "".join(whole).replace(" ", "") == kept.replace(" ", "")
    found, _ = typesetting.lines(kept, font, 600, 2)
    assert len(found) <= 2
    assert all(typesetting.width(line, font) <= 600 for line in [*whole, *found])


def test_words_are_not_cut_and_punctuation_starts_no_line() -> None:
    source, kept = typesetting.drawable("one two three four five six seven")
    font = typesetting.load(source, 50)
    assert typesetting.cut(kept, font, 500) in {
        "one two…",
        "one two three…",
        "one two three four…",
        "one two three four five…",
    }
    lines, _ = typesetting.lines("茶，" * 40, typesetting.load(typesetting.drawable("茶，")[0], 50), 330, 99)
    assert all(not line.startswith("，") for line in lines)


def test_what_no_font_draws_is_left_out() -> None:
    assert typesetting.drawable("Bees \U0001f41d hum")[1] == "Bees hum"
    assert typesetting.drawable("a\u202eb\u2066c\x07d")[1] == "abcd"
    assert not typesetting.is_whole("\U0001f41d")
    assert isinstance(typesetting.load(typesetting.BUILT_IN, 20), ImageFont.FreeTypeFont)


@pytest.mark.parametrize(
    ("exact", "shown"),
    [
        ("6.000000000000000021", "≈ 6"),
        ("1,250.5", "1,250.5"),
        ("0.00000001", "0.00000001"),
        ("0.123456", "≈ 0.1234"),
        ("10", "10"),
    ],
)
def test_amounts_are_short_and_never_too_much(exact: str, shown: str) -> None:
    assert short_amount(exact) == shown
