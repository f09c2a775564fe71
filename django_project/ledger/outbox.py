"""The outbox read by several readers, each at its own pace.

Messages of one chain are written under the lock on its cursor, so their ids are in the order of their commits
and a position is all that a reader needs. A reader takes all messages since its position in one transaction
with what it does for them: what fails is told again, and keeps no other reader from going on.
"""

from collections.abc import Callable, Collection
from datetime import timedelta

from django.db import transaction
from django.db.models import Count, F, IntegerField, Max, Min, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.utils import timezone

from django_project.ledger.models import Outbox, OutboxReader

# Messages that every reader has taken are kept for a while, to look at.
KEPT = timedelta(days=7)


def take_news(reader: str, chain_id: int, topics: Collection[str], act: Callable[[int], object]) -> bool:
    """Have a reader act on a chain once for all messages of its topics since its position.

    Returns whether there were messages. Does nothing while another worker is at the same.
    """
    OutboxReader.objects.get_or_create(name=reader, chain_id=chain_id)
    with transaction.atomic():
        row = (
            OutboxReader.objects.select_for_update(skip_locked=True)
            .filter(name=reader, chain_id=chain_id)
            .first()
        )
        if row is None:
            return False
        waiting = Outbox.objects.filter(chain_id=chain_id, id__gt=row.position)
        last = waiting.aggregate(last=Max("id"))["last"]
        if last is None:
            return False
        if waiting.filter(id__lte=last, topic__in=topics).exists():
            act(chain_id)
        row.position = last
        row.save(update_fields=["position", "read_at"])
    return True


def unread() -> QuerySet[Outbox]:
    """Messages that some reader has not taken; all of them while a chain has no reader."""
    slowest = OutboxReader.objects.filter(chain=OuterRef("chain")).order_by().values("chain")
    position = Subquery(slowest.annotate(least=Min("position")).values("least"), output_field=IntegerField())
    return Outbox.objects.annotate(read_to=Coalesce(position, 0)).filter(id__gt=F("read_to"))


def unread_counts() -> dict[int, int]:
    """How many messages of each chain wait for its slowest reader, in one query."""
    counted = unread().order_by().values("chain_id").annotate(waiting=Count("id"))
    return dict(counted.values_list("chain_id", "waiting"))


def forget_old_news() -> int:
    """Delete messages that every reader took long ago; returns how many."""
    old = Outbox.objects.filter(created_at__lt=timezone.now() - KEPT).exclude(pk__in=unread().values("pk"))
    return old.delete()[0]
