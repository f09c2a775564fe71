"""The OpenAPI document describes every endpoint, and its generation finds nothing to complain about."""

import json
from pathlib import Path

import pytest
from django.core.management import call_command
from django.test import Client

from django_project.api.docs import operations
from django_project.api.urls import urlpatterns
from django_project.campaigns.selectors import FACET_VALUES, FACETS

pytestmark = pytest.mark.django_db

# The document itself and the page that shows it.
NOT_DESCRIBED = 2


def test_the_document_is_valid_and_complete(tmp_path: Path) -> None:
    call_command("spectacular", "--validate", "--fail-on-warn", "--file", f"{tmp_path}/schema.yaml")
    described = {operation.path for operation in operations()}
    assert len(described) == len(urlpatterns) - NOT_DESCRIBED
    assert all(operation.summary for operation in operations())


def test_the_filters_of_explore_are_described_with_their_values() -> None:
    reply = Client().get("/api/v1/schema", headers={"Accept": "application/vnd.oai.openapi+json"})
    parameters = {
        each["name"]: each
        for each in json.loads(reply.content)["paths"]["/api/v1/campaigns"]["get"]["parameters"]
    }
    assert set(FACETS) <= parameters.keys()
    assert all(parameters[facet]["description"] for facet in FACETS)
    described = {facet: parameters[facet]["schema"]["items"].get("enum", []) for facet in FACETS}
    assert {facet: sorted(values) for facet, values in described.items() if values} == {
        facet: sorted(values) for facet, values in FACET_VALUES.items()
    }


def test_it_is_served() -> None:
    reply = Client().get("/api/v1/schema", headers={"Accept": "application/vnd.oai.openapi+json"})
    assert reply.status_code == 200
    assert reply["Content-Type"].startswith("application/vnd.oai.openapi")
