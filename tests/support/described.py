"""The OpenAPI document as a judge of answers: nothing that it does not say, and all that it does."""

import copy
import json
from collections.abc import Iterator
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from jsonschema import Draft202012Validator

from django_project.api.v1 import docs

if TYPE_CHECKING:
    from django.test.client import _MonkeyPatchedWSGIResponse as Reply

Operation = tuple[str, str]
"""(method in lower case, path with its parameters' names in braces)."""


@lru_cache(maxsize=1)
def document() -> dict[str, Any]:
    """As it is served, but objects may have no properties beside those that are described."""
    found: dict[str, Any] = copy.deepcopy(docs.document())
    for schema in found["components"]["schemas"].values():
        if "properties" in schema:
            schema["additionalProperties"] = False
    return found


def operations() -> Iterator[tuple[Operation, dict[str, Any]]]:
    for path, methods in document()["paths"].items():
        for method, operation in methods.items():
            yield (method, path), operation


def answer_schema(operation: Operation, status: int) -> dict[str, Any] | None:
    """Of the body of an answer with this status, None where it has none.

    Raises:
        AssertionError: the document does not say that there is such an answer.
    """
    method, path = operation
    answers = document()["paths"][path][method]["responses"]
    assert str(status) in answers, f"{method} {path} is not described to answer {status}"
    answer = answers[str(status)]
    if "$ref" in answer:
        answer = document()["components"]["responses"][answer["$ref"].rpartition("/")[2]]
    content = answer.get("content", {}).get("application/json")
    return None if content is None else content["schema"]


def problems(schema: dict[str, Any], value: Any) -> list[str]:
    """Where a value is not as its schema says."""
    checker = Draft202012Validator({**schema, "components": document()["components"]})
    return [f"{error.json_path}: {error.message}" for error in checker.iter_errors(value)]


def is_as_described(operation: Operation, reply: "Reply") -> bool:
    """Whether an answer is one of those that the document has for an operation; fails with the reason."""
    schema = answer_schema(operation, reply.status_code)
    if schema is None:
        assert not reply.content
        return True
    assert reply["Content-Type"] == "application/json", reply["Content-Type"]
    found = problems(schema, json.loads(reply.content))
    assert not found, (operation, reply.status_code, found)
    return True
