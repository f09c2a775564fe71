"""What the OpenAPI document says beside the endpoints' own words: who asks, what can go wrong, examples."""

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiParameter
from rest_framework.serializers import Serializer

from django_project.api.v1.examples import ANSWERS, BODIES, REFUSALS

JSON = "application/json"
ERROR = {"$ref": "#/components/schemas/ErrorBody"}

# Refusals that endpoints share: {status: (name, description)}.
SHARED = {
    400: ("Invalid", "The query or the body breaks a rule; `fields` says which, `allowed` what there is."),
    404: ("NotFound", "There is nothing here, or nothing of whoever asked."),
    406: ("NotAcceptable", "The answer is of none of the kinds that the Accept header names."),
    413: ("BodyTooLarge", "The body is longer than 64 kB, or than 2 MB for a draft."),
    415: ("UnsupportedMediaType", "The body is not JSON."),
    429: ("TooManyRequests", "Asked too often."),
    500: ("ServerError", "Something went wrong here."),
    503: ("Unavailable", "Something that is needed does not answer, or the site is closed for maintenance."),
}
WAITING = (429, 503)


class SessionScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # a registering metaclass
    target_class = "django_project.api.framework.SessionAuthentication"
    name = "session"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, str]:
        return {
            "type": "apiKey",
            "in": "cookie",
            "name": "sessionid",
            "description": "Set by signing in. Unsafe methods also send X-CSRFToken, from GET /session.",
        }


class BeaconScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # as above
    target_class = "django_project.api.framework.BeaconAuthentication"
    name = "page"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, str]:
        return {
            "type": "apiKey",
            "in": "header",
            "name": "Origin",
            "description": "A page of this site: Origin or Sec-Fetch-Site as browsers write them.",
        }


class EndpointSchema(AutoSchema):
    """Describes an endpoint's parameters by what reads them."""

    def get_override_parameters(self) -> list[OpenApiParameter | Serializer[Any] | type[Serializer[Any]]]:
        return [
            OpenApiParameter(name, each.schema(), OpenApiParameter.QUERY, description=each.description)
            for name, each in getattr(self.view, "parameters", {}).items()
        ]


def complete(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Postprocessing hook: to every operation the refusals that it shares with others, and an example."""
    result["components"]["responses"] = {
        name: _shared(status, description) for status, (name, description) in SHARED.items()
    }
    for path, operations in result["paths"].items():
        for method, operation in operations.items():
            answers = operation["responses"]
            for status in _shared_statuses(path, operation):
                reference = {"$ref": f"#/components/responses/{SHARED[status][0]}"}
                answers.setdefault(str(status), reference)
            operation["responses"] = {status: answers[status] for status in sorted(answers)}
            _show(answers, ANSWERS.get((method, path)))
            _show({"200": operation.get("requestBody", {})}, BODIES.get((method, path)))
            for status, answer in answers.items():
                if int(status) in REFUSALS and "$ref" not in answer:
                    answer["content"][JSON]["example"] = REFUSALS[int(status)]
    return result


def _shared_statuses(path: str, operation: dict[str, Any]) -> set[int]:
    parameters = operation.get("parameters", [])
    is_somewhere = "{" in path or any(each["name"] == "page" for each in parameters)
    takes_body = "requestBody" in operation
    return (
        {400, 406, 429, 500, 503} | ({404} if is_somewhere else set()) | ({413, 415} if takes_body else set())
    )


def _shared(status: int, description: str) -> dict[str, Any]:
    waiting = {"Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer"}}}
    return {
        "description": description,
        **({"headers": waiting} if status in WAITING else {}),
        "content": {JSON: {"schema": ERROR, "example": REFUSALS[status]}},
    }


def _show(answers: dict[str, Any], example: Any) -> None:
    """Put the example into the first answer that went well."""
    for status, answer in answers.items():
        if status.startswith("2") and example is not None:
            for content in answer["content"].values():
                content["example"] = example
