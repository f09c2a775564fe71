"""What the tests of the API begin with."""

import pytest

from tests.factories import World
from tests.support.browser import Browser, wallet


@pytest.fixture
def world(db: None) -> World:  # noqa: ARG001  # asked for by its effect
    return World()


@pytest.fixture
def alice(world: World) -> Browser:
    """The first wallet's browser, signed in."""
    browser = Browser()
    browser.sign_in(wallet(1), world.chain.chain_id)
    return browser
