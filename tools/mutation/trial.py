"""Trying a mutant on the tests that could notice it."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from threading import Lock

from tools.mutation.choice import Choice, MeasuredTest, digest, first
from tools.mutation.copies import Worker
from tools.mutation.mutants import Mutant
from tools.mutation.verdicts import Results, Verdict
from tools.mutation.worker import Request


class Trial:
    """Tries mutants on the tests chosen for them, and keeps what comes out."""

    def __init__(self, choice: Choice, results: Results, sources: Mapping[str, bytes]) -> None:
        self._choice, self._results, self._sources = choice, results, sources
        self._sound: dict[tuple[str, ...], bool] = {}
        self._lock = Lock()
        self._noticed: dict[str, Counter[str]] = defaultdict(Counter)
        for verdict in results:
            self._count(verdict)

    def known(self, mutant: Mutant) -> Verdict | None:
        return self._results.of(self._key(mutant), self._choice.digest_of(self._choice.tests_of(mutant)))

    def run(self, mutant: Mutant, worker: Worker) -> Verdict:
        tests = self._choice.tests_of(mutant)
        by = self._noticed_by(mutant, self._likeliest_first(mutant, tests), worker)
        verdict = Verdict(self._key(mutant), mutant.name, not by, by, self._choice.digest_of(tests))
        with self._lock:
            self._results.add(verdict)
            self._count(verdict)
        return verdict

    def _count(self, verdict: Verdict) -> None:
        """Remember which test noticed a mistake, for its function and for its file."""
        if not verdict.lives:
            for place in _places(verdict.name):
                self._noticed[place][verdict.by] += 1

    def _likeliest_first(self, mutant: Mutant, tests: Sequence[MeasuredTest]) -> list[MeasuredTest]:
        """Those that noticed most mistakes in the same function, then in the same file, then as they came.

        What asserts most of a function is seldom what runs it quickest.
        """
        with self._lock:
            function, file = (self._noticed[place].copy() for place in _places(mutant.name))
        return sorted(tests, key=lambda test: (-function[test.id], -file[test.id]))

    def _noticed_by(self, mutant: Mutant, tests: Sequence[MeasuredTest], worker: Worker) -> str:
        source = mutant.apply(self._sources[mutant.path]).decode()
        request = Request([], path=mutant.path, source=source)
        if "/models" in mutant.path and (by := worker.answer(replace(request, with_schema=True)).by):
            return by
        near = first(tests)
        return self._failed(near, request, worker) or self._failed(tests[len(near) :], request, worker)

    def _failed(self, tests: Sequence[MeasuredTest], request: Request, worker: Worker) -> str:
        """What fails of some tests with the mistake and passes without it."""
        left = [test.id for test in tests if self._sound.get((test.id,), True)]
        seconds = sum(test.seconds for test in tests)
        while left:
            by = worker.answer(replace(request, tests=left, seconds=seconds)).by
            # Besides a test it may be the time, or that Python could not even begin: then it is all of them.
            blamed = (by,) if by in left else tuple(left)
            if not by or self._is_sound(blamed, seconds, worker):
                return by
            left = [test for test in left if test not in blamed]
        return ""

    def _is_sound(self, tests: tuple[str, ...], seconds: float, worker: Worker) -> bool:
        """Whether tests pass by themselves without a mistake: those that lean on others say nothing."""
        if tests not in self._sound:
            by = worker.answer(Request(list(tests), seconds=seconds)).by
            self._sound[tests] = not by
            if by:
                print(f"fails without a mistake, and is left out: {by}", flush=True)
        return self._sound[tests]

    def _key(self, mutant: Mutant) -> str:
        return digest(self._sources[mutant.path], mutant.name.encode(), mutant.replacement)


def _places(name: str) -> tuple[str, str]:
    """A mutant's function and file, out of its name."""
    file, owner, _ = name.split(":", 2)
    return f"{file}:{owner}", file
