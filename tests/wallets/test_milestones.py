"""A Safe that launches and is paid by milestones, backers who are contracts, and the shares when it fails."""

from datetime import timedelta

import pytest
from django.urls import reverse
from web3.contract import Contract

from django_project.campaigns.models import Listing
from django_project.core.addresses import parse_address
from django_project.core.money import format_units
from django_project.ledger.models import (
    CampaignLaunched,
    CampaignTotals,
    FeeAccrual,
    MilestoneRelease,
    MilestoneSubmission,
    Objection,
    Refund,
    Withdrawal,
)
from django_project.ledger.selectors import campaigns_with_status
from tests.support.browser import Browser
from tests.support.tokens.stock import Stock
from tests.support.wallets.calls import Wallet, do
from tests.wallets.conftest import Scene, moment, unit

pytestmark = pytest.mark.django_db(transaction=True)

WINDOW = timedelta(days=3)
MILESTONES = ((5_000, timedelta(days=10)), (3_000, timedelta(days=20)), (2_000, timedelta(days=30)))
EVIDENCE = "https://example.org/kiln-in-place", b"\x01" * 32
# In hundredths of the unit, and something below them: of a wind-down's shares nothing comes out even.
GIFTS = (70, 17, 13)
DUST = (1, 3, 7)


def launched_by_the_safe(scene: Scene, stock: Stock | None) -> Contract:
    return scene.launch(
        "A kiln for the yard",
        stock=stock,
        goal=100,
        duration=timedelta(days=2),
        milestones=MILESTONES,
        objection_window=WINDOW,
        send=lambda creating: do(scene.safe, creating),
    )


@pytest.mark.parametrize("currency", ["ether", "usdc"])
def test_a_safe_is_paid_objected_to_and_its_backers_take_their_shares(scene: Scene, currency: str) -> None:
    stock = scene.usdc if currency == "usdc" else None
    symbol, decimals = unit(stock)
    campaign, safe = launched_by_the_safe(scene, stock), scene.safe
    second = scene.safes.promise((scene.key.key,), 1, salt=11).deployed()
    elsewhere = scene.suite.accounts[6]
    backers: tuple[Wallet, ...] = (scene.account, scene.key, second)
    gifts = [gift * 10 ** (decimals - 2) + dust for gift, dust in zip(GIFTS, DUST, strict=True)]
    for backer, amount in zip(backers, gifts, strict=True):
        scene.give(backer, campaign, stock, amount)
    raised = sum(gifts)

    scene.travel(timedelta(days=2))
    do(safe, campaign.functions.submitMilestone(*EVIDENCE))
    do(scene.key, campaign.functions.object())
    scene.travel(WINDOW)
    before = scene.balance(stock, safe.address)
    do(safe, campaign.functions.release(safe.address))
    tranche, fee = raised // 2, raised // 2 * 250 // 10_000
    assert scene.balance(stock, safe.address) - before == tranche - fee

    do(safe, campaign.functions.submitMilestone(*EVIDENCE))
    for objector in (scene.key, second):
        do(objector, campaign.functions.object())
    scene.follow()
    assert status(scene, campaign) == "releasing"
    scene.travel(WINDOW)
    scene.follow()
    assert status(scene, campaign) == "wind-down"

    shares = [gift * (raised - tranche) // raised for gift in gifts]
    held = [scene.balance(stock, address) for address in (scene.account.address, elsewhere, second.address)]
    do(scene.account, campaign.functions.refund())
    do(scene.key, campaign.functions.refundTo(elsewhere))
    with pytest.raises(RuntimeError):
        scene.send(campaign.functions.refundFor(second.address), scene.stranger)
    scene.arrive()
    scene.send(campaign.functions.refundFor(second.address), scene.stranger)
    assert scene.balance(stock, scene.account.address) - held[0] == shares[0]
    assert scene.balance(stock, elsewhere) - held[1] == shares[1]
    assert scene.balance(stock, second.address) - held[2] == shares[2]

    scene.send(campaign.functions.claimFees(), scene.stranger)
    scene.index()
    assert [row.amount for row in Refund.objects.order_by("seq")] == shares
    assert [row.weight for row in Objection.objects.order_by("seq")] == [gifts[1], gifts[1], gifts[2]]
    assert (MilestoneSubmission.objects.count(), MilestoneRelease.objects.get().amount) == (2, tranche)
    assert FeeAccrual.objects.get().amount == fee
    assert not Withdrawal.objects.exclude(amount=tranche - fee).exists()
    totals = totals_of(campaign)
    assert (totals.raised, totals.refunded, totals.fees) == (raised, sum(shares), fee)
    leftover = raised - tranche - sum(shares)
    assert scene.balance(stock, campaign.address) == leftover
    assert 0 < leftover < len(backers)
    launched = CampaignLaunched.objects.get()
    assert launched.creator == parse_address(safe.address)
    page = (
        Browser()
        .get(reverse("web:campaign-contributors", args=[Listing.objects.get().slug]))
        .content.decode()
    )
    for amount in gifts:
        assert f"{format_units(amount, decimals)} {symbol}" in page


def status(scene: Scene, campaign: Contract) -> str:
    found = campaigns_with_status(moment(scene.suite)).get(address=parse_address(campaign.address))
    return str(found.status)


def totals_of(campaign: Contract) -> CampaignTotals:
    return CampaignTotals.objects.get(campaign__address=parse_address(campaign.address))


def test_a_campaign_is_handed_over_to_a_safe(scene: Scene) -> None:
    campaign = scene.launch("A clock for the square", goal=100, duration=timedelta(days=2))
    scene.send(campaign.functions.transferCreator(scene.safe.address), scene.creator)
    do(scene.safe, campaign.functions.acceptCreator())
    scene.give(scene.key, campaign, None, 1_000)
    scene.travel(timedelta(days=2))
    with pytest.raises(RuntimeError):
        scene.send(campaign.functions.withdraw(scene.creator), scene.creator)
    do(scene.safe, campaign.functions.withdraw(scene.safe.address))
    assert scene.balance(None, scene.safe.address) == 1_000 - 25
    scene.index()
    assert Withdrawal.objects.get().amount == 975
