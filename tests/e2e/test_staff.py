"""Staff in a browser: the one-time link, a passkey, an app, the admin, and a factor once more."""

import time
from urllib.parse import urlsplit

from playwright.sync_api import Page, expect

from tests.e2e.conftest import WIDTHS
from tests.e2e.stack import Stack
from tests.e2e.test_access import violations
from tests.support.staff import PASSWORD, code_at

KEY = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


def plug_in_a_key(page: Page) -> None:
    """Give the browser a security key that answers by itself, as somebody who touches it would."""
    devices = page.context.new_cdp_session(page)
    devices.send("WebAuthn.enable")
    devices.send("WebAuthn.addVirtualAuthenticator", {"options": KEY})


def look(page: Page) -> None:
    """Nothing on the page is out of anybody's reach, on a wide screen and on a narrow one."""
    for size in ("narrow", "wide"):
        width, height = WIDTHS[size]
        page.set_viewport_size({"width": width, "height": height})
        wider = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wider <= 0, f"{page.url} is {wider} px wider than the screen"
        assert not violations(page), page.url


def go_on(page: Page, name: str = "Go on") -> None:
    page.get_by_role("button", name=name, exact=True).click()


def give_password(page: Page, site: str) -> None:
    page.goto(f"{site}/staff/sign-in/")
    page.get_by_label("Name").fill("ines")
    page.get_by_label("Password").fill(PASSWORD)


def test_a_first_operator_enrols_signs_in_and_changes_something(page: Page, stack: Stack) -> None:
    # Keys belong to a name: an address of numbers has none.
    site = f"http://localhost:{stack.port}"
    plug_in_a_key(page)
    said = stack.run("manage.py", "staff", "enrol", "ines", "--superuser", "--reason", "first operator")
    page.goto(site + urlsplit(said.split()[-1]).path)
    look(page)
    for label in ("New password", "The same again"):
        page.get_by_label(label).fill(PASSWORD)
    go_on(page)
    expect(page.get_by_role("heading", level=1)).to_have_text("Your second factors")
    look(page)

    page.get_by_role("link", name="Add a key").click()
    page.get_by_label("What you call it").fill("Blue key")
    expect(page.locator("#key-trouble")).to_be_hidden()
    look(page)
    go_on(page, "Add a key")
    expect(page.get_by_role("heading", level=1)).to_have_text("Recovery codes")
    expect(page.locator(".staff-codes code")).to_have_count(10)
    look(page)
    page.get_by_role("link", name="To the admin").click()
    expect(page.get_by_text("Site administration")).to_be_visible()
    page.get_by_role("button", name="Sign out").click()

    page.goto(f"{site}/staff/sign-in/")
    go_on(page, "简体中文")
    expect(page.get_by_role("heading", level=1)).to_have_text("工作人员登录")
    look(page)
    go_on(page, "English")
    give_password(page, site)
    go_on(page)
    expect(page.get_by_role("heading", level=1)).to_have_text("Second factor")
    look(page)
    go_on(page, "Use a security key or passkey")
    expect(page.get_by_text("Site administration")).to_be_visible()

    page.get_by_role("link", name="Password and second factors").click()
    page.get_by_role("link", name="1 key").click()
    expect(page.get_by_text("Blue key")).to_be_visible()
    look(page)
    page.goto(f"{site}/staff/second-factor/app/")
    look(page)
    app = page.locator(".staff-secret").inner_text()
    page.get_by_label("Code of your app").fill(code_at(time.time(), app))
    go_on(page, "Add it")
    expect(page.get_by_text("Active.")).to_be_visible()

    go_on(page, "Sign out")
    give_password(page, site)
    go_on(page)
    page.get_by_label("Code of your app, or a recovery code").fill(code_at(time.time() + 30, app))
    go_on(page)
    expect(page.get_by_text("Site administration")).to_be_visible()
    page.goto(f"{site}/admin/auth/group/add/")
    page.get_by_label("Name").fill("moderators")
    page.get_by_label("Reason").fill("a team")
    go_on(page, "Save")
    expect(page.get_by_text("was added successfully")).to_be_visible()
    assert stack.rows("SELECT name FROM auth_group") == [("moderators",)]
