"""Sessions: how long they last, who may list and end them, and what nobody keeps of them."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth import update_session_auth_hash
from django.http import HttpRequest
from django.test import Client, RequestFactory
from django.utils import timezone
from rest_framework.request import Request

from django_project.accounts import sessions
from django_project.accounts.models import Session, User, Wallet
from django_project.api.framework import BeaconAuthentication, SessionAuthentication
from django_project.environment import SessionLimits
from tasks.engagement.tasks import clean
from tests.factories import CHAIN_ID, World, backer_user
from tests.support.browser import DELETION, EMAIL, SESSION, Browser, wallet
from tests.support.staff import staff_client

pytestmark = pytest.mark.django_db

ALICE = wallet(1)
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
SECOND = timedelta(seconds=1)


@pytest.fixture(autouse=True)
def _world() -> None:
    World()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> "Clock":
    return Clock(monkeypatch)


class Clock:
    """The time that sessions are held against."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = timezone.now()
        monkeypatch.setattr(timezone, "now", lambda: self.now)

    def wait(self, span: timedelta) -> None:
        self.now += span


def signed_in() -> Browser:
    browser = Browser()
    assert browser.sign_in(ALICE, CHAIN_ID).status_code == 200
    return browser


def operators_client() -> Client:
    return staff_client(User.objects.create_superuser("operator"))


def is_in(browser: Browser) -> bool:
    return bool(browser.get(SESSION).json()["address"] == ALICE.address)


def limits(kind: str) -> SessionLimits:
    found: SessionLimits = settings.SESSION_LIMITS[kind]
    return found


def test_unused_for_so_long_it_is_over_and_a_moment_earlier_it_is_not(clock: Clock) -> None:
    browser = signed_in()
    clock.wait(limits("wallet").idle - SECOND)
    assert is_in(browser)
    clock.wait(limits("wallet").idle)
    assert not is_in(browser)
    assert not Session.objects.exists()


def test_used_every_day_it_is_over_at_last(clock: Clock) -> None:
    browser = signed_in()
    days = limits("wallet").absolute // timedelta(days=1)
    for _ in range(days - 1):
        clock.wait(timedelta(days=1))
        assert is_in(browser)
    clock.wait(timedelta(days=1) - SECOND)
    assert is_in(browser)
    clock.wait(SECOND)
    assert not is_in(browser)


def test_staff_have_limits_of_their_own(clock: Clock) -> None:
    client = operators_client()
    clock.wait(limits("staff").idle - SECOND)
    assert client.get("/admin/").status_code == 200
    clock.wait(limits("staff").idle)
    assert client.get("/admin/").status_code == 302
    assert limits("staff").absolute <= timedelta(hours=12)
    client = staff_client(User.objects.get(username="operator"))
    quarters = limits("staff").absolute // timedelta(minutes=15)
    for _ in range(quarters - 1):
        clock.wait(timedelta(minutes=15))
        assert client.get("/admin/").status_code == 200
    clock.wait(timedelta(minutes=15))
    assert client.get("/admin/").status_code == 302


def test_staff_without_all_powers_have_the_limits_of_staff(clock: Clock) -> None:
    client = staff_client(User.objects.create_user("helper", is_staff=True))
    store = sessions.SessionStore(client.session.session_key)
    clock.wait(limits("staff").idle - SECOND)
    assert (store[sessions.ABOUT]["kind"], sessions.has_ended(store)) == ("staff", False)
    clock.wait(SECOND)
    assert sessions.has_ended(store)


def test_the_cookie_ends_with_the_session() -> None:
    cookie = signed_in().client.cookies["sessionid"]
    assert abs(cookie["max-age"] - limits("wallet").absolute.total_seconds()) < 5


def test_use_is_noted_once_a_minute(clock: Clock) -> None:
    browser = signed_in()

    def used() -> datetime:
        return Session.objects.get().last_used_at

    began = used()
    clock.wait(timedelta(minutes=1) - SECOND)
    assert is_in(browser)
    assert used() == began
    clock.wait(SECOND)
    assert is_in(browser)
    assert used() == clock.now


def test_what_was_ended_meanwhile_is_not_brought_back_by_its_use(clock: Clock) -> None:
    browser = signed_in()
    store = sessions.SessionStore(browser.client.session.session_key)
    store.load()
    Session.objects.all().delete()
    clock.wait(sessions.PRECISION)
    sessions.touch(store)
    assert not Session.objects.exists()
    assert not is_in(browser)


