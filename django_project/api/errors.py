"""Every refusal in one shape, that of `core.errors.error_body`, and how it is described."""

from collections.abc import Mapping
from typing import Any

from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.http import Http404
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import OpenApiResponse
from pydantic import BaseModel
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import exception_handler, set_rollback

from django_project.core.errors import Message, TooManyRequestsError, UserError, error_body


class ErrorDetail(BaseModel):
    """`code` never changes, `message` is in the language of the request, `documentation_url` says what to do.

    `fields` has a message for each part of a body or query that is wrong, `allowed` the values that a
    parameter can have, `last_page` how far a list goes.
    """

    code: str
    message: str
    documentation_url: str
    fields: dict[str, str] | None = None
    allowed: dict[str, list[str]] | None = None
    last_page: int | None = None


class ErrorBody(BaseModel):
    error: ErrorDetail


def _told(description: str) -> OpenApiResponse:
    return OpenApiResponse(ErrorBody, description)


# What single endpoints add to the refusals that all have, see openapi.py.
SIGNED_OUT = {401: _told("Nobody is signed in.")}
NOT_ALLOWED = {403: _told("Not allowed to whoever asked, or without the session's CSRF token.")}
NOT_THERE = {404: _told("There is nothing here, or nothing of whoever asked.")}
UNDER_WAY = {409: _told("The campaign is closed, or an earlier pledge may be paid.")}
NOT_YET = {409: _told("Not yet: a contract wallet's signers have to confirm.")}


_NOT_UNDERSTOOD = _("This request could not be understood.")
# The framework's own refusals in the site's words.
_WORDS: dict[type[exceptions.APIException], Message] = {
    exceptions.ParseError: _("The body is not valid JSON."),
    exceptions.MethodNotAllowed: _("This address does not take requests of this kind."),
    exceptions.NotAcceptable: _("This address has no answer of the kind that was asked for."),
    exceptions.UnsupportedMediaType: _("Send the body as JSON, with the type application/json."),
}


def respond(exception: Exception, context: Mapping[str, Any]) -> Response | None:
    """REST framework's exception handler; None lets an unexpected exception become a 500."""
    if isinstance(exception, TooManyRequestsError):
        return _refusal(exception.status, exception.code, exception.message, wait=exception.retry_after)
    if isinstance(exception, UserError):
        body = error_body(exception.code, exception.message, exception.fields, exception.details)
        return _refused(exception.status, body)
    if isinstance(exception, Http404 | exceptions.NotFound):
        return _refusal(404, "not_found", _("There is nothing here."))
    if isinstance(exception, PermissionDenied | exceptions.PermissionDenied):
        return _refusal(403, "permission_denied", _("You may not do this."))
    if isinstance(exception, SuspiciousOperation):
        return _refusal(400, "bad_request", _NOT_UNDERSTOOD)
    if isinstance(exception, exceptions.NotAuthenticated | exceptions.AuthenticationFailed):
        return _refusal(401, "sign_in_required", _("Sign in with your wallet first."))
    if isinstance(exception, exceptions.Throttled):
        message = _("Too many requests. Wait a moment and try again.")
        wait = int(getattr(exception, "wait", None) or 0)
        return _refusal(429, "too_many_requests", message, wait=wait + 1)
    plain = exception_handler(exception, dict(context))
    if plain is None or not isinstance(exception, exceptions.APIException):
        return None
    words = _WORDS.get(type(exception), _NOT_UNDERSTOOD)
    plain.data = error_body(exception.default_code, words)
    return plain


def _refusal(status: int, code: str, message: Message, *, wait: int | None = None) -> Response:
    headers = {"Retry-After": str(wait)} if wait is not None else None
    return _refused(status, error_body(code, message), headers)


def _refused(status: int, body: Mapping[str, object], headers: dict[str, str] | None = None) -> Response:
    set_rollback()
    return Response(body, status=status, headers=headers)
