"""Fixtures that every kind of test may use."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from django.test import TransactionTestCase
from django.utils import translation

from devtools.servers import Anvil
from tests.support.emptying import empty_tables


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Refuse arguments named as Playwright's fixtures: they start a browser and pull its tests ahead."""
    strays = {
        item.nodeid.partition("[")[0]
        for item in items
        if "browser_name" in getattr(item, "fixturenames", ()) and not item.nodeid.startswith("tests/e2e/")
    }
    if strays:
        raise pytest.UsageError(f"name other arguments than page or browser: {', '.join(sorted(strays))}")


@pytest.fixture(scope="session")
def redis_url() -> str:
    return os.environ["REDIS_URL"]


@pytest.fixture(scope="session", autouse=True)
def _quickly_emptied() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TransactionTestCase, "_fixture_teardown", empty_tables)
        yield


@pytest.fixture(autouse=True)
def _fresh_redis(redis_url: str) -> None:
    """Forget what earlier tests cached or used up of a rate limit; the broker's own keys stay."""
    with redis.Redis.from_url(redis_url) as client:
        stale = [*client.scan_iter("rate:*"), *client.scan_iter(":1:*")]
        if stale:
            client.delete(*stale)


@pytest.fixture(autouse=True)
def _default_language() -> None:
    """Forget the language of the page that an earlier test asked for: Django keeps it with the thread."""
    translation.deactivate()


@pytest.fixture(scope="session")
def anvil_session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Anvil]:
    """One local chain per run; take `anvil` unless the test rewinds to its own snapshot."""
    server = Anvil(tmp_path_factory.mktemp("anvil"), arguments=["--accounts", "20"])
    yield server
    server.stop()


@pytest.fixture
def anvil(anvil_session: Anvil) -> Iterator[Anvil]:
    """The run's chain, put back afterwards to what it was before the test."""
    snapshot = anvil_session.request("evm_snapshot")
    yield anvil_session
    anvil_session.request("evm_revert", snapshot)


@pytest.fixture
def deployments_dir(tmp_path: Path) -> Path:
    directory = tmp_path / "deployments"
    directory.mkdir()
    return directory
