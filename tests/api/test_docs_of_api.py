"""docs/api.md: its examples are what the API answers, its tables what the endpoints take."""

import json
import re
from pathlib import Path
from typing import get_args

import pytest
from django.test import Client

from django_project.api.v1.schemas import ChainStatus
from django_project.campaigns.selectors import CLOSINGS
from django_project.catalog.selectors import FACET_VALUES
from django_project.core.money import AmountProblem
from django_project.pledges.models import PledgeIntent
from tests.factories import World
from tests.support.described import document, operations

pytestmark = pytest.mark.django_db

TEXT = (Path(__file__).parents[2] / "docs" / "api.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```http\nGET (\S+)\n\nHTTP/1.1 (\d+) [\w ]+\n(.*?)\n```", TEXT, re.DOTALL)
STATES = get_args(ChainStatus.model_fields["state"].annotation)
READING = TEXT.partition("## Reading")[2].partition("\n## ")[0]


def is_within(part: object, whole: object) -> bool:
    """Whether all that a part of a document says stands in the whole."""
    if isinstance(part, dict) and isinstance(whole, dict):
        return all(name in whole and is_within(value, whole[name]) for name, value in part.items())
    return part == whole


def test_there_are_examples_and_all_are_tried() -> None:
    assert len(EXAMPLES) == TEXT.count("```http") >= 3


@pytest.mark.parametrize(("url", "status", "body"), EXAMPLES)
def test_an_example_is_what_is_answered(url: str, status: str, body: str) -> None:
    World().campaign()
    reply = Client().get(url)
    assert reply.status_code == int(status)
    assert is_within(json.loads(body), reply.json()), reply.json()


def test_every_endpoint_has_its_line() -> None:
    for (method, path), _ in operations():
        short = re.sub(r"{\w+}", "<…>", path.removeprefix("/api/v1"))
        lines = re.sub(r"<\w+>", "<…>", TEXT)
        assert f"`{method.upper()} {short}" in lines, (method, path)


def test_every_parameter_is_told_with_its_bounds_and_default() -> None:
    for line in READING.splitlines():
        found = re.match(r"\| `GET (/\S*)`(?: \(without)? ?", line)
        if found is None or "metadata" in line:
            continue
        path = "/api/v1" + found[1].replace("<chain>", "{chain_id}").replace("<address>", "{address}")
        taken = document()["paths"][path]["get"].get("parameters", [])
        named = {each["name"]: each["schema"] for each in taken if each["in"] == "query"}
        told = set(re.findall(r"`([a-z_]+)`", line.partition("|")[2].partition("|")[2]))
        assert named.keys() == told - {"next_before", *STATES}, path
        if limit := named.get("limit"):
            bounds = f"from {limit['minimum']} to {limit['maximum']}, {limit['default']} if there is none"
            assert bounds in line, path


def test_the_values_it_lists_are_those_that_there_are() -> None:
    for band in ("ending", "funded", "goal"):
        values = ", ".join(f"`{value}`" for value in FACET_VALUES[band])
        assert f"| `{band}` | {values} |" in TEXT
    assert all(f"`{closing}`" in READING for closing in CLOSINGS if closing)
    assert all(f"`{state}`" in READING for state in STATES)
    failures = TEXT.partition("| `failure` |")[2].partition("\n\n")[0]
    assert set(re.findall(r"^\| `(\w+)`", failures, re.MULTILINE)) == set(PledgeIntent.Failure.values) - {""}


def test_every_code_of_an_amount_is_one_that_is_answered() -> None:
    told = set(re.findall(r"`amount_(\w+)`", TEXT))
    assert told == {problem.replace("-", "_") for problem in get_args(AmountProblem)}
