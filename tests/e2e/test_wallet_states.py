"""Each way in which a wallet or the network can say no, and the words that the person then reads."""

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from eth_typing import ChecksumAddress
from playwright.sync_api import BrowserContext, Page, expect
from web3.types import TxParams, Wei

from tests.e2e.people import DemoWallet, Words, campaign_url, eventually, sign_in
from tests.e2e.stack import BROKE, ETHER, HONEY, Stack
from tests.e2e.wallets import asked, install, refusal, take_demo_wallet_away
from tests.support.contracts import contribute, mine, node, set_automine

ELSEWHERE = "0x1"
LOCKED: dict[str, Any] = {"eth_accounts": [], "eth_requestAccounts": []}
# Enough for a replacement by any node's rules.
HIGHER_FEE = 500 * 10**9


def review(page: Page, stack: Stack, title: str = HONEY.title, typed: str = "amount=0.2") -> None:
    """Open the review of a pledge, signed in by the demo wallet."""
    sign_in(page, stack, stack.backer)
    url = campaign_url(page, stack, title)
    page.goto(f"{url}pledge/review/?{typed}")


def press(page: Page) -> None:
    page.locator("wallet-pledge [data-start], wallet-sign-in [data-start]").click()


def said(page: Page, words: str) -> None:
    expect(page.locator("[data-place]")).to_contain_text(words)


def pledge_says(page: Page, words: str) -> None:
    expect(page.locator("#pledge-state")).to_contain_text(words)


def send(page: Page, stack: Stack, say: Words) -> None:
    """Give by a wallet that refuses nothing; the page then waits for the network."""
    review(page, stack)
    install(page, stack.anvil.url, stack.backer)
    page.reload()
    press(page)
    pledge_says(page, say("Sent, waiting for the network"))


@pytest.fixture
def _slow_network(stack: Stack) -> Iterator[None]:
    """Transactions wait until the test mines."""
    set_automine(stack.suite, on=False)
    yield
    set_automine(stack.suite, on=True)
    mine(stack.suite)


def pending(stack: Stack, sender: ChecksumAddress) -> dict[str, Any]:
    """The account's transaction that no block has yet."""
    waiting = node(stack.suite, "txpool_content")["pending"]
    (found,) = next(of for each, of in waiting.items() if each.lower() == sender.lower()).values()
    return dict(found)


def replace(stack: Stack, transaction: dict[str, Any], **changes: str) -> None:
    """Send another transaction in its place, as a wallet does that speeds up or cancels."""
    kept = {name: transaction[name] for name in ("from", "to", "value", "nonce", "gas", "input")}
    fees = {"maxFeePerGas": hex(HIGHER_FEE), "maxPriorityFeePerGas": hex(HIGHER_FEE)}
    node(stack.suite, "eth_sendTransaction", {**kept, **fees, **changes})


def lost(page: Page, stack: Stack, say: Words) -> None:
    """Blocks pass until the wallet's node, or ours, makes the page say that the transaction is gone."""
    told = re.compile(
        "|".join((say("Your wallet's node no longer knows this transaction"), say("Payment not confirmed")))
    )

    def is_told() -> bool:
        stack.mine()
        return bool(told.search(page.locator("main").inner_text()))

    eventually(page, is_told)


def test_without_a_wallet_the_page_says_what_to_install(page: Page, stack: Stack, say: Words) -> None:
    take_demo_wallet_away(page)
    page.goto(f"{stack.url}/sign-in/")
    press(page)
    said(page, say("No wallet found in this browser"))
    # There is no app to open on a desktop.
    expect(page.locator("[data-place] [data-open-in]")).to_have_count(3)
    for link in page.locator("[data-place] [data-open-in]").all():
        expect(link).to_be_hidden()


