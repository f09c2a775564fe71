"""What people type finds what they mean, in whatever script and spelling either was written."""

import pytest
from django.http import QueryDict
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import DjangoAssertNumQueries

from django_project.campaigns import services, text_index
from django_project.campaigns.models import Metadata
from django_project.catalog import search
from django_project.catalog.selectors import ExploreFilters, ExploreResult, explore
from django_project.core.folding import fold
from tasks.engagement.tasks import settle
from tests.factories import World

pytestmark = pytest.mark.django_db


@pytest.fixture
def world() -> World:
    return World()


def titles(result: ExploreResult) -> list[str]:
    return [card.title for card in result.cards]


@pytest.mark.parametrize(
    ("title", "query"),
    [
        ("半坡茶园", "茶園"),
        ("半坡茶園", "茶园"),
        ("機械鍵盤", "机械键盘"),
        ("机械键盘", "機械鍵盤"),
        ("鼓楼夜歌", "歌"),
        ("鼓楼夜歌", "楼夜"),
        ("鼓樓夜歌", "鼓楼"),
        ("乾隆年间的瓷器", "乾隆"),
        ("乾隆年间的瓷器", "乾"),
        ("后来的我们", "後來"),
        ("面条与麵包", "面包"),
        ("豈有此理", "岂有"),  # a compatibility ideograph
        ("𠮷野家的饭", "𠮷野家"),
        ("𠮷野家的饭", "𠮷"),
        ("人々の歌", "人々"),
        ("〇〇七", "〇"),
        ("Tern 46", "Ｔｅｒｎ ４６"),
        ("Ｔｅｒｎ ４６", "tern 46"),
        ("𝓣𝓮𝓻𝓷 atlas", "tern"),
        ("Seaside ferries", "sea\u00adside"),
        ("Café de nuit", "cafe"),
        ("Cafe de nuit", "café"),
        ("Café de nuit", "CAFE\u0301"),
        ("Łódź ferries", "lodz"),
        ("Die Straße", "strasse"),
        ("Die STRASSE", "straße"),
        ("ﬁre and ﬂour", "fire flour"),
        ("İstanbul", "istanbul"),
        ("Ægir", "aegir"),
        ("Ёлка", "елка"),
        ("Ελλάς", "ΕΛΛΑΣ"),
        ("コーヒーの本", "ｺｰﾋｰ"),
        ("ｶﾞﾗｽの街", "ガラス"),
        ("コーヒーの本", "ヒー"),
        ("서울의 커피를", "커피"),
        ("서울의 커피를", "서울"),
        ("กาแฟโบราณ", "โบราณ"),
        ("مُحَمَّد", "محمد"),
        ("می\u200cخواهم", "میخواهم"),
        ("A radio 🎵 for the yard", "🎵"),
        ("A radio 🎵 for the yard", "🎵 radio"),
        ("❤️ soup", "❤"),
        ("Web3播客", "web3 播客"),
        ("Web3播客", "播客web3"),
    ],
)
def test_a_spelling_makes_no_difference(title: str, query: str, world: World) -> None:
    world.campaign(title="Bread ovens 面粉")
    world.listing(world.campaign(title=title))
    result = explore(ExploreFilters(query=query))
    assert titles(result) == [title]
    assert not result.is_misspelt


@pytest.mark.parametrize(
    ("story", "query"),
    [
        ("Sea\u00adside ferries", "seaside"),
        ("Sea\u200bside ferries", "seaside"),
        ("鼓楼\u200b夜歌", "楼夜"),
        ("\u2066Ferries\u2069", "ferry"),
        ("Fer\ufeffries", "ferries"),
    ],
)
def test_what_is_not_seen_in_a_text_does_not_hide_its_words(story: str, query: str, world: World) -> None:
    world.listing(world.campaign(title="A", story=story))
    assert explore(ExploreFilters(query=query)).total == 1


@pytest.mark.parametrize(
    ("title", "query"),
    [
        ("鼓楼夜歌", "歌夜"),
        ("鼓楼夜歌", "楼歌"),
        ("コーヒーの本", "ーコ"),
        ("서울의 커피를", "피커"),
        ("กาแฟโบราณ", "กก"),
        ("ガラス", "カラス"),
        ("A radio 🎵 for the yard", "🎸"),
        ("茶园", "茶圆"),
    ],
)
def test_another_order_or_sound_is_another_word(title: str, query: str, world: World) -> None:
    world.listing(world.campaign(title=title))
    assert explore(ExploreFilters(query=query)).total == 0


TITLE = "鼓樓夜歌與𠮷野家的研究生命起源コーヒー서울의กำลัง"


def test_whatever_part_of_a_name_is_typed_finds_it(world: World) -> None:
    """Parts of a few lengths from everywhere, through words of the dictionary and across them."""
    world.listing(world.campaign(title=TITLE))
    folded = fold(TITLE)
    parts = {folded[start : start + length] for length in (1, 2, 3, 5) for start in range(len(folded))}
    lost = [part for part in parts if not _begins_with_a_mark(part) and not search.matches(part)]
    # A part that cuts a letter from its mark is another letter.
    assert [part for part in lost if "ก" not in part and "\u0e25" not in part] == []


def _begins_with_a_mark(part: str) -> bool:
    return not text_index.CHARACTER.match(part)  # what the module takes for a character


@given(st.text(max_size=40))
def test_folding_twice_is_folding_once(text: str) -> None:
    assert fold(fold(text)) == fold(text)


@given(st.text(max_size=20), st.text(max_size=20))
def test_a_query_of_any_text_is_a_query(before: str, after: str) -> None:
    search.query(f"{before}茶{after}")


@pytest.mark.parametrize("query", ["\u200b", "\u00ad", "\u3164", "\u202e", "\u2800", " \u3000 "])
def test_what_nobody_sees_is_not_searched_for(query: str, world: World) -> None:
    world.listing(world.campaign())
    assert explore(ExploreFilters.from_query(_data(query))).total == 1


def _data(query: str) -> QueryDict:
    data = QueryDict(mutable=True)
    data["q"] = query
    return data


def test_a_word_in_the_title_stands_before_one_in_the_story(world: World) -> None:
    world.campaign(title="山上的房子", story="夜里有人唱歌，歌声很远。" * 5)
    world.campaign(title="夜歌", story="房子")
    world.listing(world.campaign(title="房子与山", tagline="夜里的歌"))
    assert titles(explore(ExploreFilters(query="歌"))) == ["夜歌", "房子与山", "山上的房子"]


def test_texts_of_an_older_version_are_indexed_anew_by_the_worker(
    world: World, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    listing = world.listing(world.campaign(title="鼓楼夜歌"))
    Metadata.objects.update(search=None, index_edition=0, title="\u202e鼓楼\u200b夜歌", publisher="\u3164")
    assert not search.matches("夜")
    settle()
    metadata = Metadata.objects.get(pk=listing.metadata_id)
    assert (metadata.title, metadata.publisher, metadata.index_edition) == (
        "鼓楼夜歌",
        services.NAMELESS,
        text_index.INDEX_EDITION,
    )
    assert search.matches("歌")
    with django_assert_num_queries(1):
        assert services.index_anew() == 0
