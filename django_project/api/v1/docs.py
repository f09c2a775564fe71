"""The API's own description, and its reference as a page of this site: no scripts or style of others."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import override
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.renderers import (
    OpenApiJsonRenderer,
    OpenApiJsonRenderer2,
    OpenApiYamlRenderer,
    OpenApiYamlRenderer2,
)
from drf_spectacular.utils import extend_schema
from rest_framework.renderers import StaticHTMLRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from django_project.api.endpoint import Endpoint
from django_project.api.error_codes import ERROR_CODES
from django_project.api.framework import plain


@dataclass(frozen=True, slots=True)
class Parameter:
    name: str
    place: str
    description: str
    is_required: bool

    @property
    def qualifiers(self) -> str:
        """Where it goes, and whether it has to be there."""
        return ", ".join((self.place, _("required"))) if self.is_required else self.place


@dataclass(frozen=True, slots=True)
class Operation:
    method: str
    path: str
    summary: str
    description: str
    parameters: tuple[Parameter, ...]
    statuses: tuple[str, ...]


@lru_cache(maxsize=1)
def document() -> dict[str, Any]:
    """The OpenAPI document, in English: it is for programs, and the same for all."""
    generator = SchemaGenerator()  # type: ignore[no-untyped-call]  # the library has no types
    with override("en"):
        found: dict[str, Any] = generator.get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    return found


@extend_schema(exclude=True)
class SchemaView(Endpoint):
    """The OpenAPI document, as JSON or YAML."""

    is_public = True
    renderer_classes = (OpenApiJsonRenderer, OpenApiJsonRenderer2, OpenApiYamlRenderer, OpenApiYamlRenderer2)

    def get(self, request: Request) -> Response:
        return Response(document())


@extend_schema(exclude=True)
class ReferenceView(Endpoint):
    renderer_classes = (StaticHTMLRenderer,)

    def get(self, request: Request) -> HttpResponse:
        return render(
            plain(request), "api/reference.html", {"operations": operations(), "error_codes": ERROR_CODES}
        )


@extend_schema(exclude=True)
class NothingView(Endpoint):
    """What answers at every address of the API that there is not."""

    is_public = True

    def initial(self, request: Request, *args: object, **kwargs: object) -> None:
        raise Http404("No such endpoint")


@lru_cache(maxsize=1)
def operations() -> tuple[Operation, ...]:
    """Every endpoint, as the OpenAPI document describes it."""
    return tuple(
        Operation(
            method=method.upper(),
            path=path,
            summary=entry.get("summary", ""),
            description=entry.get("description", ""),
            parameters=tuple(
                Parameter(
                    name=parameter["name"],
                    place=parameter["in"],
                    description=parameter.get("description", ""),
                    is_required=parameter.get("required", False),
                )
                for parameter in entry.get("parameters", [])
            ),
            statuses=tuple(entry["responses"]),
        )
        for path, entries in document()["paths"].items()
        for method, entry in entries.items()
    )
