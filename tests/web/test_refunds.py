"""Money owed is told from state, on every page until it is claimed; what pages say of refunds is true."""

import csv
import io
import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from django_project.accounts.models import Wallet
from django_project.campaigns.models import Listing
from django_project.core.addresses import format_address
from django_project.ledger.models import CampaignLaunched, CampaignTotals
from django_project.notifications.models import Kind, Notification
from django_project.pledges.selectors import refunds_to_claim
from tests.factories import ETHER, World, address, backer_user
from tests.support.markup import flat
from tests.web.conftest import Shop, signed_in
from tests.web.test_judging import signed_in_with
from tests.web.test_pages import MAX_QUERIES

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
BANNER, COUNT = 'id="refunds-banner"', 'id="refunds-count"'


@pytest.fixture
def world() -> World:
    return World()


def read(client: Client, url: str, language: str = "en") -> str:
    answer = client.get(url, headers={"Accept-Language": language})
    assert answer.status_code in (200, 404)
    return flat(answer.content.decode())


def ended(world: World, *, ago: timedelta = DAY, goal: int = 10 * ETHER, **terms: object) -> CampaignLaunched:
    start = timezone.now() - ago - 30 * DAY
    campaign = world.campaign(started=start, goal=goal, **terms)  # type: ignore[arg-type]
    world.listing(campaign)
    return campaign


def url(world: World, campaign: CampaignLaunched) -> str:
    return f"/campaigns/{world.listing(campaign).slug}/"


@pytest.mark.parametrize(
    "path", ["/", "/explore/", "/about/rankings/", "/me/", "/me/settings/", "/me/notifications/", "/nowhere/"]
)
def test_every_page_of_a_backer_tells_what_waits(path: str, backer: Client, shop: Shop) -> None:
    text = read(backer, path)
    assert "You have 1 refund to claim." in text
    assert "1 refund to claim</span>" in text
    assert "你有 1 笔退款可领取。" in read(backer, path, "zh-hans")
    shop.world.refund(shop.launched(shop.bench), backer=address(1))
    text = read(backer, path)
    assert "You have" not in text.split("<main")[0]
    assert "refund to claim" not in text
    assert BANNER in text  # A place for it, so that the page can put it there without being loaded again.
    assert COUNT in text


def test_nobody_else_is_told(shop: Shop) -> None:
    for client in (Client(), signed_in(backer_user(50))):
        text = read(client, f"/campaigns/{shop.bench.slug}/")
        assert "to claim." not in text
    assert BANNER not in read(Client(), "/")


