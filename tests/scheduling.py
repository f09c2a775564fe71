"""Who runs which tests when there are several processes (`pytest -n 2`)."""

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

ONE_SYSTEM = "tests/e2e/"


class FileScheduling(LoadScopeScheduling):  # type: ignore[misc]  # pytest-xdist is not typed
    """A worker takes one file after the other, so that what a file's fixtures made serves all of its tests.

    The files with a browser count as one, since they share a whole running system. Files go in the order of
    the collection, where pytest-django has put those with a database first: Playwright keeps an event loop
    running for good, and Django touches no database beside one.
    """

    def __init__(self, config: pytest.Config, log: Producer | None = None) -> None:
        super().__init__(config, log)
        config.option.loadscopereorder = False

    def _split_scope(self, nodeid: str) -> str:
        return ONE_SYSTEM if nodeid.startswith(ONE_SYSTEM) else nodeid.partition("::")[0]