@pytest.mark.browser_context_args(viewport={"width": 360, "height": 740}, has_touch=True, is_mobile=True)
def test_on_a_phone_this_very_page_opens_in_a_wallets_app(page: Page, stack: Stack, say: Words) -> None:
    take_demo_wallet_away(page)
    following = quote("/campaigns/蜂蜜/pledge/review/?tier=1&amount=0.2", safe="")
    page.goto(f"{stack.url}/sign-in/?next={following}")
    page.locator("wallet-sign-in [data-start]").tap()
    said(page, say("No wallet found in this browser"))
    whole = quote(page.url, safe="")
    for app, target in {
        "MetaMask": f"https://link.metamask.io/dapp/{page.url.removeprefix('http://')}",
        "Trust Wallet": f"https://link.trustwallet.com/open_url?coin_id=60&url={whole}",
        "Coinbase Wallet": f"https://go.cb-w.com/dapp?cb_url={whole}",
    }.items():
        link = page.get_by_role("link", name=say("Open this page in %(app)s", app=app))
        expect(link).to_be_visible()
        expect(link).to_have_attribute("href", target)


def test_two_wallets_are_offered_by_name(page: Page, stack: Stack, say: Words) -> None:
    install(page, stack.anvil.url, stack.backer)
    page.goto(f"{stack.url}/sign-in/")
    page.evaluate("localStorage.removeItem('chainfund.wallet')")
    press(page)
    said(page, say("Which wallet would you like to use?"))
    page.get_by_role("button", name="Scripted wallet").click()
    page.wait_for_url(f"{stack.url}/")
    expect(page.get_by_role("link", name=say("My contributions")).first).to_be_visible()


@pytest.mark.parametrize(
    ("refusals", "answers", "words"),
    [
        ({"eth_requestAccounts": refusal(4001)}, {}, "You rejected it in your wallet"),
        ({"eth_requestAccounts": refusal(-32002)}, {}, "Your wallet still has an open request"),
        ({"personal_sign": refusal(4001)}, {}, "You rejected it in your wallet"),
        ({}, LOCKED, "Your wallet is locked"),
        ({}, {"personal_sign": "0x" + "11" * 65}, "We could not accept this"),
    ],
    ids=["account-refused", "request-open", "signature-refused", "locked", "wrong-signature"],
)
def test_signing_in_can_be_tried_again(
    refusals: dict[str, Any], answers: dict[str, Any], words: str, page: Page, stack: Stack, say: Words
) -> None:
    install(page, stack.anvil.url, stack.backer, refusals=refusals, answers=answers)
    page.goto(f"{stack.url}/sign-in/")
    press(page)
    said(page, say(words))
    expect(page.locator("wallet-sign-in [data-start]")).to_be_enabled()


@pytest.mark.parametrize(
    ("refusals", "answers", "words"),
    [
        ({"eth_sendTransaction": refusal(4001)}, {}, "You rejected it in your wallet"),
        (
            {"eth_requestAccounts": refusal(-32002)},
            {"eth_accounts": []},
            "Your wallet still has an open request",
        ),
        ({}, LOCKED, "Your wallet is locked"),
        (
            {"eth_estimateGas": refusal(-32603, "socket hang up")},
            {},
            "Your wallet or its node did not answer as expected",
        ),
        (
            {"wallet_switchEthereumChain": refusal(4200, "Unsupported method")},
            {"eth_chainId": ELSEWHERE},
            "Your wallet is on another network",
        ),
        (
            {"wallet_switchEthereumChain": refusal(4001)},
            {"eth_chainId": ELSEWHERE},
            "You rejected it in your wallet",
        ),
        (
            {},
            {"eth_chainId": ELSEWHERE, "wallet_switchEthereumChain": None},
            "Your wallet is on another network",
        ),
        ({}, {"eth_getBalance": "0x10"}, "Not enough in this account"),
    ],
    ids=[
        *("rejected", "request-open", "locked", "node-trouble", "no-way-to-switch"),
        *("switch-refused", "switched-nowhere", "no-funds"),
    ],
)
def test_giving_can_be_tried_again(
    refusals: dict[str, Any], answers: dict[str, Any], words: str, page: Page, stack: Stack, say: Words
) -> None:
    review(page, stack)
    install(page, stack.anvil.url, stack.backer, refusals=refusals, answers=answers)
    page.reload()
    press(page)
    said(page, say(words))
    expect(page.locator("wallet-pledge [data-start]")).to_be_enabled()


