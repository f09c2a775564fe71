"""Two questions for newcomers, and the home page's first list, which follows the answers."""

import re

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from django_project.campaigns.models import Category
from django_project.catalog import cache_generation
from django_project.discovery import answers, exploration
from django_project.discovery.models import ModelVersion, Visitor
from django_project.web import shared_pages
from tests.factories import address, backer_user
from tests.rankings import publish, rank, score_newcomers
from tests.support.markup import flat
from tests.web.conftest import Shop, signed_in
from tests.web.test_pages import MAX_QUERIES
from tests.web.test_shop import titles_in

LIST = "/#recommended-title"
INVITATION = "Answer two questions and this list follows."
TRAINING = "this list follows with the next training"


@pytest.fixture(autouse=True)
def _without_exploring(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exploration, "EPSILON", 0.0)


@pytest.fixture
def version(shop: Shop) -> ModelVersion:
    """Everybody's list begins with honey; whoever cares about technology or reads Chinese is for tea."""
    honey, tea = shop.launched(shop.honey), shop.launched(shop.tea)
    version = publish()
    rank(version, "", [honey, tea])
    score_newcomers(version, "", "", {honey: 0.4, tea: 0.1})
    score_newcomers(version, "category", "technology", {honey: 0.0, tea: 0.9})
    score_newcomers(version, "category", "food", {honey: 0.2, tea: 0.0})
    score_newcomers(version, "language", "zh-hans", {honey: 0.0, tea: 0.7})
    return version


def answering(language: str = "en", **chosen: list[str]) -> Client:
    """A browser in which the questions were answered."""
    client = Client(headers={"Accept-Language": language})
    assert client.post("/interests/", chosen)["Location"] == LIST
    return client


def recommended(client: Client) -> str:
    """The first list of the home page, with what is said of it."""
    page = client.get("/").content.decode()
    found = re.search(r'<section [^>]*aria-labelledby="recommended-title".*?</section>', page, re.DOTALL)
    assert found
    return flat(found[0])


def checked(page: str) -> list[str]:
    return re.findall(r'value="([\w-]+)" checked', flat(page))


@pytest.mark.usefixtures("version")
@pytest.mark.parametrize(
    ("language", "heading", "told"),
    [
        ("en", "From your answers", ["Technology", "Food", "简体中文"]),
        ("zh-hans", "根据你的回答", ["科技", "饮食", "简体中文"]),
    ],
)
def test_the_first_list_follows_the_answers_and_names_them(
    language: str, heading: str, told: list[str], shop: Shop
) -> None:
    for slug, english, chinese in (("technology", "Technology", "科技"), ("food", "Food", "饮食")):
        Category.objects.filter(slug=slug).update(name_en=english, name_zh_hans=chinese)
    stranger = recommended(Client(headers={"Accept-Language": language}))
    assert titles_in(stranger)[:2] == [shop.honey.metadata.title, shop.tea.metadata.title]
    client = answering(language, categories=["technology", "food"], languages=["zh-hans"])
    text = recommended(client)
    assert titles_in(text)[:2] == [shop.tea.metadata.title, shop.honey.metadata.title]
    assert f">{heading}</h2>" in text
    assert text.count(heading) == 3  # and on each of the two cards
    assert sorted(re.findall(r'<li class="chip"[^>]*>([^<]+)</li>', text)) == sorted(told)
    assert '<li class="chip" lang="zh-hans">简体中文</li>' in text
    assert 'href="/interests/"' in text
    assert 'name="forget"' in text
    for word in ("backers like you", "Recommended for you", "Popular now", INVITATION, TRAINING):
        assert word not in text


@pytest.mark.usefixtures("version")
def test_everybodys_list_invites_to_answer() -> None:
    text = recommended(Client())
    assert "Popular now" in text
    assert f'<a class="text-link" href="/interests/">{INVITATION}</a>' in text
    assert "From your answers" not in text
    assert 'name="forget"' not in text
    newcomer = signed_in(backer_user(9))
    assert INVITATION in recommended(newcomer)
    newcomer.post("/interests/", {"categories": ["technology"]})
    assert "From your answers" in recommended(newcomer)


