"""What is declared in one place has its other places: words, letters, tasks behind names."""

import pytest
from django.conf import settings
from django.template.loader import get_template

from django_project.campaigns.selectors import STATUSES
from django_project.catalog.selectors import FACET_VALUES, FACETS, SORTS, FacetName
from django_project.notifications.models import Kind
from django_project.studio import content
from django_project.studio.models import Draft
from django_project.web import labels
from django_project.web.studio_fields import STEPS, fields_of, label_of, step_of
from tasks.celery import app

REMINDED = {Kind.REFUND_DUE, Kind.MILESTONE_REVIEW}


@pytest.mark.parametrize("kind", Kind)
def test_every_kind_of_notification_has_its_words_and_its_letter(kind: Kind) -> None:
    assert kind in labels.NOTIFICATION
    assert kind in labels.NOTIFICATION_TEXT
    get_template(f"notifications/{kind}.txt")
    assert (kind in labels.REMINDER_TEXT) == (kind in REMINDED)
    if kind in REMINDED:
        get_template(f"notifications/{kind}_reminder.txt")


@pytest.mark.parametrize("facet", sorted(FACET_VALUES))
def test_every_value_of_a_facet_has_a_name_of_its_own(facet: FacetName) -> None:
    names = [str(labels.facet_option(facet, value, value)) for value in FACET_VALUES[facet]]
    assert len(set(names)) == len(names)
    assert not set(names) & set(FACET_VALUES[facet])


def test_facets_sorts_and_states_have_their_words() -> None:
    assert set(labels.FACET) == set(FACETS)
    assert set(labels.SORT) == set(SORTS)
    assert set(labels.STATUS) >= set(STATUSES)


def test_every_field_of_a_draft_is_on_one_page() -> None:
    key = "0a0a0a0a"
    draft = Draft(rows={rows: [key] for rows in content.ROWS})
    shown = [name for step in STEPS for name in fields_of(step, draft)]
    cells = [f"{rows}.{key}.{name}" for rows, names in content.ROWS.items() for name in names]
    assert sorted(shown) == sorted([*content.TEXTS, *cells])
    assert all(name in fields_of(step_of(name), draft) for name in shown)
    assert all(str(label_of(name, draft)[0]) for name in shown)


def test_beat_asks_only_for_tasks_that_there_are() -> None:
    app.loader.import_default_modules()
    asked = {entry["task"] for entry in app.conf.beat_schedule.values()}
    assert asked <= set(app.tasks)


def test_every_route_leads_some_task_to_its_queue() -> None:
    app.loader.import_default_modules()
    own = [name for name in app.tasks if name.startswith("tasks.")]
    for pattern in settings.CELERY_TASK_ROUTES:
        assert any(name.startswith(pattern.removesuffix("*")) for name in own), pattern
