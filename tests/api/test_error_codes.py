"""Every code with which programs can be refused has its section in the reference, and refusals lead to it."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest
from django.test import Client
from rest_framework import exceptions

import django_project
from django_project.api.error_codes import ERROR_CODES
from django_project.core.errors import error_body
from django_project.core.money import AmountProblem

SOURCES = Path(django_project.__file__).parent
# Only staff meet these, on pages of their own and at the console.
STAFF = SOURCES / "accounts" / "staff"
MODERATION = SOURCES / "community" / "moderation.py"
# Raised while a text is stored, which no address of the API does.
AT_THE_CONSOLE = {"invalid_document", "not_a_backer"}
ROOT = "UserError"


def trees() -> Iterator[ast.Module]:
    for path in SOURCES.rglob("*.py"):
        if not (path.is_relative_to(STAFF) or path == MODERATION or "migrations" in path.parts):
            yield ast.parse(path.read_text(encoding="utf-8"))


def user_errors() -> set[str]:
    """Names of `UserError` and of all that derives from it."""
    bases = {
        node.name: {ast.unparse(base) for base in node.bases}
        for tree in trees()
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
    }
    found = {ROOT}
    while more := {name for name, above in bases.items() if above & found} - found:
        found |= more
    return found


def codes_in_the_source() -> set[str]:
    """First arguments of refusals, and what the classes of refusals hand to their constructor."""
    errors, found = user_errors(), set[str]()
    for tree in trees():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                named = ast.unparse(node.func).rpartition(".")[2]
                if named in {*errors, "error_body"}:
                    found |= texts(node.args[:1])
                if ast.unparse(node.func) == "_refusal" and isinstance(node.args[0], ast.Constant):
                    found |= texts(node.args[1:2]) if isinstance(node.args[0].value, int) else set()
            if isinstance(node, ast.ClassDef) and node.name in errors:
                for call in ast.walk(node):
                    if isinstance(call, ast.Call) and ast.unparse(call.func) == "super().__init__":
                        found |= texts(call.args[:1])
                    if isinstance(call, ast.FunctionDef):
                        found |= texts(call.args.defaults)
    return found


def texts(nodes: list[ast.expr]) -> set[str]:
    return {
        node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)
    } - {""}


def test_the_reference_has_every_code_and_no_other() -> None:
    amounts = {f"amount_{problem.replace('-', '_')}" for problem in get_args(AmountProblem)}
    framework = {
        kind.default_code
        for kind in (
            exceptions.ParseError,
            exceptions.MethodNotAllowed,
            exceptions.NotAcceptable,
            exceptions.UnsupportedMediaType,
        )
    }
    assert (codes_in_the_source() | amounts | framework) - AT_THE_CONSOLE == set(ERROR_CODES)


@pytest.mark.django_db
def test_a_refusal_leads_to_its_section() -> None:
    told = Client().get("/api/v1/campaigns?sort=nonsense").json()["error"]
    page, _, section = told["documentation_url"].partition("#")
    assert section == "error-invalid_query"
    reference = Client().get(page).content.decode()
    assert f'id="{section}"' in reference
    assert "<code>POST /session</code>" in reference
    assert "`" not in reference


def test_below_a_prefix_the_reference_is_there_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("django_project.core.errors.get_script_prefix", lambda: "/fund/")
    assert error_body("invalid", "No")["error"]["documentation_url"] == "/fund/api/v1/docs#error-invalid"
