"""The registry of contract events, and that all who write about each event know the same ones."""

from collections.abc import Iterator

import pytest
from django.db.models import Model

from django_project.ledger.events import CAMPAIGN_EVENTS, EVENT_MODELS, EVENTS, EventSpec, row_columns
from django_project.ledger.models import CampaignEvent, CampaignTotals, Contract, EventRow, FactoryEvent
from django_project.ledger.projection import EFFECTS
from django_project.ledger.totals import CARRIED_COLUMNS, MILESTONE_COLUMNS, TOTALS_COLUMNS
from django_project.web import labels
from tasks.indexing.pipeline import running_totals
from tasks.indexing.pipeline.running_totals import TotalsChange

NAMES = {event.name for event in CAMPAIGN_EVENTS}


def tables_below(model: type[Model]) -> Iterator[type[Model]]:
    for table in model.__subclasses__():
        yield from tables_below(table) if table._meta.abstract else (table,)


def test_every_typed_table_has_its_event() -> None:
    assert set(EVENT_MODELS) == set(tables_below(EventRow))
    assert {event.model for event in CAMPAIGN_EVENTS} == set(tables_below(CampaignEvent))
    assert len(EVENT_MODELS) == len(set(EVENT_MODELS))


def test_every_campaign_event_has_its_effect_and_its_words() -> None:
    assert set(EFFECTS) == NAMES
    assert set(labels.EVENT) == NAMES


def test_every_act_of_a_factory_is_told_apart() -> None:
    acts = [event.act for event in EVENTS.values() if event.model is FactoryEvent]
    assert sorted(act or "" for act in acts) == sorted(FactoryEvent.Kind.values)
    assert {event.emitter for event in EVENTS.values() if event.act is not None} == {Contract.Kind.FACTORY}


def test_every_column_of_the_totals_follows_from_some_event() -> None:
    columns = {field.attname for field in CampaignTotals._meta.concrete_fields} - {"campaign_id"}
    assert set(TOTALS_COLUMNS) == columns
    assert set(CARRIED_COLUMNS) == columns - {"last_seq", "contributions", "backers", *MILESTONE_COLUMNS}
    changed = set(TotalsChange.__slots__) - {"has_milestone_events"}
    assert changed == columns - set(MILESTONE_COLUMNS)


def test_times_are_the_columns_that_keep_one() -> None:
    assert {event.name: event.times for event in EVENTS.values() if event.times} == {
        "CampaignCreated": {"start", "deadline"},
        "MilestoneDefined": {"due", "not_before"},
        "MilestoneReleased": {"next_due"},
        "MilestoneSubmitted": {"window_end"},
        "WindDownStarted": {"since"},
    }


def test_what_only_the_second_version_tells_may_be_missing() -> None:
    assert {event.name: event.optional for event in EVENTS.values() if event.optional} == {
        "MilestoneDefined": {"not_before"},
        "MilestoneReleased": {"next_due"},
    }


def test_what_milestones_stand_at_follows_from_terms_evidence_objections_and_payments() -> None:
    assert {event.name for event in EVENTS.values() if event.moves_milestones} == {
        "MilestoneDefined",
        "MilestoneSubmitted",
        "Objected",
        "ObjectionWithdrawn",
        "MilestoneReleased",
    }


@pytest.mark.parametrize("event", CAMPAIGN_EVENTS, ids=lambda event: event.name)
def test_an_event_changes_of_the_totals_what_the_registry_says(event: EventSpec) -> None:
    row = dict(zip(row_columns(event.model), range(100, 200), strict=False))
    change = TotalsChange()
    running_totals.add(change, event.model, list(row.values()))
    assert change.last_seq == row["seq"]
    told = {column: getattr(change, column) for column in CARRIED_COLUMNS}
    assert told == {
        column: row[event.carries[column]] if column in event.carries else None for column in CARRIED_COLUMNS
    }
    assert change.has_milestone_events == event.moves_milestones
