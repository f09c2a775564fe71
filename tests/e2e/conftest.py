"""One system and one browser for all journeys; each journey has a browser profile and a page of its own."""

import itertools
import os
import zlib
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, ConsoleMessage, Page, expect

from devtools.browsers import chromium
from tests.e2e.people import PATIENCE_MILLISECONDS, Words
from tests.e2e.stack import Stack, fresh_database

CHROMIUM_ARGUMENTS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update"),
]


WIDTHS = {"wide": (1280, 900), "tablet": (768, 1024), "narrow": (320, 720)}
THEMES = ("day", "night")
LANGUAGES = ("en", "zh-hans")
# What every run looks at; between them each language, each theme and both ends of the widths.
LOOKS = (("en", "day", "wide"), ("zh-hans", "night", "narrow"))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """What a test goes through; with --all-looks every combination.

    `look` is a language, a theme and a width, two of them. `say` is the words of one language: half of the
    journeys that don't ask for one, by their names, are made in each.
    """
    is_whole = metafunc.config.getoption("--all-looks")
    if "look" in metafunc.fixturenames:
        looks = list(itertools.product(LANGUAGES, THEMES, WIDTHS)) if is_whole else LOOKS
        metafunc.parametrize("look", looks, ids=["-".join(look) for look in looks])
    chosen = [mark.args[0] for mark in metafunc.definition.iter_markers("parametrize")]
    if "say" in metafunc.fixturenames and "say" not in chosen:
        turn = zlib.crc32(metafunc.function.__name__.encode()) % len(LANGUAGES)
        metafunc.parametrize("say", LANGUAGES if is_whole else (LANGUAGES[turn],), indirect=True)


@pytest.fixture(scope="session")
def browser_type_launch_args() -> dict[str, Any]:
    return {"executable_path": chromium(), "args": CHROMIUM_ARGUMENTS}


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory, redis_url: str) -> Iterator[Stack]:
    directory = tmp_path_factory.mktemp("stack")
    database = fresh_database(os.environ["DATABASE_URL"], "e2e")
    stack = Stack(directory, database, redis_url.replace("/0", "/1"))
    try:
        stack.start()
        yield stack
    finally:
        stack.stop()


@pytest.fixture
def say(request: pytest.FixtureRequest, context: BrowserContext, stack: Stack) -> Words:
    """The words of a journey; its browser asks for that language."""
    language: str = request.param
    context.add_cookies([{"name": "django_language", "value": language, "url": stack.url}])
    return Words(language)


@pytest.fixture(autouse=True)
def _nothing_under_way(request: pytest.FixtureRequest) -> None:
    """No journey is held up by a payment that another one left open."""
    if "stack" in request.fixturenames:
        stack: Stack = request.getfixturevalue("stack")
        stack.rows("UPDATE pledges_pledgeintent SET state = 'failed' WHERE state <> 'final' RETURNING id")


@pytest.fixture
def complaints() -> list[str]:
    """What the browser complained of; a journey with a complaint fails."""
    return []


@pytest.fixture
def page(context: BrowserContext, complaints: list[str]) -> Iterator[Page]:
    context.set_default_timeout(PATIENCE_MILLISECONDS)
    expect.set_options(timeout=PATIENCE_MILLISECONDS)
    page = context.new_page()
    _listen(page, complaints)
    yield page
    assert not complaints, "the page's scripts or its content security policy complained: " + "; ".join(
        complaints
    )


def _listen(page: Page, complaints: list[str]) -> None:
    def note(message: ConsoleMessage) -> None:
        # Answers of 4xx are part of some journeys, and the browser reports each.
        if message.type == "error" and "status of 4" not in message.text:
            complaints.append(message.text)

    page.on("console", note)
    page.on("pageerror", lambda error: complaints.append(str(error)))
