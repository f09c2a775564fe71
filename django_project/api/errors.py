"""Every refusal in one shape: {"error": {"code", "message", "fields"?}}."""

from collections.abc import Mapping
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import OpenApiResponse
from pydantic import BaseModel
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import exception_handler, set_rollback

from django_project.core.errors import Message, TooManyRequestsError, UserError


class ErrorDetail(BaseModel):
    code: str
    message: str
    fields: dict[str, str] | None = None


class ErrorBody(BaseModel):
    error: ErrorDetail


REFUSALS = {
    400: OpenApiResponse(ErrorBody, "What was sent breaks a rule; `fields` says which."),
    403: OpenApiResponse(ErrorBody, "Not allowed to whoever asked."),
    429: OpenApiResponse(ErrorBody, "Asked too often; the Retry-After header says for how long."),
}
UNDER_WAY = {409: OpenApiResponse(ErrorBody, "The campaign is closed, or an earlier pledge may be paid.")}
NOT_YET = {409: OpenApiResponse(ErrorBody, "Not yet: a contract wallet's signers have to confirm.")}
NODE_UNREACHABLE = {503: OpenApiResponse(ErrorBody, "No node could be asked about a contract wallet.")}


# The framework's own refusals in the site's words.
_WORDS: dict[type[exceptions.APIException], Message] = {
    exceptions.ParseError: _("The body is not valid JSON."),
    exceptions.MethodNotAllowed: _("This address does not take requests of this kind."),
    exceptions.NotAcceptable: _("Answers of this address are JSON only."),
    exceptions.UnsupportedMediaType: _("Send the body as JSON, with the type application/json."),
}


def respond(exception: Exception, context: Mapping[str, Any]) -> Response | None:
    """REST framework's exception handler; None lets an unexpected exception become a 500."""
    if isinstance(exception, TooManyRequestsError):
        return _refusal(exception.status, exception.code, exception.message, wait=exception.retry_after)
    if isinstance(exception, UserError):
        return _refusal(exception.status, exception.code, exception.message, exception.fields)
    if isinstance(exception, Http404 | exceptions.NotFound):
        return _refusal(404, "not_found", _("There is nothing here."))
    if isinstance(exception, PermissionDenied | exceptions.PermissionDenied):
        return _refusal(403, "permission_denied", _("You may not do this."))
    if isinstance(exception, exceptions.NotAuthenticated | exceptions.AuthenticationFailed):
        return _refusal(401, "sign_in_required", _("Sign in with your wallet first."))
    if isinstance(exception, exceptions.Throttled):
        message = _("Too many requests. Wait a moment and try again.")
        wait = int(getattr(exception, "wait", None) or 0)
        return _refusal(429, "too_many_requests", message, wait=wait + 1)
    plain = exception_handler(exception, dict(context))
    if plain is None or not isinstance(exception, exceptions.APIException):
        return None
    words = _WORDS.get(type(exception), _("This request could not be understood."))
    plain.data = {"error": {"code": exception.default_code, "message": str(words)}}
    return plain


def _refusal(
    status: int,
    code: str,
    message: Message,
    fields: Mapping[str, Message] | None = None,
    *,
    wait: int | None = None,
) -> Response:
    set_rollback()
    error: dict[str, object] = {"code": code, "message": str(message)}
    if fields:
        error["fields"] = {name: str(text) for name, text in fields.items()}
    return Response(
        {"error": error}, status=status, headers={"Retry-After": str(wait)} if wait is not None else None
    )