def test_a_password_changed_changes_the_sessions_key_and_nothing_else() -> None:
    client = operators_client()
    before = Session.objects.get()
    operator = User.objects.get()
    operator.set_password("a long enough password")
    operator.save()
    request = HttpRequest()
    request.session, request.user = client.session, operator
    update_session_auth_hash(request, operator)
    request.session.save()
    after = Session.objects.get()
    assert after.session_key != before.session_key
    assert (after.user, after.started_at) == (operator, before.started_at)
    client.cookies["sessionid"] = after.session_key
    assert client.get("/admin/").status_code == 200


def test_a_session_that_says_nothing_of_itself_is_over() -> None:
    client = Client()
    client.force_login(backer_user(2))
    session = client.session
    del session[sessions.ABOUT]
    session.save()
    assert client.get("/me/").status_code == 302


@pytest.mark.parametrize(
    "change", [{"is_staff": True}, {"is_staff": True, "is_superuser": True}, {"is_active": False}]
)
def test_an_account_that_is_made_staff_or_switched_off_is_signed_out(change: dict[str, bool]) -> None:
    browser = signed_in()
    # Nobody who has one can be made staff.
    Wallet.objects.all().delete()
    User.objects.update(**change)
    assert browser.client.get("/me/").status_code == 302
    assert browser.client.get("/admin/").status_code == 302
    assert not is_in(browser)


def test_the_row_says_in_which_browser_and_about_where() -> None:
    browser = Browser()
    browser.client.defaults["HTTP_USER_AGENT"] = FIREFOX
    browser.client.defaults["REMOTE_ADDR"] = "203.0.113.77"
    browser.sign_in(ALICE, CHAIN_ID)
    row = Session.objects.get()
    assert (row.browser, row.system, row.network) == ("Firefox", "Linux", "203.0.113.0/24")
    assert row.wallet == bytes.fromhex(ALICE.address[2:])
    assert row.user == User.objects.get()


WEBKIT = "AppleWebKit/537.36 (KHTML, like Gecko)"
MAC, CHROMEBOOK = "(Macintosh; Intel Mac OS X 10_15)", "(X11; CrOS x86_64 14541.0.0)"
IPHONE = f"Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) {WEBKIT}"


@pytest.mark.parametrize(
    ("agent", "name", "system"),
    [
        (FIREFOX, "Firefox", "Linux"),
        (
            f"Mozilla/5.0 (Windows NT 10.0) {WEBKIT} Chrome/140.0 Safari/537.36 Edg/140.0.0.0",
            "Edge",
            "Windows",
        ),
        (
            f"Mozilla/5.0 (Linux; Android 15) {WEBKIT} SamsungBrowser/28.0 Chrome/130.0 Mobile Safari/537.36",
            "Samsung Internet",
            "Android",
        ),
        (f"{IPHONE} Version/18.5 Mobile/15E148 Safari/604.1", "Safari", "iOS"),
        (f"{IPHONE} CriOS/140.0 Mobile/15E148 Safari/604.1", "Chrome", "iOS"),
        (f"{IPHONE} Mobile/15E148", "", "iOS"),
        (
            f"Mozilla/5.0 {MAC} {WEBKIT} Version/18.5 Safari/605",
            "Safari",
            "macOS",
        ),
        (
            f"Mozilla/5.0 {CHROMEBOOK} {WEBKIT} Chrome/140.0 Safari/537.36",
            "Chrome",
            "ChromeOS",
        ),
        (f"Mozilla/5.0 (Windows NT 10.0) {WEBKIT} Chrome/140.0 Safari/537.36 OPR/120.0", "Opera", "Windows"),
        ("curl/8.5.0", "", ""),
        ("", "", ""),
        ("Firefox/" + "x" * 100_000, "Firefox", ""),
    ],
)
def test_browsers_are_told_in_words(agent: str, name: str, system: str) -> None:
    made = Browser()
    made.client.defaults["HTTP_USER_AGENT"] = agent
    made.sign_in(ALICE, CHAIN_ID)
    row = Session.objects.get()
    assert (row.browser, row.system) == (name, system)


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("198.51.100.200", "198.51.100.0/24"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1::/48"),
        ("::ffff:198.51.100.200", "198.51.100.0/24"),
        ("not an address", ""),
    ],
)
def test_networks_are_shortened(address: str, network: str) -> None:
    browser = Browser()
    browser.client.defaults["REMOTE_ADDR"] = address
    browser.sign_in(ALICE, CHAIN_ID)
    assert Session.objects.get().network == network


