"""Home and explore: order, reasons, facets, search, and what is said when nothing is found."""

import html
import re
from datetime import timedelta
from html.parser import HTMLParser

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from django_project.catalog import cache_generation
from django_project.core.addresses import format_address
from django_project.discovery.models import ModelVersion, Ranking, RankingPublication
from django_project.ledger.models import Chain
from tests.factories import World, address, backer_user
from tests.support.markup import flat
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
    """What an address lists, without what an empty list is followed by."""
    found, _, _ = client.get(url).content.decode().partition('id="trending-title"')
    return titles_in(found)


def titles_in(text: str) -> list[str]:
    cards = Cards()
    cards.feed(text)
    return cards.titles


def legends(text: str) -> list[str]:
    return re.findall(r"<legend>([^<]*)</legend>", text)


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
        ("goal=1000", {"半坡春茶"}),
        ("goal=1&goal=10&ending=28", {"Honey from eight roofs"}),
        ("ending=28", {"Honey from eight roofs", "半坡春茶"}),
        ("ending=0&ending=1&ending=3&ending=7", set()),
        ("network=31337&category=food", {"Honey from eight roofs"}),
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
    ("query", "told"),
    [
        *[(f"page={page}", f"Page “{page}”") for page in ("0", "000", "-1", "x", "٣", "１", " 1", "1.0")],
        *[(f"seed={seed}", f"seed “{seed}”") for seed in ("x", "-1", "0", "９", "1234567890")],
        ("sort=raised", "Order “raised”"),
        ("sort=Best", "Order “Best”"),
        ("status=opne", "Status “opne”"),
        ("status=open&status=OPEN", "Status “OPEN”"),
        ("category=tehcnology", "Category “tehcnology”"),
        ("category=%00", "Category “\ufffd”"),
        ("goal=5&goal=1", "Goal in its own currency “5”"),
        ("ending=1e3", "Time left “1e3”"),
        ("language=fr", "Language “fr”"),
        ("token=GONE", "Currency “GONE”"),
        ("network=1", "Network “1”"),
        (f"network={50 * '9'}1", f"Network “{50 * '9'}”"),
        ("sort=newest&sort=ending", "Order “newest; ending”"),
        ("page=1&page=2", "Page “1; 2”"),
    ],
)
def test_what_there_is_not_is_said_instead_of_showing_something_else(query: str, told: str) -> None:
    reply = Client().get(f"/explore/?{query}")
    text = html.unescape(reply.content.decode())
    assert (reply.status_code, titles_in(text)) == (404, [])
    assert told in text
    assert "Show all campaigns" in text


@pytest.mark.usefixtures("shop")
@pytest.mark.parametrize("query", ["q=&category=&page=", "utm_source=mail&fbclid=1", "q=%00'\"<", "page=01"])
def test_what_asks_for_nothing_is_passed_over(query: str) -> None:
    assert Client().get(f"/explore/?{query}").status_code == 200


@pytest.mark.usefixtures("shop")
def test_what_there_is_can_be_chosen_instead() -> None:
    text = Client().get("/explore/?status=opne&category=food&sort=raised").content.decode()
    offered = dict(re.findall(r'class="chip" href="/explore/\?([^"]*)">([^<]*)<', html.unescape(text)))
    assert offered["category=food&status=open"] == "Open"
    assert offered["category=food&sort=newest"] == "Newest"
    assert 'href="/explore/?category=food"' in text


@pytest.mark.usefixtures("shop")
@pytest.mark.parametrize("beyond", ["2", "999", "9" * 5000])
def test_a_page_past_the_end_leads_to_the_last_one(beyond: str) -> None:
    reply = Client().get("/explore/", {"page": beyond, "status": "open"})
    text = reply.content.decode()
    assert (reply.status_code, titles_in(text)) == (404, [])
    assert "This list has 1 page." in text
    assert 'href="/explore/?status=open"' in text


def chips(text: str) -> dict[str, str]:
    """{what a chip says: the query that it leads to}, of the filters that can be taken away one by one."""
    found = re.findall(r'class="chip" href="\?([^"]*)">(.*?) <svg', flat(text))
    return {html.unescape(word): html.unescape(query) for query, word in found}


@pytest.mark.usefixtures("shop")
def test_a_chosen_filter_can_be_taken_away_by_a_link() -> None:
    text = Client().get("/explore/?category=food&status=open").content.decode()
    assert chips(text) == {"Category: Food": "status=open", "Status: Open": "category=food"}


@pytest.mark.usefixtures("shop")
def test_a_chip_says_which_facet_its_band_belongs_to() -> None:
    text = Client().get("/explore/?goal=1&ending=28").content.decode()
    assert chips(text) == {
        "Time left: More than 4 weeks": "goal=1",
        "Goal in its own currency: 1 to 10": "ending=28",
    }
    chinese = Client(headers={"Accept-Language": "zh-hans"}).get("/explore/?goal=1").content.decode()
    assert list(chips(chinese)) == ["目标金额（以各自币种计）：1 至 10"]


