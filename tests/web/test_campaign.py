"""One campaign's tabs: what the chain says, and whether the text is the one it binds."""

import csv
import io
import re

import pytest
from django.contrib.auth.models import AnonymousUser
from django.test import Client, RequestFactory, override_settings

from django_project.campaigns.models import Metadata
from django_project.community.models import CampaignUpdate
from django_project.core import rate_limits
from django_project.core.addresses import format_address, format_hash
from django_project.web.views import campaign as campaign_views
from tests.factories import ETHER, address, backer_user
from tests.support.markup import flat
from tests.web.conftest import Shop


def read(url: str) -> str:
    return flat(Client().get(url).content.decode())


def test_contributions_are_listed_as_an_explorer_would(shop: Shop) -> None:
    launched = shop.launched(shop.honey)
    row = launched.contributions.latest("seq")
    text = read(f"/campaigns/{shop.honey.slug}/contributors/")
    assert format_address(row.backer) in text
    assert format_hash(row.tx_hash) in text
    assert f">{row.block_number}<" in text
    assert "3.000000000000000007 ETH" in text


def test_names_are_shown_only_of_those_who_show_them(shop: Shop) -> None:
    backer_user(1, "Ines")
    shy = backer_user(2, "Otto")
    shy.anonymous_backer = True
    shy.save()
    text = read(f"/campaigns/{shop.honey.slug}/contributors/")
    assert "Ines" in text
    assert "Otto" not in text


def test_the_table_to_take_away_is_made_so_often_for_an_address(shop: Shop) -> None:
    url = f"/campaigns/{shop.honey.slug}/contributors.csv"
    with override_settings(RATE_LIMIT_SCALE=2 / rate_limits.DOWNLOAD.capacity):
        answers = [Client().get(url).status_code for _ in range(3)]
    assert answers == [200, 200, 429]


def test_the_table_to_take_away_holds_everything_exactly(shop: Shop) -> None:
    answer = Client().get(f"/campaigns/{shop.honey.slug}/contributors.csv")
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert "attachment" in answer["Content-Disposition"]
    body = b"".join(answer.streaming_content).decode("utf-8-sig")  # type: ignore[attr-defined]
    rows = list(csv.DictReader(io.StringIO(body)))
    assert [row["amount"] for row in rows] == [f"{each}.000000000000000007" for each in (3, 2, 1)]
    assert rows[0]["backer"] == format_address(address(3))
    assert rows[0]["currency"] == "ETH"


def test_a_spreadsheet_finds_no_formula_in_it(shop: Shop) -> None:
    campaign = shop.world.campaign(
        title="Formula",
        tiers=((ETHER, 0),),
        rewards=[{"tier": 1, "title": "=cmd|' /C calc'!A0", "description": ""}],
    )
    shop.world.contribute(campaign, backer=address(4), tier_id=1)
    answer = Client().get(f"/campaigns/{shop.world.listing(campaign).slug}/contributors.csv")
    body = b"".join(answer.streaming_content).decode()  # type: ignore[attr-defined]
    assert "'=cmd" in body


def blocks_of(text: str) -> list[int]:
    return [int(number) for number in re.findall(r'<td data-label="Block"[^>]*>(\d+)<', text)]


def test_pages_of_contributions_stay_put_while_others_arrive(shop: Shop) -> None:
    campaign, url = shop.launched(shop.tea), f"/campaigns/{shop.tea.slug}/contributors/"
    for number in range(60):
        shop.world.contribute(campaign, backer=address(100 + number), amount=10**6)
    first = read(url)
    shop.world.contribute(campaign, backer=address(200), amount=10**6)
    older = re.search(r'rel="next" href="(\?before=\d+)#parts"', first)
    assert older
    second = read(url + older[1])
    blocks = blocks_of(first) + blocks_of(second)
    assert len(blocks) == 61
    assert blocks == sorted(set(blocks), reverse=True)
    assert 'rel="next"' not in second
    newer = re.search(r'rel="prev" href="(\?after=\d+)#parts"', second)
    assert newer
    assert blocks_of(read(url + newer[1])) == blocks_of(first)


@pytest.mark.parametrize(
    "query", ["before=", "before=-1", "before=x", "before=" + 40 * "9", "after=²", "page=2"]
)
def test_what_is_no_place_among_contributions_is_their_beginning(query: str, shop: Shop) -> None:
    assert blocks_of(read(f"/campaigns/{shop.honey.slug}/contributors/?{query}")) == blocks_of(
        read(f"/campaigns/{shop.honey.slug}/contributors/")
    )


@pytest.mark.parametrize("query", ["before=1", "before=0", "after=99", "after=9999999999999"])
def test_beyond_the_contributions_is_told_as_such(query: str, shop: Shop) -> None:
    url = f"/campaigns/{shop.honey.slug}/contributors/"
    answer = Client().get(f"{url}?{query}")
    assert answer.status_code == 404
    assert "There is no such page in this list" in answer.content.decode()
    assert f'href="{url}"' in answer.content.decode()
    assert "Nobody has contributed yet" not in answer.content.decode()


