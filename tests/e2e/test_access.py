"""For everybody: no script, keyboard only, each language, theme and width."""

from typing import Any

from playwright.sync_api import Browser, Page, expect

from devtools.servers import PROJECT_ROOT
from tests.e2e.conftest import WIDTHS
from tests.e2e.people import DemoWallet, campaign_url, eventually, sign_in
from tests.e2e.stack import HONEY, JUDGED, TEA, Stack

AXE = (PROJECT_ROOT / "node_modules" / "axe-core" / "axe.min.js").read_text()
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
VIEWS = """
    SELECT title, dwell_seconds BETWEEN 1 AND 60
    FROM discovery_behaviourevent AS event
    JOIN campaigns_listing AS listing ON listing.address = event.campaign_address
    JOIN campaigns_metadata AS metadata ON metadata.hash = listing.metadata_id
    WHERE kind = 'view'
"""


def violations(page: Page) -> list[str]:
    """What axe holds against the page as it stands."""
    page.evaluate(AXE)
    found: list[dict[str, Any]] = page.evaluate(
        "rules => axe.run(document, { runOnly: rules }).then(result => result.violations)", RULES
    )
    return [f"{each['id']}: {[node['html'][:200] for node in each['nodes'][:3]]}" for each in found]


def wear(page: Page, stack: Stack, look: tuple[str, str, str]) -> None:
    """See the site in a language, a theme and a width."""
    language, theme, size = look
    width, height = WIDTHS[size]
    page.set_viewport_size({"width": width, "height": height})
    cookies = {"django_language": language, "theme": theme}
    page.context.add_cookies([{"name": k, "value": v, "url": stack.url} for k, v in cookies.items()])


def test_no_page_is_out_of_anybodys_reach(look: tuple[str, str, str], page: Page, stack: Stack) -> None:
    # A colour caught in the middle of its transition has no contrast of its own.
    page.emulate_media(reduced_motion="reduce")
    sign_in(page, stack, stack.other)
    campaign = campaign_url(page, stack, HONEY.title)
    judged = campaign_url(page, stack, JUDGED.title)
    # Both are looked up and signed in with English words.
    wear(page, stack, look)
    tabs = (
        "",
        "rewards/",
        "milestones/",
        "updates/",
        "messages/",
        "contributors/",
        "contract/",
        "report/",
        "report/?sent=yes",
        "pledge/",
        "pledge/review/?amount=0.001",
    )
    urls = [*(campaign + tab for tab in tabs), campaign + "pledge/review/?amount=1"]
    urls += [
        stack.url + path
        for path in ("/", "/explore/", "/explore/?q=nothing+at+all", "/about/rankings/", "/interests/")
    ]
    urls += [stack.url + path for path in ("/me/", "/me/settings/", "/me/notifications/", "/nothing/")]
    urls.append(judged + "milestones/")
    # Their own page, and a creator's.
    urls += [f"{stack.url}/people/{each}/" for each in (stack.other, stack.suite.accounts[2])]
    found = {}
    for url in urls:
        page.goto(url)
        found[url] = violations(page)
        wider = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wider <= 0, f"{url} is {wider} px wider than the screen"
    assert not [f"{url}: {problem}" for url, problems in found.items() for problem in problems]


def test_the_sign_in_page_and_its_wallet_are_in_reach(page: Page, stack: Stack) -> None:
    page.goto(f"{stack.url}/sign-in/")
    page.locator("wallet-sign-in [data-start]").click()
    expect(DemoWallet(page).dialog).to_be_visible()
    assert not violations(page)


def test_reading_and_searching_need_no_script(browser: Browser, stack: Stack) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{stack.url}/explore/")
    page.get_by_label("Food", exact=False).first.check()
    page.get_by_role("button", name="Apply").click()
    expect(page.locator("#result-count")).to_have_text("2 campaigns")
    page.locator("#q").fill("春茶")
    page.get_by_role("button", name="Apply").click()
    expect(page.get_by_role("heading", level=3)).to_have_text([TEA.title])
    page.get_by_role("link", name=TEA.title).click()
    expect(page.locator(".prose")).to_contain_text("修好炒锅")
    page.get_by_role("button", name="Switch to the dark theme").first.click()
    expect(page.locator("html")).to_have_attribute("data-theme", "night")
    page.get_by_role("button", name="简体中文").first.click()
    expect(page.locator("html")).to_have_attribute("lang", "zh-hans")
    context.close()


def test_filters_apply_at_once_and_stay_in_the_address(page: Page, stack: Stack) -> None:
    page.goto(f"{stack.url}/explore/")
    page.get_by_label("Technology", exact=False).first.check()
    expect(page.locator("#result-count")).to_have_text("3 campaigns")
    assert "category=technology" in page.url
    expect(page.locator("#f-category-2, #f-category-1").and_(page.locator(":focus"))).to_have_count(1)
    page.go_back()
    expect(page.locator("#result-count")).to_have_text("5 campaigns")


def test_the_theme_changes_without_a_reload_and_stays(page: Page, stack: Stack) -> None:
    page.goto(stack.url)
    page.evaluate("window.isSamePage = true")
    with page.expect_response("**/theme/"):
        page.get_by_role("button", name="Switch to the dark theme").first.click()
    expect(page.locator("html")).to_have_attribute("data-theme", "night")
    assert page.evaluate("window.isSamePage")
    page.reload()
    expect(page.locator("html")).to_have_attribute("data-theme", "night")


def test_a_campaign_is_backed_by_keyboard_alone_in_chinese(page: Page, stack: Stack) -> None:
    page.context.add_cookies([{"name": "django_language", "value": "zh-hans", "url": stack.url}])
    sign_in(page, stack, stack.other)
    campaign_url(page, stack, HONEY.title)
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="跳到正文")).to_be_focused()
    page.get_by_role("link", name="支持这个项目").first.focus()
    page.keyboard.press("Enter")
    page.get_by_label("金额", exact=True).focus()
    page.keyboard.type("0.15")
    page.keyboard.press("Enter")
    page.locator("wallet-pledge [data-start]").focus()
    page.keyboard.press("Enter")
    DemoWallet(page).dialog.get_by_role("button", name="同意").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#pledge-state")).to_contain_text("已确认：0.15 ETH")


def test_what_is_viewed_is_reported_only_with_consent(page: Page, stack: Stack) -> None:
    url = campaign_url(page, stack, HONEY.title)
    page.wait_for_timeout(1500)
    page.goto(stack.url)
    assert not stack.rows(VIEWS)
    page.locator(".consent button[value=true]").click()
    page.goto(url)
    page.wait_for_timeout(2500)
    page.goto(stack.url)
    eventually(page, lambda: stack.rows(VIEWS) == [(HONEY.title, True)])
