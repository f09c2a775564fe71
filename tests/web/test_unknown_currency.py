"""A campaign whose currency nobody can tell: no amount is shown, nothing is pledged, nothing promotes it."""

import csv
import io
import re
from datetime import timedelta

import pytest
from django.test import Client

from django_project.accounts.models import User
from django_project.campaigns import selectors
from django_project.campaigns.models import Listing
from django_project.campaigns.selectors import campaign_detail
from django_project.catalog.selectors import ExploreFilters, explore, shop_rows
from django_project.core.addresses import format_address
from django_project.core.models import AuditEntry
from django_project.discovery.selectors import recommended_for, similar_to
from django_project.ledger import services as ledger
from django_project.ledger.models import CampaignLaunched, Chain, Token
from django_project.pledges import services
from django_project.pledges.errors import UnknownCurrencyError
from django_project.pledges.following import pledge_status
from django_project.pledges.models import PledgeIntent
from django_project.web.forms import PledgeForm
from django_project.web.home_data import home_data
from tests.factories import CHAIN_ID, ETHER, World, address, backer_user
from tests.rankings import publish, rank
from tests.support.browser import Browser, error_code, wallet
from tests.support.markup import flat
from tests.support.staff import staff_client

pytestmark = pytest.mark.django_db

ODD = bytes.fromhex("0dd0" * 10)
NOTICE = "Amounts cannot be shown: the currency is not known yet."


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def odd(world: World) -> CampaignLaunched:
    """A campaign in a token that tells nothing, with 7 of its base units from the first wallet."""
    world.add_unknown_token(ODD)
    campaign = world.campaign(token=ODD, goal=1_000_000, title="Honey in what?", tiers=((512, 3),))
    world.contribute(campaign, backer=address(1), amount=7_000)
    return campaign


def read(url: str, language: str = "en", client: Client | None = None) -> str:
    answer = (client or Client()).get(url, headers={"Accept-Language": language})
    assert answer.status_code == 200, url
    return flat(answer.content.decode())


def of_the_campaign(page: str) -> str:
    return page.split("<article data-view", 1)[1].split("</article>")[0]


@pytest.mark.parametrize("tab", ["", "rewards/", "milestones/", "contributors/", "contract/"])
def test_no_page_of_it_shows_an_amount(world: World, odd: CampaignLaunched, tab: str) -> None:
    world.milestones(odd, (5_000, timedelta(days=30)), (5_000, timedelta(days=60)))
    slug = world.listing(odd).slug
    page = of_the_campaign(read(f"/campaigns/{slug}/{tab}"))
    assert NOTICE in page
    for word in ("ETH", "7,000", "7000", "1,000,000", "0.007", "1000000", "512"):
        # As a word of its own: the page has random tokens and hashes.
        assert not re.search(rf"(?<![0-9A-Za-z]){re.escape(word)}(?![0-9A-Za-z])", page)
    assert "金额暂时无法显示" in read(f"/campaigns/{slug}/{tab}", "zh-hans")


def test_nothing_can_be_pledged_on_page_form_service_or_api(world: World, odd: CampaignLaunched) -> None:
    listing = world.listing(odd)
    for page in ("", "review/"):
        assert Client().get(f"/campaigns/{listing.slug}/pledge/{page}?amount=1").status_code == 409
    form = PledgeForm({"amount": "1"}, campaign=campaign_detail(listing.slug))
    assert not form.is_valid()
    assert "its currency is not known" in str(form.errors["amount"])
    with pytest.raises(UnknownCurrencyError):
        services.create_intent(backer_user(2), listing, 500, 0, address(2))
    somebody = wallet(1)
    browser = Browser()
    browser.sign_in(somebody, CHAIN_ID)
    body = {"campaign": f"{CHAIN_ID}:0x{odd.address.hex()}", "amount": "1"}
    reply = browser.post("/api/v1/pledges", body)
    assert (reply.status_code, error_code(reply)) == (409, "currency_unknown")
    assert PledgeIntent.objects.count() == 0


def test_it_is_in_no_list_and_explore_says_why(world: World, odd: CampaignLaunched) -> None:
    plain = world.campaign(title="Honey in ether")
    world.listing(odd)
    slugs = {world.listing(plain).slug}
    assert {card.slug for card in selectors.newest(10)} == slugs
    assert {slug for slug, _ in selectors.sitemap_rows()} == slugs
    assert {card.slug for card in explore(ExploreFilters(status=("open",))).cards} == slugs
    [found] = explore(ExploreFilters(status=("unknown-currency",))).cards
    assert (found.title, found.token, found.closed_by) == ("Honey in what?", None, "unknown-currency")
    assert {option.value for option in explore(ExploreFilters()).facets["token"]} == {"ETH"}
    rows = shop_rows(10)
    shown = [*rows.just_launched, *rows.nearly_funded, *rows.staff_picks]
    assert {card.slug for card in shown} <= slugs
    assert [row.card.slug for row in home_data().latest] == []
    rank(publish(), "", [odd, plain])
    assert {entry.card.slug for entry in recommended_for(None, 5, seed="still")} == slugs
    assert {card.slug for card in similar_to(Listing.objects.get(slug__in=slugs), 5)} <= slugs


