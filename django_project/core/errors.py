"""Errors that services raise for people to read; pages and the API show them beside the field."""

from collections.abc import Mapping

from django.urls import get_script_prefix
from django.utils.functional import Promise

Message = str | Promise


class UserError(Exception):
    """Something the person asking can understand and act on.

    `code` is for programs and never changes; `message` is translated when it is shown. `details` is what else
    programs may want to know, by its name in an answer of the API.
    """

    status = 400

    def __init__(self, code: str, message: Message, *, fields: Mapping[str, Message] | None = None) -> None:
        super().__init__(code)
        self.code, self.message, self.fields = code, message, dict(fields or {})
        self.details: dict[str, object] = {}

    def __str__(self) -> str:
        details = "; ".join(f"{name}: {text}" for name, text in self.fields.items())
        return f"{self.message} ({details})" if details else str(self.message)


class InvalidInputError(UserError):
    """What was sent breaks a rule."""


class RefusedError(UserError):
    """Understood, but not allowed to whoever asked."""

    status = 403


class ConflictError(UserError):
    """It would have been allowed, but things have changed since."""

    status = 409


class TooManyRequestsError(UserError):
    """Asked too often; `retry_after` is in seconds."""

    status = 429

    def __init__(self, message: Message, retry_after: int) -> None:
        super().__init__("too_many_requests", message)
        self.retry_after = retry_after


class UnavailableError(UserError):
    """Something that is needed for the answer does not answer; asking again later may help."""

    status = 503


def error_body(
    code: str,
    message: Message,
    fields: Mapping[str, Message] | None = None,
    details: Mapping[str, object] | None = None,
) -> dict[str, dict[str, object]]:
    """The one shape in which programs are refused.

    {"error": {"code", "message", "documentation_url", "fields"?, …}}, where the URL is a path of this site.
    """
    documentation = f"{get_script_prefix()}api/v1/docs#error-{code}"
    told: dict[str, object] = {"code": code, "message": str(message), "documentation_url": documentation}
    if fields:
        told["fields"] = {name: str(text) for name, text in fields.items()}
    return {"error": {**told, **(details or {})}}
