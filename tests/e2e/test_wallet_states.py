"""Each way in which a wallet can say no, and the words that the person then reads."""

import re
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.e2e.people import DemoWallet, campaign_url, sign_in
from tests.e2e.stack import BROKE, ETHER, HONEY, Stack
from tests.e2e.wallets import install, refusal, take_demo_wallet_away
from tests.support.contracts import contribute


def review(page: Page, stack: Stack, title: str = HONEY.title, typed: str = "amount=0.2") -> None:
    """Open the review of a pledge, signed in by the demo wallet."""
    sign_in(page, stack, stack.backer)
    url = campaign_url(page, stack, title)
    page.goto(f"{url}pledge/review/?{typed}")


def press(page: Page) -> None:
    page.locator("wallet-pledge [data-start], wallet-sign-in [data-start]").click()


def said(page: Page, words: str) -> None:
    expect(page.locator("[data-place]")).to_contain_text(words)


def test_without_a_wallet_the_page_says_what_to_install(page: Page, stack: Stack) -> None:
    take_demo_wallet_away(page)
    page.goto(f"{stack.url}/sign-in/")
    press(page)
    said(page, "No wallet found in this browser")


def test_two_wallets_are_offered_by_name(page: Page, stack: Stack) -> None:
    install(page, stack.anvil.url, stack.backer)
    page.goto(f"{stack.url}/sign-in/")
    page.evaluate("localStorage.removeItem('chainfund.wallet')")
    press(page)
    said(page, "Which wallet would you like to use?")
    page.get_by_role("button", name="Scripted wallet").click()
    page.wait_for_url(f"{stack.url}/")
    expect(page.get_by_role("link", name="My contributions").first).to_be_visible()


@pytest.mark.parametrize(
    ("refusals", "answers", "words"),
    [
        ({"eth_requestAccounts": refusal(4001)}, {}, "You rejected it in your wallet"),
        ({"eth_requestAccounts": refusal(-32002)}, {}, "Your wallet still has an open request"),
        ({"personal_sign": refusal(4001)}, {}, "You rejected it in your wallet"),
        ({}, {"eth_requestAccounts": []}, "Your wallet is locked"),
        ({}, {"personal_sign": "0x" + "11" * 65}, "We could not accept this"),
    ],
)
def test_signing_in_can_be_tried_again(
    refusals: dict[str, Any], answers: dict[str, Any], words: str, page: Page, stack: Stack
) -> None:
    install(page, stack.anvil.url, stack.backer, refusals=refusals, answers=answers)
    page.goto(f"{stack.url}/sign-in/")
    press(page)
    said(page, words)
    expect(page.locator("wallet-sign-in [data-start]")).to_be_enabled()


@pytest.mark.parametrize(
    ("refusals", "answers", "words"),
    [
        ({"eth_sendTransaction": refusal(4001)}, {}, "You rejected it in your wallet"),
        ({"eth_sendTransaction": refusal(-32603, "socket hang up")}, {}, "did not answer as expected"),
        ({"wallet_switchEthereumChain": refusal(4001)}, {"eth_chainId": "0x1"}, "You rejected it"),
        (
            {"wallet_switchEthereumChain": refusal(4902)},
            {"eth_chainId": "0x1", "wallet_addEthereumChain": None},
            "You rejected it|on another network|did not answer",
        ),
        ({}, {"eth_getBalance": "0x10"}, "Not enough in this account"),
    ],
)
def test_giving_can_be_tried_again(
    refusals: dict[str, Any], answers: dict[str, Any], words: str, page: Page, stack: Stack
) -> None:
    review(page, stack)
    install(page, stack.anvil.url, stack.backer, refusals=refusals, answers=answers)
    page.reload()
    press(page)
    expect(page.locator("[data-place]")).to_contain_text(re.compile(words))
    expect(page.locator("wallet-pledge [data-start]")).to_be_enabled()


def test_another_account_is_named_with_the_one_that_signed_in(page: Page, stack: Stack) -> None:
    review(page, stack)
    install(page, stack.anvil.url, stack.other)
    page.reload()
    press(page)
    said(page, "Your wallet shows another account")
    said(page, stack.other)
    said(page, stack.backer)


def test_more_than_the_account_holds_never_reaches_the_wallet(page: Page, stack: Stack) -> None:
    review(page, stack, BROKE.title, "amount=20000")
    press(page)
    DemoWallet(page).approve()
    said(page, "Not enough in this account")
    said(page, "20000 ETH")
    expect(DemoWallet(page).dialog).to_have_count(0)


def test_a_reward_taken_meanwhile_is_told_by_the_contract(page: Page, stack: Stack) -> None:
    review(page, stack, HONEY.title, "tier=2&amount=1")
    contribute(stack.suite, stack.contracts[HONEY.title], amount=ETHER, tier_id=2)
    press(page)
    DemoWallet(page).approve()
    said(page, "The contract would refuse this")
    said(page, "All of this reward are taken")


def test_a_transaction_that_vanished_is_explained(page: Page, stack: Stack) -> None:
    review(page, stack)
    install(page, stack.anvil.url, stack.backer, answers={"eth_sendTransaction": "0x" + "ab" * 32})
    page.reload()
    press(page)
    expect(page.locator("#pledge-state")).to_contain_text("Sent, waiting for the network")
    expect(page.locator("wallet-watch")).to_contain_text("no longer knows this transaction")


def test_a_contribution_lost_in_a_reorganisation_is_checked_again(page: Page, stack: Stack) -> None:
    review(page, stack)
    install(page, stack.anvil.url, stack.backer)
    page.reload()
    press(page)
    state = page.locator("#pledge-state")
    expect(state).to_contain_text("Confirmed: 0.2 ETH")
    stack.anvil.request("anvil_reorg", 1, [])
    expect(state).to_contain_text("The network rewrote its last blocks")


def test_an_expired_session_is_told_and_leads_back(page: Page, stack: Stack, context: BrowserContext) -> None:
    review(page, stack)
    install(page, stack.anvil.url, stack.backer)
    page.reload()
    context.clear_cookies(name="sessionid")
    press(page)
    said(page, "We could not accept this")
