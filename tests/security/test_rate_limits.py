"""Token buckets, and who is counted as whom behind how many proxies."""

import re
import threading
from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest
import redis
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest
from django.test import Client, RequestFactory, override_settings
from structlog.testing import capture_logs

from django_project.accounts.models import User
from django_project.core import rate_limits, refusals
from django_project.core.client_networks import client_address, parse_client_address
from django_project.core.errors import TooManyRequestsError
from django_project.core.rate_limits import Limit, Subject, asker, recipient, require, take, visitor
from tests.factories import backer_user

SLOW = Limit("test-slow", 3, timedelta(hours=1))
FORM = "application/x-www-form-urlencoded"
FAST = Limit("test-fast", 2, timedelta(seconds=1))
ALICE, BOB, CROWD = (Subject("account", name) for name in ("alice", "bob", "crowd"))


def test_a_burst_then_a_wait() -> None:
    assert [take(SLOW, ALICE) for _ in range(3)] == [0, 0, 0]
    assert 1100 < take(SLOW, ALICE) <= 1200
    assert take(SLOW, BOB) == 0
    with pytest.raises(TooManyRequestsError) as refusal:
        require(SLOW, ALICE)
    assert 1100 < refusal.value.retry_after <= 1201


def test_the_bucket_fills_again() -> None:
    assert [take(FAST, ALICE) for _ in range(2)] == [0, 0]
    waits = [take(FAST, ALICE)]
    while waits[-1] > 0:
        waits.append(take(FAST, ALICE))
    assert waits == sorted(waits, reverse=True)
    assert waits[0] <= 0.5


@override_settings(RATE_LIMIT_SCALE=2)
def test_limits_scale() -> None:
    assert [take(SLOW, BOB) == 0 for _ in range(7)] == [True] * 6 + [False]


def test_many_processes_share_one_bucket() -> None:
    passed: Counter[bool] = Counter()
    start = threading.Barrier(8)

    def ask() -> None:
        start.wait()
        passed[take(SLOW, CROWD) == 0] += 1

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert passed[True] == 3


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("method", "path", "limit"),
    [
        ("GET", "/api/v1/session", rate_limits.READ),
        ("GET", "/api/v1/campaigns", rate_limits.READ),
        ("POST", "/api/v1/session", rate_limits.SIGN_IN),
        ("POST", "/api/v1/account/wallets", rate_limits.SIGN_IN),
        ("POST", "/api/v1/account/wallets/removal", rate_limits.SIGN_IN),
        ("POST", "/api/v1/account/email", rate_limits.SIGN_IN),
        ("POST", "/api/v1/account/deletion", rate_limits.SIGN_IN),
        ("POST", "/api/v1/session/challenge", rate_limits.CHALLENGE),
        ("POST", "/api/v1/consent", rate_limits.CONSENT),
        ("POST", "/consent/", rate_limits.CONSENT),
        ("POST", "/api/v1/pledges", rate_limits.PLEDGE),
        ("POST", "/api/v1/beacon", rate_limits.BEACON_ADDRESS),
    ],
)
def test_each_door_has_its_burst(method: str, path: str, limit: Limit) -> None:
    passed = 3
    # Enough for the form; what the API makes of it does not matter. The beacon listens to the site alone.
    body, kind = ("granted=true", FORM) if path == "/consent/" else ("{}", "application/json")
    own = {"Sec-Fetch-Site": "same-origin"}
    with override_settings(RATE_LIMIT_SCALE=passed / limit.capacity):
        answers = [
            Client().generic(method, path, body, content_type=kind, headers=own) for _ in range(passed + 1)
        ]
    assert 429 not in {answer.status_code for answer in answers[:passed]}
    assert answers[passed].status_code == 429
    assert 1 <= int(answers[passed]["Retry-After"]) <= limit.period.total_seconds()


def test_without_redis_requests_pass_and_the_log_says_so(caplog: pytest.LogCaptureFixture) -> None:
    rate_limits._script.cache_clear()
    try:
        with override_settings(REDIS_URL="redis://127.0.0.1:1/0"):
            assert take(SLOW, ALICE) == 0
        assert "Rate limits are off" in caplog.text
    finally:
        rate_limits._script.cache_clear()


