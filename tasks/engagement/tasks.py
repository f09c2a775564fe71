"""The Celery side of what follows from chain and time: thin, and safe to be delivered twice."""

from celery import shared_task
from django.utils import timezone

from django_project.accounts import challenges, sessions
from django_project.campaigns.services import index_anew, sync_listings
from django_project.ledger.models import Chain
from django_project.ledger.outbox import forget_old_news, unread_counts
from django_project.notifications import account_notices, mail, services
from django_project.pledges.services import reconcile
from django_project.privacy import services as privacy
from tasks.chains import for_each_chain
from tasks.engagement import missing_pledges, outbox


@shared_task(name="tasks.upkeep.deliver_outbox")
def deliver_outbox() -> None:
    """Let every reader take what is new to it; one that fails is told again and holds up nobody else."""
    for_each_chain(outbox.deliver, list(unread_counts()))


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


@shared_task(name="tasks.pledging.look_for_missing")
def look_for_missing() -> None:
    """Ask the nodes for pledges that the chain does not show."""
    missing_pledges.look_for_missing()


@shared_task(name="tasks.notifying.tell")
def tell() -> None:
    """Write down what is new and final on each chain, then send what is due by e-mail."""
    try:
        account_notices.deliver()
        for_each_chain(services.notify, list(Chain.objects.values_list("chain_id", flat=True)))
    finally:
        mail.deliver()


@shared_task(name="tasks.notifying.remind")
def remind() -> None:
    """Write down who left money alone for long; the next round of `tell` sends it."""
    for_each_chain(services.remind, list(Chain.objects.values_list("chain_id", flat=True)))
