"""A chain's own time: what its contracts go by, so what the site has to go by when it tells their states.

A contract compares its dates with the time of the block that a transaction gets into, and not with anybody's
clock. So the index notes how far the newest block's time lay from the database's clock when a commit made it
level with its node (`Cursor.clock_offset`), and the chain's time is that block's time with what has passed
since. Both readings are the database's: no other machine's clock has a part in it.

The offset is kept while the index is late or nobody follows the chain: a wrong clock does not mend itself.
Before the first such commit it is nothing. A head older than `OLDEST_HEAD` tells of a chain that stands still
or of a node that is far behind, and of no clock; one in the future is believed whatever it says, because no
block after it can be earlier.
"""

from datetime import datetime, timedelta

from django.db import connection
from django.db.models import Case, DateTimeField, DurationField, ExpressionWrapper, F, Q, Value, When
from django.db.models.expressions import Combinable
from django.db.models.functions import Now
from django.utils import timezone

from django_project.ledger.models import Cursor

# What is believed of a chain that seems to be behind the database's clock.
OLDEST_HEAD = timedelta(days=1)
# Blocks carry the time at which somebody began to make them, and take a moment to arrive.
CLOCK_TOLERANCE = timedelta(seconds=60)


def chain_time(chain: str) -> Combinable:
    """The time on a row's chain at this moment; `chain` is the path from the row to it."""
    return _now_moved_by(f"{chain}__cursor__clock_offset")


def chain_now(chain_id: int) -> datetime:
    """The time on a chain at this moment, in one query; this machine's where the chain is not indexed."""
    told = Cursor.objects.filter(chain_id=chain_id).values_list(_now_moved_by("clock_offset"), flat=True)
    return told.first() or timezone.now()


def database_now() -> datetime:
    """The time on the database's machine, in one query."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT statement_timestamp()")
        told: datetime = cursor.fetchone()[0]
    return told


def offset_of(head_time: datetime) -> Combinable:
    """How far a block's time lies ahead of the database's clock at the moment of the query."""
    return Value(head_time, DateTimeField()) - Now()


def is_off(offset: timedelta | None) -> bool:
    """Whether a chain's clock and the site's differ by more than a block's way explains."""
    return offset is not None and abs(offset) > CLOCK_TOLERANCE


def _now_moved_by(offset: str) -> Combinable:
    believed = Case(
        When(Q(**{f"{offset}__gte": -OLDEST_HEAD}), then=F(offset)),
        default=Value(timedelta()),
        output_field=DurationField(),
    )
    return ExpressionWrapper(Now() + believed, output_field=DateTimeField())
