"""Letters leave some at a time; neither an address that refuses nor whoever is told a lot holds up others."""

import logging
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.db.models import QuerySet, Window
from django.db.models.functions import Coalesce, RowNumber
from django.utils import timezone

from django_project.notifications.errors import LETTERS_OWN

logger = logging.getLogger(__name__)

# What could not be sent for so long is told on the site alone.
UNSENT_KEPT = timedelta(days=3)
BATCH = 100


def in_turn(due: QuerySet[Any], tried_at: str) -> QuerySet[Any]:
    """Each account's first before anybody's second, those that wait for longest first.

    `tried_at` names the column that says when a letter was last handed over, taken or not: one that is
    refused, or cannot be written, goes behind those that wait.
    """
    waiting_since = Coalesce(tried_at, "created_at")
    turn = Window(RowNumber(), partition_by="user_id", order_by=[waiting_since, "pk"])
    ordered: QuerySet[Any] = due.annotate(turn=turn).order_by("turn", waiting_since, "pk")
    return ordered


def deliver_in_turn(due: QuerySet[Any], tried_at: str, deliver_one: Callable[[int], int]) -> int:
    """Hand what is due to `deliver_one` by its key; says how many letters left.

    A mail server that takes nothing is left alone until the next turn.
    """
    sent = 0
    for pk in list(in_turn(due, tried_at).values_list("pk", flat=True)[:BATCH]):
        due.model.objects.filter(pk=pk).update(**{tried_at: timezone.now()})
        try:
            sent += deliver_one(pk)
        except LETTERS_OWN as error:
            logger.warning("The mail server refused a letter: %s", type(error).__name__)
        except OSError as error:
            logger.warning("The mail server takes no letters: %s", error)
            break
    return sent
