"""What can go away while somebody pays: the money is sent at most once, and the page says what is known.

Each interruption is made on a real chain, in a browser, in both languages. The table at the end tells what
came of each.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, Route, expect
from web3.contract import Contract

from tests.e2e.people import Words, campaign_url, eventually, sign_in
from tests.e2e.stack import HONEY, TEA, Stack
from tests.e2e.wallets import SILENCE, asked, install, refusal
from tests.support.contracts import mine, node, set_automine

SEND = "eth_sendTransaction"
GONE = refusal(4900, "The provider is disconnected")
ELSEWHERE = "0x1"
# Enough for a replacement by any node's rules.
HIGHER_FEE = hex(500 * 10**9)
MAY_BE_ON_ITS_WAY = "A payment to this campaign may be on its way"
REJECTED = "You rejected it in your wallet"
NOT_HEARD = "We have not heard from your wallet"
# Typed amounts, and their currency, by campaign.
AMOUNTS = {HONEY.title: ("0.2", "ETH"), TEA.title: ("25.5", "TUSD")}
SENT = ("nothing", "once")
UNKNOWN_HASH = "0x" + "ab" * 32

Row = tuple[str, str, str, str]


@pytest.fixture(scope="module")
def rows(request: pytest.FixtureRequest) -> Iterator[list[Row]]:
    """Interruption, language, what was sent, what the page said; printed when all are through."""
    told: list[Row] = []
    yield told
    with request.config.pluginmanager.getplugin("capturemanager").global_and_fixture_disabled():
        print("\n| interruption | language | sent | the page said |\n|---|---|---|---|")
        for interruption, language, sent, said in told:
            print(f"| {interruption} | {language} | {sent} | {said} |")


@pytest.fixture(scope="module")
def cookies() -> dict[str, Any]:
    """The session of the first journey, for those after it."""
    return {}


@dataclass
class Giving:
    """Somebody signed in, on the review page of a contribution, with a wallet that is about to fail."""

    page: Page
    context: BrowserContext
    stack: Stack
    say: Words
    rows: list[Row]
    title: str = HONEY.title
    url: str = ""
    before: int = field(default=0)

    @property
    def contract(self) -> Contract:
        return self.stack.contracts[self.title]

    def begin(self, title: str = HONEY.title, **wallet: Any) -> None:
        """Open the review page with a wallet that does as it is told."""
        self.title = title
        self.before = self._contributions()
        slug = campaign_url(self.page, self.stack, title)
        self.url = f"{slug}pledge/review/?amount={AMOUNTS[title][0]}"
        self.open(self.page, **wallet)

    def open(self, page: Page, **wallet: Any) -> None:
        install(page, self.stack.anvil.url, self.stack.backer, **wallet)
        page.goto(self.url)

    def press(self, page: Page | None = None) -> None:
        (page or self.page).locator("wallet-pledge [data-start]").click()

    def another_tab(self, **wallet: Any) -> Page:
        page = self.context.new_page()
        install(page, self.stack.anvil.url, self.stack.backer, **wallet)
        return page

    def sent(self) -> int:
        """Contributions of the backer to the campaign since the journey began, as the contract tells."""
        return self._contributions() - self.before

    def _contributions(self) -> int:
        events = self.contract.events.Contributed().get_logs(
            from_block=0, argument_filters={"backer": self.stack.backer}
        )
        return len(events)

    def waiting(self) -> int:
        """Transactions of the backer to the campaign that no block has yet."""
        return sum(each["to"].lower() == self.contract.address.lower() for each in waiting(self.stack))

    def is_sent(self) -> None:
        eventually(self.page, lambda: self.sent() == 1)

    def ends(
        self, name: str, words: str, *, sent: int, waits: int = 0, page: Page | None = None, **values: str
    ) -> None:
        """The page comes to say so, and nothing that is not known; so much is in blocks, so much waits."""
        page = page or self.page
        told = self.say(words, **values)
        expect(page.locator("main")).to_contain_text(told)
        shown = page.locator("main").inner_text()
        for untrue in ("othing was paid", "没有付款", "未付款", "没有支付"):
            assert untrue not in shown
        assert (self.sent(), self.waiting()) == (sent, waits)
        self.rows.append((name, self.say.language, "once, not in a block yet" if waits else SENT[sent], told))

    def is_confirmed(self, name: str, page: Page | None = None) -> None:
        amount, symbol = AMOUNTS[self.title]
        words = "Confirmed: %(amount)s %(symbol)s"
        self.ends(name, words, sent=1, page=page, amount=amount, symbol=symbol)
        expect((page or self.page).locator("#again")).to_have_count(0)


@pytest.fixture
def giving(
    page: Page, context: BrowserContext, stack: Stack, say: Words, rows: list[Row], cookies: dict[str, Any]
) -> Giving:
    if cookies:
        context.add_cookies(cookies["kept"])
    else:
        sign_in(page, stack, stack.backer)
        cookies["kept"] = [each for each in context.cookies() if each["name"] == "sessionid"]
    return Giving(page, context, stack, say, rows)


@pytest.fixture
def _slow_network(stack: Stack) -> Iterator[None]:
    """Transactions wait until the test mines."""
    set_automine(stack.suite, on=False)
    yield
    set_automine(stack.suite, on=True)
    mine(stack.suite)


def fails(status: int) -> Callable[[Route], None]:
    return lambda route: route.fulfill(
        status=status, body="<html>Bad gateway</html>", content_type="text/html"
    )


@pytest.fixture
def complaints() -> list[str]:
    """Failing requests are what these journeys are made of, and the browser reports each: nobody listens."""

    class Deaf(list[str]):
        def append(self, _: str) -> None:
            pass

    return Deaf()


def test_the_report_fails(giving: Giving) -> None:
    """A proxy answers 502 for as long as the page tries."""
    giving.begin()
    giving.page.route("**/submitted", fails(502))
    giving.press()
    giving.page.wait_for_url(re.compile("/pledges/"))
    giving.is_confirmed("the report fails (502)")


def test_the_session_ends_before_the_report(giving: Giving) -> None:
    giving.begin()

    def end_the_session(route: Route) -> None:
        giving.context.clear_cookies(name="sessionid")
        route.continue_()

    giving.page.route("**/submitted", end_the_session)
    giving.press()
    giving.page.wait_for_url(re.compile(r"/sign-in/\?next=/pledges/"))
    giving.is_sent()
    giving.page.locator("wallet-sign-in [data-start]").click()
    giving.page.wait_for_url(re.compile("/pledges/"))
    giving.is_confirmed("the session ends before the report; signed in again")


def test_the_tab_is_closed_after_the_wallet_has_sent(giving: Giving) -> None:
    """The wallet sends, and its answer reaches nobody."""
    giving.begin(losses={SEND: SILENCE})
    giving.press()
    giving.is_sent()
    tab = giving.another_tab()
    giving.page.close()
    giving.page = tab
    tab.goto(giving.url)
    amount, symbol = AMOUNTS[giving.title]
    tab.goto(f"{giving.stack.url}/me/")
    expect(tab.locator("article", has_text=giving.title)).to_contain_text(f"{amount} {symbol}")
    assert giving.sent() == 1
    giving.rows.append(("the tab is closed once sent", giving.say.language, "once", f"{amount} {symbol}"))


@pytest.mark.usefixtures("_slow_network")
def test_the_tab_is_closed_and_the_transaction_waits(giving: Giving) -> None:
    giving.begin(losses={SEND: SILENCE})
    giving.press()
    eventually(giving.page, lambda: bool(node(giving.stack.suite, "txpool_content")["pending"]))
    tab = giving.another_tab()
    giving.page.close()
    giving.page = tab
    tab.goto(giving.url)
    giving.ends("the tab is closed, not in a block yet", MAY_BE_ON_ITS_WAY, sent=0, waits=1)
    expect(tab.locator("wallet-pledge [data-start]")).to_be_disabled()
    tab.locator("[data-place] a").click()
    giving.ends("its status page before the block", NOT_HEARD, sent=0, waits=1)
    mine(giving.stack.suite)
    giving.is_confirmed("its status page after the block")


def test_the_network_changes_between_approval_and_payment(giving: Giving) -> None:
    """A wallet that signs no typed data sends the approval, and is on another network afterwards."""
    typed_data = refusal(4200, "Unsupported method")
    giving.begin(
        TEA.title,
        refusals={"eth_signTypedData_v4": typed_data, "wallet_switchEthereumChain": refusal(4001)},
        afterwards={SEND: {"eth_chainId": ELSEWHERE}},
    )
    giving.press()
    giving.ends("the wallet changes network after the approval", REJECTED, sent=0)
    assert asked(giving.page).count(SEND) == 1
    allowed = giving.stack.suite.token.functions.allowance(giving.stack.backer, giving.contract.address)
    assert allowed.call() == 25_500_000
    tab = giving.another_tab(refusals={"eth_signTypedData_v4": typed_data})
    tab.goto(giving.url)
    giving.press(tab)
    giving.is_confirmed("… and pays on the right one later", page=tab)
    assert asked(giving.page).count(SEND) == 1
    assert allowed.call() == 0


def test_the_wallet_goes_away_after_it_sent(giving: Giving) -> None:
    giving.begin(losses={SEND: GONE})
    giving.press()
    giving.page.wait_for_url(re.compile("/pledges/"))
    giving.is_confirmed("the wallet disconnects (4900) once it has sent")


def test_the_wallet_goes_away_before_it_sends(giving: Giving) -> None:
    giving.begin(refusals={SEND: GONE})
    giving.press()
    giving.page.wait_for_url(re.compile("/pledges/"))
    giving.ends("the wallet disconnects (4900) unasked", NOT_HEARD, sent=0)
    expect(giving.page.locator("#again")).to_have_count(0)


@pytest.mark.usefixtures("_slow_network")
def test_the_approval_is_sped_up(giving: Giving) -> None:
    """Its hash never comes into a block, the allowance does."""
    giving.begin(TEA.title, refusals={"eth_signTypedData_v4": refusal(4200)})
    giving.press()
    eventually(giving.page, lambda: bool(node(giving.stack.suite, "txpool_content")["pending"]))
    (approval,) = waiting(giving.stack)
    kept = {name: approval[name] for name in ("from", "to", "value", "nonce", "gas", "input")}
    fees = {"maxFeePerGas": HIGHER_FEE, "maxPriorityFeePerGas": HIGHER_FEE}
    node(giving.stack.suite, SEND, {**kept, **fees})
    mine(giving.stack.suite)
    eventually(giving.page, lambda: bool(waiting(giving.stack)))
    mine(giving.stack.suite)
    giving.is_confirmed("the approval is sped up in the wallet")


def waiting(stack: Stack) -> list[dict[str, Any]]:
    """The backer's transactions that no block has yet."""
    pool = node(stack.suite, "txpool_content")["pending"]
    return [
        dict(transaction)
        for sender, of_sender in pool.items()
        if sender.lower() == stack.backer.lower()
        for transaction in of_sender.values()
    ]


