"""From a newcomer to a confirmed contribution, and back: refunds. Each journey in both languages."""

import re

from playwright.sync_api import Page, expect

from tests.e2e.people import DemoWallet, Words, campaign_url, copied, refuse_consent, sign_in
from tests.e2e.stack import ETHER, FAILED, HONEY, TEA, Stack
from tests.support.contracts import contribute


def test_a_newcomer_signs_in_gives_and_sees_it_confirmed(page: Page, stack: Stack, say: Words) -> None:
    wallet = DemoWallet(page)
    url = campaign_url(page, stack, HONEY.title)
    refuse_consent(page)
    page.get_by_role("link", name=say("Back this campaign")).first.click()
    page.get_by_label(say("Amount"), exact=True).fill("0.25")
    page.get_by_role("button", name=say("Continue to review")).click()

    expect(page.locator("dl")).to_contain_text("0.25 ETH")
    page.get_by_role("link", name=say("Sign in with your wallet")).click()
    page.locator("wallet-sign-in [data-start]").click()
    wallet.approve(stack.backer)
    wallet.approve()

    give = page.get_by_role(
        "button", name=say("Pay %(amount_text)s %(symbol)s", amount_text="0.25", symbol="ETH")
    )
    give.click()
    expect(wallet.dialog).to_contain_text("0.25 ETH")
    wallet.approve()

    page.wait_for_url(re.compile(r"/pledges/[0-9a-f-]{36}/"))
    state = page.locator("#pledge-state")
    expect(state).to_contain_text(say("Confirmed: %(amount)s %(symbol)s", amount="0.25", symbol="ETH"))
    page.reload()
    expect(state).to_contain_text("0.25 ETH")
    stack.mine(8)
    expect(state).to_contain_text(say("Final: %(amount)s %(symbol)s", amount="0.25", symbol="ETH"))

    page.goto(url)
    percent = stack.contracts[HONEY.title].functions.totalRaised().call() * 100 // HONEY.goal
    expect(
        page.get_by_text(
            say(
                "%(percent)s%% of the goal of %(goal)s %(symbol)s",
                percent=str(percent),
                goal="10",
                symbol="ETH",
            )
        )
    ).to_be_visible()
    page.get_by_role("link", name=re.compile(say("Contributions"))).click()
    newest = page.locator("table tbody tr").first
    expect(newest).to_contain_text("0.25 ETH")
    expect(newest).not_to_contain_text(stack.backer)
    assert stack.backer in copied(page, newest)
    page.goto(f"{stack.url}/me/")
    expect(page.locator("article", has_text=HONEY.title)).to_contain_text("0.25 ETH")


def test_a_token_is_allowed_by_a_signature_and_given(page: Page, stack: Stack, say: Words) -> None:
    wallet, campaign = DemoWallet(page), stack.contracts[TEA.title]
    raised = campaign.functions.totalRaised().call()
    sign_in(page, stack, stack.backer)
    campaign_url(page, stack, TEA.title)
    page.get_by_role("link", name=say("Back this campaign")).first.click()
    page.get_by_label(say("Amount"), exact=True).fill("250.5")
    page.get_by_role("button", name=say("Continue to review")).click()
    page.locator("wallet-pledge [data-start]").click()
    expect(page.locator("[data-place]")).to_contain_text(say("Step 1 of 2: approve the amount"))
    expect(wallet.dialog).to_contain_text(f'"value": "{250_500_000}"')
    wallet.approve()
    expect(page.locator("[data-place]")).to_contain_text(say("Please sign in your wallet"))
    wallet.approve()
    expect(page.locator("#pledge-state")).to_contain_text(
        say("Confirmed: %(amount)s %(symbol)s", amount="250.5", symbol="TUSD")
    )
    assert campaign.functions.totalRaised().call() == raised + 250_500_000
    token = stack.suite.token.functions
    assert token.allowance(stack.backer, campaign.address).call() == 0


def test_money_of_a_failed_campaign_is_taken_back(page: Page, stack: Stack, say: Words) -> None:
    wallet, campaign = DemoWallet(page), stack.contracts[FAILED.title]
    refunded = campaign.functions.totalRefunded().call()
    # Two backers gave the same; each takes it back once.
    sign_in(page, stack, stack.backer if say.language == "en" else stack.other, "/me/")
    due = page.locator("[data-refund-due]", has_text=FAILED.title)
    expect(due).to_contain_text("0.5 ETH")
    due.get_by_role("button", name=say("Claim refund")).click()
    wallet.approve()
    expect(due).to_have_count(0)
    expect(page.locator("article", has_text=FAILED.title)).to_contain_text(
        say("Refunded: %(amount)s %(symbol)s", amount="0.5", symbol="ETH")
    )
    assert campaign.functions.totalRefunded().call() == refunded + ETHER // 2


def test_a_pledge_to_an_open_campaign_is_taken_back(page: Page, stack: Stack, say: Words) -> None:
    wallet, campaign = DemoWallet(page), stack.contracts[HONEY.title]
    contribute(stack.suite, campaign, backer=stack.backer, amount=ETHER // 8)
    raised = campaign.functions.totalRaised().call()
    pledged = campaign.functions.contributionOf(stack.backer).call()
    sign_in(page, stack, stack.backer, "/me/")
    article = page.locator("article", has_text=HONEY.title)
    article.get_by_role("button", name=say("Take back all I contributed here")).click()
    wallet.approve()
    expect(article.get_by_role("button", name=say("Take back all I contributed here"))).to_have_count(0)
    assert campaign.functions.totalRaised().call() == raised - pledged
    assert campaign.functions.contributionOf(stack.backer).call() == 0
