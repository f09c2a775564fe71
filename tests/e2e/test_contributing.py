"""From a newcomer to a confirmed contribution, and back: refunds."""

import re

from playwright.sync_api import Page, expect

from tests.e2e.people import DemoWallet, campaign_url, refuse_consent, sign_in
from tests.e2e.stack import ETHER, FAILED, HONEY, TEA, Stack
from tests.support.contracts import contribute


def test_a_newcomer_signs_in_gives_and_sees_it_confirmed(page: Page, stack: Stack) -> None:
    wallet = DemoWallet(page)
    url = campaign_url(page, stack, HONEY.title)
    refuse_consent(page)
    page.get_by_role("link", name="Back this campaign").first.click()
    page.get_by_label("Amount", exact=True).fill("0.25")
    page.get_by_role("button", name="Continue to review").click()

    expect(page.locator("dl")).to_contain_text("0.25 ETH")
    page.get_by_role("link", name="Sign in with your wallet").click()
    page.locator("wallet-sign-in [data-start]").click()
    wallet.approve(stack.backer)
    wallet.approve()

    give = page.get_by_role("button", name="Give 0.25 ETH")
    give.click()
    wallet.approve()
    expect(wallet.dialog).to_contain_text("0.25 ETH")
    wallet.approve()

    page.wait_for_url(re.compile(r"/pledges/[0-9a-f-]{36}/"))
    state = page.locator("#pledge-state")
    expect(state).to_contain_text("Confirmed: 0.25 ETH")
    page.reload()
    expect(state).to_contain_text("0.25 ETH")
    stack.mine(8)
    expect(state).to_contain_text("Final: 0.25 ETH")

    page.goto(url)
    percent = stack.contracts[HONEY.title].functions.totalRaised().call() * 100 // HONEY.goal
    expect(page.get_by_text(f"{percent}% of the goal of 10 ETH")).to_be_visible()
    page.get_by_role("link", name=re.compile("Contributors")).click()
    expect(page.locator("table tbody tr").first).to_contain_text("0.25 ETH")
    page.goto(f"{stack.url}/me/")
    expect(page.locator("article", has_text=HONEY.title)).to_contain_text("0.25 ETH")


def test_a_token_is_allowed_first_and_given_second(page: Page, stack: Stack) -> None:
    wallet = DemoWallet(page)
    sign_in(page, stack, stack.backer)
    campaign_url(page, stack, TEA.title)
    page.get_by_role("link", name="Back this campaign").first.click()
    page.get_by_label("Amount", exact=True).fill("250.5")
    page.get_by_role("button", name="Continue to review").click()
    page.locator("wallet-pledge [data-start]").click()
    wallet.approve()
    expect(page.locator("[data-place]")).to_contain_text("First of two requests")
    wallet.approve()
    expect(page.locator("[data-place]")).to_contain_text("Please sign in your wallet")
    wallet.approve()
    expect(page.locator("#pledge-state")).to_contain_text("Confirmed: 250.5")
    raised = stack.contracts[TEA.title].functions.totalRaised().call()
    assert raised == 1_750_500_000


def test_money_of_a_failed_campaign_is_taken_back(page: Page, stack: Stack) -> None:
    wallet = DemoWallet(page)
    sign_in(page, stack, stack.backer, "/me/")
    due = page.locator("[data-refund-due]", has_text=FAILED.title)
    expect(due).to_contain_text("0.5 ETH")
    due.get_by_role("button", name="Take it back").click()
    wallet.approve()
    wallet.approve()
    expect(due).to_have_count(0)
    expect(page.locator("article", has_text=FAILED.title)).to_contain_text("0.5 ETH taken back")
    refunded = stack.contracts[FAILED.title].functions.totalRefunded().call()
    assert refunded == ETHER // 2


def test_a_pledge_to_an_open_campaign_is_taken_back(page: Page, stack: Stack) -> None:
    wallet, campaign = DemoWallet(page), stack.contracts[HONEY.title]
    contribute(stack.suite, campaign, backer=stack.backer, amount=ETHER // 8)
    raised = campaign.functions.totalRaised().call()
    pledged = campaign.functions.contributionOf(stack.backer).call()
    sign_in(page, stack, stack.backer, "/me/")
    article = page.locator("article", has_text=HONEY.title)
    article.get_by_role("button", name="Take the pledge back").click()
    wallet.approve()
    wallet.approve()
    expect(article.get_by_role("button", name="Take the pledge back")).to_have_count(0)
    assert campaign.functions.totalRaised().call() == raised - pledged
    assert campaign.functions.contributionOf(stack.backer).call() == 0
