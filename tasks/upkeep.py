"""Small regular work: what other parts are told about the chain, and what time alone changes."""

import logging
from collections.abc import Callable
from dataclasses import dataclass

from celery import shared_task
from django.utils import timezone

from django_project.accounts import challenges, sessions
from django_project.campaigns.services import index_anew, sync_listings
from django_project.ledger.models import Chain
from django_project.ledger.outbox import forget_old_news, take_news, unread_counts
from django_project.pledges.services import reconcile
from django_project.privacy import services as privacy
from tasks.chains import for_each_chain

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Reader:
    """Who acts on news of the chain: a service that is told a chain's id, and is safe to be told twice."""

    name: str
    topics: frozenset[str]
    act: Callable[[int], object]


# In this order, for a pledge is decided by the campaign's listing too.
READERS = (
    Reader("listings", frozenset({"campaigns_launched", "chain_reorganised"}), sync_listings),
    Reader("pledges", frozenset({"contributions_changed", "chain_reorganised"}), reconcile),
)


@shared_task(name="tasks.upkeep.deliver_outbox")
def deliver_outbox() -> None:
    """Let every reader take what is new to it; one that fails is told again and holds up nobody else."""
    for_each_chain(_deliver, list(unread_counts()))


def _deliver(chain_id: int) -> None:
    """Raises an ExceptionGroup of the readers' errors, once the others were served."""
    failures: list[Exception] = []
    for reader in READERS:
        try:
            take_news(reader.name, chain_id, reader.topics, reader.act)
        except Exception as error:  # noqa: BLE001  # raised below
            failures.append(error)
    if failures:
        raise ExceptionGroup("readers of the outbox failed, and are told again", failures)


@shared_task(name="tasks.upkeep.settle")
def settle() -> None:
    """What changes while no event comes in: pledges become final, texts arrive after their launch.

    After an upgrade that indexes texts in another way, those of before are indexed anew.
    """
    index_anew()
    for_each_chain(_settle, list(Chain.objects.values_list("chain_id", flat=True)))


def _settle(chain_id: int) -> None:
    sync_listings(chain_id)
    reconcile(chain_id)


@shared_task(name="tasks.upkeep.clean")
def clean() -> None:
    """Forget messages that all readers took, sign-ins and sessions that ran out, accounts that are due."""
    forget_old_news()
    challenges.forget_old(timezone.now())
    sessions.forget_ended()
    privacy.delete_due()
