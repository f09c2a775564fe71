"""Each page in both languages: it answers, speaks, stays within its queries, and keeps to the policy."""

import re
from collections.abc import Callable

import pytest
from django.conf import LazySettings
from django.test import Client, RequestFactory
from pytest_django import DjangoAssertNumQueries

from django_project.web.error_views import broken
from tests.web.conftest import Shop

MAX_QUERIES = 12

PAGES: dict[str, tuple[Callable[[Shop], str], str, str]] = {
    "home": (lambda _: "/", "How it works", "如何运作"),
    "explore": (lambda _: "/explore/", "4 campaigns", "4 个项目"),
    "explore, empty": (lambda _: "/explore/?q=zzzzqq", "Backed most at the moment", "近期支持者最多"),
    "rankings": (lambda _: "/about/rankings/", "How we rank", "排序说明"),
    "story": (lambda shop: f"/campaigns/{shop.honey.slug}/", "Back this campaign", "支持这个项目"),
    "rewards": (lambda shop: f"/campaigns/{shop.honey.slug}/rewards/", "2 of 2 left", "剩余 2 / 2 份"),
    "milestones": (
        lambda shop: f"/campaigns/{shop.honey.slug}/milestones/",
        "This campaign has no milestones",
        "这个项目没有里程碑",
    ),
    "updates": (lambda shop: f"/campaigns/{shop.honey.slug}/updates/", "First frames", "First frames"),
    "messages": (
        lambda shop: f"/campaigns/{shop.honey.slug}/messages/",
        "Backers of this campaign can write here",
        "支持者可以在此留言",
    ),
    "contributors": (lambda shop: f"/campaigns/{shop.honey.slug}/contributors/", "All as CSV", "下载全部"),
    "contract": (lambda shop: f"/campaigns/{shop.honey.slug}/contract/", "Hash of the text", "文本哈希"),
    "cancelled": (lambda shop: f"/campaigns/{shop.clock.slug}/", "The square is closed", "项目已取消"),
    "failed": (lambda shop: f"/campaigns/{shop.bench.slug}/", "The goal was missed", "未达到目标"),
    "chinese story": (lambda shop: f"/campaigns/{shop.tea.slug}/", "Keep what you raise", "筹多少得多少"),
    "pledge": (lambda shop: f"/campaigns/{shop.honey.slug}/pledge/", "Nothing is paid yet", "现在还不会付款"),
    "review": (
        lambda shop: f"/campaigns/{shop.honey.slug}/pledge/review/?amount=0.5",
        "Sign in with your wallet to continue",
        "用钱包登录以继续",
    ),
    "report": (
        lambda shop: f"/campaigns/{shop.honey.slug}/report/",
        "What did you see?",
        "你看到了什么？",
    ),
    "interests": (lambda _: "/interests/", "Which categories do you care about?", "你关心哪些类别？"),
    "sign-in": (lambda _: "/sign-in/", "What is a wallet?", "什么是钱包？"),
}


def page(name: str, shop: Shop) -> str:
    return PAGES[name][0](shop)


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_a_page_speaks_the_readers_language(name: str, language: str, shop: Shop) -> None:
    client = Client(headers={"Accept-Language": language})
    answer = client.get(page(name, shop))
    text = answer.content.decode()
    assert answer.status_code == 200
    assert f'<html lang="{language}"' in text
    _, english, chinese = PAGES[name]
    assert (english if language == "en" else chinese) in text


