"""Token buckets, and who is counted as whom behind how many proxies."""

import threading
from collections import Counter
from datetime import timedelta

import pytest
from django.test import Client, RequestFactory, override_settings

from django_project.core import rate_limits
from django_project.core.errors import TooManyRequestsError
from django_project.core.rate_limits import Limit, client_address, require, take

SLOW = Limit("test-slow", 3, timedelta(hours=1))
FORM = "application/x-www-form-urlencoded"
FAST = Limit("test-fast", 2, timedelta(seconds=1))


def test_a_burst_then_a_wait() -> None:
    assert [take(SLOW, "a") for _ in range(3)] == [0, 0, 0]
    assert 1100 < take(SLOW, "a") <= 1200
    assert take(SLOW, "b") == 0
    with pytest.raises(TooManyRequestsError) as refusal:
        require(SLOW, "a")
    assert 1100 < refusal.value.retry_after <= 1201


def test_the_bucket_fills_again() -> None:
    assert [take(FAST, "a") for _ in range(2)] == [0, 0]
    waits = [take(FAST, "a")]
    while waits[-1] > 0:
        waits.append(take(FAST, "a"))
    assert waits == sorted(waits, reverse=True)
    assert waits[0] <= 0.5


@override_settings(RATE_LIMIT_SCALE=2)
def test_limits_scale() -> None:
    assert [take(SLOW, "c") == 0 for _ in range(7)] == [True] * 6 + [False]


def test_many_processes_share_one_bucket() -> None:
    passed: Counter[bool] = Counter()
    start = threading.Barrier(8)

    def ask() -> None:
        start.wait()
        passed[take(SLOW, "crowd") == 0] += 1

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
        ("POST", "/api/v1/session/wallets", rate_limits.SIGN_IN),
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
            assert take(SLOW, "a") == 0
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
        (1, "", "unknown"),
        (1, "not an address", "unknown"),
        (1, "2001:db8:1:2:aaaa::1", "2001:db8:1:2::/64"),
        (1, "::ffff:203.0.113.9", "203.0.113.9"),
    ],
)
def test_proxies_are_trusted_as_many_as_there_are(depth: int, forwarded: str, counted_as: str) -> None:
    request = RequestFactory().get("/", headers={"X-Forwarded-For": forwarded}, REMOTE_ADDR="10.0.0.1")
    with override_settings(PROXY_DEPTH=depth):
        assert client_address(request) == counted_as
