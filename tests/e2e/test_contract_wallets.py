"""Giving in the browser by wallets whose transactions somebody else sends: a Safe and an ERC-4337 account.

Each announces itself as an extension does, signs as its owners do, and tells a hash that no node knows.
"""

import re
from typing import Any

import pytest
from eth_typing import ChecksumAddress
from hexbytes import HexBytes
from playwright.sync_api import Page, expect
from web3 import Web3
from web3.types import Wei

from tests.e2e.people import Words, campaign_url
from tests.e2e.stack import ETHER, HONEY, TEA, Stack
from tests.e2e.wallets import asked, install
from tests.support.wallets.calls import Call, Proposal, Wallet, key
from tests.support.wallets.entry_point import EntryPoint
from tests.support.wallets.safe import SafeContracts
from tests.support.wallets.smart_account import SmartAccountContracts


@pytest.fixture(scope="module")
def safes(stack: Stack) -> SafeContracts:
    return SafeContracts.deploy(stack.suite.web3)


@pytest.fixture(scope="module")
def accounts(stack: Stack) -> SmartAccountContracts:
    return SmartAccountContracts.deploy(EntryPoint.deploy(stack.suite.web3))


class InPage:
    """A contract wallet behind an extension: signs what the page asks for, and executes it when told to."""

    def __init__(self, wallet: Wallet, *, executes_at_once: bool) -> None:
        self.wallet, self.executes_at_once = wallet, executes_at_once
        self.proposals: list[Proposal] = []

    def __call__(self, method: str, params: list[Any]) -> str:
        if method == "personal_sign":
            return "0x" + self.wallet.sign(bytes.fromhex(params[0][2:]).decode()).hex()
        asked_for = params[0]
        assert Web3.to_checksum_address(asked_for["from"]) == self.wallet.address
        call = Call(
            Web3.to_checksum_address(asked_for["to"]),
            HexBytes(asked_for["data"]),
            int(asked_for.get("value", "0x0"), 16),
        )
        proposal = self.wallet.propose(call)
        self.proposals.append(proposal)
        if self.executes_at_once:
            self.execute()
        return Web3.to_hex(proposal.told_hash)

    def execute(self) -> None:
        proposal = self.proposals[-1]
        assert proposal.succeeded(proposal.execute())


def sign_in(page: Page, stack: Stack, acting: InPage) -> None:
    install(page, stack.anvil.url, acting.wallet.address, acts=acting)
    page.goto(f"{stack.url}/sign-in/")
    page.locator("wallet-sign-in [data-start]").click()
    page.wait_for_url(f"{stack.url}/")


def review(page: Page, stack: Stack, title: str, amount: str) -> None:
    page.goto(f"{campaign_url(page, stack, title)}pledge/review/?amount={amount}")
    page.locator("wallet-pledge [data-start]").click()


def fund(stack: Stack, address: ChecksumAddress, wei: int) -> None:
    sent = stack.suite.web3.eth.send_transaction(
        {"from": stack.suite.accounts[8], "to": address, "value": Wei(wei)}
    )
    stack.suite.web3.eth.wait_for_transaction_receipt(sent, poll_latency=0.01)


@pytest.mark.parametrize("say", ["zh-hans"], indirect=True)
def test_a_safe_gives_when_its_second_owner_has_signed(
    page: Page, stack: Stack, say: Words, safes: SafeContracts
) -> None:
    """It holds the amount and nothing for a fee; the page waits, and finds it by its reference."""
    safe = safes.promise((key(1), key(2), key(3)), 2).deployed()
    fund(stack, safe.address, ETHER // 5)
    acting = InPage(safe, executes_at_once=False)
    campaign = stack.contracts[HONEY.title]
    sign_in(page, stack, acting)
    review(page, stack, HONEY.title, "0.2")
    page.wait_for_url(re.compile(r"/pledges/[0-9a-f-]{36}/"))
    state = page.locator("#pledge-state")
    expect(state).to_contain_text(say("Waiting for your wallet to send it"))
    assert campaign.functions.contributionOf(safe.address).call() == 0
    acting.execute()
    expect(state).to_contain_text(say("Confirmed: %(amount)s %(symbol)s", amount="0.2", symbol="ETH"))
    assert campaign.functions.contributionOf(safe.address).call() == ETHER // 5
    assert asked(page).count("eth_sendTransaction") == 0


@pytest.mark.parametrize("say", ["en"], indirect=True)
def test_an_account_gives_a_token_by_operations_that_somebody_else_pays(
    page: Page, stack: Stack, say: Words, accounts: SmartAccountContracts
) -> None:
    """Its address holds nothing of the chain's own currency, and is given code by its first operation."""
    account = accounts.promise(key(4))
    stack.suite.send(stack.suite.token.functions.mint(account.address, 40 * 10**6), stack.suite.accounts[8])
    acting = InPage(account, executes_at_once=True)
    campaign = stack.contracts[TEA.title]
    sign_in(page, stack, acting)
    review(page, stack, TEA.title, "40")
    page.wait_for_url(re.compile(r"/pledges/[0-9a-f-]{36}/"))
    expect(page.locator("#pledge-state")).to_contain_text(
        say("Confirmed: %(amount)s %(symbol)s", amount="40", symbol="TUSD")
    )
    assert campaign.functions.contributionOf(account.address).call() == 40 * 10**6
    assert stack.suite.token.functions.allowance(account.address, campaign.address).call() == 0
    assert len(acting.proposals) == 2
