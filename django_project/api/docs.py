"""The API's reference as a page of this site: no scripts of others, no style of others."""

from dataclasses import dataclass
from functools import lru_cache

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET
from drf_spectacular.generators import SchemaGenerator


@dataclass(frozen=True, slots=True)
class Parameter:
    name: str
    place: str
    description: str
    is_required: bool


@dataclass(frozen=True, slots=True)
class Operation:
    method: str
    path: str
    summary: str
    description: str
    parameters: tuple[Parameter, ...]
    statuses: tuple[str, ...]


@require_GET
def reference(request: HttpRequest) -> HttpResponse:
    return render(request, "api/reference.html", {"operations": operations()})


@lru_cache(maxsize=1)
def operations() -> tuple[Operation, ...]:
    """Every endpoint, as the OpenAPI document describes it."""
    generator = SchemaGenerator()  # type: ignore[no-untyped-call]  # the library has no types
    paths = generator.get_schema(request=None, public=True)["paths"]  # type: ignore[no-untyped-call]
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
        for path, entries in paths.items()
        for method, entry in entries.items()
    )