def test_its_backers_are_told_without_amounts(world: World, odd: CampaignLaunched) -> None:
    world.listing(odd)
    backer = backer_user(1)
    client = Client()
    client.force_login(backer)
    page = read("/me/", client=client)
    assert "Honey in what?" in page
    assert "7,000" not in page
    rows = list(csv.DictReader(io.StringIO(client.get("/me/receipts.csv").content.decode())))
    assert [(row["amount"], row["currency"]) for row in rows] == [("", "")]
    assert client.get("/me/receipts.pdf").status_code == 200
    slug = Listing.objects.get().slug
    table = b"".join(client.get(f"/campaigns/{slug}/contributors.csv")).decode()
    assert "7000" not in table


def test_a_pledge_made_before_its_token_was_doubted_shows_no_amount(world: World) -> None:
    world.add_token(ODD, "ODD", 3)
    campaign = world.campaign(token=ODD, goal=1_000_000)
    listing = world.listing(campaign)
    intent = services.create_intent(backer_user(2), listing, 500, 0, address(2))
    assert pledge_status(intent).amount_text == "0.5"
    ledger.doubt_token(CHAIN_ID, ODD, "it refuses to say its symbol")
    status = pledge_status(intent)
    assert (status.amount_text, status.amount_plain, status.token_symbol) == ("", "", "")


def test_the_api_gives_base_units_and_no_unit(world: World, odd: CampaignLaunched) -> None:
    world.listing(odd)
    body = Client().get(f"/api/v1/campaigns/{CHAIN_ID}/{format_address(odd.address)}").json()["campaign"]
    assert (body["token_symbol"], body["token_decimals"], body["raised"]) == (None, None, "7000")


def test_a_chain_whose_own_currency_nobody_told_guesses_none(world: World) -> None:
    campaign = world.campaign(goal=10 * ETHER)
    slug = world.listing(campaign).slug
    assert NOTICE not in read(f"/campaigns/{slug}/")
    Chain.objects.update(currency_symbol="", currency_decimals=None)
    page = of_the_campaign(read(f"/campaigns/{slug}/"))
    assert NOTICE in page
    assert "ETH" not in page
    assert selectors.newest(5) == []
    assert Client().get(f"/campaigns/{slug}/pledge/").status_code == 409


def test_an_operator_mends_a_token_in_the_admin_and_says_why(world: World, odd: CampaignLaunched) -> None:
    slug = world.listing(odd).slug
    token = Token.objects.get(address=ODD)
    operator = User.objects.create_superuser("operator")
    client = staff_client(operator)
    url = f"/admin/ledger/token/{token.pk}/change/"
    assert "its symbol is no text" in client.get(url).content.decode()
    told = {"plain_symbol": "ODD", "decimals": "3", "reason": ""}
    assert "This field is required" in client.post(url, told).content.decode()
    assert Token.objects.get(pk=token.pk).decimals is None
    bad = {**told, "reason": "seen", "decimals": "37"}
    assert "less than or equal to 36" in client.post(url, bad).content.decode()
    bad = {**told, "reason": "seen", "plain_symbol": "\u200b"}
    assert client.post(url, bad).status_code == 200
    assert Token.objects.get(pk=token.pk).decimals is None

    assert client.post(url, {**told, "reason": "its own site says so"}).status_code == 302
    mended = Token.objects.get(pk=token.pk)
    assert (mended.symbol, mended.decimals, mended.source) == ("ODD", 3, Token.Source.OPERATOR)
    entry = AuditEntry.objects.get(action="ledger.token_mended")
    assert (entry.actor, entry.subject) == (operator, f"{CHAIN_ID}:{format_address(ODD)}")
    assert entry.details["reason"] == "its own site says so"
    assert entry.details["before"] == {"symbol": "", "decimals": None, "source": ""}
    page = of_the_campaign(read(f"/campaigns/{slug}/"))
    assert '7 <span class="text-2xl">ODD</span>' in page
    assert NOTICE not in page


@pytest.mark.usefixtures("odd")
def test_a_moderator_without_the_permission_mends_nothing() -> None:
    token = Token.objects.get(address=ODD)
    helper = User.objects.create_user("helper", is_staff=True)
    client = staff_client(helper)
    told = {"plain_symbol": "ODD", "decimals": "3", "reason": "why not"}
    assert client.post(f"/admin/ledger/token/{token.pk}/change/", told).status_code == 403
    assert Token.objects.get(pk=token.pk).decimals is None


@pytest.mark.usefixtures("odd")
def test_asking_again_takes_an_operators_word_back() -> None:
    token = Token.objects.get(address=ODD)
    operator = User.objects.create_superuser("operator")
    ledger.mend_token(token, "ODD", 3, actor=operator, reason="its own site says so")
    client = staff_client(operator)
    client.post(
        "/admin/ledger/token/",
        {"action": "ask_again", "_selected_action": [token.pk], "reason": "it was mended"},
    )
    asked = Token.objects.get(pk=token.pk)
    assert (asked.decimals, asked.source, asked.asked_at) == (None, "", None)
    assert AuditEntry.objects.get(action="ledger.token_asked_again").details["reason"] == "it was mended"
