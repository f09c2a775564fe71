"""Drafts of whoever is signed in; nobody sees another's. Pages save what is typed while it is typed."""

import uuid
from typing import Annotated

from django.http import Http404
from drf_spectacular.utils import extend_schema
from pydantic import Field, StringConstraints
from rest_framework.request import Request
from rest_framework.response import Response

from django_project.api.endpoint import Endpoint
from django_project.api.errors import NOT_ALLOWED, NOT_THERE, SIGNED_OUT
from django_project.api.framework import read_body, signed_in_user
from django_project.api.types import Input
from django_project.api.v1.schemas import DraftOut
from django_project.core import rate_limits
from django_project.studio import selectors, services
from django_project.studio.content import TEXTS
from django_project.studio.models import Draft

NO_STORE = {"Cache-Control": "no-store"}
CHANGES_MOST = 200


class ChangeIn(Input):
    """A field's new text; `seen` is the draft's revision when its writer last saw the field."""

    text: Annotated[str, StringConstraints(strict=True, max_length=max(TEXTS.values()))]
    seen: Annotated[int, Field(strict=True, ge=0, lt=2**31)]


class DraftRequest(Input):
    """By the fields' names, such as `story` or `rewards.3f9a1c2e.price`."""

    changes: Annotated[dict[str, ChangeIn], Field(max_length=CHANGES_MOST)]


class DraftView(Endpoint):
    post_limit = rate_limits.DRAFT

    @extend_schema(
        summary="A draft, and what still stops its launch",
        responses={200: DraftOut, **SIGNED_OUT, **NOT_THERE},
    )
    def get(self, request: Request, public_id: uuid.UUID) -> Response:
        user = signed_in_user(request)
        try:
            draft = selectors.draft_of(user, public_id)
        except Draft.DoesNotExist:
            raise Http404("No such draft") from None
        return _answer(draft)

    @extend_schema(
        summary="Save what was typed in a draft",
        description=(
            "A field that somebody else wrote since `seen` is left alone and comes back among `conflicts`. "
            "Send it again with the conflict's `revision` as `seen` to write over it. All others are saved."
        ),
        request=DraftRequest,
        responses={200: DraftOut, **SIGNED_OUT, **NOT_ALLOWED, **NOT_THERE},
    )
    def post(self, request: Request, public_id: uuid.UUID) -> Response:
        user = signed_in_user(request)
        body = read_body(DraftRequest, request)
        changes = [services.Change(name, each.text, each.seen) for name, each in body.changes.items()]
        try:
            saved = services.save_texts(user, public_id, changes)
        except Draft.DoesNotExist:
            raise Http404("No such draft") from None
        return _answer(saved.draft, saved.conflicts)


def _answer(draft: Draft, conflicts: tuple[services.Conflict, ...] = ()) -> Response:
    told = DraftOut.of(draft, selectors.problems_of(draft), conflicts)
    return Response(told.model_dump(mode="json"), headers=NO_STORE)
