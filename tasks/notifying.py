"""Telling backers what concerns them, on the `notifications` queue."""

from celery import shared_task

from django_project.ledger.models import Chain
from django_project.notifications import account_notices, mail, services
from tasks.chains import for_each_chain


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
