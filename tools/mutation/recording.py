"""What a fork of the worker notes down of its tests."""

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import coverage
import pytest

from tests import plugin as tests_plugin
from tools.mutation.choice import functions_run
from tools.mutation.operators import function_spans


class Coverage:
    """Which test ran which function of `packages`."""

    def __init__(self, packages: Sequence[str]) -> None:
        self._coverage = coverage.Coverage(
            data_file=None, source=list(packages), omit=["*/migrations/*"], config_file=False
        )
        self._coverage.start()

    def switch(self, test: str) -> None:
        self._coverage.switch_context(test)

    def functions(self) -> dict[str, list[str]]:
        """Functions by test."""
        self._coverage.stop()
        data = self._coverage.get_data()
        found: dict[str, list[str]] = defaultdict(list)
        for file in data.measured_files():
            path = Path(file)
            spans = function_spans(path.read_bytes())
            for function, tests in functions_run(data.contexts_by_lineno(file), spans).items():
                for test in tests:
                    found[test].append(f"{path.relative_to(Path.cwd()).as_posix()}:{function}")
        return found


class Recorder:
    """A plugin of pytest: the first failure, and how long every test that passed took and what it ran."""

    def __init__(self, report: Path, contexts: Coverage | None) -> None:
        self._report, self._contexts = report, contexts
        self.status = int(pytest.ExitCode.INTERNAL_ERROR)
        self._failed = ""
        self._seconds: dict[str, float] = defaultdict(float)
        self._not_passed: set[str] = set()

    def pytest_addoption(self, parser: pytest.Parser) -> None:
        """The tests' own options, without the servers that their plugin starts."""
        tests_plugin.pytest_addoption(parser)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        if self._contexts is not None:
            self._contexts.switch(item.nodeid)
        return (yield)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._seconds[report.nodeid] += report.duration
        if not report.passed:
            self._not_passed.add(report.nodeid)
        if report.failed and not self._failed:
            self._failed = report.nodeid
            # What comes after may hang, or end the process.
            self._write([])

    def pytest_sessionfinish(self, exitstatus: int) -> None:
        self.status = int(exitstatus)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed and not self._failed:
            self._failed = f"reading {report.nodeid}"

    def finish(self) -> None:
        """Once all tests are through."""
        functions = self._contexts.functions() if self._contexts is not None else {}
        self._write(
            [
                {"id": test, "seconds": round(seconds, 3), "functions": functions.get(test, [])}
                for test, seconds in self._seconds.items()
                if test not in self._not_passed
            ]
        )

    def _write(self, tests: Sequence[Mapping[str, object]]) -> None:
        self._report.write_text(json.dumps({"failed": self._failed, "tests": tests}))
