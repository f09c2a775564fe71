"""Message catalogues without GNU gettext: `python -m tools.catalogues update|check`.

Babel reads Python files; Django's own `templatize` turns a template into calls that Babel's tolerant
JavaScript lexer can read. `update` merges what is found into the catalogues, `check` fails when a
catalogue lacks a message, a translation or a placeholder.
"""

import argparse
import io
import sys
from collections.abc import Iterator
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract
from babel.messages.pofile import read_po, write_po
from django.utils.translation.template import templatize

ROOT = Path(__file__).resolve().parents[1]
SOURCES = ROOT / "django_project"
CATALOGUES = SOURCES / "locale"
KEYWORDS = {
    "gettext": None,
    "gettext_lazy": None,
    "gettext_noop": None,
    "ngettext": (1, 2),
    "ngettext_lazy": (1, 2),
    "pgettext": ((1, "c"), 2),
    "pgettext_lazy": ((1, "c"), 2),
    "npgettext": ((1, "c"), 2, 3),
    "_": None,
}


def extracted() -> Catalog:
    """Every message of the Python files and templates below django_project, with where it stands."""
    catalogue = Catalog(project="ChainFund", charset="utf-8")
    for path in sorted(SOURCES.rglob("*")):
        if path.suffix not in {".py", ".html", ".txt"} or {"node_modules", "migrations"} & set(path.parts):
            continue
        for line, message, comments, context in _messages(path):
            catalogue.add(
                message,
                locations=[(path.relative_to(ROOT).as_posix(), line)],
                auto_comments=comments,
                context=context,
            )
    return catalogue


def _messages(path: Path) -> Iterator[tuple[int, str | tuple[str, ...], list[str], str | None]]:
    if path.suffix == ".py":
        yield from extract(
            "python", io.BytesIO(path.read_bytes()), keywords=KEYWORDS, comment_tags=["Translators:"]
        )
    else:
        calls = templatize(path.read_text(encoding="utf-8"))
        yield from extract("javascript", io.BytesIO(calls.encode()), keywords=KEYWORDS)


def catalogue_paths() -> list[Path]:
    return sorted(CATALOGUES.glob("*/LC_MESSAGES/django.po"))


def load(path: Path) -> Catalog:
    with path.open("rb") as file:
        return read_po(file, locale=path.parts[-3])


def update() -> None:
    template = extracted()
    for path in catalogue_paths():
        catalogue = load(path)
        catalogue.update(template, no_fuzzy_matching=True)
        catalogue.obsolete.clear()
        with path.open("wb") as file:
            write_po(file, catalogue, width=100, omit_header=False)


def _problem(message: Message) -> str | None:
    strings = message.string if isinstance(message.string, list | tuple) else (message.string,)
    if not all(strings):
        return "has no translation"
    if message.fuzzy:
        return "is marked fuzzy"
    errors = message.check()
    return str(errors[0]) if errors else None


def check() -> list[str]:
    """One sentence for each message that a catalogue lacks or has wrong; empty when all is well."""
    wanted = {(message.context, message.id) for message in extracted() if message.id}
    problems = []
    for path in catalogue_paths():
        catalogue = load(path)
        found = {(message.context, message.id): message for message in catalogue if message.id}
        where = path.relative_to(ROOT).as_posix()
        problems += [
            f"{where}: {message!r} is missing: run `make messages`"
            for _, message in sorted(wanted - found.keys(), key=str)
        ]
        problems += [
            f"{where}: {message!r} is not used any more: run `make messages`"
            for _, message in sorted(found.keys() - wanted, key=str)
        ]
        for message in found.values():
            problem = _problem(message)
            if problem is not None:
                problems.append(f"{where}: {message.id!r} {problem}")
    return problems


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("action", choices=["update", "check"])
    if parser.parse_args().action == "update":
        update()
        return
    problems = check()
    if problems:
        sys.exit("\n".join(problems))


if __name__ == "__main__":
    main()