def test_a_network_that_the_wallet_does_not_know_is_offered_to_it(
    page: Page, stack: Stack, say: Words
) -> None:
    review(page, stack)
    install(
        page,
        stack.anvil.url,
        stack.backer,
        refusals={
            "wallet_switchEthereumChain": refusal(4902),
            "wallet_addEthereumChain": refusal(4001),
        },
        answers={"eth_chainId": ELSEWHERE},
    )
    page.reload()
    press(page)
    said(page, say("You rejected it in your wallet"))
    assert asked(page)[-2:] == ["wallet_switchEthereumChain", "wallet_addEthereumChain"]


def test_a_network_that_was_added_is_given_on(page: Page, stack: Stack, say: Words) -> None:
    review(page, stack)
    added = {"eth_chainId": hex(stack.anvil.chain_id), "wallet_switchEthereumChain": None}
    install(
        page,
        stack.anvil.url,
        stack.backer,
        refusals={"wallet_switchEthereumChain": refusal(4902)},
        answers={"eth_chainId": ELSEWHERE, "wallet_addEthereumChain": None},
        afterwards={"wallet_addEthereumChain": added},
    )
    page.reload()
    press(page)
    pledge_says(page, say("Confirmed: %(amount)s %(symbol)s", amount="0.2", symbol="ETH"))


def test_another_account_is_named_with_the_one_that_signed_in(page: Page, stack: Stack, say: Words) -> None:
    review(page, stack)
    install(page, stack.anvil.url, stack.other)
    page.reload()
    press(page)
    said(page, say("Your wallet shows another account"))
    said(page, stack.other)
    said(page, stack.backer)


def test_more_than_the_account_holds_never_reaches_the_wallet(page: Page, stack: Stack, say: Words) -> None:
    review(page, stack, BROKE.title, "amount=20000")
    press(page)
    said(page, say("Not enough in this account"))
    said(page, "20000 ETH")
    expect(DemoWallet(page).dialog).to_have_count(0)


def test_the_way_to_another_wallet_never_touches_the_button_that_pays(page: Page, stack: Stack) -> None:
    review(page, stack)
    pays, other = (page.locator(f"wallet-pledge [data-{name}]") for name in ("start", "other-wallet"))
    for width in (320, 360, 640, 1280):
        page.set_viewport_size({"width": width, "height": 900})
        first, second = pays.bounding_box(), other.bounding_box()
        assert first is not None
        assert second is not None
        apart = max(second["x"] - first["x"] - first["width"], second["y"] - first["y"] - first["height"])
        assert (apart >= 8, first["height"] >= 24, second["height"] >= 24) == (True, True, True), width


def test_a_reward_taken_meanwhile_is_told_by_the_contract(page: Page, stack: Stack, say: Words) -> None:
    # There is one of each, and it is gone afterwards.
    tier = 2 if say.language == "en" else 3
    review(page, stack, HONEY.title, f"tier={tier}&amount=1")
    contribute(stack.suite, stack.contracts[HONEY.title], amount=ETHER, tier_id=tier)
    press(page)
    said(page, say("The contract would refuse this, so it was not sent"))
    said(page, say("This reward is sold out. Choose another, or none."))


