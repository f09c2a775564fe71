"""The index's rows as the events they were, folded into what the contracts keep."""

from collections.abc import Iterator
from datetime import datetime
from heapq import merge
from itertools import groupby
from operator import itemgetter
from typing import Any

from django_project.ledger.events import CAMPAIGN_EVENTS, SEQ, EventSpec
from django_project.ledger.projection import CampaignStorage, Event, ProjectionError, project

_ROWS_AT_ONCE = 2_000


def folded_campaigns(chain_id: int) -> Iterator[tuple[int, CampaignStorage | ProjectionError]]:
    """Each campaign with events, by its row id, as its rows make it; or why they cannot be its history.

    One query for each kind of event, read as a stream: the rows of one campaign are in memory at a time. The
    caller holds a transaction that sees one state of all tables.
    """
    streams = [_events(event, chain_id) for event in CAMPAIGN_EVENTS]
    in_order = merge(*streams, key=itemgetter(0, 1))
    for campaign_id, told in groupby(in_order, key=itemgetter(0)):
        try:
            yield campaign_id, project(event for _, _, event in told)
        except ProjectionError as error:
            yield campaign_id, error


def _events(spec: EventSpec, chain_id: int) -> Iterator[tuple[int, int, Event]]:
    """One table's rows as (campaign, running number, event), by campaign and running number."""
    rows = (
        spec.model._default_manager.filter(chain_id=chain_id)
        .order_by("campaign_id", "seq")
        .values_list("campaign_id", "seq", "block_time", *spec.columns)
    )
    arguments = tuple(spec.columns.values())
    for campaign_id, seq, time, *values in rows.iterator(chunk_size=_ROWS_AT_ONCE):
        told = {
            argument: _as_told(value)
            for argument, value in zip(arguments, values, strict=True)
            if value is not None
        }
        yield campaign_id, seq, Event(spec.name, int(time.timestamp()), {SEQ: seq, **told})


def _as_told(value: Any) -> Any:
    return int(value.timestamp()) if isinstance(value, datetime) else value
