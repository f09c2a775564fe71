"""Giving by wallets, and in tokens, that nobody here wrote: what the site, the chain and the index say."""

from collections.abc import Callable

import pytest
from web3 import Web3
from web3.contract import Contract

from django_project.core.addresses import parse_address
from django_project.core.money import format_units
from django_project.ledger.models import CampaignTotals, Contribution
from tests.support.contracts import mine
from tests.support.tokens.stock import Stock
from tests.support.wallets.calls import Wallet, call_of, do
from tests.wallets.conftest import FINAL, STILL_OPEN, Scene, pledge, unit

pytestmark = pytest.mark.django_db(transaction=True)

Of = Callable[[Scene], Wallet]
WALLETS = [
    pytest.param(lambda scene: scene.safe, id="safe"),
    pytest.param(lambda scene: scene.account, id="smart-account"),
    pytest.param(lambda scene: scene.key, id="delegated-key"),
]


@pytest.mark.parametrize("of", WALLETS)
def test_a_wallet_gives_in_every_currency_what_its_owner_typed(scene: Scene, of: Of) -> None:
    """Whoever sends the wallet's transactions pays their fees: the wallet holds the amount and no more."""
    wallet = of(scene)
    currencies: tuple[Stock | None, ...] = (None, *scene.tokens)
    campaigns = [
        scene.launch(
            f"Honey for {unit(stock)[0]}",
            stock=stock,
            goal=10 ** unit(stock)[1],
            duration=STILL_OPEN,
        )
        for stock in currencies
    ]
    scene.index()
    browser = scene.signed_in(wallet)
    pledges = []
    for stock, campaign in zip(currencies, campaigns, strict=True):
        created = pledge(browser, scene, campaign, "0.25")
        amount = 10 ** unit(stock)[1] // 4
        assert int(created["amount"]) == amount
        give = give_exactly(scene, wallet, stock, campaign, amount, bytes.fromhex(created["ref"][2:]))
        told = {"ref": created["ref"], "tx_hash": Web3.to_hex(give)}
        reported = browser.post(f"/api/v1/pledges/{created['id']}/submitted", told)
        assert reported.status_code == 200, reported.content
        assert scene.balance(stock, wallet.address) == 0
        pledges.append(created)
    mine(scene.suite, FINAL)
    scene.index()
    for stock, campaign, created in zip(currencies, campaigns, pledges, strict=True):
        symbol, decimals = unit(stock)
        amount = 10**decimals // 4
        stands = browser.get(f"/api/v1/pledges/{created['id']}").json()
        assert (stands["state"], stands["confirmed_amount"]) == ("final", str(amount))
        row = Contribution.objects.get(campaign__address=parse_address(campaign.address))
        assert (row.backer, row.payer, row.amount) == (*2 * (parse_address(wallet.address),), amount)
        assert CampaignTotals.objects.get(campaign=row.campaign).raised == amount
        assert (
            f"{format_units(amount, decimals)} {symbol}"
            in browser.get(created["status_url"]).content.decode()
        )


def give_exactly(
    scene: Scene, wallet: Wallet, stock: Stock | None, campaign: Contract, amount: int, ref: bytes
) -> bytes:
    """Contribute all that the wallet has got; the hash that it tells its page."""
    if stock is None:
        scene.fund(wallet.address, amount)
        call = call_of(campaign.functions.contribute(0, ref), value=amount)
    else:
        stock.give(wallet.address, amount)
        do(wallet, stock.contract.functions.approve(campaign.address, amount))
        call = call_of(campaign.functions.contributeERC20(amount, 0, ref))
    proposal = wallet.propose(call)
    assert proposal.succeeded(proposal.execute())
    return bytes(proposal.told_hash)
