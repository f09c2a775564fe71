"""Small regular work: what other parts are told about the chain, and what time alone changes."""

import logging
from collections.abc import Callable, Mapping
from datetime import timedelta

from celery import shared_task
from django.db import transaction
from django.utils import timezone

from django_project.accounts import sessions
from django_project.accounts.services import forget_old_challenges
from django_project.campaigns.services import index_anew, sync_listings
from django_project.ledger.models import Chain, Outbox
from django_project.pledges.services import reconcile
from tasks.chains import for_each_chain

logger = logging.getLogger(__name__)

DELIVERED_KEPT = timedelta(days=7)

# What each topic of the outbox sets in motion; every service is idempotent, so twice does no harm.
_DELIVERIES: Mapping[str, tuple[Callable[[int], int], ...]] = {
    "campaigns_launched": (sync_listings,),
    "contributions_changed": (reconcile,),
    "chain_reorganised": (sync_listings, reconcile),
    "updates_posted": (),
}


@shared_task(name="tasks.upkeep.deliver_outbox")
def deliver_outbox() -> None:
    """Hand the outbox over: one transaction per chain, messages marked only once all services took them."""
    chains = Outbox.objects.filter(delivered_at=None).values_list("chain_id", flat=True).distinct()
    for_each_chain(_deliver, list(chains))


@transaction.atomic
def _deliver(chain_id: int) -> None:
    messages = list(
        Outbox.objects.select_for_update(skip_locked=True)
        .filter(delivered_at=None, chain_id=chain_id)
        .order_by("id")
    )
    services = {service for message in messages for service in _DELIVERIES.get(message.topic, ())}
    for service in sorted(services, key=lambda each: each.__name__, reverse=True):
        service(chain_id)
    Outbox.objects.filter(pk__in=[message.pk for message in messages]).update(delivered_at=timezone.now())


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
    """Forget messages that were delivered long ago, and sign-ins and sessions that ran out."""
    Outbox.objects.filter(delivered_at__lt=timezone.now() - DELIVERED_KEPT).delete()
    forget_old_challenges(timezone.now())
    sessions.forget_ended()
