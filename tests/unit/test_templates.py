"""Templates stay readable: short lines, one branch of a condition a line, indented by what they stand in."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2] / "django_project"
TEMPLATES = sorted(path for path in ROOT.rglob("*.html") if "templates" in path.parts)
LETTERS = sorted(path for path in ROOT.rglob("*.txt") if "templates" in path.parts)
STYLES = ROOT / "frontend" / "styles" / "site.css"
LONGEST_LINE = 120
INDENT = 2
VOID = {"br", "hr", "img", "input", "link", "meta", "wbr"}
BLOCKS = "block|blocktranslate|comment|for|if|with"
BRANCHES = "elif|else|empty"

# What is broken by other rules: text of the catalogue, text that is shown as it stands, values of attributes.
OPAQUE = (
    re.compile(r"(?s)\{% comment %\}(?P<it>.*?)\{% endcomment %\}"),
    re.compile(r"(?s)\{% blocktranslate\b.*?%\}(?P<it>.*?)\{% endblocktranslate %\}"),
    re.compile(r"(?s)<(?P<name>pre|script|style|textarea)\b[^>]*>(?P<it>.*?)</(?P=name)>"),
    re.compile(r"(?s)=(?P<quote>[\"'])(?P<it>(?:\{%.*?%\}|\{\{.*?\}\}|(?!(?P=quote)).)*)(?P=quote)"),
)
HIDDEN = "\N{FULL BLOCK}"
TOKEN = re.compile(
    rf"\{{% (?:(?P<opens>{BLOCKS})|(?P<closes>end(?:{BLOCKS}))|(?P<branch>{BRANCHES}))\b.*?%\}}"
    r"|\{%.*?%\}|\{\{.*?\}\}|\{#.*?#\}|<!.*?>|(?P<end></[\w-]+>)|<(?P<start>[a-zA-Z][\w-]*)|(?P<done>/?>)"
)


def faults(text: str) -> list[str]:
    """What is wrong with a template, by its lines."""
    masked = _masked(text)
    found = []
    for number, (line, shown, indent) in enumerate(
        zip(text.split("\n"), masked.split("\n"), _indents(masked), strict=True), 1
    ):
        if len(line) > LONGEST_LINE:
            found.append(f"line {number} has {len(line)} characters")
        if line != line.rstrip():
            found.append(f"line {number} ends in spaces")
        if line and not shown.lstrip(" ").startswith(HIDDEN) and len(line) - len(line.lstrip(" ")) != indent:
            found.append(f"line {number} is to begin after {indent} spaces")
        if any(token["branch"] and token[0] != line.strip() for token in TOKEN.finditer(shown)):
            found.append(f"line {number} holds a branch and more")
    return found


def _masked(text: str) -> str:
    """The template with what other rules break hidden, as long as before."""
    for pattern in OPAQUE:
        text = pattern.sub(_hidden, text)
    return text


def _hidden(found: re.Match[str]) -> str:
    start, end = (found.start("it") - found.start(), found.end("it") - found.start())
    return found[0][:start] + re.sub(r"[^\n]", HIDDEN, found["it"]) + found[0][end:]


def _indents(masked: str) -> Iterator[int]:
    """After how many spaces each line begins, by the tags that are open before it."""
    depth, element = 0, ""
    for line in masked.split("\n"):
        first = TOKEN.match(line.lstrip(" "))
        closes = first and (first["closes"] or first["branch"] or first["end"] or (first["done"] and element))
        yield INDENT * (depth - bool(closes))
        for token in TOKEN.finditer(line):
            depth += bool(token["opens"]) - bool(token["closes"]) - bool(token["end"]) + bool(token["start"])
            if token["start"]:
                element = token["start"]
            elif token["done"] and element:
                depth -= element in VOID or token["done"] == "/>"
                element = ""


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_a_template_is_broken_to_lines_that_a_person_can_read(path: Path) -> None:
    assert faults(path.read_text(encoding="utf-8").removesuffix("\n")) == []


def test_templates_stand_where_the_style_sheet_looks_for_its_classes() -> None:
    source = re.search(r'@source "(.+)/\*\*/\*\.html"', STYLES.read_text(encoding="utf-8"))
    assert source
    assert {
        path for path in TEMPLATES if not path.is_relative_to((STYLES.parent / source[1]).resolve())
    } == set()


def test_letters_have_no_longer_lines() -> None:
    """Their whitespace is sent, so that nothing in them is indented."""
    lines = [line for path in LETTERS for line in path.read_text(encoding="utf-8").split("\n")]
    assert len(LETTERS) > 1
    assert [line for line in lines if len(line) > LONGEST_LINE] == []


GOOD = """\
<div class="a">
  {% if one %}
    <p>One</p>
  {% else %}
    <a
      href="{% url "home" %}"
      {% if two %}class="b"{% endif %}
    >
      Two
    </a>
  {% endif %}
</div>"""


@pytest.mark.parametrize(
    ("was", "becomes", "fault"),
    [
        ("One", "One" * 40, "line 3 has 131 characters"),
        ("One</p>", "One</p> ", "line 3 ends in spaces"),
        ("    <p>", "  <p>", "line 3 is to begin after 4 spaces"),
        ("  {% else %}", "    {% else %}", "line 4 is to begin after 2 spaces"),
        ("      href", "    href", "line 6 is to begin after 6 spaces"),
        ("    </a>", "      </a>", "line 10 is to begin after 4 spaces"),
        ("{% else %}\n    <a", "{% else %}<a", "line 4 holds a branch and more"),
        ("</p>\n  {% else %}", "</p>{% else %}", "line 3 holds a branch and more"),
    ],
)
def test_a_line_out_of_place_is_found(was: str, becomes: str, fault: str) -> None:
    assert faults(GOOD) == []
    assert GOOD.count(was) == 1
    assert fault in faults(GOOD.replace(was, becomes))


@pytest.mark.parametrize(
    "text",
    [
        "<pre>\n    {% if a %}b{% else %}c{% endif %}\n</pre>",
        "<p>\n  {% blocktranslate trimmed %}\n    One <a\n    href>two</a>\n  {% endblocktranslate %}\n</p>",
        "{% comment %}\n     As it is written.\n{% endcomment %}",
        '<p class="a\n   {% if b %}c{% else %}d{% endif %}"></p>',
    ],
)
def test_what_other_rules_break_is_left_alone(text: str) -> None:
    assert faults(text) == []
