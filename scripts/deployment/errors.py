"""How a script says that it can't go on."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager


class DeploymentError(Exception):
    """Something about the node, the settings or the registry; its text says what to do."""


@contextmanager
def exit_with_message() -> Iterator[None]:
    """Turns a DeploymentError into its one sentence on standard error and exit status 1."""
    try:
        yield
    except DeploymentError as error:
        sys.exit(f"error: {error}")
