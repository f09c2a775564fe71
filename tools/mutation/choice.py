"""Which tests could notice a mistake: those that ran the function it is in, the nearest first.

What ran is known by coverage's contexts, a file for each file of tests, written anew when that file changes.
"""

import ast
import hashlib
import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tools.mutation.mutants import Mutant
from tools.mutation.operators import function_spans

# Of a mistake's tests, those that are tried first: most mistakes are noticed by one of them.
FIRST_TESTS, FIRST_SECONDS = 12, 6.0
# By the tests' usual time. A mistake that only tests beyond notice counts as one that none does.
MOST_TESTS, MOST_SECONDS = 400, 60.0


@dataclass(frozen=True)
class MeasuredTest:
    """`functions` are those that it ran, as `path:qualified.name`."""

    id: str
    seconds: float
    functions: frozenset[str]

    @property
    def file(self) -> str:
        return self.id.partition("::")[0]


def digest(*parts: bytes) -> str:
    return hashlib.sha256(b"\0".join(parts)).hexdigest()[:20]


class Contexts:
    """What every test ran, kept in `folder`, by the `texts` of the files of tests and the sources."""

    def __init__(self, texts: Mapping[str, bytes], sources: Mapping[str, bytes], folder: Path) -> None:
        self._texts, self._folder = texts, folder
        self._functions = {
            f"{path}:{name}" for path, source in sources.items() for name in function_spans(source)
        }
        folder.mkdir(parents=True, exist_ok=True)

    def missing(self) -> list[str]:
        """Files of tests that changed since what they run was written down, or whose functions moved."""
        return [file for file in self._texts if self._is_missing(file)]

    def _is_missing(self, file: str) -> bool:
        known = self._read(file)
        return known is None or not all(self._functions.issuperset(row["functions"]) for row in known)

    def keep(self, file: str, tests: Sequence[Mapping[str, object]]) -> None:
        record = {"digest": self._digest(file), "tests": tests}
        self._path(file).write_text(json.dumps(record))

    def tests(self) -> list[MeasuredTest]:
        return [
            MeasuredTest(row["id"], row["seconds"], frozenset(row["functions"]))
            for file in self._texts
            for row in self._read(file) or []
        ]

    def _read(self, file: str) -> list[dict[str, Any]] | None:
        path = self._path(file)
        record: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
        return record["tests"] if record.get("digest") == self._digest(file) else None

    def _digest(self, file: str) -> str:
        return digest(self._texts[file])

    def _path(self, file: str) -> Path:
        return self._folder / f"{file.replace('/', '.')}.json"


class Choice:
    """Finds a mutant's tests among `tests`, by the sources and the texts of the files of tests."""

    def __init__(
        self, tests: Iterable[MeasuredTest], sources: Mapping[str, bytes], texts: Mapping[str, bytes]
    ) -> None:
        self._tests = list(tests)
        self._kept = {f"{path}:{name}" for path, source in sources.items() for name in kept_functions(source)}
        self._by_function: dict[str, list[MeasuredTest]] = defaultdict(list)
        for test in self._tests:
            for function in test.functions:
                self._by_function[function].append(test)
        self._mentions: dict[str, set[str]] = defaultdict(set)
        for path, source in sources.items():
            for name, functions in mentions(path, source).items():
                self._mentions[name] |= functions
        self._texts = texts

    def tests_of(self, mutant: Mutant) -> list[MeasuredTest]:
        """The nearest first: of files that name the package, then the quickest.

        What is defined outside of functions is noticed by any test of a file that names its module, or by
        tests of functions that mention it. So is what runs at the import, or once and is kept: no test, or
        only the first, is known to run it. And so is a decorator, which may keep a test from the function.
        """
        owner, _, change = mutant.name.removeprefix(f"{mutant.path}:").partition(": ")
        function = f"{mutant.path}:{owner}"
        is_decorator = change.startswith("@")
        if function in self._by_function and function not in self._kept and not is_decorator:
            return self._sorted([function], mutant.path)
        mentioning = self._mentions[owner.rpartition(".")[2]] | self._mentions[owner.partition(".")[0]]
        nearest = self._sorted({function} | mentioning, mutant.path)
        of_module = [each for each in self._by_function if each.startswith(f"{mutant.path}:")]
        chosen = [*self._naming(mutant.path), *nearest, *self._sorted(of_module, mutant.path)]
        return _within(list(dict.fromkeys(chosen)), MOST_TESTS, MOST_SECONDS)

    def _naming(self, path: str) -> list[MeasuredTest]:
        """The quickest tests of files that name a module, for a third of the time."""
        package, _, module = path.removesuffix(".py").removesuffix("/__init__").rpartition("/")
        names = package.replace("/", ".").encode(), module.encode()
        found = [test for test in self._tests if all(name in self._texts[test.file] for name in names)]
        return _within(
            sorted(found, key=lambda test: (test.seconds, test.id)), MOST_TESTS // 3, MOST_SECONDS / 3
        )

    def _sorted(self, functions: Iterable[str], path: str) -> list[MeasuredTest]:
        package = path.rpartition("/")[0].replace("/", ".").encode()
        found = {test for each in functions for test in self._by_function.get(each, ())}
        nearest = sorted(
            found, key=lambda test: (package not in self._texts[test.file], test.seconds, test.id)
        )
        return _within(nearest, MOST_TESTS, MOST_SECONDS)

    def digest_of(self, tests: Iterable[MeasuredTest]) -> str:
        """Changes when one of the tests does."""
        return digest(*(self._texts[file] for file in sorted({test.file for test in tests})))


def first(tests: Sequence[MeasuredTest]) -> list[MeasuredTest]:
    return _within(tests, FIRST_TESTS, FIRST_SECONDS)


def _within(tests: Sequence[MeasuredTest], most: int, seconds: float) -> list[MeasuredTest]:
    """The first of them that together take no more, one at least."""
    chosen: list[MeasuredTest] = []
    for test in tests[:most]:
        if chosen and sum(each.seconds for each in chosen) + test.seconds > seconds:
            break
        chosen.append(test)
    return chosen


def mentions(path: str, source: bytes) -> dict[str, set[str]]:
    """The functions of a module that mention a name, by name."""
    spans = function_spans(source)
    found: dict[str, set[str]] = defaultdict(set)
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Name():
                name = node.id
            case ast.Attribute():
                name = node.attr
            case ast.keyword(arg=str()):
                name = str(node.arg)
            case _:
                continue
        for function, (start, end) in spans.items():
            if start <= node.lineno <= end:
                found[name].add(f"{path}:{function}")
    return found


def kept_functions(source: bytes) -> set[str]:
    """The functions whose result is kept by a decorator, by their last name and by that of their class."""
    found: set[str] = set()

    def walk(nodes: list[ast.stmt], prefix: str) -> None:
        for node in nodes:
            if isinstance(node, ast.ClassDef):
                walk(node.body, f"{prefix}{node.name}.")
            elif isinstance(node, ast.FunctionDef) and any(
                "cache" in ast.unparse(decorator) for decorator in node.decorator_list
            ):
                found.add(prefix + node.name)

    walk(ast.parse(source).body, "")
    return found


def functions_run(
    lines: Mapping[int, Collection[str]], spans: Mapping[str, tuple[int, int]]
) -> dict[str, set[str]]:
    """The tests that ran each function, from the tests that ran each line."""
    return {
        function: {test for line in range(start, end + 1) for test in lines.get(line, ()) if test}
        for function, (start, end) in spans.items()
    }