def test_the_payment_is_declined_after_the_approval(giving: Giving) -> None:
    """The approval stays, and is counted the next time: one prompt is left."""
    typed_data = {"eth_signTypedData_v4": refusal(4200)}
    giving.begin(TEA.title, refusals=typed_data, afterwards={SEND: {SEND: refusal(4001)}})
    giving.press()
    giving.ends("the payment is declined after the approval", REJECTED, sent=0)
    assert asked(giving.page).count(SEND) == 2
    tab = giving.another_tab(refusals=typed_data)
    tab.goto(giving.url)
    giving.press(tab)
    giving.is_confirmed("… and made later", page=tab)
    assert "eth_signTypedData_v4" not in asked(tab)


def test_the_node_never_hears_of_the_hash(giving: Giving) -> None:
    giving.begin(answers={SEND: UNKNOWN_HASH})
    giving.press()
    giving.page.wait_for_url(re.compile("/pledges/"))
    giving.ends("the wallet names a hash that no node knows", "Sent, waiting for the network", sent=0)
    looked = giving.say(
        "We looked for it on the network up to block %(block)s: it is not there so far.", block="@"
    )
    expect(giving.page.locator("main")).to_contain_text(re.compile(re.escape(looked).replace("@", "[0-9,]+")))
    expect(giving.page.locator("#again")).to_have_count(0)


