"""Writes about drafts. Each takes the draft's row first: of two at once, one sees what the other did."""

import secrets
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from django_project.accounts.models import User
from django_project.studio import content
from django_project.studio.errors import (
    TextTooLongError,
    TooManyDraftsError,
    TooManyRowsError,
    UnknownFieldError,
)
from django_project.studio.models import Draft

DRAFTS_MOST = 20


@dataclass(frozen=True, slots=True)
class Change:
    """A field's new text, and the revision of the text that its writer had before them."""

    field: str
    text: str
    seen: int


@dataclass(frozen=True, slots=True)
class Conflict:
    """A field that somebody wrote meanwhile; `text` is theirs, None where its row was taken out."""

    field: str
    text: str | None
    revision: int


@dataclass(frozen=True, slots=True)
class Saved:
    """How a draft stands after a save. What is in conflict was not saved; everything else was."""

    draft: Draft
    conflicts: tuple[Conflict, ...]

    @property
    def at(self) -> datetime:
        return self.draft.updated_at


@transaction.atomic
def create_draft(owner: User, **texts: str) -> Draft:
    """Begin a campaign, with texts that are known already.

    Raises:
        TooManyDraftsError: the account has as many as it may.
    """
    # The account's row stands for its drafts: two at once wait for each other here.
    User.objects.select_for_update().get(pk=owner.pk)
    if Draft.objects.filter(owner=owner).count() >= DRAFTS_MOST:
        raise TooManyDraftsError(DRAFTS_MOST)
    return Draft.objects.create(owner=owner, texts=texts)


@transaction.atomic
def save_texts(user: User, public_id: uuid.UUID, changes: Sequence[Change]) -> Saved:
    """Write what somebody typed, but nothing over a text that they have not seen.

    The same change may arrive twice: a text that is there already is no conflict.

    Raises:
        Draft.DoesNotExist: there is none, or it is not theirs.
        UnknownFieldError, TextTooLongError: nothing was saved.
    """
    draft = _locked(user, public_id)
    conflicts, written = [], {}
    for change in changes:
        text = content.storable(change.text)
        _require_field(change.field, text)
        row = content.row_field(change.field)
        if row is not None and row.key not in draft.rows.get(row.rows, []):
            conflicts.append(Conflict(change.field, None, draft.revision))
            continue
        stored, revision = draft.texts.get(change.field, ""), draft.revisions.get(change.field, 0)
        if text == stored:
            continue
        if revision > change.seen:
            conflicts.append(Conflict(change.field, stored, revision))
            continue
        written[change.field] = text
    if written:
        draft.revision += 1
        draft.texts.update(written)
        draft.revisions.update(dict.fromkeys(written, draft.revision))
        draft.save()
    return Saved(draft, tuple(conflicts))


@transaction.atomic
def add_row(user: User, public_id: uuid.UUID, rows: str) -> str:
    """Put an empty row at the end of a list; says its key.

    Raises:
        Draft.DoesNotExist, UnknownFieldError: as `save_texts`. TooManyRowsError: the contract takes no more.
    """
    draft = _locked(user, public_id)
    if rows not in content.ROWS:
        raise UnknownFieldError(rows)
    keys = draft.rows.setdefault(rows, [])
    if len(keys) >= content.ROWS_MOST[rows]:
        raise TooManyRowsError(content.ROWS_MOST[rows])
    key = secrets.token_hex(4)
    keys.append(key)
    draft.revision += 1
    draft.save()
    return key


@transaction.atomic
def remove_row(user: User, public_id: uuid.UUID, rows: str, key: str) -> None:
    """Take a row out of a list, with its texts; it may be gone already.

    Raises:
        Draft.DoesNotExist: as `save_texts`.
    """
    draft = _locked(user, public_id)
    if key not in draft.rows.get(rows, []):
        return
    draft.rows[rows].remove(key)
    for name in content.ROWS[rows]:
        for kept in (draft.texts, draft.revisions):
            kept.pop(f"{rows}.{key}.{name}", None)
    draft.revision += 1
    draft.save()


@transaction.atomic
def move_row(user: User, public_id: uuid.UUID, rows: str, key: str, places: int) -> None:
    """Put a row so many places further down its list, or up; it stops at the ends.

    Raises:
        Draft.DoesNotExist: as `save_texts`.
    """
    draft = _locked(user, public_id)
    keys = draft.rows.get(rows, [])
    if key not in keys:
        return
    place = min(max(keys.index(key) + places, 0), len(keys) - 1)
    keys.remove(key)
    keys.insert(place, key)
    draft.revision += 1
    draft.save()


def delete_draft(user: User, public_id: uuid.UUID) -> None:
    """Delete a draft for good; it may be gone already."""
    Draft.objects.filter(owner=user, public_id=public_id).delete()


def _locked(user: User, public_id: uuid.UUID) -> Draft:
    return Draft.objects.for_user(user).select_for_update().get(public_id=public_id)


def _require_field(field: str, text: str) -> None:
    longest = content.longest(field)
    if longest is None:
        raise UnknownFieldError(field)
    if len(text) > longest:
        raise TextTooLongError(field, longest)