@pytest.mark.usefixtures("shop")
def test_a_filter_that_finds_nothing_can_still_be_taken_away() -> None:
    text = Client().get("/explore/?q=zzzzqq&token=ETH&network=31337").content.decode()
    assert chips(text) == {
        "“zzzzqq”": "token=ETH&network=31337",
        "Currency: ETH": "q=zzzzqq&network=31337",
        "Network: Test chain": "q=zzzzqq&token=ETH",
    }


@pytest.mark.usefixtures("shop")
def test_networks_are_there_to_choose_from_once_there_are_two() -> None:
    assert "Network" not in legends(Client().get("/explore/").content.decode())
    base = World(chain_id=8453)
    Chain.objects.filter(chain_id=8453).update(name="Base")
    base.listing(base.campaign(title="Bread on Base"))
    cache_generation.end()
    text = flat(Client().get("/explore/").content.decode())
    assert "Network" in legends(text)
    assert re.search(r'name="network" value="8453"[^>]*><span>Base</span> <span class="count">1<', text)
    assert titles(Client(), "/explore/?network=8453") == ["Bread on Base"]


@pytest.mark.usefixtures("shop")
def test_filters_and_search_work_without_a_script() -> None:
    text = flat(Client().get("/explore/?category=food").content.decode())
    assert re.search(r'<form[^>]*action="/explore/"[^>]*method="get"', text)
    assert re.search(r'type="checkbox" name="category" value="food"[^>]*checked', text)
    assert re.search(r"<noscript><button[^>]*>Apply", text)


@pytest.mark.usefixtures("shop")
def test_an_empty_result_says_what_to_try() -> None:
    text = Client().get("/explore/?q=zzzzqq&category=food").content.decode()
    assert "Take away a filter, or search for one word instead of several." in text
    assert "Show all campaigns" in text


@pytest.mark.usefixtures("shop")
def test_an_empty_result_goes_on_with_what_many_back(
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    with django_assert_max_num_queries(12):
        text = Client().get("/explore/?q=zzzzqq").content.decode()
    found, _, row = text.partition('id="trending-title"')
    assert titles_in(found) == []
    # Three backers, and one; the others are closed.
    assert titles_in(row) == ["Honey from eight roofs", "半坡春茶"]
    assert "trending-title" not in Client().get("/explore/?q=honey").content.decode()


@pytest.mark.usefixtures("shop")
def test_a_facet_with_nothing_in_it_has_no_heading() -> None:
    assert legends(Client().get("/explore/").content.decode()) == [
        *("Category", "Status", "Time left", "Language", "Share of goal"),
        *("Goal in its own currency", "Currency"),
    ]
    assert "Time left" not in legends(Client().get("/explore/?status=failed").content.decode())
    assert legends(Client().get("/explore/?q=zzzzqq").content.decode()) == []
    assert legends(Client().get("/explore/?q=zzzzqq&goal=10").content.decode()) == [
        "Goal in its own currency"
    ]


@pytest.mark.usefixtures("shop")
def test_what_looks_alike_is_announced_only_where_it_is_shown() -> None:
    announced = "Nothing matches exactly; these look alike."
    assert announced in Client().get("/explore/?q=honney").content.decode()
    text = Client().get("/explore/?q=honney&language=zh-hans").content.decode()
    assert "No campaign fits all of that" in text
    assert announced not in text


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
        gate_results=[
            {"run": "run-1", "code": "users_enough", "values": {"users": 390}},
            {"run": "run-9", "code": "weights_finite", "values": {}},
        ],
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
    assert re.search(r'data-slot="0" data-propensity="[0-9.e-]+" data-model-version="run-1"', flat(text))


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
    for shown in ("run-1", "ab" * 32, "0x" + "cd" * 32, "ChainFund model", "--seed 11"):
        assert shown in text


def test_what_the_gates_found_is_told_in_the_readers_language_and_older_sentences_as_they_were(
    shop: Shop,
) -> None:
    publish(shop, "")
    found = {
        language: re.findall(
            r'<li lang="([^"]+)" dir="auto">(.*?)</li>',
            flat(Client(headers={"Accept-Language": language}).get("/about/rankings/").content.decode()),
        )
        for language in ("en", "zh-hans")
    }
    old, other = ("en", "ndcg@10 0.3125 beats pop 0.1"), '<span class="hash">run-9</span> '
    assert found["en"] == [
        old,
        ("en", "Measured on 390 users, enough to tell."),
        ("en", f"{other}All of its weights are numbers."),
    ]
    assert found["zh-hans"] == [
        old,
        ("zh-hans", "在 390 位用户上测量，足以判断。"),
        ("zh-hans", f"{other}所有权重均为有效数值。"),
    ]


@pytest.mark.usefixtures("shop")
def test_without_a_model_the_rankings_page_says_so() -> None:
    assert "No model is live at the moment" in Client().get("/about/rankings/").content.decode()


@pytest.mark.usefixtures("shop")
def test_a_cards_bar_is_as_long_as_its_percentage() -> None:
    honey = flat(Client().get("/explore/?q=honey").content.decode())
    assert re.search(r'aria-label="60% of the goal"><rect width="60" height="4" class="fill"', honey)
    bench = flat(Client().get("/explore/?status=failed").content.decode())
    assert re.search(r'<rect width="\d+" height="4" class="fill-ended"', bench)
