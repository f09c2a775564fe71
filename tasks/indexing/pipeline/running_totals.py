"""Running totals: what one commit adds to each touched campaign, in constant time per event."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection

from django_project.ledger import models
from django_project.ledger.events import CAMPAIGN_EVENTS, EventSpec, row_columns
from django_project.ledger.models import CampaignTotals, EventRow
from django_project.ledger.totals import refresh_milestones


@dataclass(slots=True)
class TotalsChange:
    """What a commit changes of one campaign's totals; None leaves the column as it is."""

    last_seq: int = 0
    raised: int | None = None
    refunded: int | None = None
    withdrawn: int | None = None
    fees: int | None = None
    fees_claimed: int | None = None
    contributions: int = 0
    backers: int = 0
    last_contribution_at: datetime | None = None
    cancelled_at: datetime | None = None
    paused: bool | None = None
    wound_down_at: datetime | None = None
    creator: bytes | None = None
    # Not a column: whether what follows from milestones has to be read from their rows again.
    has_milestone_events: bool = False


_COLUMNS = tuple(name for name in TotalsChange.__slots__ if name != "has_milestone_events")


Effect = Callable[[TotalsChange, Sequence[Any]], None]


def _position(model: type[EventRow], column: str) -> int:
    return row_columns(model).index(column)


_SEQ = _position(models.Contribution, "seq")
_BLOCK_TIME = _position(models.Contribution, "block_time")
_AMOUNT = _position(models.Contribution, "amount")
_BACKER_TOTAL = _position(models.Contribution, "backer_total")
_TOTAL_RAISED = _position(models.Contribution, "total_raised")
_RAISED_AFTER = _position(models.TakeBack, "total_raised")


def _contribution(change: TotalsChange, row: Sequence[Any]) -> None:
    change.raised = row[_TOTAL_RAISED]
    change.last_contribution_at = row[_BLOCK_TIME]
    change.contributions += 1
    # The running total equals the amount exactly when the backer had nothing in the campaign before.
    change.backers += row[_BACKER_TOTAL] == row[_AMOUNT]


def _take_back(change: TotalsChange, row: Sequence[Any]) -> None:
    change.raised = row[_RAISED_AFTER]
    change.backers -= 1


def _milestone_event(change: TotalsChange, _row: Sequence[Any]) -> None:
    change.has_milestone_events = True


def _takes(attribute: str, position: int) -> Effect:
    def take(change: TotalsChange, row: Sequence[Any]) -> None:
        setattr(change, attribute, row[position])

    return take


# These count as well, and come in millions: what they carry is written out.
_COUNTED: Mapping[type[EventRow], tuple[Effect, ...]] = {
    models.Contribution: (_contribution,),
    models.TakeBack: (_take_back,),
}


def _effects(event: EventSpec) -> tuple[Effect, ...]:
    if event.model in _COUNTED:
        return _COUNTED[event.model]
    carried = [_takes(column, _position(event.model, source)) for column, source in event.carries.items()]
    return (*carried, _milestone_event) if event.moves_milestones else tuple(carried)


_EFFECTS: Mapping[type[EventRow], tuple[Effect, ...]] = {
    event.model: _effects(event) for event in CAMPAIGN_EVENTS
}


def add(change: TotalsChange, model: type[EventRow], row: Sequence[Any]) -> None:
    """Add one typed row (in the order of `row_columns`) to its campaign's change."""
    change.last_seq = row[_SEQ]
    for effect in _EFFECTS[model]:
        effect(change, row)


_UPDATE = f"""
UPDATE {CampaignTotals._meta.db_table} AS totals SET
    last_seq = change.last_seq,
    raised = COALESCE(change.raised, totals.raised),
    refunded = COALESCE(change.refunded, totals.refunded),
    withdrawn = COALESCE(change.withdrawn, totals.withdrawn),
    fees = COALESCE(change.fees, totals.fees),
    fees_claimed = COALESCE(change.fees_claimed, totals.fees_claimed),
    contributions = totals.contributions + change.contributions,
    backers = totals.backers + change.backers,
    last_contribution_at = COALESCE(change.last_contribution_at, totals.last_contribution_at),
    cancelled_at = COALESCE(change.cancelled_at, totals.cancelled_at),
    paused = COALESCE(change.paused, totals.paused),
    wound_down_at = COALESCE(change.wound_down_at, totals.wound_down_at),
    creator = COALESCE(change.creator, totals.creator)
FROM unnest(
    %s::bigint[], %s::bigint[], %s::numeric[], %s::numeric[], %s::numeric[], %s::numeric[], %s::numeric[],
    %s::bigint[], %s::bigint[], %s::timestamptz[], %s::timestamptz[], %s::boolean[], %s::timestamptz[],
    %s::bytea[]
) AS change(
    campaign_id, last_seq, raised, refunded, withdrawn, fees, fees_claimed,
    contributions, backers, last_contribution_at, cancelled_at, paused, wound_down_at, creator
)
WHERE totals.campaign_id = change.campaign_id
"""


def apply(changes: Mapping[int, TotalsChange]) -> None:
    """Write the changes, by campaign row id; the caller holds the transaction and has written the rows."""
    if not changes:
        return
    columns: list[list[Any]] = [list(changes)]
    columns += [[getattr(change, name) for change in changes.values()] for name in _COLUMNS]
    with connection.cursor() as cursor:
        cursor.execute(_UPDATE, columns)
    refresh_milestones(
        [campaign_id for campaign_id, change in changes.items() if change.has_milestone_events]
    )