def test_rows_of_sessions_that_are_over_are_deleted(clock: Clock) -> None:
    signed_in()
    clock.wait(timedelta(days=1))
    assert sessions.forget_ended() == 0
    signed_in()
    clock.wait(limits("wallet").idle - timedelta(days=1) + SECOND)
    clean()
    assert Session.objects.count() == 1
    clock.wait(limits("wallet").absolute)
    clean()
    assert not Session.objects.exists()


@pytest.mark.parametrize("url", ["/", "/me/", "/me/settings/", "/explore/", "/api/v1/campaigns", "/nothing/"])
def test_nothing_stores_what_somebody_signed_in_is_shown(url: str) -> None:
    browser = signed_in()
    control = browser.client.get(url)["Cache-Control"]
    assert "no-store" in control
    assert "private" in control


def test_what_is_everybodys_may_be_stored_whoever_asks() -> None:
    url = "/covers/food/0x" + "11" * 20 + ".svg"
    assert signed_in().client.get(url)["Cache-Control"] == Client().get(url)["Cache-Control"]
    assert "Cache-Control" not in Client().get("/about/rankings/")


def test_asking_nobodys_pages_reads_no_session(django_assert_num_queries: Any) -> None:
    client = Client()
    client.cookies["sessionid"] = "a" * 32
    with django_assert_num_queries(1):
        reply = client.get("/mark.svg")
    assert reply.status_code == 200
    with django_assert_num_queries(0):
        assert "Cookie" not in Client().get("/mark.svg").get("Vary", "")


@pytest.mark.parametrize("path", ["/sign-out/", SESSION])
def test_signing_out_clears_what_the_browser_kept(path: str) -> None:
    browser = signed_in()
    answer = (
        browser.client.post(path, headers={"X-CSRFToken": browser.csrf_token}) if path != SESSION else None
    )
    answer = answer or browser.delete(SESSION)
    assert answer["Clear-Site-Data"] == '"cache"'
    assert answer["Cache-Control"] == "private, no-store"
    assert not Session.objects.exists()


@pytest.mark.parametrize("authentication", [SessionAuthentication, BeaconAuthentication])
def test_the_api_takes_no_closed_account_whoever_let_it_in(
    authentication: type[SessionAuthentication | BeaconAuthentication],
) -> None:
    """Should the session still name it: the API looks for itself."""
    asked = RequestFactory().get(SESSION)
    asked.user = backer_user(1)
    assert authentication().authenticate(Request(asked)) == (asked.user, None)
    asked.user.is_active = False
    assert authentication().authenticate(Request(asked)) is None


def test_a_closed_account_does_nothing_through_the_api_until_it_is_open_again() -> None:
    browser = signed_in()

    def answers() -> list[int]:
        asked = ("/api/v1/pledges", {"amount": "1"}), (DELETION, {"nonce": "n"}), (EMAIL, {"nonce": "n"})
        return [browser.post(url, body).status_code for url, body in asked]

    assert answers() == [400, 400, 400]
    User.objects.update(is_active=False)
    assert answers() == [401, 401, 401]
    assert not is_in(browser)


def row(user: User, key: str, **values: Any) -> Session:
    """A session's row as it is kept, a day from its end unless told otherwise."""
    ends = {"expire_date": timezone.now() + timedelta(days=1)}
    return Session.objects.create(user=user, session_key=key, session_data="", **{**ends, **values})


def keys() -> set[str]:
    return set(Session.objects.values_list("session_key", flat=True))


