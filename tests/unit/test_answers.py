"""The cookie that keeps a newcomer's answers: what it takes, and what it takes no notice of."""

from http.cookies import Morsel

import pytest
from django.conf import LazySettings
from django.core.signing import get_cookie_signer
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory

from django_project.campaigns.models import Category
from django_project.catalog import cache_generation
from django_project.discovery import answers
from django_project.discovery.answers import Answers

pytestmark = pytest.mark.django_db

BOTH = Answers(("food", "a-b_9"), ("en", "zh-hans"))


@pytest.fixture(autouse=True)
def _categories() -> None:
    for position, slug in enumerate(("food", "games", "a-b_9")):
        Category.objects.create(slug=slug, name_en=slug, name_zh_hans=slug, icon="bowl", position=position)


def kept(chosen: Answers) -> "Morsel[str]":
    response = HttpResponse()
    answers.remember(response, chosen)
    return response.cookies[answers.COOKIE]


def with_cookie(value: str) -> HttpRequest:
    request = RequestFactory().get("/")
    request.COOKIES[answers.COOKIE] = value
    return request


def signed(value: str, salt: str = "chainfund.answers") -> str:
    return get_cookie_signer(salt=answers.COOKIE + salt).sign(value)


@pytest.mark.parametrize("chosen", [BOTH, Answers(("games",), ()), Answers((), ("zh-hans",))])
def test_what_was_answered_comes_back(chosen: Answers) -> None:
    assert answers.read(with_cookie(kept(chosen).value)) == chosen


def test_nobody_but_the_site_reads_it_for_a_year(settings: LazySettings) -> None:
    settings.SESSION_COOKIE_SECURE = True
    cookie = kept(BOTH)
    assert (cookie["httponly"], cookie["samesite"], cookie["secure"]) == (True, "Lax", True)
    assert (cookie["max-age"], cookie["path"], cookie["domain"]) == (31_536_000, "/", "")
    settings.SESSION_COOKIE_SECURE = False
    assert not kept(BOTH)["secure"]


def test_the_longest_answer_is_one_that_browsers_keep() -> None:
    slugs = tuple(f"{number:050}" for number in range(answers.CATEGORIES_MOST))
    cookie = kept(Answers(slugs, ("en", "zh-hans")))
    assert len(cookie.OutputString()) < 4096
    # Nothing of it has to be quoted.
    assert cookie.value == cookie.coded_value


def test_forgetting_drops_it() -> None:
    response = HttpResponse()
    answers.forget(response)
    cookie = response.cookies[answers.COOKIE]
    assert (cookie.value, cookie["max-age"], cookie["path"], cookie["samesite"]) == ("", 0, "/", "Lax")
    assert answers.read(RequestFactory().get("/")) is None


@pytest.mark.parametrize(
    "value",
    [
        "",
        "food|en",
        "x" * 5000,
        "\udcff",
        "food|en:1:2",
    ],
)
def test_a_cookie_of_anybody_elses_making_is_no_answer(value: str) -> None:
    assert answers.read(with_cookie(value)) is None


def test_a_signature_holds_for_the_whole_answer_and_for_nothing_else() -> None:
    good = signed("food|en")
    assert answers.read(with_cookie(good)) == Answers(("food",), ("en",))
    assert answers.read(with_cookie(good.replace("food", "games"))) is None
    assert answers.read(with_cookie(good[:-1])) is None
    assert answers.read(with_cookie(signed("food|en", salt="chainfund.consent"))) is None


@pytest.mark.parametrize("value", ["|", "en|food", "gone|fr", "..|..", "refused", "food.en"[::-1], "FOOD|EN"])
def test_what_the_site_has_not_is_no_answer(value: str) -> None:
    assert answers.read(with_cookie(signed(value))) is None


@pytest.mark.parametrize("value", ["food.gone.food|fr.en", "food|en|zh-hans.x", "games.food|en"])
def test_what_the_site_has_is_kept_of_an_old_cookie(value: str) -> None:
    found = answers.read(with_cookie(signed(value)))
    assert found is not None
    assert "food" in found.categories
    assert set(found.categories) <= {"food", "games"}
    assert len(set(found.categories)) == len(found.categories)
    assert set(found.languages) <= {"en"}


def test_a_category_that_is_gone_is_left_out() -> None:
    cookie = kept(BOTH).value
    Category.objects.filter(slug="food").delete()
    cache_generation.end()
    assert answers.read(with_cookie(cookie)) == Answers(("a-b_9",), ("en", "zh-hans"))


def test_after_a_year_it_is_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    cookie = kept(BOTH).value
    monkeypatch.setattr(answers, "COOKIE_AGE_SECONDS", -1)
    assert answers.read(with_cookie(cookie)) is None


def test_answers_are_in_the_sites_order_whatever_was_asked_first() -> None:
    assert answers.known(["games", "food"], ["zh-hans", "en"]) == Answers(
        ("food", "games"), ("en", "zh-hans")
    )
    assert answers.known([], []) is None
    assert answers.known(["gone"], ["fr"]) is None
