"""An account from its first sign-in to being forgotten: name, second wallet, message, privacy, data."""

import json
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.e2e.people import Words, campaign_url, refuse_consent, sign_in
from tests.e2e.stack import JUDGED, Stack
from tests.e2e.wallets import install

NAME, ABOUT, MESSAGE = "Ines 🐝 B.", "Eight hives.\nمرحبا", "Well done, <b>all of you</b>."


def test_an_account_is_named_linked_hidden_exported_and_forgotten(
    page: Page, stack: Stack, say: Words
) -> None:
    second = stack.suite.accounts[12]
    wall = f"{campaign_url(page, stack, JUDGED.title)}messages/"
    refuse_consent(page)
    sign_in(page, stack, stack.other, "/me/settings/")

    page.get_by_label(say("Name to show")).fill(NAME)
    page.get_by_label(say("About you"), exact=True).fill(ABOUT)
    page.get_by_role("button", name=say("Save the profile")).click()
    expect(page.get_by_text(say("Your profile is saved."))).to_be_visible()

    # A wallet that shows both accounts: each signs that the second joins the account.
    install(page, stack.anvil.url, second, answers={"eth_accounts": [second, stack.other]})
    page.reload()
    page.get_by_role("button", name=say("Link another wallet")).click()
    unlink = page.get_by_role("button", name=say("Unlink %(each)s", each=second))
    expect(unlink).to_be_visible()

    page.goto(wall)
    page.locator("textarea[name=text]").fill(MESSAGE)
    page.get_by_role("button", name=say("Post message")).click()
    expect(page.locator("main")).to_contain_text(MESSAGE)
    page.get_by_role("link", name=NAME).first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text(NAME)
    expect(page.locator("main")).to_contain_text("Eight hives.")
    expect(page.locator("main")).to_contain_text(stack.other)
    expect(page.locator("main")).not_to_contain_text(second)

    page.goto(f"{stack.url}/me/settings/")
    page.get_by_label(say("Back anonymously")).check()
    page.get_by_role("button", name=say("Save the profile")).click()
    page.goto(wall)
    expect(page.locator("main")).to_contain_text(MESSAGE)
    expect(page.locator("main")).not_to_contain_text(NAME)

    page.goto(f"{stack.url}/me/settings/")
    page.locator("input[name='update_posted.mail']").uncheck()
    page.get_by_role("button", name=say("Save the choice")).click()
    expect(page.get_by_text(say("Your choice is saved."))).to_be_visible()
    expect(page.locator("input[name='update_posted.mail']")).not_to_be_checked()
    expect(page.get_by_text(say("this browser"), exact=True)).to_be_visible()
    unlink.click()
    expect(page.get_by_text(say("The wallet no longer belongs to this account."))).to_be_visible()
    expect(unlink).to_have_count(0)

    with page.expect_download() as download:
        page.get_by_role("link", name=say("Export my data")).click()
    data = json.loads(Path(download.value.path()).read_text())
    assert MESSAGE in json.dumps(data, ensure_ascii=False)

    page.get_by_text(say("I can no longer sign with my wallet")).click()
    page.get_by_role("button", name=say("Delete later")).click()
    expect(page.locator("#sure-error")).to_be_visible()
    page.get_by_label(say("I am sure.")).check()
    page.get_by_role("button", name=say("Delete later")).click()
    page.get_by_role("button", name=say("Keep my account")).click()
    expect(page.get_by_text(say("Your account is kept."), exact=True).first).to_be_visible()
    page.get_by_role("button", name=say("Delete my account")).click()
    expect(page.get_by_role("link", name=say("Sign in"), exact=True)).to_be_visible()
    page.goto(wall)
    expect(page.locator("main")).not_to_contain_text(MESSAGE)
    page.evaluate("localStorage.removeItem('chainfund.wallet')")


def test_a_report_is_sent_and_a_campaign_saved_by_whoever_asks(page: Page, stack: Stack, say: Words) -> None:
    url = campaign_url(page, stack, JUDGED.title)
    refuse_consent(page)
    page.get_by_role("link", name=say("Report this campaign")).click()
    page.get_by_role("button", name=say("Send the report")).click()
    expect(page.locator(".field-error").first).to_be_visible()
    page.get_by_label(say("Something else")).check()
    page.locator("textarea[name=text]").fill("The kiln in the picture is <i>ours</i>. 窑是我们的。")
    page.get_by_role("button", name=say("Send the report")).click()
    page.wait_for_url("**/report/?sent=yes")
    ((reason, text),) = stack.rows("SELECT reason, text FROM campaigns_report ORDER BY id DESC LIMIT 1")
    assert (reason, text) == ("other", "The kiln in the picture is <i>ours</i>. 窑是我们的。")

    sign_in(page, stack, stack.other)
    page.goto(url)
    page.get_by_role("button", name=say("Save and get updates")).click()
    expect(page.get_by_role("button", name=say("Remove from saved"))).to_be_visible()
    page.goto(f"{stack.url}/me/")
    expect(page.locator("section", has=page.locator("#saved-title"))).to_contain_text(JUDGED.title)
    page.goto(url)
    page.get_by_role("button", name=say("Remove from saved")).click()
    expect(page.get_by_role("button", name=say("Save and get updates"))).to_be_visible()
