"""Trying a mutant on the tests that could notice it."""

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

    def known(self, mutant: Mutant) -> Verdict | None:
        return self._results.of(self._key(mutant), self._choice.digest_of(self._choice.tests_of(mutant)))

    def run(self, mutant: Mutant, worker: Worker) -> Verdict:
        tests = self._choice.tests_of(mutant)
        by = self._noticed_by(mutant, tests, worker)
        verdict = Verdict(self._key(mutant), mutant.name, not by, by, self._choice.digest_of(tests))
        with self._lock:
            self._results.add(verdict)
        return verdict

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
