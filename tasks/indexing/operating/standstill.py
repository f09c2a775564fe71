"""What is done while the index cannot move: the reason is told, time passes, and the lease is kept."""

import logging
import random
import time
from collections.abc import Callable

from django.db import Error

from django_project.ledger.services import record_problem
from tasks.indexing.errors import (
    CallRefusedError,
    CannotTellError,
    IndexerError,
    LeaseLostError,
    NoEndpointError,
    StillInconsistentError,
)
from tasks.indexing.operating.database import in_words
from tasks.indexing.pipeline.lease import Lease

logger = logging.getLogger(__name__)

FIRST_PAUSE_SECONDS = 0.2
LONGEST_PAUSE_SECONDS = 10.0
# In one piece: between two, whoever waits is asked whether to stop, and the lease is renewed.
PIECE_SECONDS = 1.0
# The log is reminded of what lasts.
REMIND_SECONDS = 60.0

_CURES: tuple[tuple[type[IndexerError], str], ...] = (
    (
        CallRefusedError,
        "ask the providers for a plan that includes it, or add an endpoint that does it",
    ),
    (CannotTellError, "nothing is to be done unless it lasts; then add an endpoint of another provider"),
    # Their own words say it.
    (NoEndpointError, ""),
    (StillInconsistentError, ""),
)


def what_to_do(error: Exception) -> str:
    """An error with its cure, in one sentence."""
    if isinstance(error, Error):
        return in_words(error)
    cure = next((cure for kind, cure in _CURES if isinstance(error, kind)), "add another RPC endpoint")
    return f"{error}: {cure}" if cure else str(error)


class Standstill:
    """A series of failures: pauses grow, and everybody is told why.

    Args:
        wait: sleeps, and may wake early.
        is_over: whether to stop waiting.
    """

    def __init__(self, chain_id: int, wait: Callable[[float], object], is_over: Callable[[], bool]) -> None:
        self._chain_id, self._wait, self._is_over = chain_id, wait, is_over
        self._pause = 0.0
        self._since = self._told_at = 0.0
        # An earlier worker may have left a reason.
        self._has_noted = True

    def end(self, lease: Lease) -> None:
        """Nothing is in the way: take back what was told.

        Raises:
            LeaseLostError: another worker took over.
        """
        self._pause = 0.0
        if self._has_noted:
            lease.clear_problem()
            self._has_noted = False

    @property
    def seconds(self) -> float:
        """How long nothing has succeeded."""
        return time.monotonic() - self._since if self._pause else 0.0

    def endure(self, error: Exception, lease: Lease, node_head: int | None) -> None:
        """Tell of the error and pause, longer each time.

        Raises:
            LeaseLostError: another worker took over.
        """
        words = what_to_do(error)
        now = time.monotonic()
        if not self._pause:
            self._since = now
        if not self._pause or now - self._told_at >= REMIND_SECONDS:
            self._told_at = now
            logger.warning(
                "chain %s has stood still for %.0f s: %s", self._chain_id, now - self._since, words
            )
        self._note(words, lease, node_head)
        self._pause = min(LONGEST_PAUSE_SECONDS, max(FIRST_PAUSE_SECONDS, self._pause * 2))
        # Spreads workers, hides nothing.
        left = self._pause * random.uniform(0.5, 1.0)  # noqa: S311
        while left > 0 and not self._is_over():
            self._wait(min(left, PIECE_SECONDS))
            left -= PIECE_SECONDS
            if left > 0:
                self._note(words, lease, node_head)

    def _note(self, words: str, lease: Lease, node_head: int | None) -> None:
        try:
            self._has_noted = True
            lease.record_problem(words, node_head)
        except LeaseLostError:
            raise
        except Error as error:
            # What keeps the index from moving may keep this from being written; the log has it.
            logger.debug("chain %s: the reason could not be stored: %s", self._chain_id, error)


def record_unfollowed(chain_id: int, error: Exception) -> None:
    """Keep why a chain is not even begun to be followed."""
    try:
        record_problem(chain_id, what_to_do(error))
    except Error as refusal:
        logger.debug("chain %s: the reason could not be stored: %s", chain_id, refusal)
