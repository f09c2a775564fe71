"""What the documents name has to be there."""

import re
from pathlib import Path

import pytest

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
