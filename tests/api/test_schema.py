"""The OpenAPI document describes every endpoint, and its generation finds nothing to complain about."""

import json
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import call_command
from django.test import Client

from django_project.api.v1.docs import operations
from django_project.api.v1.urls import urlpatterns
from django_project.catalog.selectors import FACET_VALUES, FACETS
from tests.support import described

pytestmark = pytest.mark.django_db


def test_the_document_is_valid_and_complete(tmp_path: Path) -> None:
    call_command("spectacular", "--validate", "--fail-on-warn", "--file", f"{tmp_path}/schema.yaml")
    paths = {operation.path for operation in operations()}
    # Without the document itself and the page that shows it; the texts by hash have an address beside it.
    assert len(paths - {"/metadata/{digest}.json"}) == len(urlpatterns) - 2
    assert all(operation.summary for operation in operations())


def test_the_filters_of_explore_are_described_with_their_values() -> None:
    reply = Client().get("/api/v1/schema", headers={"Accept": "application/vnd.oai.openapi+json"})
    parameters = {
        each["name"]: each
        for each in json.loads(reply.content)["paths"]["/api/v1/campaigns"]["get"]["parameters"]
    }
    assert set(FACETS) <= parameters.keys()
    assert all(parameters[facet]["description"] for facet in FACETS)
    told = {facet: parameters[facet]["schema"]["items"].get("enum", []) for facet in FACETS}
    assert {facet: sorted(values) for facet, values in told.items() if values} == {
        facet: sorted(values) for facet, values in FACET_VALUES.items()
    }


def test_every_example_is_what_it_is_an_example_of() -> None:
    for (method, path), operation in described.operations():
        for status, answer in operation["responses"].items():
            # Those that are referred to are looked at below.
            content = answer.get("content", {}).get("application/json")
            if content is not None:
                assert described.problems(content["schema"], content["example"]) == [], (path, status)
        if body := operation.get("requestBody"):
            content = body["content"]["application/json"]
            assert described.problems(content["schema"], content["example"]) == [], path
            assert {"413", "415"} <= operation["responses"].keys(), path
        assert {"400", "406", "429", "500", "503"} <= operation["responses"].keys(), path
        assert ("404" in operation["responses"]) >= ("{" in path), path
        assert ("403" in operation["responses"]) >= (method != "get" and bool(operation.get("security")))
    for name, answer in described.document()["components"]["responses"].items():
        content = answer["content"]["application/json"]
        assert described.problems(content["schema"], content["example"]) == [], name


def test_it_names_the_site_and_the_bounds() -> None:
    document = described.document()
    assert [server["url"] for server in document["servers"]] == [settings.SITE_URL]
    parameters = {each["name"]: each for each in document["paths"]["/api/v1/campaigns"]["get"]["parameters"]}
    assert parameters["limit"]["schema"] == {"type": "integer", "minimum": 1, "maximum": 100, "default": 24}
    assert parameters["sort"]["schema"]["default"] == "best"


@pytest.mark.parametrize(
    ("kind", "answered"),
    [
        ("*/*", "application/vnd.oai.openapi+json"),
        ("application/json", "application/json"),
        ("application/yaml", "application/yaml"),
        ("application/vnd.oai.openapi", "application/vnd.oai.openapi"),
    ],
)
def test_it_comes_as_json_or_yaml(kind: str, answered: str) -> None:
    reply = Client().get("/api/v1/schema", headers={"Accept": kind})
    assert (reply.status_code, reply["Content-Type"].split(";")[0]) == (200, answered)


def test_it_is_served() -> None:
    reply = Client().get("/api/v1/schema", headers={"Accept": "application/vnd.oai.openapi+json"})
    assert reply.status_code == 200
    assert reply["Content-Type"].startswith("application/vnd.oai.openapi")
