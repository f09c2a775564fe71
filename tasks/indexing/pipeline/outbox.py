"""Wakes the delivery of the outbox. The messages themselves are rows; losing a wake-up only delays them."""

import logging
import time

from django.db import transaction

from django_project.core import jobs

logger = logging.getLogger(__name__)

DELIVERY_TASK = "tasks.upkeep.deliver_outbox"
BROKER_PAUSE_SECONDS = 30.0

_broker_back_at = 0.0


def wake_delivery() -> None:
    """Ask for a delivery after the current commit. An unreachable broker never holds the index up."""
    transaction.on_commit(_send)


def _send() -> None:
    global _broker_back_at
    if time.monotonic() < _broker_back_at:
        return
    from kombu.exceptions import OperationalError

    try:
        jobs.request(DELIVERY_TASK)
    except OperationalError as error:
        _broker_back_at = time.monotonic() + BROKER_PAUSE_SECONDS
        logger.warning("the broker is unreachable, the outbox waits for it: %s", error)