def test_what_waits_costs_a_page_one_query(
    shop: Shop, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    user = backer_user(1)
    with django_assert_num_queries(1):
        assert refunds_to_claim(user).count() == 1
    for number in range(4):
        campaign = ended(shop.world)
        shop.world.contribute(campaign, backer=address(1), amount=1 + number, at=campaign.start)
        shop.world.contribute(campaign, backer=address(1), amount=1, at=campaign.start)
    with django_assert_num_queries(1):
        assert refunds_to_claim(user).count() == 5


def test_the_account_page_keeps_within_its_queries(
    shop: Shop, backer: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for path in ("/me/", f"/campaigns/{shop.honey.slug}/contributors/", f"/campaigns/{shop.bench.slug}/"):
        read(backer, path)
        with django_assert_max_num_queries(MAX_QUERIES):
            read(backer, path)


def test_each_wallet_of_an_account_waits_for_its_own_refund(world: World) -> None:
    alice = backer_user(1)
    Wallet.objects.create(user=alice, address=address(2))
    failed, open_one = ended(world), world.campaign()
    for number in (1, 2):
        world.contribute(failed, backer=address(number), amount=ETHER * number, at=failed.start)
        world.contribute(open_one, backer=address(number), amount=ETHER * number)
    world.listing(open_one)
    text = read(signed_in_with(alice, 1), "/me/")
    assert "You have 2 refunds to claim." in text
    targets = re.findall(r'data-until-gone="([^"]*)"', text)
    assert len(targets) == len(set(targets)) == 4
    for number in (1, 2):
        wallet = format_address(address(number))
        assert sum(wallet in target for target in targets) == 2
        assert text.count(f'data-of="{wallet}"') == 1
    world.refund(failed, backer=address(1))
    world.take_pledge_back(open_one, backer=address(1))
    text = read(signed_in_with(alice, 1), "/me/")
    first, second = format_address(address(1)), format_address(address(2))
    assert f'data-of="{first}"' not in text
    assert re.search(rf'data-take-back="[^"]*"[^>]*data-backer="{first}"', text) is None
    assert f'data-of="{second}"' in text
    assert re.search(rf'data-take-back="[^"]*"[^>]*data-backer="{second}"', text)


def test_what_was_taken_back_is_told_by_its_amount(world: World) -> None:
    alice, campaign = backer_user(1), world.campaign()
    world.contribute(campaign, backer=address(1), amount=3 * ETHER)
    world.take_pledge_back(campaign, backer=address(1))
    world.listing(campaign)
    text = read(signed_in(alice), "/me/")
    assert "Refunded or taken back" in text
    assert "Taken back: 3 ETH" in text
    assert "> 0 ETH" not in text
    assert ">0 ETH" not in text
    world.contribute(campaign, backer=address(1), amount=ETHER)
    still_open = read(signed_in(alice), "/me/").split('id="open-title"')[1]
    assert ">1 ETH</strong>" in still_open
    assert "Taken back: 3 ETH" in still_open


@pytest.mark.parametrize(
    ("what", "english", "chinese"),
    [
        ("nothing raised", "Funding has ended, and nothing was raised.", "没有筹到款项"),
        ("kept below goal", "Funding has ended. The creator can withdraw the money.", "发起人可以提款"),
        ("paid below goal", "Funding has ended, and the creator has been paid.", "款项已拨付给发起人"),
        ("nothing for milestones", "Funding has ended, and nothing was raised.", "没有筹到款项"),
        ("stopped", "The creator has stopped the payouts.", "发起人已终止拨付"),
        ("missed", "Payouts have stopped: no evidence was submitted in time.", "未按时提交证明"),
        ("refused", "Payouts have stopped: backers refused a milestone.", "支持者否决了一个里程碑"),
        ("left alone", "did not collect a milestone within 180 days.", "未领取里程碑款项"),
        ("never collected", "The creator collected nothing for 180 days.", "发起人 180 天未领取款项"),
        ("claimed", "The goal was missed. Backers have claimed everything.", "支持者已全部领取"),
    ],
)
def test_an_outcome_is_told_as_it_happened(what: str, english: str, chinese: str, world: World) -> None:
    campaign = came_to(world, what)
    assert english in read(Client(), url(world, campaign))
    assert chinese in read(Client(), url(world, campaign), "zh-hans")
    if what == "nothing for milestones":
        assert "no evidence can be submitted" in read(Client(), url(world, campaign) + "milestones/")


ENDS: dict[str, dict[str, Any]] = {
    "nothing raised": {"all_or_nothing": False},
    "kept below goal": {"all_or_nothing": False},
    "paid below goal": {"all_or_nothing": False},
    "nothing for milestones": {"all_or_nothing": False},
    "never collected": {"ago": 181 * DAY, "goal": ETHER},
    "claimed": {},
}
MILESTONES = {
    "nothing for milestones": ((10_000, 30 * DAY),),
    "missed": ((5_000, 30 * DAY), (5_000, 200 * DAY)),
    **dict.fromkeys(("stopped", "refused", "left alone"), ((5_000, 90 * DAY), (5_000, 200 * DAY))),
}


def came_to(world: World, what: str) -> CampaignLaunched:
    """A campaign that ended so, with an ether of backer 1 unless nothing was raised."""
    now = timezone.now()
    campaign = ended(world, **ENDS.get(what, {"ago": 31 * DAY, "goal": ETHER}))
    if what in MILESTONES:
        world.milestones(campaign, *MILESTONES[what])
    if "nothing" not in what:
        world.contribute(campaign, backer=address(1), amount=ETHER, at=campaign.start)
    match what:
        case "paid below goal":
            world.withdraw(campaign)
        case "stopped":
            world.wind_down(campaign, since=now)
        case "refused":
            world.submit_milestone(campaign, limit=1, window_end=now - DAY)
            world.raise_objection(campaign, backer=address(1))
        case "left alone":
            world.submit_milestone(campaign, window_end=now - 181 * DAY)
        case "claimed":
            world.refund(campaign, backer=address(1))
    return campaign


@pytest.mark.parametrize(("raised", "word"), [(ETHER, "Funding ended"), (10 * ETHER, "Funded")])
def test_funded_is_what_reached_its_goal(raised: int, word: str, world: World) -> None:
    campaign = ended(world, all_or_nothing=False)
    world.contribute(campaign, backer=address(1), amount=raised, at=campaign.start)
    chip = read(Client(), url(world, campaign)).split('class="chip state-')[1].split("</span>")[0]
    assert chip.endswith(word)


def test_a_little_is_not_nothing(world: World) -> None:
    campaign = world.campaign(goal=7612 * 10**14)
    world.contribute(campaign, backer=address(1), amount=6 * 10**15)
    page = url(world, campaign)
    text = read(Client(), page)
    assert "&lt;1% of the goal of 0.7612 ETH" in text
    assert 'aria-label="&lt;1% of the goal"' in text
    world.contribute(campaign, backer=address(1), amount=6 * 10**15)
    assert "1% of the goal of 0.7612 ETH" in read(Client(), page)


REVIEW = {
    "open": ("If the goal is not reached by", "up to 24 hours before the deadline."),
    "reaches": (
        "You can claim a refund only if the campaign is cancelled",
        "This contribution reaches the goal",
    ),
    "reached": (
        "You can claim a refund only if the campaign is cancelled",
        "The goal is reached, so you cannot",
    ),
    "last day": ("If the goal is not reached by", "Less than 24 hours are left"),
    "keeps": ("The creator is paid even below the goal.", "You cannot take it back by choice."),
    "milestones": ("If payouts by milestone stop, you can claim your share", "up to 24 hours before"),
    "keeps, milestones": ("or if payouts stop: then your share", "You cannot take it back by choice."),
}


@pytest.mark.parametrize("case", REVIEW)
def test_the_review_says_when_this_very_contribution_can_come_back(case: str, world: World) -> None:
    started = timezone.now() - 29.5 * DAY if case == "last day" else timezone.now() - DAY
    campaign = world.campaign(started=started, goal=2 * ETHER, all_or_nothing="keeps" not in case)
    if "milestones" in case:
        world.milestones(campaign, (10_000, 30 * DAY))
    given = {"reaches": ETHER, "reached": 2 * ETHER}.get(case, 0)
    if given:
        world.contribute(campaign, backer=address(2), amount=given)
    text = read(Client(), url(world, campaign) + "pledge/review/?amount=1")
    for sentence in REVIEW[case]:
        assert sentence in text
    for other in {"This contribution reaches", "Less than 24 hours are left", "up to 24 hours before"}:
        assert (other in text) is any(other in sentence for sentence in REVIEW[case])
    if case == "open":
        shown = f"{campaign.deadline.day} {campaign.deadline:%b %Y, %H:%M} UTC"
        assert f"If the goal is not reached by {shown}, or the campaign is cancelled" in text


def test_a_campaign_page_promises_what_its_contract_does(world: World) -> None:
    kept, milestones = world.campaign(all_or_nothing=False), world.campaign(all_or_nothing=False)
    world.milestones(milestones, (10_000, 30 * DAY))
    text = read(Client(), url(world, kept))
    assert "cancelled before the payout, or stays unclaimed for 180 days." in text
    assert "Platform fee: 2.5% of each payout, fixed in the contract." in text
    assert "cancelled before the first payout, or if payouts stop." in read(Client(), url(world, milestones))
    contract = read(Client(), url(world, kept) + "contract/")
    assert "Until the first payout the creator or the platform can cancel" in contract


def test_a_statement_has_what_came_in_and_what_went_back(world: World) -> None:
    alice = backer_user(1)
    start = timezone.now() - 100 * DAY
    campaign = world.campaign(started=start, goal=1, title="Half paid")
    world.contribute(campaign, backer=address(1), amount=4, at=start)
    world.take_pledge_back(campaign, backer=address(1))
    for amount in (3, 8):
        world.contribute(campaign, backer=address(1), amount=amount, at=start)
    world.cancel(campaign)
    world.refund(campaign, backer=address(1))
    world.listing(campaign)
    client = signed_in(alice)
    rows = list(csv.DictReader(io.StringIO(client.get("/me/receipts.csv").content.decode("utf-8-sig"))))
    assert [
        (row["kind"], row["amount"][-2:].strip("0"), row["returned"][-2:].strip("0"), row["went_back"])
        for row in sorted(rows, key=lambda row: int(row["block"]))
    ] == [
        ("contribution", "4", "", "taken_back"),
        ("taken_back", "", "4", ""),
        ("contribution", "3", "", "refunded"),
        ("contribution", "8", "", "refunded"),
        ("refunded", "", "11", ""),
    ]
    document = client.get("/me/receipts.pdf", headers={"Accept-Language": "zh-hans"})
    assert document.content.startswith(b"%PDF-")


def test_the_interface_gives_codes_values_and_sentences(world: World) -> None:
    campaign = ended(world, ago=31 * DAY, goal=1)
    world.milestones(campaign, (6_000, 30 * DAY), (4_000, 60 * DAY))
    world.contribute(campaign, backer=address(1), amount=10, at=campaign.start)
    back = world.contribute(campaign, backer=address(2), amount=5, at=campaign.start)
    world.take_pledge_back(campaign, backer=address(2))
    CampaignTotals.objects.filter(campaign=campaign).update(wound_down_at=timezone.now() - DAY, withdrawn=6)
    world.listing(campaign)
    path = f"/api/v1/campaigns/{campaign.chain_id}/{format_address(campaign.address)}"
    terms = Client().get(path).json()["refund_terms"]
    assert (terms["due"], terms["reason"], terms["unpaid"], terms["ways"]) == (
        "share",
        "evidence_missed",
        "4",
        [],
    )
    assert terms["firm"] == "ended"
    assert terms["sentences"][0] == "Payouts have stopped: no evidence was submitted in time."
    chinese = Client().get(path, headers={"Accept-Language": "zh-hans"}).json()["refund_terms"]
    assert chinese["sentences"][0] == "拨付已终止：未按时提交证明。"
    rows = {row["seq"]: row for row in Client().get(f"{path}/contributions").json()["results"]}
    assert {row["went_back"] for row in rows.values()} == {None, "taken_back"}
    assert rows[back.seq]["went_back_tx"]


@pytest.mark.parametrize("why", ["hidden", "text unknown"])
def test_a_refund_of_a_campaign_without_a_page_is_found_all_the_same(why: str, world: World) -> None:
    alice = backer_user(1)
    start = timezone.now() - 31 * DAY
    campaign = world.campaign(started=start, is_text_known=why != "text unknown", title="What was forbidden")
    world.contribute(campaign, backer=address(1), at=start)
    if why == "hidden":
        listing = world.listing(campaign)
        listing.visibility = Listing.Visibility.HIDDEN
        listing.save()
    text = read(signed_in(alice), "/me/")
    assert "You have 1 refund to claim." in text
    name = format_address(campaign.address)
    assert f"{name[:6]}…{name[-4:]}, not shown on this site" in text
    assert f'data-address="{name}"' in text
    assert "What was forbidden" not in text
    assert name in signed_in(alice).get("/me/receipts.csv").content.decode()
    notification = Notification.objects.create(
        user=alice, kind=Kind.REFUND_DUE, chain_id=campaign.chain_id, address=campaign.address, cause="x"
    )
    assert f"{name[:6]}…{name[-4:]}" in read(signed_in(alice), "/me/notifications/")
    notification.kind = Kind.UPDATE_POSTED
    notification.save()
    assert f"{name[:6]}…" not in read(signed_in(alice), "/me/notifications/").split("<main")[1]
