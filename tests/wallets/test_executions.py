"""What becomes of pledges whose wallet tells a hash that no node knows, or whose call alone fails.

A Safe's transaction and an account's operation are sent by somebody else, later or never, and are mined with
success even when the contribution in them is refused.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

import pytest
from web3 import Web3
from web3.contract import Contract

from tasks.engagement.missing_pledges import look_for_missing
from tests.support.browser import Browser
from tests.support.contracts import mine
from tests.support.wallets.calls import Proposal, Wallet, call_of, do
from tests.support.wallets.smart_account import SmartAccount
from tests.wallets.conftest import FINAL, STILL_OPEN, Scene, pledge

pytestmark = pytest.mark.django_db(transaction=True)

AMOUNT, TYPED = 10**18 // 4, "0.25"


@dataclass
class Pledged:
    """A pledge whose wallet's owners have signed, in the browser that waits for it."""

    scene: Scene
    browser: Browser
    campaign: Contract
    url: str
    ref: str
    proposal: Proposal

    def report(self, tx_hash: bytes) -> None:
        told = {"ref": self.ref, "tx_hash": Web3.to_hex(tx_hash)}
        reply = self.browser.post(f"{self.url}/submitted", told)
        assert reply.status_code == 200, reply.content

    def becomes(self) -> tuple[str, str]:
        """The pledge's state and why it failed, once the chain was followed and its nodes were asked."""
        self.scene.index()
        look_for_missing()
        stands = self.browser.get(self.url).json()
        return stands["state"], stands["failure"]


def pledged(scene: Scene, wallet: Wallet, *, inner_gas: int = 0) -> Pledged:
    campaign = scene.launch("Honey from a far roof", goal=10**18, duration=STILL_OPEN)
    scene.index()
    browser = scene.signed_in(wallet)
    created = pledge(browser, scene, campaign, TYPED)
    scene.fund(wallet.address, AMOUNT)
    call = call_of(campaign.functions.contribute(0, bytes.fromhex(created["ref"][2:])), value=AMOUNT)
    # A Safe's transaction with gas of its own goes through although the call in it fails.
    proposal = scene.safe.propose(call, inner_gas=inner_gas) if wallet is scene.safe else wallet.propose(call)
    return Pledged(scene, browser, campaign, f"/api/v1/pledges/{created['id']}", created["ref"], proposal)


def refuse_contributions(scene: Scene, campaign: Contract) -> None:
    scene.send(campaign.functions.setContributionsPaused(paused=True), scene.suite.admin)


def deployed(account: SmartAccount) -> SmartAccount:
    """The account after an operation that changes nothing else."""
    do(account, account.safe.contract.functions.changeThreshold(1))
    return account


WALLETS = [
    pytest.param(lambda scene: scene.safe, id="safe"),
    pytest.param(lambda scene: deployed(scene.account), id="smart-account"),
]


@pytest.mark.parametrize("of", WALLETS)
def test_what_was_not_executed_is_waited_for_and_found_by_its_reference(
    scene: Scene, of: Callable[[Scene], Wallet]
) -> None:
    it = pledged(scene, of(scene))
    it.report(it.proposal.told_hash)
    for later in (timedelta(minutes=31), timedelta(days=2)):
        scene.travel(later)
        mine(scene.suite, FINAL)
        assert it.becomes() == ("submitted", "")
    receipt = it.proposal.execute()
    assert it.becomes() == ("confirmed", "")
    stands = it.browser.get(it.url).json()
    assert (stands["tx_hash"], stands["confirmed_amount"]) == (
        Web3.to_hex(receipt["transactionHash"]),
        str(AMOUNT),
    )


@pytest.mark.parametrize("of", WALLETS)
def test_a_transaction_whose_call_failed_has_failed_once_it_is_final(
    scene: Scene, of: Callable[[Scene], Wallet]
) -> None:
    it = pledged(scene, of(scene), inner_gas=200_000)
    refuse_contributions(scene, it.campaign)
    receipt = it.proposal.execute()
    assert receipt["status"] == 1
    assert not it.proposal.succeeded(receipt)
    it.report(receipt["transactionHash"])
    assert it.becomes() == ("submitted", "")
    mine(scene.suite, FINAL)
    assert it.becomes() == ("failed", "without")
    assert scene.balance(None, it.campaign.address) == 0


@pytest.mark.parametrize("of", WALLETS)
def test_where_only_the_wallets_own_hash_is_known_the_end_of_the_campaign_decides(
    scene: Scene, of: Callable[[Scene], Wallet]
) -> None:
    """The owners may sign it again: until nothing is taken any more, nobody can say that nothing comes."""
    it = pledged(scene, of(scene), inner_gas=200_000)
    refuse_contributions(scene, it.campaign)
    it.proposal.execute()
    it.report(it.proposal.told_hash)
    mine(scene.suite, FINAL)
    assert it.becomes() == ("submitted", "")
    scene.travel(STILL_OPEN)
    assert it.becomes() == ("submitted", "")
    mine(scene.suite, FINAL)
    assert it.becomes() == ("failed", "closed")


def test_an_account_that_is_not_deployed_yet_is_waited_for_too(scene: Scene) -> None:
    """Nothing at its address shows that it is a contract's: the way in which it signed in does."""
    it = pledged(scene, scene.account)
    it.report(it.proposal.told_hash)
    assert it.becomes() == ("submitted", "")
    scene.travel(timedelta(days=1))
    mine(scene.suite, FINAL)
    assert not scene.account.is_deployed()
    assert it.becomes() == ("submitted", "")
    it.proposal.execute()
    assert it.becomes() == ("confirmed", "")


def test_a_safe_whose_transaction_reverts_as_a_whole_may_send_it_again(scene: Scene) -> None:
    it = pledged(scene, scene.safe)
    refuse_contributions(scene, it.campaign)
    with pytest.raises(RuntimeError):
        it.proposal.execute()
    (reverted,) = scene.web3.eth.get_block("latest")["transactions"]
    assert isinstance(reverted, bytes)
    it.report(reverted)
    mine(scene.suite, FINAL)
    assert it.becomes() == ("submitted", "")
    scene.send(it.campaign.functions.setContributionsPaused(paused=False), scene.suite.admin)
    it.proposal.execute()
    assert it.becomes() == ("confirmed", "")


def test_an_operation_beside_others_in_a_bundle_is_found(scene: Scene) -> None:
    """One bundle, two operations, of which one fails: each pledge has its own end."""
    campaign = scene.launch("Honey from a near roof", goal=10**18, duration=STILL_OPEN)
    scene.index()
    told, operations = [], []
    for wallet, amount in ((scene.account, AMOUNT), (scene.key, 2 * AMOUNT)):
        browser = scene.signed_in(wallet)
        created = pledge(browser, scene, campaign, "0.25" if amount == AMOUNT else "0.5")
        scene.fund(wallet.address, AMOUNT)
        call = call_of(campaign.functions.contribute(0, bytes.fromhex(created["ref"][2:])), value=amount)
        operation = wallet.propose(call)
        operations.append(operation)
        told.append((browser, f"/api/v1/pledges/{created['id']}", created["ref"]))
    receipt = scene.accounts.entry_point.bundle(operations)
    assert [operation.succeeded(receipt) for operation in operations] == [True, False]
    for browser, url, ref in told:
        browser.post(f"{url}/submitted", {"ref": ref, "tx_hash": Web3.to_hex(receipt["transactionHash"])})
    mine(scene.suite, FINAL)
    scene.index()
    look_for_missing()
    states = [browser.get(url).json()["state"] for browser, url, _ in told]
    assert states == ["final", "failed"]