@pytest.mark.parametrize("name", PAGES)
def test_a_page_needs_few_queries(
    name: str, shop: Shop, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    Client().get(page(name, shop))  # what everybody shares is now in the cache
    with django_assert_max_num_queries(MAX_QUERIES):
        Client().get(page(name, shop))


def test_the_first_visitor_of_a_few_seconds_pays_for_the_shared_part(
    shop: Shop, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_max_num_queries(16):
        Client().get(page("home", shop))


@pytest.mark.parametrize("name", ["home", "story", "review"])
def test_a_signed_in_page_needs_few_queries(
    name: str, shop: Shop, backer: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    backer.get(page(name, shop))
    with django_assert_max_num_queries(MAX_QUERIES):
        backer.get(page(name, shop))


@pytest.mark.parametrize("name", PAGES)
def test_a_page_keeps_to_the_content_security_policy(name: str, shop: Shop) -> None:
    answer = Client().get(page(name, shop))
    text = answer.content.decode()
    scripts = re.findall(r"<script\b([^>]*)>", text)
    assert scripts
    assert all("src=" in attributes or 'type="application/json"' in attributes for attributes in scripts)
    assert not re.search(r"<style\b|\sstyle=|\son\w+=|javascript:", text)
    assert "script-src 'self'" in answer["Content-Security-Policy"]


@pytest.mark.parametrize("name", PAGES)
def test_a_page_has_one_heading_a_title_and_no_stranger_pictures(name: str, shop: Shop) -> None:
    text = Client().get(page(name, shop)).content.decode()
    assert text.count("<h1") == 1
    assert re.search(r"<title>.+ · ChainFund</title>", text)
    assert all(source.startswith("/") for source in re.findall(r'<img[^>]*\ssrc="([^"]*)"', text))


def test_amounts_are_exact_to_the_last_unit(shop: Shop) -> None:
    text = Client().get(f"/campaigns/{shop.honey.slug}/").content.decode()
    assert "6.000000000000000021" in text
    assert "1,250.5" in Client().get(f"/campaigns/{shop.tea.slug}/").content.decode()


def test_the_demo_wallet_is_nowhere_outside_the_demo(shop: Shop) -> None:
    for name in PAGES:
        text = Client().get(page(name, shop)).content.decode()
        assert "demo-wallet" not in text
        assert "demo-accounts" not in text
        assert "Simulated data" not in text


def test_the_demo_says_so_and_offers_its_wallet(shop: Shop, settings: LazySettings) -> None:
    settings.IS_DEMO = True
    settings.DEMO_ACCOUNTS = [
        {"address": "0x70997970C51812dc3A010C7d01b50e0d17dc79C8", "label": "New <b>backer</b>"}
    ]
    for name in PAGES:
        text = Client().get(page(name, shop)).content.decode()
        assert "Simulated data" in text
        assert re.search(r'<script type="module"[^>]*demo-wallet', text)
        assert "New \\u003Cb\\u003Ebacker" in text


@pytest.mark.usefixtures("shop")
def test_wallets_are_told_only_of_public_nodes(settings: LazySettings) -> None:
    settings.RPC_URLS = {31337: ["https://rpc.example/secret-key"]}
    text = Client().get("/sign-in/").content.decode()
    assert "secret-key" not in text
    assert '"rpc_urls": []' in text


def test_a_late_index_is_admitted(shop: Shop) -> None:
    shop.world.cursor.node_head = shop.world.block + 40
    shop.world.cursor.save()
    type(shop.world.cursor).objects.update(updated_at="2020-01-01T00:00:00Z")
    text = Client().get("/explore/").content.decode()
    assert "Our copy of Test chain is" in text


@pytest.mark.usefixtures("shop")
def test_an_index_in_time_is_not_mentioned() -> None:
    assert "Our copy of" not in Client().get("/explore/").content.decode()


@pytest.mark.usefixtures("shop")
@pytest.mark.parametrize(
    ("language", "words"), [("en", "There is no such page"), ("zh-hans", "没有这个页面")]
)
def test_a_missing_page_says_so(language: str, words: str) -> None:
    answer = Client(headers={"Accept-Language": language}).get("/campaigns/nothing-like-it/")
    assert answer.status_code == 404
    assert words in answer.content.decode()


def test_a_broken_page_says_so_in_both_languages() -> None:
    request = RequestFactory().get("/")
    text = broken(request).content.decode()
    assert "Something broke on our side" in text
    assert "我们这边出错了" in text


@pytest.mark.django_db
def test_a_new_site_without_campaigns_is_no_blank_page() -> None:
    text = Client().get("/").content.decode()
    assert "No campaigns yet" in text
    assert "No campaign fits all of that" in Client().get("/explore/").content.decode()
