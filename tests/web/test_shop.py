"""Home and explore: order, reasons, facets, search, and what is said when nothing is found."""

import re
from datetime import timedelta
from html.parser import HTMLParser

import pytest
from django.test import Client
from django.utils import timezone

from django_project.core.addresses import format_address
from django_project.discovery.models import ModelVersion, Ranking, RankingPublication
from tests.factories import address, backer_user
from tests.web.conftest import Shop, signed_in


class Cards(HTMLParser):
    """Titles of the cards in a page, by the level-3 headings' links to campaigns."""

    def __init__(self) -> None:
        super().__init__()
        self.titles: list[str] = []
        self._in_heading = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._in_heading = tag == "h3" or (self._in_heading and tag == "a")

    def handle_data(self, data: str) -> None:
        if self._in_heading and data.strip():
            self.titles.append(data.strip())
            self._in_heading = False


def titles(client: Client, url: str) -> list[str]:
    cards = Cards()
    cards.feed(client.get(url).content.decode())
    return cards.titles


@pytest.mark.usefixtures("shop")
@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("status=open", {"Honey from eight roofs", "半坡春茶"}),
        ("status=failed&status=cancelled", {"A bench that folds", "A clock for the square"}),
        ("language=zh-hans", {"半坡春茶"}),
        ("token=TUSD", {"半坡春茶"}),
        ("category=food", {"Honey from eight roofs"}),
        ("category=food&language=zh-hans", set()),
        ("q=honey", {"Honey from eight roofs"}),
        ("q=春茶", {"半坡春茶"}),
        ("q=炒锅", {"半坡春茶"}),
        ("q=zzzzqq", set()),
        ("funded=50", {"Honey from eight roofs"}),
    ],
)
def test_filters_live_in_the_url(query: str, found: set[str]) -> None:
    assert set(titles(Client(), f"/explore/?{query}")) - {""} == found


@pytest.mark.usefixtures("shop")
@pytest.mark.parametrize("sort", ["best", "trending", "newest", "ending", "backed", "funded", "random"])
def test_every_sort_shows_everything_once(sort: str) -> None:
    assert len(titles(Client(), f"/explore/?sort={sort}")) == 4


@pytest.mark.usefixtures("shop")
@pytest.mark.parametrize(
    "query",
    ["page=-1", "page=999999999999", "page=x", "page=٣", "sort=;drop", "seed=x", "category=%00", "q=%00'\"<"],
)
def test_nonsense_in_the_url_is_passed_over(query: str) -> None:
    assert Client().get(f"/explore/?{query}").status_code == 200


@pytest.mark.usefixtures("shop")
def test_a_chosen_filter_can_be_taken_away_by_a_link() -> None:
    text = Client().get("/explore/?category=food&status=open").content.decode()
    chips = re.findall(r'class="chip" href="\?([^"]*)"', text)
    assert chips == ["status=open", "category=food"]


@pytest.mark.usefixtures("shop")
def test_filters_and_search_work_without_a_script() -> None:
    text = Client().get("/explore/?category=food").content.decode()
    assert re.search(r'<form[^>]*action="/explore/"[^>]*method="get"', text)
    assert re.search(r'type="checkbox" name="category" value="food"[^>]*checked', text)
    assert re.search(r"<noscript><button[^>]*>Apply", text)


@pytest.mark.usefixtures("shop")
def test_an_empty_result_says_what_to_try() -> None:
    text = Client().get("/explore/?q=zzzzqq&category=food").content.decode()
    assert "Take away a filter, or search for one word instead of several." in text
    assert "Show all campaigns" in text


@pytest.mark.usefixtures("shop")
def test_what_was_searched_for_cannot_act() -> None:
    text = Client().get("/explore/?q=%3Cscript%3Ealert(1)%3C/script%3E").content.decode()
    assert "<script>alert" not in text
    assert "&lt;script&gt;alert(1)" in text


@pytest.mark.usefixtures("shop")
def test_a_random_order_can_be_paged_through() -> None:
    text = Client().get("/explore/?sort=random").content.decode()
    match = re.search(r'name="seed" value="(\d+)"', text)
    assert match
    url = f"/explore/?sort=random&seed={match[1]}"
    assert titles(Client(), url) == titles(Client(), url)


def publish(shop: Shop, user_key: str) -> None:
    version = ModelVersion.objects.create(
        run_id="run-1",
        model="chainfund",
        state="live",
        snapshot_hash="ab" * 32,
        finalized_blocks={"31337": {"number": 9, "hash": "0x" + "cd" * 32}},
        seed=11,
        metrics={
            "pop": {"ndcg@10": {"mean": 0.1, "low": 0.08, "high": 0.12}},
            "chainfund": {"ndcg@10": {"mean": 0.3125, "low": 0.3, "high": 0.32}},
        },
        reasons=["ndcg@10 0.3125 beats pop 0.1"],
        trained_at=timezone.now() - timedelta(hours=1),
    )
    RankingPublication.objects.create(id=1, version=version, rankings_hash=bytes(32))
    for rank, (listing, reason) in enumerate(((shop.tea, "similar_to"), (shop.honey, "trending")), start=1):
        Ranking.objects.create(
            version=version,
            user_key=user_key,
            chain_id=listing.chain_id,
            address=listing.address,
            rank=rank,
            score=1 / rank,
            reason=reason,
            reason_chain_id=shop.bench.chain_id if reason == "similar_to" else None,
            reason_address=shop.bench.address if reason == "similar_to" else None,
        )


def test_a_visitor_is_not_told_that_the_list_is_theirs(shop: Shop) -> None:
    publish(shop, "")
    text = Client().get("/").content.decode()
    assert "Popular now" in text
    assert "Recommended for you" not in text


def test_a_backer_sees_their_own_list_with_its_reasons(shop: Shop) -> None:
    publish(shop, format_address(address(9)).lower())
    text = signed_in(backer_user(9)).get("/").content.decode()
    assert "Recommended for you" in text
    assert "Because you backed “A bench that folds”" in text
    assert re.search(r'data-slot="0" data-propensity="[0-9.e-]+" data-model-version="run-1"', text)


def test_propensities_stay_readable_for_machines_in_chinese(shop: Shop) -> None:
    publish(shop, "")
    text = Client(headers={"Accept-Language": "zh-hans"}).get("/").content.decode()
    values = re.findall(r'data-propensity="([^"]+)"', text)
    assert values
    assert all(0 < float(value) <= 1 for value in values)


def test_the_rankings_page_shows_model_measures_and_origin(shop: Shop) -> None:
    publish(shop, "")
    text = Client().get("/about/rankings/").content.decode().replace("<wbr>", "")
    assert text.index("0.312") < text.index("0.100")
    for shown in ("run-1", "ab" * 32, "0x" + "cd" * 32, "ChainFund model", "beats pop", "--seed 11"):
        assert shown in text


@pytest.mark.usefixtures("shop")
def test_without_a_model_the_rankings_page_says_so() -> None:
    assert "No model is live at the moment" in Client().get("/about/rankings/").content.decode()


@pytest.mark.usefixtures("shop")
def test_a_cards_bar_is_as_long_as_its_percentage() -> None:
    honey = Client().get("/explore/?q=honey").content.decode()
    assert re.search(r'aria-label="60% of the goal">\s*<rect width="60" height="4" class="fill"', honey)
    bench = Client().get("/explore/?status=failed").content.decode()
    assert re.search(r'<rect width="\d+" height="4" class="fill-ended"', bench)
