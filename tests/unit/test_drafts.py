"""What a draft keeps, and that nobody's words are written over unseen."""

import threading
import uuid

import pytest

from django_project.accounts.models import User
from django_project.studio import services
from django_project.studio.content import MILESTONES, REWARDS, storable
from django_project.studio.errors import (
    TextTooLongError,
    TooManyDraftsError,
    TooManyRowsError,
    UnknownFieldError,
)
from django_project.studio.models import Draft
from django_project.studio.services import Change, Conflict
from tests.factories import backer_user
from tests.support.racing import in_thread, somebody_waits_for_a_lock

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada() -> User:
    return backer_user(1, "Ada")


@pytest.fixture
def draft(ada: User) -> Draft:
    return services.create_draft(ada, language="en")


def save(draft: Draft, *changes: Change) -> services.Saved:
    return services.save_texts(draft.owner, draft.public_id, changes)


def stored(draft: Draft) -> Draft:
    return Draft.objects.get(pk=draft.pk)


def test_what_was_typed_is_there_again(draft: Draft) -> None:
    saved = save(draft, Change("title", "Honey", 0), Change("story", "Line\r\none\x00\ud800", 0))
    assert (saved.conflicts, saved.draft.revision) == ((), 1)
    again = stored(draft)
    assert again.texts == {"language": "en", "title": "Honey", "story": "Line\none"}
    assert again.revisions == {"title": 1, "story": 1}
    assert saved.at == again.updated_at


def test_texts_of_two_windows_meet_where_they_are_of_different_fields(draft: Draft) -> None:
    save(draft, Change("title", "Honey", 0))
    assert save(draft, Change("tagline", "From the roof", 0)).conflicts == ()
    assert stored(draft).texts["title"] == "Honey"


def test_nothing_is_written_over_a_text_that_its_writer_has_not_seen(draft: Draft) -> None:
    save(draft, Change("title", "Honey", 0))
    save(draft, Change("title", "Wax", 1))
    saved = save(draft, Change("title", "Mead", 1), Change("story", "Bees.", 1))
    assert saved.conflicts == (Conflict("title", "Wax", 2),)
    assert stored(draft).texts == {"language": "en", "title": "Wax", "story": "Bees."}
    assert save(draft, Change("title", "Mead", 2)).conflicts == ()
    assert stored(draft).texts["title"] == "Mead"


def test_the_same_save_may_arrive_twice(draft: Draft) -> None:
    save(draft, Change("title", "Honey", 0))
    before = stored(draft)
    saved = save(draft, Change("title", "Honey", 0))
    assert (saved.conflicts, saved.draft.revision) == ((), 1)
    assert stored(draft).updated_at == before.updated_at


def test_a_text_may_be_emptied(draft: Draft) -> None:
    save(draft, Change("title", "Honey", 0))
    save(draft, Change("title", "", 1))
    assert stored(draft).texts["title"] == ""


@pytest.mark.parametrize(
    "field", ["", "name", "rewards", "rewards.title", "rewards.0123abcd.share", "x.0123abcd.title"]
)
def test_there_is_no_field_but_the_known_ones(draft: Draft, field: str) -> None:
    with pytest.raises(UnknownFieldError) as refused:
        save(draft, Change("title", "Honey", 0), Change(field, "x", 0))
    assert list(refused.value.fields) == [field]
    assert stored(draft).texts == {"language": "en"}


def test_a_text_is_kept_up_to_twice_what_a_campaign_takes(draft: Draft) -> None:
    save(draft, Change("title", "x" * 240, 0))
    with pytest.raises(TextTooLongError, match="240 characters"):
        save(draft, Change("tagline", "Mine", 0), Change("title", "x" * 241, 1))
    assert stored(draft).texts == {"language": "en", "title": "x" * 240}


