"""From "to judge" to an objection on the chain, and back again."""

import re

from playwright.sync_api import Page, expect

from tests.e2e.people import DemoWallet, Words, campaign_url, sign_in
from tests.e2e.stack import ETHER, JUDGED, Stack
from tests.e2e.wallets import install, refusal


def objections(stack: Stack) -> int:
    return int(stack.contracts[JUDGED.title].functions.review().call()[0])


def test_a_backer_objects_and_withdraws_the_objection(page: Page, stack: Stack, say: Words) -> None:
    wallet = DemoWallet(page)

    def objected(total: str, percent: str) -> str:
        return say(
            "Objections: %(total)s %(symbol)s, %(percent)s%% of the limit of %(limit)s %(symbol)s",
            total=total,
            symbol="ETH",
            percent=percent,
            limit="0.72",
        )

    sign_in(page, stack, stack.backer, "/me/")
    due = page.locator("[data-to-judge]", has_text=JUDGED.title)
    expect(due).to_contain_text(
        say(
            "Your weight: %(weight)s %(symbol)s, %(percent)s%% of the limit",
            weight="0.5",
            symbol="ETH",
            percent="69",
        )
    )
    due.get_by_role("link", name=say("Read the evidence")).click()
    milestone = page.locator("#milestone-1")
    expect(milestone).to_contain_text("https://example.org/kiln-in-place")

    page.get_by_role("button", name=say("Object to this milestone")).click()
    expect(page.locator("[data-network-fee]")).to_have_text(re.compile(r"≈ 0\.\d+ ETH"))
    wallet.approve()
    expect(page.get_by_role("button", name=say("Withdraw my objection"))).to_be_enabled()
    expect(milestone).to_contain_text(objected("0.5", "69"))
    expect(page.locator("#announcer")).to_contain_text(
        say(
            "Your objection counts for %(weight)s %(symbol)s. "
            "You can withdraw it until the objection period ends.",
            weight="0.5",
            symbol="ETH",
        )
    )
    assert objections(stack) == ETHER // 2

    page.get_by_role("button", name=say("Withdraw my objection")).click()
    wallet.approve()
    expect(page.get_by_role("button", name=say("Object to this milestone"))).to_be_enabled()
    expect(milestone).to_contain_text(objected("0", "0"))
    assert objections(stack) == 0


def test_what_is_done_already_is_shown_and_never_reaches_the_wallet(page: Page, stack: Stack) -> None:
    """The page still offers to object when another page has done so already."""
    sign_in(page, stack, stack.other)
    page.goto(campaign_url(page, stack, JUDGED.title) + "milestones/")
    campaign = stack.contracts[JUDGED.title]
    stack.suite.send(campaign.functions.object(), stack.other)
    page.get_by_role("button", name="Object to this milestone").click()
    expect(page.get_by_role("button", name="Withdraw my objection")).to_be_visible()
    expect(DemoWallet(page).dialog).to_have_count(0)
    stack.suite.send(campaign.functions.unobject(), stack.other)


def test_a_refused_signature_changes_nothing(page: Page, stack: Stack) -> None:
    sign_in(page, stack, stack.other)
    install(page, stack.anvil.url, stack.other, refusals={"eth_sendTransaction": refusal(4001)})
    page.goto(campaign_url(page, stack, JUDGED.title) + "milestones/")
    expect(page.locator("[data-network-fee]")).to_have_text(re.compile(r"≈ 0\.\d+ ETH"))
    before = objections(stack)
    page.get_by_role("button", name="Object to this milestone").click()
    expect(page.locator("[data-place]")).to_contain_text("You rejected it in your wallet")
    assert objections(stack) == before
