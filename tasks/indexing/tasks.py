"""The Celery side of the indexer: thin, and safe to be delivered twice."""

import ctypes
import logging
from datetime import timedelta
from multiprocessing.sharedctypes import RawValue
from typing import Any

from celery import shared_task
from celery.signals import celeryd_after_setup, worker_shutting_down
from django.conf import settings
from django.db import Error

from django_project.core.jobs import enqueue
from django_project.ledger.models import Chain
from tasks.indexing.errors import (
    ChainRetiredError,
    ConfigurationError,
    IndexerError,
    LeaseHeldError,
    LeaseLostError,
)
from tasks.indexing.node.rpc import Pool
from tasks.indexing.operating.database import in_words
from tasks.indexing.operating.registry import find_registry, known_chains, load_events, read_registry
from tasks.indexing.operating.runner import Runner
from tasks.indexing.pipeline.fanout import FETCH_TASK, fetch_for_others
from tasks.indexing.pipeline.lease import is_held

logger = logging.getLogger(__name__)

FOLLOW_CHAIN = "tasks.indexing.follow_chain"
# A chain that nobody follows is taken up again within this many seconds, and a dead worker's lease.
REVIVAL_SECONDS = 5.0

QUEUE = "indexing"
# A follower that may have taken the last process of a worker with other work gives way after this long.
SHARED_TURN = timedelta(seconds=5)

# The pool's processes are forked from the one that is told to stop, and share these with it.
_worker_is_stopping = RawValue(ctypes.c_bool)
_worker_has_no_room = RawValue(ctypes.c_bool)


@worker_shutting_down.connect
def _note_shutdown(**_: Any) -> None:
    _worker_is_stopping.value = True


@celeryd_after_setup.connect
def _note_room(instance: Any, **_: Any) -> None:
    """Whether followers could take all processes of a worker that other queues wait for as well."""
    others = sorted(set(instance.app.amqp.queues.consume_from) - {QUEUE})
    chains = len(known_chains())
    _worker_has_no_room.value = bool(others) and instance.concurrency <= chains
    if _worker_has_no_room.value:
        logger.warning(
            "%s processes for %s chains and the queues %s: chains take turns of %s s; give the queue %s a "
            "worker of its own, with a process for each chain",
            *(instance.concurrency, chains, ", ".join(others), SHARED_TURN.total_seconds(), QUEUE),
        )


def _turn() -> timedelta:
    return min(settings.INDEXER_LEASE, SHARED_TURN) if _worker_has_no_room.value else settings.INDEXER_LEASE


@shared_task(name=FOLLOW_CHAIN)
def follow_chain(chain_id: int) -> None:
    """Follow one chain for at most `settings.INDEXER_LEASE`, then hand over to a fresh task.

    Much shorter in a worker whose processes are all that other tasks have.

    Ends quietly when another worker holds the lease. After an error it ends too, and beat tries again.
    """
    try:
        urls = settings.RPC_URLS.get(chain_id, [])
        registry = read_registry(find_registry(chain_id))
        with Pool(urls) as pool:
            Runner(
                registry,
                pool,
                run_for=_turn(),
                fan_out=settings.INDEXER_FAN_OUT,
                stop=lambda: bool(_worker_is_stopping.value),
            ).run()
    except (ChainRetiredError, LeaseHeldError):
        return
    except (ConfigurationError, LeaseLostError) as error:
        logger.warning("chain %s: %s", chain_id, error)
        return
    except IndexerError as error:
        logger.error("chain %s is not indexed: %s", chain_id, error)  # noqa: TRY400  # the sentence is the news
        return
    except Error as error:
        logger.error("chain %s is not indexed: %s", chain_id, in_words(error))  # noqa: TRY400  # as above
        return
    enqueue(FOLLOW_CHAIN, chain_id)


@shared_task(name=FETCH_TASK)
def fetch_range(chain_id: int, from_block: int, to_block: int) -> None:
    """Fetch a range of a long backfill for the worker that applies it, which helps itself after an error."""
    try:
        events = load_events(read_registry(find_registry(chain_id)))
        fetch_for_others(chain_id, from_block, to_block, events)
    except (IndexerError, Error) as error:
        logger.warning("chain %s: blocks %s to %s: %s", chain_id, from_block, to_block, error)


@shared_task(name="tasks.indexing.revive")
def revive() -> None:
    """Ask for every chain that nobody follows; should two tasks meet, the later one ends at once."""
    retired = set(Chain.objects.filter(state=Chain.State.RETIRED).values_list("chain_id", flat=True))
    for chain_id in known_chains():
        if chain_id in retired or is_held(chain_id):
            continue
        follow_chain.apply_async((chain_id,), expires=REVIVAL_SECONDS)