def test_rows_are_added_moved_and_taken_out_with_their_texts(draft: Draft) -> None:
    first, second, third = (services.add_row(draft.owner, draft.public_id, REWARDS) for _ in range(3))
    save(draft, Change(f"rewards.{first}.title", "Jar", 3), Change(f"rewards.{second}.title", "Comb", 3))
    services.move_row(draft.owner, draft.public_id, REWARDS, third, -1)
    assert stored(draft).rows == {REWARDS: [first, third, second]}
    services.move_row(draft.owner, draft.public_id, REWARDS, first, -1)
    services.move_row(draft.owner, draft.public_id, REWARDS, second, 5)
    assert stored(draft).rows == {REWARDS: [first, third, second]}
    services.remove_row(draft.owner, draft.public_id, REWARDS, first)
    services.remove_row(draft.owner, draft.public_id, REWARDS, first)
    after = stored(draft)
    assert after.rows == {REWARDS: [third, second]}
    assert after.texts == {"language": "en", f"rewards.{second}.title": "Comb"}
    assert list(after.revisions) == [f"rewards.{second}.title"]


def test_what_is_typed_into_a_row_that_was_taken_out_comes_back(draft: Draft) -> None:
    key = services.add_row(draft.owner, draft.public_id, MILESTONES)
    services.remove_row(draft.owner, draft.public_id, MILESTONES, key)
    saved = save(draft, Change(f"milestones.{key}.share", "40", 1), Change("title", "Honey", 1))
    assert saved.conflicts == (Conflict(f"milestones.{key}.share", None, 2),)
    assert stored(draft).texts == {"language": "en", "title": "Honey"}


@pytest.mark.parametrize(("rows", "most"), [(REWARDS, 32), (MILESTONES, 10)])
def test_there_are_as_many_rows_as_the_contract_takes(draft: Draft, rows: str, most: int) -> None:
    for _ in range(most):
        services.add_row(draft.owner, draft.public_id, rows)
    with pytest.raises(TooManyRowsError, match=str(most)):
        services.add_row(draft.owner, draft.public_id, rows)
    with pytest.raises(UnknownFieldError):
        services.add_row(draft.owner, draft.public_id, "pictures")


def test_an_account_keeps_twenty_drafts(ada: User) -> None:
    drafts = [services.create_draft(ada) for _ in range(20)]
    with pytest.raises(TooManyDraftsError, match="20"):
        services.create_draft(ada)
    services.delete_draft(ada, drafts[0].public_id)
    services.create_draft(ada)


def test_nobody_touches_anothers_draft(draft: Draft) -> None:
    eve = backer_user(2)
    key = services.add_row(draft.owner, draft.public_id, REWARDS)
    for act in (
        lambda: services.save_texts(eve, draft.public_id, [Change("title", "Mine", 0)]),
        lambda: services.add_row(eve, draft.public_id, REWARDS),
        lambda: services.remove_row(eve, draft.public_id, REWARDS, key),
        lambda: services.move_row(eve, draft.public_id, REWARDS, key, 1),
        lambda: services.save_texts(draft.owner, uuid.uuid4(), []),
    ):
        with pytest.raises(Draft.DoesNotExist):
            act()
    services.delete_draft(eve, draft.public_id)
    assert stored(draft).rows == {REWARDS: [key]}


def test_line_ends_are_those_of_the_web() -> None:
    assert storable("a\r\nb\rc\td\x7f") == "a\nb\nc\td"


def unlocked(user: User, public_id: uuid.UUID) -> Draft:
    return Draft.objects.for_user(user).get(public_id=public_id)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("is_locked", "kept"), [(True, {"title", "story"}), (False, {"title"})], ids=["on", "off"]
)
def test_two_saves_at_once_wait_for_each_other(
    monkeypatch: pytest.MonkeyPatch, draft: Draft, *, is_locked: bool, kept: set[str]
) -> None:
    """The second reads the draft while the first is about to write: without the lock a text is lost."""
    if not is_locked:
        monkeypatch.setattr(services, "_locked", unlocked)
    about_to_write, may_write = threading.Event(), threading.Event()
    plain_save = Draft.save

    def slow_save(self: Draft, **arguments: object) -> None:
        if "title" not in self.texts or "story" not in self.texts:
            about_to_write.set()
            assert may_write.wait(10)
        plain_save(self, **arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(Draft, "save", slow_save)
    first = in_thread(lambda: save(draft, Change("title", "Honey", 0)))
    assert about_to_write.wait(10)
    monkeypatch.setattr(Draft, "save", plain_save)
    second = in_thread(lambda: save(draft, Change("story", "Bees.", 0)))
    while second.is_alive() and not somebody_waits_for_a_lock():
        second.join(0.01)
    may_write.set()
    first.join(10)
    second.join(10)
    assert stored(draft).texts.keys() - {"language"} == kept
