"""What the documents name has to be there."""

import ast
import re
from pathlib import Path

import pytest
import typer
from typer.core import TyperGroup

from recommender.cli import app
from tasks.management.commands.recommend import Command

ROOT = Path(__file__).parents[2]
NAMED = re.findall(
    r"`(\w+/test_\w+\.py)(?:::(\w+))?`", (ROOT / "docs" / "asvs.md").read_text(encoding="utf-8")
)


def test_tests_are_named_at_all() -> None:
    assert len(NAMED) > 10


@pytest.mark.parametrize(("file", "test"), sorted(set(NAMED)))
def test_a_test_that_is_named_as_proof_exists(file: str, test: str) -> None:
    text = (ROOT / "tests" / file).read_text(encoding="utf-8")
    assert not test or re.search(rf"^(?:async )?def {test}\(", text, re.MULTILINE), f"{file} has no {test}"


def test_every_requirement_has_a_proof_or_a_reason() -> None:
    rows = re.findall(
        r"^\| (\d+\.\d+\.\d+) \| ([123]) \| (.+) \| (.+) \|$",
        (ROOT / "docs/asvs.md").read_text("utf-8"),
        re.MULTILINE,
    )
    assert rows
    assert len({number for number, *_ in rows}) == len(rows)
    assert all(len(proof.split()) > 0 and proof.strip() != "-" for *_, proof in rows)


# Pages that lead a reader through the source by names.
GUIDES = ("architecture.md", "where-to-put.md")
ROOMS = ("", "django_project", "tasks", "tests", "django_project/templates")
FUNCTION = re.compile(r"`((?:django_project|tasks|recommender|demo|devtools)(?:\.(?!py`)\w+)+)`")
FILE = re.compile(r"`((?!benchmarks/results/)[\w./-]+/[\w-]+\.(?:py|html|ts|sol|json|toml))(?:::(\w+))?`")


def named(pattern: re.Pattern[str]) -> list[str]:
    texts = ((ROOT / "docs" / page).read_text(encoding="utf-8") for page in GUIDES)
    return sorted({found[0] for text in texts for found in pattern.finditer(text)})


@pytest.mark.parametrize("name", [name.strip("`") for name in named(FUNCTION)])
def test_a_module_function_or_method_that_a_guide_names_is_there(name: str) -> None:
    parts = name.split(".")
    for length in range(len(parts), 0, -1):
        module = ROOT.joinpath(*parts[:length])
        path = module.with_suffix(".py") if module.with_suffix(".py").is_file() else module / "__init__.py"
        if path.is_file():
            break
    else:
        pytest.fail(f"there is no module {name}")
    body: list[ast.stmt] = ast.parse(path.read_text(encoding="utf-8")).body
    for part in parts[length:]:
        found = [node for node in body if names(node) & {part}]
        assert found, f"{path.relative_to(ROOT)} has no {part}"
        body = getattr(found[0], "body", [])


def names(node: ast.stmt) -> set[str]:
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return {node.name}
    targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
    return {target.id for target in targets if isinstance(target, ast.Name)}


@pytest.mark.parametrize("name", [name.strip("`") for name in named(FILE)])
def test_a_file_that_a_guide_names_is_there(name: str) -> None:
    path, _, test = name.partition("::")
    found = [ROOT / room / path for room in ROOMS if (ROOT / room / path).is_file()]
    assert found, path
    assert not test or f"def {test}(" in found[0].read_text(encoding="utf-8"), name


RECOMMENDER = (ROOT / "docs" / "recommender.md").read_text("utf-8").replace("\\\n", "")


def typed(program: str) -> list[str]:
    """The commands of the code blocks in the recommender's page, without comments."""
    lines = re.findall(rf"^ {{4,}}{program} (.*?)(?: {{2,}}#.*)?$", RECOMMENDER, re.MULTILINE)
    return sorted({" ".join(line.split()) for line in lines})


def test_commands_are_named_at_all() -> None:
    assert len(typed("python -m recommender")) > 10
    assert len(typed("manage.py recommend")) > 2


@pytest.mark.parametrize("line", typed("python -m recommender"))
def test_the_recommender_has_the_commands_and_options_that_its_page_names(line: str) -> None:
    command, words = typer.main.get_command(app), line.split()
    while isinstance(command, TyperGroup):
        name = words.pop(0)
        assert name in command.commands, line
        command = command.commands[name]
    options = {name for each in command.params for name in each.opts}
    assert {word for word in words if word.startswith("--")} <= options


@pytest.mark.parametrize("line", typed("manage.py recommend"))
def test_the_site_has_the_commands_that_the_recommenders_page_names(line: str) -> None:
    Command().create_parser("manage.py", "recommend").parse_args(line.split())