@pytest.mark.parametrize(
    ("depth", "forwarded", "counted_as"),
    [
        (0, "203.0.113.9", "10.0.0.1"),
        (1, "203.0.113.9", "203.0.113.9"),
        (1, "1.1.1.1, 203.0.113.9", "203.0.113.9"),
        (2, "1.1.1.1, 203.0.113.9, 10.0.0.7", "203.0.113.9"),
        (2, "203.0.113.9", "10.0.0.1"),
        (1, "1.1.1.1:80, 203.0.113.9:51234", "203.0.113.9"),
        (1, "", "None"),
        (1, "not an address", "None"),
        (1, "203.0.113.9, unknown", "None"),
    ],
)
def test_proxies_are_trusted_as_many_as_there_are(depth: int, forwarded: str, counted_as: str) -> None:
    request = RequestFactory().get("/", headers={"X-Forwarded-For": forwarded}, REMOTE_ADDR="10.0.0.1")
    with override_settings(PROXY_DEPTH=depth):
        assert str(client_address(request)) == counted_as


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("203.0.113.9", "203.0.113.9"),
        (" 203.0.113.9 ", "203.0.113.9"),
        ("203.0.113.9:443", "203.0.113.9"),
        ('"203.0.113.9:443"', "203.0.113.9"),
        ("2001:db8::1", "2001:db8::1"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("[2001:db8::1]:443", "2001:db8::1"),
        ('"[2001:db8::1]:443"', "2001:db8::1"),
        ("fe80::1%eth0", "fe80::1"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("[::ffff:203.0.113.9]:80", "203.0.113.9"),
        ("::ffff:0:203.0.113.9", "203.0.113.9"),
        ("64:ff9b::203.0.113.9", "203.0.113.9"),
        ("2002:cb00:7109:5:6:7:8:9", "203.0.113.9"),
        ("2001:0:1234:5678:0:0:34ff:8ef6", "203.0.113.9"),
        ("203.0.113.9:999999", "None"),
        ("203.0.113", "None"),
        ("203.0.113.09", "None"),
        ("２03.0.113.9", "None"),
        ("203.0.113.9, 1.1.1.1", "None"),
        ("[203.0.113.9", "None"),
        ("2001:db8::1::2", "None"),
        ("for=203.0.113.9", "None"),
        ("_hidden", "None"),
        ("unix:", "None"),
        ("203.0.113.9\x00", "None"),
        ("", "None"),
    ],
)
def test_addresses_are_read_as_proxies_write_them(written: str, meant: str) -> None:
    assert str(parse_client_address(written)) == meant


def from_address(text: str) -> HttpRequest:
    request = RequestFactory().get("/", REMOTE_ADDR=text)
    request.user = AnonymousUser()
    return request


def test_one_ipv6_customer_is_counted_by_its_networks() -> None:
    assert visitor(from_address("2001:db8:1:2aff::1")) == (
        Subject("network", "2001:db8:1:2aff::/64", 1),
        Subject("network", "2001:db8:1:2a00::/56", 4),
        Subject("network", "2001:db8:1::/48", 16),
    )
    assert visitor(from_address("203.0.113.9")) == (Subject("network", "203.0.113.9", 1),)
    assert visitor(from_address("2002:cb00:7109::1")) == visitor(from_address("203.0.113.9"))


def test_who_moves_through_a_prefix_gets_its_shares_and_no_more() -> None:
    """Three a /64: four such in a /56, and four /56s' worth in a /48."""

    def passes(address: str) -> bool:
        return take(SLOW, *visitor(from_address(address))) == 0

    within_56 = [passes(f"2001:db8:1:{subnet:x}::1") for subnet in range(20)]
    assert within_56 == [True] * 12 + [False] * 8
    elsewhere = [passes(f"2001:db8:1:{subnet << 8:x}::1") for subnet in range(1, 50)]
    assert elsewhere == [True] * 36 + [False] * 13
    assert passes("2001:db8:2::1")


@pytest.mark.django_db
def test_throw_away_accounts_share_what_their_network_may_do() -> None:
    def passes(user: User, address: str) -> bool:
        request = from_address(address)
        request.user = user
        return take(SLOW, *asker(request)) == 0

    users = [backer_user(number) for number in range(10)]
    assert [passes(user, "203.0.113.9") for user in users for _ in range(2)] == [True] * 12 + [False] * 8
    assert passes(users[9], "203.0.113.10")
    # What one account has used up elsewhere it has used up here, and whom it refuses pays nothing.
    assert [passes(users[8], "203.0.113.11") for _ in range(4)] == [True] * 3 + [False]
    assert [passes(users[7], "203.0.113.11") for _ in range(4)] == [True] * 3 + [False]


