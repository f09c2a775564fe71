"""A creator writes a campaign: it survives two windows, a line that is down and a session that ended."""

import re

from playwright.sync_api import Browser, Locator, Page, expect

from tests.e2e.people import Words, eventually, refuse_consent, sign_in
from tests.e2e.stack import Stack
from tests.e2e.test_access import wear
from tests.e2e.test_newcomers import assert_in_reach


def begin(page: Page, stack: Stack, say: Words) -> str:
    """A new draft of the second account's; its story's address."""
    sign_in(page, stack, stack.other, "/studio/")
    page.get_by_role("button", name=say("Begin a campaign")).click()
    page.wait_for_url(re.compile("/story/$"))
    return page.url


def status(page: Page) -> Locator:
    return page.locator("[data-status]")


def saved(page: Page, say: Words) -> None:
    expect(status(page)).to_have_text(re.compile(f"^{say('Saved at {time}').replace('{time}', '.+')}$"))


def stored(stack: Stack, url: str, field: str) -> object:
    found = stack.rows("SELECT public_id::text, texts FROM studio_draft")
    return next(texts for public_id, texts in found if public_id in url).get(field)


def test_a_draft_is_written_page_by_page(look: tuple[str, str, str], page: Page, stack: Stack) -> None:
    say = Words(look[0])
    page.emulate_media(reduced_motion="reduce")
    wear(page, stack, look)
    url = begin(page, stack, say)
    refuse_consent(page)
    assert_in_reach(page)
    page.get_by_label(say("Title")).fill("Bees on eight roofs")
    page.get_by_label(say("Story"), exact=True).fill("We **keep** bees.")
    expect(page.locator("#story-preview strong")).to_have_text("keep")
    page.get_by_label(say("Category")).select_option("food")
    saved(page, say)
    page.get_by_label(say("Title")).fill("x" * 121)
    expect(page.get_by_text("121")).to_be_visible()
    assert_in_reach(page)
    page.get_by_label(say("Title")).fill("Bees on eight roofs")
    page.get_by_role("button", name=say("Save and go on")).click()
    page.get_by_role("button", name=say("Add a reward")).click()
    page.get_by_label(say("Reward"), exact=True).fill("A jar")
    page.get_by_label(say("Price")).fill("0,5")
    saved(page, say)
    assert_in_reach(page)
    page.get_by_role("button", name=say("Save and go on")).click()
    page.get_by_label(say("Currency")).select_option(index=1)
    page.get_by_label(say("Goal"), exact=True).fill("12.5")
    page.get_by_label(say("All or nothing")).check()
    saved(page, say)
    assert_in_reach(page)
    page.get_by_role("button", name=say("Save and go on")).click()
    page.get_by_role("button", name=say("Add a milestone")).click()
    expect(page.get_by_label(say("Days to object"))).to_be_visible()
    assert_in_reach(page)
    page.get_by_role("button", name=say("Save and go on")).click()
    page.wait_for_url(re.compile("/check/"))
    assert_in_reach(page)
    page.get_by_role("link", name=f"{say('Price')} (1)").click()
    expect(page.get_by_label(say("Price"))).to_have_attribute("aria-invalid", "true")
    expect(page.get_by_label(say("Price"))).to_have_value("0,5")
    page.goto(f"{stack.url}/studio/")
    assert_in_reach(page)
    expect(page.get_by_role("link", name="Bees on eight roofs").first).to_be_visible()
    assert stored(stack, url, "goal") == "12.5"
    page.goto(url.replace("/story/", "/delete/"))
    assert_in_reach(page)
    page.get_by_role("button", name=say("Delete it")).click()
    page.wait_for_url(f"{stack.url}/studio/")


def test_of_two_windows_neither_writes_over_the_other_unseen(page: Page, stack: Stack, say: Words) -> None:
    url = begin(page, stack, say)
    second = page.context.new_page()
    second.goto(url)
    page.get_by_label(say("Title")).fill("From the first")
    saved(page, say)
    second.get_by_label(say("Title")).fill("From the second")
    second.get_by_label(say("In one sentence")).fill("Only there")
    expect(second.locator("[data-conflict]")).to_contain_text("From the first")
    eventually(page, lambda: stored(stack, url, "tagline") == "Only there")
    assert stored(stack, url, "title") == "From the first"
    assert_in_reach(second)
    second.get_by_role("button", name=say("Keep mine")).click()
    saved(second, say)
    assert stored(stack, url, "title") == "From the second"
    # A button sends the form; what this window has not touched is not written by it.
    page.get_by_label(say("Story"), exact=True).fill("From the first as well")
    saved(page, say)
    second.get_by_label(say("Who you are")).fill("Two windows")
    second.get_by_role("button", name=say("Save"), exact=True).click()
    expect(second.get_by_label(say("Story"), exact=True)).to_have_value("From the first as well")
    assert stored(stack, url, "publisher") == "Two windows"
    page.get_by_label(say("Title")).fill("Once more")
    page.get_by_role("button", name=say("Use the other text")).click()
    expect(page.get_by_label(say("Title"))).to_have_value("From the second")


def test_what_cannot_be_saved_is_kept_until_it_can(
    page: Page, complaints: list[str], stack: Stack, say: Words
) -> None:
    url = begin(page, stack, say)
    page.route("**/api/v1/drafts/*", lambda route: route.abort())
    page.get_by_label(say("Title")).fill("Written on a train")
    expect(status(page)).to_contain_text(
        say("Not saved yet: the site does not answer. What you write is kept in this browser.")
    )
    page.unroute("**/api/v1/drafts/*")
    assert all("ERR_FAILED" in each for each in complaints)
    complaints.clear()
    page.reload()
    expect(page.get_by_label(say("Title"))).to_have_value("Written on a train")
    eventually(page, lambda: stored(stack, url, "title") == "Written on a train")


def test_an_ended_session_loses_nothing(browser: Browser, page: Page, stack: Stack, say: Words) -> None:
    url = begin(page, stack, say)
    elsewhere = browser.new_context().new_page()
    sign_in(elsewhere, stack, stack.other, "/me/settings/")
    elsewhere.locator("form[action='/me/settings/sessions/end/'] button").click()
    expect(elsewhere.get_by_role("status").first).to_be_visible()
    elsewhere.context.close()
    page.get_by_label(say("Title")).fill("Written while signed out")
    page.get_by_role("link", name=say("Sign in again")).click()
    page.wait_for_url(re.compile("/sign-in/"))
    sign_in(page, stack, stack.other, url.removeprefix(stack.url))
    expect(page.get_by_label(say("Title"))).to_have_value("Written while signed out")
    eventually(page, lambda: stored(stack, url, "title") == "Written while signed out")