@pytest.mark.usefixtures("_slow_network")
def test_what_the_network_refuses_has_failed(page: Page, stack: Stack, say: Words) -> None:
    send(page, stack, say)
    pause = stack.contracts[HONEY.title].functions.setContributionsPaused
    guardian: TxParams = {
        "from": stack.suite.admin,
        "maxPriorityFeePerGas": Wei(HIGHER_FEE),
        "maxFeePerGas": Wei(HIGHER_FEE),
    }
    try:
        pause(paused=True).transact(guardian)
        mine(stack.suite)
        # The wallet's node is asked every four seconds, ours every half minute.
        told = "|".join((say("The contract rejected the transaction"), say("Payment not confirmed")))
        expect(page.locator("main")).to_contain_text(re.compile(told))
    finally:
        pause(paused=False).transact(guardian)


@pytest.mark.usefixtures("_slow_network")
def test_a_transaction_that_was_sped_up_confirms_its_pledge(page: Page, stack: Stack, say: Words) -> None:
    send(page, stack, say)
    sent = pending(stack, stack.backer)
    replace(stack, sent)
    mine(stack.suite)
    pledge_says(page, say("Confirmed: %(amount)s %(symbol)s", amount="0.2", symbol="ETH"))
    assert sent["hash"] not in page.content()


# The page looks every four seconds: once is enough.
@pytest.mark.parametrize("say", ["zh-hans"], indirect=True)
@pytest.mark.usefixtures("_slow_network")
def test_a_transaction_that_was_cancelled_is_explained(page: Page, stack: Stack, say: Words) -> None:
    send(page, stack, say)
    raised = stack.contracts[HONEY.title].functions.totalRaised().call()
    replace(stack, pending(stack, stack.backer), to=stack.backer, value="0x0", input="0x")
    lost(page, stack, say)
    assert stack.contracts[HONEY.title].functions.totalRaised().call() == raised


# The page looks every four seconds: once is enough.
@pytest.mark.parametrize("say", ["en"], indirect=True)
@pytest.mark.usefixtures("_slow_network")
def test_a_transaction_that_was_dropped_is_explained(page: Page, stack: Stack, say: Words) -> None:
    send(page, stack, say)
    sent = pending(stack, stack.backer)["hash"]
    expect(page.locator("[data-watched]")).to_have_attribute("data-watched", sent)
    node(stack.suite, "anvil_dropTransaction", sent)
    lost(page, stack, say)


def test_a_contribution_lost_in_a_reorganisation_is_checked_again(
    page: Page, stack: Stack, say: Words
) -> None:
    review(page, stack)
    install(page, stack.anvil.url, stack.backer)
    page.reload()
    press(page)
    pledge_says(page, say("Confirmed: %(amount)s %(symbol)s", amount="0.2", symbol="ETH"))
    stack.anvil.request("anvil_reorg", 1, [])
    pledge_says(page, say("The network replaced its latest blocks; checking again"))


def test_an_expired_session_is_told_and_leads_back(
    page: Page, stack: Stack, context: BrowserContext, say: Words
) -> None:
    review(page, stack)
    install(page, stack.anvil.url, stack.backer)
    page.reload()
    context.clear_cookies(name="sessionid")
    press(page)
    said(page, say("This page is out of date"))


@pytest.mark.parametrize("say", ["en"], indirect=True)
def test_a_payment_that_the_wallet_did_not_answer_for_is_held_up_once_more(
    page: Page, stack: Stack, say: Words
) -> None:
    review(page, stack)
    install(page, stack.anvil.url, stack.backer, refusals={"eth_sendTransaction": refusal(-32603)})
    url = page.url
    page.goto(url)
    press(page)
    pledge_says(page, say("We have not heard from your wallet"))
    status = page.url
    page.goto(url)
    said(page, say("A payment to this campaign may be on its way"))
    expect(page.locator("[data-place] a")).to_have_attribute("href", status.removeprefix(stack.url))
    expect(page.locator("wallet-pledge [data-start]")).to_be_disabled()
    page.get_by_role("button", name=say("I have checked: make another payment")).click()
    pledge_says(page, say("We have not heard from your wallet"))
    assert page.url != status