def test_whatever_ends_sessions_ends_those_of_one_account() -> None:
    alice, bob = backer_user(1), backer_user(2)
    one, other = b"\x01" * 20, b"\x02" * 20
    first = row(alice, "alice-no-1", wallet=one)
    row(alice, "alice-no-2", wallet=other)
    row(alice, "alice-no-3", wallet=other)
    row(bob, "bob-no-1", wallet=one)
    row(bob, "bob-no-2", wallet=other)
    assert not sessions.end(bob, first.public_id)
    assert sessions.end_by_wallet(alice, other) == 2
    assert keys() == {"alice-no-1", "bob-no-1", "bob-no-2"}
    row(alice, "alice-no-4", wallet=other)
    assert sessions.end_others(alice, sessions.SessionStore("alice-no-1")) == 1
    assert keys() == {"alice-no-1", "bob-no-1", "bob-no-2"}
    assert sessions.end(alice, first.public_id)
    assert not sessions.end(alice, first.public_id)
    assert keys() == {"bob-no-1", "bob-no-2"}
    row(alice, "alice-no-5")
    assert sessions.end_all(bob) == 2
    assert keys() == {"alice-no-5"}


def test_what_is_written_into_a_session_later_leaves_what_is_known_of_it(clock: Clock) -> None:
    browser = signed_in()
    key = browser.client.session.session_key
    before = Session.objects.values("public_id", "user", "started_at", "last_used_at", "wallet").get()
    for wait, used_at in ((sessions.PRECISION - SECOND, clock.now), (SECOND, clock.now + sessions.PRECISION)):
        clock.wait(wait)
        store = sessions.SessionStore(key)
        store["cart"] = str(clock.now)
        sessions.touch(store)
        store.save()
        after = Session.objects.values(*before).get()
        assert after == {**before, "last_used_at": used_at}


def test_the_list_has_ones_own_sessions_that_still_open_the_account(clock: Clock) -> None:
    alice = backer_user(1)
    moment, idle = timedelta(microseconds=1), limits("wallet").idle
    row(alice, "used", last_used_at=clock.now - idle + moment, expire_date=clock.now + moment)
    row(alice, "unused", last_used_at=clock.now - idle)
    row(alice, "expired", last_used_at=clock.now, expire_date=clock.now)
    row(alice, "begun first", last_used_at=clock.now, started_at=clock.now - SECOND)
    row(alice, "begun last", last_used_at=clock.now, started_at=clock.now)
    row(backer_user(2), "another's", last_used_at=clock.now)
    assert [each.session_key for each in sessions.sessions_of(alice)] == ["begun last", "begun first", "used"]


def test_staff_of_either_kind_are_listed_by_their_own_limits(clock: Clock) -> None:
    between = (limits("staff").idle + limits("wallet").idle) / 2
    kinds: tuple[dict[str, Any], ...] = ({}, {"is_staff": True}, {"is_staff": True, "is_superuser": True})
    for number, powers in enumerate(kinds, start=1):
        user = User.objects.create_user(f"user-{number}", **powers)
        row(user, f"used-{number}", last_used_at=clock.now - between)
        assert sessions.sessions_of(user).exists() is not bool(powers)


def test_rows_go_when_they_are_over_for_everybody_and_no_moment_before(clock: Clock) -> None:
    alice, longest = backer_user(1), max(limits("staff").idle, limits("wallet").idle)
    moment = timedelta(microseconds=1)
    row(alice, "just unused", last_used_at=clock.now - longest)
    row(alice, "long unused", last_used_at=clock.now - longest - moment)
    row(alice, "just expired", expire_date=clock.now)
    row(alice, "long expired", expire_date=clock.now - moment)
    assert sessions.forget_ended() == 2
    assert keys() == {"just unused", "just expired"}


def test_use_is_noted_of_one_session_alone(clock: Clock) -> None:
    browser, other = signed_in(), signed_in()
    before = {each.session_key: each.last_used_at for each in Session.objects.all()}
    clock.wait(sessions.PRECISION)
    assert is_in(browser)
    after = {each.session_key: each.last_used_at for each in Session.objects.all()}
    used, unused = (each.client.session.session_key or "" for each in (browser, other))
    assert (after[used], after[unused]) == (clock.now, before[unused])


def test_a_key_that_the_site_did_not_give_is_not_taken() -> None:
    planted = "a" * 32
    store = sessions.SessionStore(planted)
    store["language"] = "en"
    store.save()
    assert keys() == {store.session_key} != {planted}


def test_an_expired_row_opens_nothing(clock: Clock) -> None:
    browser = signed_in()
    Session.objects.update(expire_date=clock.now + SECOND)
    assert is_in(browser)
    Session.objects.update(expire_date=clock.now)
    assert not is_in(browser)