def test_a_refusal_takes_nothing_from_the_other_buckets() -> None:
    for _ in range(3):
        take(SLOW, ALICE)
    assert take(SLOW, ALICE, BOB) > 0
    assert [take(SLOW, BOB) for _ in range(3)] == [0, 0, 0]


@pytest.mark.parametrize(
    "spelling",
    ["Ines@Example.org", "ines+shop@example.org", " ines@EXAMPLE.ORG", "INES+a+b@example.org"],
)
def test_a_recipient_is_one_in_any_spelling(spelling: str) -> None:
    assert recipient(spelling) == recipient("ines@example.org")
    assert "ines" not in recipient(spelling).key


def test_dots_count_where_they_make_another_mailbox() -> None:
    assert recipient("i.n.es@gmail.com") == recipient("ines@gmail.com")
    assert recipient("i.nes@example.org") != recipient("ines@example.org")


def test_a_refusal_is_logged_without_naming_anybody() -> None:
    somebody = Subject("network", "203.0.113.9")
    with capture_logs() as lines:
        for _ in range(4):
            take(SLOW, somebody, Subject("network", "203.0.0.0/16", 4))
    assert lines == [
        {
            "event": "rate_limit.refused",
            "log_level": "warning",
            "limit": "test-slow",
            "kind": "network",
            "who": refusals.pseudonym("network:203.0.113.9"),
        }
    ]
    assert refusals.pseudonym("network:203.0.113.9") != refusals.pseudonym("network:203.0.113.8")


def test_the_limits_are_written_down() -> None:
    """docs/security.md has each limit, and no other."""
    text = (Path(__file__).resolve().parents[2] / "docs" / "security.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([a-z-]+)` \| (\d+) \| (\d+) (min|h|d) \|", text, re.MULTILINE)
    units = {"min": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}
    written = {(scope, int(capacity), int(count) * units[unit]) for scope, capacity, count, unit in rows}
    limits = [limit for limit in vars(rate_limits).values() if isinstance(limit, Limit)]
    assert {(limit.scope, limit.capacity, limit.period) for limit in limits} == written
    assert len(rows) == len(limits)


@pytest.mark.parametrize(("shares", "burst"), [(1, 3), (2, 6)])
def test_an_idle_bucket_holds_its_burst_and_no_more(shares: int, burst: int, redis_url: str) -> None:
    somebody = Subject("network", "idle", shares)
    assert take(SLOW, somebody) == 0
    with redis.Redis.from_url(redis_url) as client:
        key = "rate:test-slow:network:idle"
        assert 0 < client.ttl(key) <= SLOW.period.total_seconds() + 1
        # As if it had last been asked ten periods ago.
        client.hincrbyfloat(key, "at", -10 * SLOW.period.total_seconds())
    assert [take(SLOW, somebody) == 0 for _ in range(burst + 1)] == [True] * burst + [False]


def test_a_bucket_fills_by_its_share_of_the_period(redis_url: str) -> None:
    assert [take(SLOW, ALICE) for _ in range(3)] == [0, 0, 0]
    with redis.Redis.from_url(redis_url) as client:
        client.hincrbyfloat("rate:test-slow:account:alice", "at", -2 * SLOW.period.total_seconds() / 3)
    assert [take(SLOW, ALICE) == 0 for _ in range(3)] == [True, True, False]


@pytest.mark.parametrize(("wait", "seconds"), [(0.0, None), (0.2, 1), (1.0, 2), (1199.5, 1200)])
def test_a_refusal_names_whole_seconds_that_suffice(
    wait: float, seconds: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rate_limits, "_script", lambda: lambda **_: (str(wait).encode(), 1))
    with capture_logs() as lines:
        if seconds is None:
            require(SLOW, ALICE)
        else:
            with pytest.raises(TooManyRequestsError) as refusal:
                require(SLOW, ALICE)
            assert refusal.value.retry_after == seconds
    assert len(lines) == (seconds is not None)


def test_without_redis_a_strict_limit_lets_nobody_pass_and_another_all(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def unreachable(**_: object) -> None:
        raise redis.ConnectionError

    monkeypatch.setattr(rate_limits, "_script", lambda: unreachable)
    strict = {
        limit for limit in vars(rate_limits).values() if isinstance(limit, Limit) and take(limit, ALICE)
    }
    assert strict == {
        rate_limits.STAFF_PASSWORD,
        rate_limits.SECOND_FACTOR,
        rate_limits.STAFF_NETWORK,
    }
    assert take(rate_limits.SECOND_FACTOR, ALICE) == 15 * 60