def test_a_contribution_during_the_export_neither_doubles_nor_loses_a_row(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(campaign_views, "CSV_PAGE", 2)
    lines = Client().get(f"/campaigns/{shop.honey.slug}/contributors.csv").streaming_content  # type: ignore[attr-defined]
    body = [next(lines), next(lines)]
    shop.world.contribute(shop.launched(shop.honey), backer=address(4))
    rows = list(csv.DictReader(io.StringIO(b"".join([*body, *lines]).decode("utf-8-sig"))))
    assert [row["backer"] for row in rows] == [format_address(address(number)) for number in (3, 2, 1)]


def test_who_asks_for_the_tables_headers_alone_is_read_no_row(shop: Shop) -> None:
    url = f"/campaigns/{shop.honey.slug}/contributors.csv"
    request = RequestFactory().head(url)
    request.user = AnonymousUser()
    told = campaign_views.contributors_csv(request, shop.honey.slug)
    assert len(told.getvalue().splitlines()) == 1
    asked = Client().get(url)
    for header in ("Content-Type", "Content-Disposition"):
        assert told[header] == asked[header]
    assert len(asked.getvalue().splitlines()) > 1


def test_what_went_back_is_marked_and_not_counted(shop: Shop) -> None:
    campaign, world = shop.launched(shop.honey), shop.world
    back = world.take_pledge_back(campaign, backer=address(2))
    world.contribute(campaign, backer=address(2), amount=5)
    world.cancel(campaign)
    refund = world.refund(campaign, backer=address(3))
    body = b"".join(Client().get(f"/campaigns/{shop.honey.slug}/contributors.csv").streaming_content)  # type: ignore[attr-defined]
    rows = list(csv.DictReader(io.StringIO(body.decode("utf-8-sig"))))
    assert [(row["amount"][-1], row["went_back"], row["went_back_transaction"]) for row in rows] == [
        ("5", "", ""),
        ("7", "refunded", format_hash(refund.tx_hash)),
        ("7", "taken_back", format_hash(back.tx_hash)),
        ("7", "", ""),
    ]
    text = read(f"/campaigns/{shop.honey.slug}/contributors/")
    assert text.count(format_hash(back.tx_hash)) == text.count(format_hash(refund.tx_hash)) == 1
    assert re.search(r'Contributions <span class="count">3</span>', text)
    assert "Nobody" not in text


def test_a_campaign_whose_only_backer_left_counts_nothing(shop: Shop) -> None:
    campaign = shop.world.campaign()
    shop.world.contribute(campaign, backer=address(1))
    shop.world.contribute(campaign, backer=address(1))
    shop.world.take_pledge_back(campaign, backer=address(1))
    url = f"/campaigns/{shop.world.listing(campaign).slug}/"
    text = read(url)
    assert re.search(r"Backers</dt><dd[^>]*>0<", text)
    assert re.search(r'contributors/#parts">Contributions</a>', text)
    latest = read("/").split('id="latest-title"')[1].split("</section>")[0]
    assert url not in latest
    assert read(f"{url}contributors/").count("Taken back") == 2


def test_the_contract_tab_vouches_for_the_text(shop: Shop) -> None:
    text = read(f"/campaigns/{shop.honey.slug}/contract/")
    launched = shop.launched(shop.honey)
    assert "has exactly the hash that the contract carries" in text
    for shown in (launched.address, launched.creator, launched.factory):
        assert format_address(shown) in text
    assert format_hash(launched.metadata_hash) in text


def test_the_contract_tab_warns_of_a_text_that_was_tampered_with(shop: Shop) -> None:
    Metadata.objects.filter(pk=shop.honey.metadata_id).update(document=b'{"title":"Give me more"}')
    assert "Do not rely on it" in read(f"/campaigns/{shop.honey.slug}/contract/")


def test_an_update_whose_text_is_unknown_is_still_shown(shop: Shop) -> None:
    CampaignUpdate.objects.all().delete()
    text = read(f"/campaigns/{shop.honey.slug}/updates/")
    assert "Text not available" in text


@pytest.mark.parametrize("state", ["bench", "clock"])
def test_what_has_ended_takes_no_pledges(state: str, shop: Shop) -> None:
    listing = getattr(shop, state)
    text = read(f"/campaigns/{listing.slug}/")
    assert "Back this campaign" not in text
    assert "can claim a full refund" in text
    for step in ("pledge/", "pledge/review/?amount=1"):
        answer = Client().get(f"/campaigns/{listing.slug}/{step}")
        assert answer.status_code == 409
        assert "No contributions at the moment" in answer.content.decode()


def test_a_story_is_marked_with_its_own_language(shop: Shop) -> None:
    text = Client(headers={"Accept-Language": "en"}).get(f"/campaigns/{shop.tea.slug}/").content.decode()
    assert re.search(r'<h1[^>]*lang="zh-hans"[^>]*>半坡春茶</h1>', text)
    assert re.search(r'class="prose" lang="zh-hans" dir="auto"><p>修好<strong>炒锅</strong>', text)


def test_hidden_campaigns_are_not_there(shop: Shop) -> None:
    shop.honey.visibility = "hidden"
    shop.honey.save()
    for tab in (
        "",
        "rewards/",
        "milestones/",
        "updates/",
        "contributors/",
        "contributors.csv",
        "contract/",
        "pledge/",
    ):
        assert Client().get(f"/campaigns/{shop.honey.slug}/{tab}").status_code == 404