def test_a_list_of_ones_own_neither_asks_nor_follows(shop: Shop, version: ModelVersion) -> None:
    honey, tea = shop.launched(shop.honey), shop.launched(shop.tea)
    rank(version, "0x" + address(9).hex(), [honey, tea], "trending")
    backer = signed_in(backer_user(9))
    for _ in ("asked", "answered"):
        text = recommended(backer)
        assert "Recommended for you" in text
        assert titles_in(text) == [shop.honey.metadata.title, shop.tea.metadata.title]
        for word in ("From your answers", INVITATION, "Forget my answers", TRAINING):
            assert word not in text
        backer.post("/interests/", {"categories": ["technology"]})


def test_answers_are_changed_and_forgotten(version: ModelVersion, shop: Shop) -> None:
    client = answering(categories=["technology"])
    assert checked(client.get("/interests/").content.decode()) == ["technology"]
    client.post("/interests/", {"categories": ["food"], "languages": ["en", "zh-hans"]})
    assert checked(client.get("/interests/").content.decode()) == ["food", "en", "zh-hans"]
    # 0.4 + 0.2 against 0.1 + 0.7 / 2.
    assert titles_in(recommended(client))[0] == shop.honey.metadata.title
    reply = client.post("/interests/", {"forget": "true", "categories": ["technology"]})
    assert reply["Location"] == LIST
    assert client.cookies[answers.COOKIE].value == ""
    assert "Popular now" in recommended(client)
    page = client.get("/interests/").content.decode()
    assert checked(page) == []
    assert "Forget my answers" not in page
    assert version.newcomer_scores.count() == 8


@pytest.mark.usefixtures("shop")
@pytest.mark.parametrize(
    ("sent", "field", "words"),
    [
        ({}, "form", "Choose at least one category or one language."),
        ({"categories": [""], "languages": []}, "categories", "There is no such category here any more."),
        ({"categories": ["gone", "food"]}, "categories", "There is no such category here any more."),
        ({"categories": ["food\0"]}, "categories", "There is no such category here any more."),
        ({"languages": ["fr"], "categories": ["food"]}, "languages", "Choose from the list."),
    ],
)
def test_what_cannot_be_taken_is_told_beside_the_form_and_written_nowhere(
    sent: dict[str, list[str]], field: str, words: str
) -> None:
    client = answering(categories=["games"])
    before = client.cookies[answers.COOKIE].value
    reply = client.post("/interests/", sent)
    page = flat(reply.content.decode())
    assert reply.status_code == 422
    assert re.search(rf'id="{field}-error".*?{words}', page)
    assert f'aria-describedby="{field}-error"' in page
    assert client.cookies[answers.COOKIE].value == before
    assert answers.COOKIE not in reply.cookies
    assert checked(page) == (["food"] if "food" in sent.get("categories", []) else [])


@pytest.mark.usefixtures("shop")
def test_more_categories_than_a_cookie_holds_are_refused() -> None:
    for number in range(answers.CATEGORIES_MOST + 1):
        Category.objects.create(slug=f"c{number}", name_en="C", name_zh_hans="C", icon="bowl")
    slugs = [f"c{number}" for number in range(answers.CATEGORIES_MOST + 1)]
    reply = Client().post("/interests/", {"categories": slugs})
    assert reply.status_code == 422
    assert "Choose at most 20 categories." in reply.content.decode()
    assert len(checked(answering(categories=slugs[:-1]).get("/interests/").content.decode())) == 20


def test_categories_with_open_campaigns_come_first(shop: Shop) -> None:
    Category.objects.update(position=2)
    Category.objects.filter(slug="games").update(position=1)
    Category.objects.create(slug="music", name_en="Music", name_zh_hans="音乐", icon="bowl", position=0)
    cache_generation.end()
    page = Client().get("/interests/").content.decode()
    # No campaign of games is open, and there is none of music at all.
    assert re.findall(r'name="categories"\s+value="(\w+)"', page) == ["food", "technology", "music", "games"]
    assert shop.bench.metadata.category.slug == "games"


