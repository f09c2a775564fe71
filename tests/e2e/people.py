"""What a person does in the browser, in the words of the pages."""

from collections.abc import Callable
from urllib.parse import quote

from django.utils import translation
from playwright.sync_api import Locator, Page, expect

from tests.e2e.stack import Stack

# Every wait of every journey: long enough for a block, the indexer and the worker on a busy machine.
PATIENCE_MILLISECONDS = 120_000
POLL_MILLISECONDS = 100


class Words:
    """What the pages say, in the language that somebody reads them in."""

    def __init__(self, language: str) -> None:
        self.language = language

    def __call__(self, text: str, **values: str) -> str:
        """The translation of a message, with its values filled in."""
        with translation.override(self.language):
            return translation.gettext(text) % values if values else translation.gettext(text)


class DemoWallet:
    """The demo wallet's dialog, as the person in front of it uses it."""

    def __init__(self, page: Page) -> None:
        self.page = page

    @property
    def dialog(self) -> Locator:
        return self.page.locator("dialog.demo-wallet")

    def approve(self, account: str | None = None) -> None:
        if account is not None:
            self.dialog.locator("select").select_option(account)
        self.dialog.locator("button[value=approve]").click()

    def reject(self) -> None:
        self.dialog.locator("button[value=reject]").click()


def eventually(page: Page, holds: Callable[[], bool]) -> None:
    """Wait, with the page going on, until something outside of it holds."""
    for _ in range(PATIENCE_MILLISECONDS // POLL_MILLISECONDS):
        if holds():
            return
        page.wait_for_timeout(POLL_MILLISECONDS)
    raise AssertionError("it did not come about in time")


def refuse_consent(page: Page) -> None:
    page.locator(".consent button[value=false]").click()
    expect(page.locator(".consent")).to_have_count(0)


def sign_in(page: Page, stack: Stack, account: str, following: str = "/") -> None:
    wallet = DemoWallet(page)
    page.goto(f"{stack.url}/sign-in/?next={quote(following)}")
    page.locator("wallet-sign-in [data-start]").click()
    wallet.approve(account)
    expect(wallet.dialog).to_contain_text("wants you to sign in")
    wallet.approve()
    page.wait_for_url(stack.url + following)


def campaign_url(page: Page, stack: Stack, title: str) -> str:
    page.goto(f"{stack.url}/explore/?q={quote(title)}")
    page.get_by_role("heading", level=3).get_by_role("link", name=title).click()
    expect(page.get_by_role("heading", level=1)).to_have_text(title)
    return page.url


def copied(page: Page, selected: Locator) -> str:
    """What the clipboard holds after the text of an element was selected and copied."""
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    selected.select_text()
    page.keyboard.press("ControlOrMeta+c")
    text: str = page.evaluate("navigator.clipboard.readText()")
    return text