def test_the_button_is_pressed_twice(giving: Giving) -> None:
    giving.begin()
    giving.page.locator("wallet-pledge [data-start]").evaluate(
        "button => { button.click(); button.click(); }"
    )
    giving.page.wait_for_url(re.compile("/pledges/"))
    giving.is_confirmed("the button is pressed twice")


@pytest.mark.usefixtures("_slow_network")
def test_two_tabs_are_pressed_at_once(giving: Giving) -> None:
    giving.begin()
    tab = giving.another_tab()
    tab.goto(giving.url)
    for each in (giving.page, tab):
        expect(each.locator("wallet-pledge [data-start]")).to_be_enabled()
    for each in (giving.page, tab):
        each.locator("wallet-pledge [data-start]").dispatch_event("click")
    held = giving.say(MAY_BE_ON_ITS_WAY)
    for each in (giving.page, tab):
        expect(each.locator("main")).to_contain_text(
            re.compile("|".join((held, giving.say("Sent, waiting for the network"))))
        )
    assert sum(asked(each).count(SEND) for each in (giving.page, tab) if "/pledge/review/" in each.url) == 0
    assert len(waiting(giving.stack)) == 1
    mine(giving.stack.suite)
    paying = giving.page if "/pledges/" in giving.page.url else tab
    giving.is_confirmed("two tabs are pressed at once", page=paying)


# What the page then says is tried in both languages elsewhere.
@pytest.mark.parametrize("say", ["zh-hans"], indirect=True)
@pytest.mark.parametrize("method", ["eth_chainId", "eth_estimateGas", "eth_call"])
def test_reloaded_before_the_wallet_is_asked_to_pay(method: str, giving: Giving) -> None:
    giving.begin(losses={method: SILENCE})
    giving.press()
    eventually(giving.page, lambda: method in asked(giving.page))
    assert SEND not in asked(giving.page)
    tab = giving.another_tab()
    giving.page.close()
    giving.page = tab
    tab.goto(giving.url)
    giving.press(tab)
    giving.is_confirmed(f"reloaded during {method}")


@pytest.mark.usefixtures("_slow_network")
def test_reloaded_while_the_wallet_is_asked_and_while_the_network_is(giving: Giving) -> None:
    giving.begin(losses={SEND: SILENCE})
    giving.press()
    eventually(giving.page, lambda: SEND in asked(giving.page))
    giving.page.reload()
    giving.ends("reloaded while the wallet is asked", MAY_BE_ON_ITS_WAY, sent=0, waits=1)
    giving.page.locator("[data-place] a").click()
    for _ in range(2):
        giving.ends("the status page, reloaded", NOT_HEARD, sent=0, waits=1)
        giving.page.reload()
    mine(giving.stack.suite)
    giving.is_confirmed("and in a block, reloaded")
    giving.page.reload()
    giving.is_confirmed("and again")
