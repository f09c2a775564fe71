"""Money that goes back to wallets, and in tokens, that nobody here wrote: to each exactly its own."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from web3.contract import Contract

from django_project.core.addresses import parse_address
from django_project.core.money import format_units
from django_project.ledger.models import CampaignTotals, Refund, TakeBack
from tests.support.tokens.stock import Stock
from tests.support.wallets.calls import do
from tests.wallets.conftest import Scene, unit

pytestmark = pytest.mark.django_db(transaction=True)

LASTS = timedelta(days=20)
CURRENCIES: list[Callable[[Scene], Stock | None]] = [
    lambda _: None,
    lambda scene: scene.weth,
    lambda scene: scene.usdc,
    lambda scene: scene.usdt,
]
NAMES = ["ether", "weth", "usdc", "usdt-like"]


def failing(scene: Scene, stock: Stock | None) -> Contract:
    return scene.launch("A bench that folds", stock=stock, goal=10 ** unit(stock)[1], duration=LASTS)


def totals_of(campaign: Contract) -> CampaignTotals:
    return CampaignTotals.objects.get(campaign__address=parse_address(campaign.address))


@pytest.mark.parametrize("of", CURRENCIES, ids=NAMES)
def test_a_failed_campaign_gives_each_wallet_what_it_gave(
    scene: Scene, of: Callable[[Scene], Stock | None]
) -> None:
    stock = of(scene)
    symbol, decimals = unit(stock)
    cent = 10 ** (decimals - 2)
    campaign = failing(scene, stock)
    gifts = (11 * cent, 23 * cent + 1, 37 * cent + 3)
    for wallet, amount in zip(scene.wallets, gifts, strict=True):
        scene.give(wallet, campaign, stock, amount)
    # One takes its pledge back, gives more, and is owed what it gave then.
    do(scene.account, campaign.functions.takeBack(scene.account.address))
    assert scene.balance(stock, scene.account.address) == gifts[1]
    scene.give(scene.account, campaign, stock, 2 * cent)
    owed = (gifts[0], 2 * cent, gifts[2])
    scene.travel(LASTS)
    with pytest.raises(RuntimeError):
        scene.send(campaign.functions.refundFor(scene.key.address), scene.stranger)
    scene.arrive()
    scene.index()
    assert totals_of(campaign).raised == sum(owed)
    assert TakeBack.objects.get().amount == gifts[1]
    page = scene.signed_in(scene.safe).get("/me/").content.decode()
    assert f"{format_units(owed[0], decimals)} {symbol}" in page
    assert "data-refund-due" in page

    before = scene.balance(stock, scene.stranger)
    do(scene.safe, campaign.functions.refund())
    do(scene.account, campaign.functions.refundTo(scene.suite.accounts[6]))
    scene.send(campaign.functions.refundFor(scene.key.address), scene.suite.accounts[4])
    assert scene.balance(stock, scene.safe.address) == owed[0]
    assert scene.balance(stock, scene.key.address) == owed[2]
    assert scene.balance(stock, scene.stranger) == before
    assert scene.balance(stock, campaign.address) == 0
    scene.index()
    rows = Refund.objects.order_by("seq").values_list("backer", "recipient", "amount")
    recipients = (scene.safe.address, scene.suite.accounts[6], scene.key.address)
    assert list(rows) == [
        (parse_address(wallet.address), parse_address(recipient), amount)
        for wallet, recipient, amount in zip(scene.wallets, recipients, owed, strict=True)
    ]
    assert totals_of(campaign).refunded == sum(owed)
    assert "data-refund-due" not in scene.signed_in(scene.safe).get("/me/").content.decode()


def test_nobody_is_refunded_twice(scene: Scene) -> None:
    campaign = failing(scene, scene.usdt)
    for wallet in scene.wallets:
        scene.give(wallet, campaign, scene.usdt, 1_000)
    scene.travel(LASTS)
    for wallet in scene.wallets:
        do(wallet, campaign.functions.refund())
        with pytest.raises(RuntimeError):
            do(wallet, campaign.functions.refund())
    assert [scene.balance(scene.usdt, wallet.address) for wallet in scene.wallets] == [1_000] * 3


def test_a_backer_whom_the_token_refuses_has_its_money_sent_elsewhere(scene: Scene) -> None:
    """Circle lists accounts that may neither give nor take: the others are paid as if nothing were."""
    campaign, usdc = failing(scene, scene.usdc), scene.usdc
    for wallet, amount in zip(scene.wallets, (1_000, 2_000, 4_000), strict=True):
        scene.give(wallet, campaign, usdc, amount)
    scene.travel(LASTS)
    scene.send(usdc.contract.functions.blacklist(scene.account.address), scene.suite.admin)
    with pytest.raises(RuntimeError):
        do(scene.account, campaign.functions.refund())
    do(scene.safe, campaign.functions.refund())
    do(scene.account, campaign.functions.refundTo(scene.stranger))
    assert scene.balance(usdc, scene.stranger) == 2_000
    scene.index()
    assert totals_of(campaign).refunded == 3_000
    assert scene.balance(usdc, campaign.address) == 4_000


def test_while_the_token_is_paused_refunds_wait_and_are_not_lost(scene: Scene) -> None:
    campaign, usdc = failing(scene, scene.usdc), scene.usdc
    scene.give(scene.safe, campaign, usdc, 1_000)
    scene.travel(LASTS)
    scene.send(usdc.contract.functions.pause(), scene.suite.admin)
    with pytest.raises(RuntimeError):
        do(scene.safe, campaign.functions.refund())
    assert campaign.functions.contributionOf(scene.safe.address).call() == 1_000
    scene.send(usdc.contract.functions.unpause(), scene.suite.admin)
    do(scene.safe, campaign.functions.refund())
    scene.index()
    assert totals_of(campaign).refunded == 1_000