@pytest.mark.usefixtures("shop")
def test_until_the_next_training_both_pages_say_so_and_no_list_is_empty() -> None:
    client = answering(categories=["technology"])
    page = client.get("/interests/").content.decode()
    assert "There is no order by answers yet." in page
    text = recommended(client)
    assert "Popular now" in text
    assert TRAINING in text
    assert INVITATION not in text
    assert "Forget my answers" in text
    assert titles_in(text)


@pytest.mark.usefixtures("version")
def test_once_there_is_an_order_by_answers_nothing_is_said_of_trainings() -> None:
    client = answering(categories=["technology"])
    assert "There is no order by answers yet." not in client.get("/interests/").content.decode()


@pytest.mark.usefixtures("version")
def test_answers_are_in_no_page_but_their_givers(shop: Shop) -> None:
    """Whoever comes first, and however often: neither is one's list handed out, nor everybody's to them."""
    technician, cook = answering(categories=["technology"]), answering(categories=["food"])
    for _ in range(2):
        assert titles_in(recommended(technician))[0] == shop.tea.metadata.title
        for reader in (Client(), cook):
            text = recommended(reader)
            assert titles_in(text)[0] == shop.honey.metadata.title
            assert "Technology" not in re.findall(r'<li class="chip"[^>]*>([^<]+)<', text)
        assert "From your answers" not in recommended(Client())
        assert 'class="chip">' in recommended(cook)
        assert "From your answers" in recommended(cook)
        cache_generation.end()


@pytest.mark.usefixtures("version")
def test_a_page_from_answers_is_neither_kept_nor_taken_from_what_is_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    client = answering(languages=["zh-hans"])
    Client().get("/")
    monkeypatch.setattr(shared_pages, "_made", lambda *_: pytest.fail("this page is nobody else's"))
    reply = client.get("/")
    assert "From your answers" in reply.content.decode()
    # Nobody between site and browser may take it for everybody's either.
    consenting = Client()
    consenting.post("/consent/", {"granted": "true"})
    assert "Cookie" in reply["Vary"]
    for header in ("Vary", "Cache-Control"):
        assert reply.get(header) == consenting.get("/").get(header)


@pytest.mark.usefixtures("version")
def test_a_forged_cookie_is_a_strangers(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    Client().get("/")
    forger = Client()
    forger.cookies[answers.COOKIE] = "technology|zh-hans:1abcde:forged"
    with django_assert_num_queries(0):
        text = recommended(forger)
    assert INVITATION in text


@pytest.mark.usefixtures("version")
def test_answers_make_no_row_and_need_no_consent() -> None:
    client = answering(categories=["technology"])
    assert not Visitor.objects.exists()
    assert 'data-consent="unasked"' in client.get("/").content.decode()


@pytest.mark.usefixtures("version")
@pytest.mark.parametrize("url", ["/", "/interests/"])
def test_a_page_for_somebody_who_answered_needs_few_queries(
    url: str, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    client = answering(categories=["technology"], languages=["en"])
    client.get(url)
    with django_assert_max_num_queries(MAX_QUERIES):
        client.get(url)


@pytest.mark.usefixtures("version")
def test_the_api_takes_answers_or_goes_by_the_browsers(shop: Shop) -> None:
    def first(client: Client, query: str = "") -> tuple[str, str, bool]:
        told = client.get(f"/api/v1/rankings?{query}").json()
        best = told["results"][0]
        return best["campaign"]["title"], best["reason"], told["is_personal"]

    tea, honey = shop.tea.metadata.title, shop.honey.metadata.title
    assert first(Client()) == (honey, "popular", False)
    assert first(Client(), "category=technology") == (tea, "answers", True)
    assert first(Client(), "category=food&category=technology") == (tea, "answers", True)
    assert first(Client(), "category=food") == (honey, "answers", True)
    assert first(Client(), "language=zh-hans") == (tea, "answers", True)
    browser = answering(categories=["technology"])
    assert first(browser) == (tea, "answers", True)
    assert first(browser, "category=food") == (honey, "answers", True)
