"""The parameters of a URL's query: each endpoint names its own, and whatever else is asked is refused.

A value that is read as something else, or a name that is passed over, would be answered with other data than
was asked for; so every refusal says what is allowed.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any, Protocol

from django.core.signing import BadSignature, Signer
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from django_project.core import characters
from django_project.core.errors import InvalidInputError, Message
from django_project.core.numbers import whole_number

# Beyond any number that is counted here, and below all of them.
_LARGEST, _NONE = 10**15, -1
_BROKEN_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
# Of a name that nobody knows, and of names that are told at once.
_SHOWN_NAME, _SHOWN_NAMES = 50, 20
_CURSOR_LENGTH = 100


class RefusedValueError(Exception):
    """A value that its parameter does not have; `allowed` lists those that it has, where they can be."""

    def __init__(self, message: Message, allowed: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.message, self.allowed = message, allowed


class Parameter(Protocol):
    """How one parameter is read and described."""

    @property
    def description(self) -> str: ...

    @property
    def is_list(self) -> bool:
        """Whether it may be given several times."""

    def read(self, text: str) -> Any:
        """One value; raises RefusedValueError."""

    def when_missing(self) -> Any: ...

    def schema(self) -> dict[str, Any]:
        """Of the parameter, as JSON Schema."""


@dataclass(frozen=True, slots=True)
class WholeNumber:
    """A decimal number without sign; without `most` there is no upper bound."""

    description: str
    default: int
    least: int = 1
    most: int | None = None
    is_list: bool = False

    def read(self, text: str) -> int:
        number = whole_number(text, _NONE, _LARGEST)
        if number >= self.least and (self.most is None or number <= self.most):
            return number
        if self.most is None:
            message = _("This has to be a whole number, %(least)s or more.") % {"least": self.least}
        else:
            message = _("This has to be a whole number from %(least)s to %(most)s.") % {
                "least": self.least,
                "most": self.most,
            }
        raise RefusedValueError(message)

    def when_missing(self) -> int:
        return self.default

    def schema(self) -> dict[str, Any]:
        upper = {} if self.most is None else {"maximum": self.most}
        return {"type": "integer", "minimum": self.least, **upper, "default": self.default}


@dataclass(frozen=True, slots=True)
class Words:
    """Text to look for; none at all is the same as no parameter."""

    description: str
    longest: int
    is_list: bool = False

    def read(self, text: str) -> str:
        if len(text) > self.longest:
            raise RefusedValueError(_("This text is too long."))
        return characters.seen(text)

    def when_missing(self) -> str:
        return ""

    def schema(self) -> dict[str, Any]:
        return {"type": "string", "maxLength": self.longest}


@dataclass(frozen=True, slots=True)
class Choice:
    """One of these values, the first where none is given."""

    description: str
    values: tuple[str, ...]
    is_list: bool = False

    def read(self, text: str) -> str:
        return _one_of(text, self.values)

    def when_missing(self) -> str:
        return self.values[0]

    def schema(self) -> dict[str, Any]:
        return {"type": "string", "enum": list(self.values), "default": self.values[0]}


@dataclass(frozen=True, slots=True)
class Choices:
    """Any of some values, none for all; `fixed` describes them where they do not depend on what there is."""

    description: str
    values: Callable[[], tuple[str, ...]]
    fixed: tuple[str, ...] = ()
    is_list: bool = True

    def read(self, text: str) -> str:
        return _one_of(text, self.values())

    def when_missing(self) -> tuple[str, ...]:
        return ()

    def schema(self) -> dict[str, Any]:
        enum = {"enum": list(self.fixed)} if self.fixed else {}
        return {"type": "array", "items": {"type": "string", **enum}}


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where a list goes on, as its page before said; opened with `open_cursor`."""

    description: str
    is_list: bool = False

    def read(self, text: str) -> str:
        if not 0 < len(text) <= _CURSOR_LENGTH:
            raise _foreign_cursor()
        return text

    def when_missing(self) -> str:
        return ""

    def schema(self) -> dict[str, Any]:
        return {"type": "string", "maxLength": _CURSOR_LENGTH}


class InvalidQueryError(InvalidInputError):
    """A query that was not understood; nothing was looked up."""

    def __init__(
        self, fields: Mapping[str, Message], allowed: Mapping[str, tuple[str, ...]] | None = None
    ) -> None:
        super().__init__("invalid_query", _("Some parameters are not valid."), fields=fields)
        if allowed:
            self.details["allowed"] = {name: list(values) for name, values in allowed.items()}


def read_query(request: HttpRequest, parameters: Mapping[str, Parameter]) -> dict[str, Any]:
    """{name: value, values of a list, or what stands for a missing one} of every parameter.

    Raises:
        InvalidQueryError: with a message for each name that is not known and each value that is not allowed.
    """
    if _BROKEN_ESCAPE.search(request.META.get("QUERY_STRING", "")) or any(map(_is_garbled, _texts(request))):
        raise InvalidInputError("invalid_query", _("The query of this address is not readable text."))
    found: dict[str, Any] = {name: parameter.when_missing() for name, parameter in parameters.items()}
    problems: dict[str, Message] = {}
    allowed: dict[str, tuple[str, ...]] = {}
    for name in request.GET:
        try:
            found[name] = _values(parameters, name, request.GET.getlist(name))
        except RefusedValueError as error:
            problems[name[:_SHOWN_NAME]] = error.message
            if error.allowed:
                allowed[name[:_SHOWN_NAME]] = error.allowed
    if problems:
        raise InvalidQueryError(dict(islice(problems.items(), _SHOWN_NAMES)), allowed)
    return found


def seal_cursor(of: str, position: int) -> str:
    """A place in a list as text; `of` names the list with all that it is filtered by."""
    return _signer(of).sign(str(position))


def open_cursor(of: str, name: str, text: str) -> int:
    """What `seal_cursor` put in; raises InvalidQueryError for any other text and for another list's."""
    try:
        return int(_signer(of).unsign(text))
    except BadSignature:
        raise InvalidQueryError({name: _foreign_cursor().message}) from None


def _signer(of: str) -> Signer:
    return Signer(salt=f"chainfund.cursor.{of}", sep=".")


def _foreign_cursor() -> RefusedValueError:
    return RefusedValueError(_("This is no place in this list. Take it from the answer for the page before."))


def _values(parameters: Mapping[str, Parameter], name: str, texts: list[str]) -> Any:
    parameter = parameters.get(name)
    if parameter is None:
        if not parameters:
            raise RefusedValueError(_("This address takes no parameters."))
        raise _not_among(_("There is no parameter of this name. Allowed: %(allowed)s."), tuple(parameters))
    if parameter.is_list:
        return tuple(dict.fromkeys(parameter.read(text) for text in texts))
    if len(texts) > 1:
        raise RefusedValueError(_("This may be given only once."))
    return parameter.read(texts[0])


def _one_of(text: str, values: tuple[str, ...]) -> str:
    if text not in values:
        raise _not_among(_("There is no such value. Allowed: %(allowed)s."), values)
    return text


def _not_among(message: Message, allowed: tuple[str, ...]) -> RefusedValueError:
    return RefusedValueError(message % {"allowed": ", ".join(allowed)}, allowed)


def _texts(request: HttpRequest) -> Iterator[str]:
    for name, values in request.GET.lists():
        yield name
        yield from values


def _is_garbled(text: str) -> bool:
    """Whether it was no UTF-8, which reading it replaced by U+FFFD, or holds what no text here can."""
    return "\ufffd" in text or "\x00" in text
