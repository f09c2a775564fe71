"""Mutation testing of the Python that decides: `python -m tools.mutation_python [--only TEXT] [--minutes N]`.

Makes one small mistake at a time in a copy of the project and runs the tests that ran the mistaken function,
the nearest first, until one fails. Of what decides about money, access and consent every mistake has to be
noticed by a test or explained in tests/mutants.toml, by the reason why it changes nothing that matters. The
other packages are sampled, and most of a sample has to be noticed (`tools.mutation.verdicts`). Any other
mistake that lives, and an explanation that no longer holds, ends with status 1; a run that had no time for
all of them with status 2. What is known stays in .setup/mutation, and the next run goes on from there.
"""

import argparse
import signal
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import TypeVar

from tools.mutation.choice import Choice, Contexts, digest
from tools.mutation.copies import Worker
from tools.mutation.mutants import Mutant, explanations, named
from tools.mutation.operators import mistakes_of
from tools.mutation.trial import Trial
from tools.mutation.verdicts import Results, Tally, Verdict, stale, tally
from tools.mutation.worker import PROJECT, Request

ROOT = Path(__file__).resolve().parents[1]
WORKSHOP = ROOT / ".setup" / "mutation"
EXPLANATIONS = ROOT / "tests" / "mutants.toml"
# All of them; `SAMPLE` of each package below.
COMPLETE = {
    "ledger": ("django_project/ledger",),
    "pledges": ("django_project/pledges",),
    "accounts": ("django_project/accounts",),
    "privacy": ("django_project/privacy",),
    "limits": ("django_project/core/rate_limits.py",),
}
SAMPLED = {
    "notifications": ("django_project/notifications",),
    "discovery": ("django_project/discovery",),
    "indexing": ("tasks/indexing/pipeline", "tasks/indexing/repair"),
    "losses": ("recommender/losses",),
    "evaluation": ("recommender/evaluation",),
    "gates": tuple(
        f"recommender/registry/{name}.py"
        for name in ("gates", "gate_results", "metric_gates", "artifact_gates")
    ),
}
SAMPLE = 200
# A browser, a wallet's extension and symbolic proofs take longer than a mistake is worth.
LEFT_OUT = ("tests/contracts", "tests/e2e", "tests/wallets")


# How long the tests of one file may take that nobody has measured yet.
COLLECT_SECONDS = 600

Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True)
class Package:
    name: str
    mutants: tuple[Mutant, ...]
    is_complete: bool


def sources() -> dict[str, bytes]:
    """The project's modules by path, without migrations."""
    return {
        path.relative_to(ROOT).as_posix(): path.read_bytes()
        for package in PROJECT
        for path in sorted((ROOT / package).rglob("*.py"))
        if "migrations" not in path.parts
    }


def packages(texts: Mapping[str, bytes], seed: int, only: str) -> list[Package]:
    """What is mutated, in the order of what a mistake would cost; `only` mutants whose name contains that."""

    def mutants(targets: Iterable[str]) -> list[Mutant]:
        found = [
            path for target in targets for path in texts if path == target or path.startswith(f"{target}/")
        ]
        return [mutant for path in found for mutant in named(path, texts[path], mistakes_of(texts[path]))]

    def chosen(found: Iterable[Mutant]) -> tuple[Mutant, ...]:
        return tuple(mutant for mutant in found if only in mutant.name)

    return [
        *(Package(name, chosen(mutants(targets)), is_complete=True) for name, targets in COMPLETE.items()),
        *(
            Package(name, chosen(drawn(mutants(targets), seed)), is_complete=False)
            for name, targets in SAMPLED.items()
        ),
    ]


def drawn(mutants: Sequence[Mutant], seed: int) -> list[Mutant]:
    """A sample that hardly changes when the code does: those whose names draw the lowest numbers."""
    return sorted(mutants, key=lambda mutant: digest(f"{seed} {mutant.name}".encode()))[:SAMPLE]


def tests_texts(under: Sequence[str]) -> dict[str, bytes]:
    """The files of tests to choose from, by path."""
    found = [
        path.relative_to(ROOT).as_posix()
        for name in under
        for path in ([ROOT / name] if name.endswith(".py") else sorted((ROOT / name).rglob("test_*.py")))
    ]
    return {file: (ROOT / file).read_bytes() for file in found if not file.startswith(LEFT_OUT)}


class Pool:
    """Workers, each of which does one thing at a time, until the time is over."""

    def __init__(self, workers: Sequence[Worker], deadline: float) -> None:
        self._free: SimpleQueue[Worker] = SimpleQueue()
        for worker in workers:
            self._free.put(worker)
        self._jobs, self._deadline = len(workers), deadline

    def each(self, items: Sequence[Item], work: Callable[[Item, Worker], Result]) -> Iterator[Result]:
        """What comes of every item there was time for, in order."""

        def do(item: Item) -> Result | None:
            worker = self._free.get()
            try:
                return work(item, worker) if time.monotonic() < self._deadline else None
            finally:
                self._free.put(worker)

        threads = ThreadPoolExecutor(self._jobs)
        try:
            for result in threads.map(do, items):
                if result is not None:
                    yield result
        finally:
            threads.shutdown(cancel_futures=True)


@contextmanager
def started(jobs: int) -> Iterator[list[Worker]]:
    workers = [Worker(ROOT, WORKSHOP / f"python-{number}") for number in range(jobs)]
    try:
        yield workers
    finally:
        for worker in workers:
            worker.stop()


def collect(pool: Pool, contexts: Contexts) -> None:
    """Write down what the tests run, of the files that changed since."""

    def work(file: str, worker: Worker) -> str:
        answer = worker.answer(Request([file], seconds=COLLECT_SECONDS, to_collect=True))
        if answer.tests:
            contexts.keep(file, answer.tests)
        trouble = f", and without a mistake there is a problem: {answer.by}" if answer.by else ""
        return f"{file}: {len(answer.tests)} tests{trouble}"

    for line in pool.each(contexts.missing(), work):
        print(line, flush=True)


def try_all(pool: Pool, trial: Trial, mutants: Sequence[Mutant], reasons: Mapping[str, str]) -> None:
    """Try those of which nothing is known, and tell at once which live."""
    lines = {mutant.name: mutant.line for mutant in mutants}
    for verdict in pool.each([each for each in mutants if trial.known(each) is None], trial.run):
        if verdict.lives and verdict.name not in reasons:
            print(f"survives, line {lines[verdict.name]}: {verdict.name}", flush=True)


def tallies(
    wanted: Sequence[Package], verdicts: Mapping[str, Verdict], reasons: Mapping[str, str]
) -> list[Tally]:
    return [
        tally(each.name, each.mutants, verdicts, reasons, is_complete=each.is_complete)
        for each in wanted
        if each.mutants
    ]


def report(counts: Sequence[Tally], outdated: Sequence[str]) -> int:
    """Print what came out, and say with which status to end."""
    for count in counts:
        print(count)
    for name in outdated:
        print(f"explained, and not so any more: {name}")
    if outdated or not all(count.is_good for count in counts):
        return 1
    return 2 if any(count.tried < count.all for count in counts) else 0


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", default="", help="mutants whose name contains this")
    parser.add_argument(
        "--tests", nargs="+", default=["tests"], help="files or folders of tests to choose from"
    )
    parser.add_argument("--jobs", type=int, default=2, help="copies of the project to work in")
    parser.add_argument("--minutes", type=float, default=24 * 60, help="when to stop; the next run goes on")
    parser.add_argument("--seed", type=int, default=17, help="of the samples")
    options = parser.parse_args()
    # Whatever ends us, the workers put their servers away.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    deadline = time.monotonic() + 60 * options.minutes
    texts, reasons, tests = sources(), explanations(EXPLANATIONS), tests_texts(options.tests)
    wanted = packages(texts, options.seed, options.only)
    mutants = [mutant for package in wanted for mutant in package.mutants]
    print(f"{len(mutants)} mutants, {len(tests)} files of tests", flush=True)
    contexts, results = Contexts(tests, texts, WORKSHOP / "contexts"), Results(WORKSHOP / "python.jsonl")
    with started(options.jobs) as workers:
        pool = Pool(workers, deadline)
        collect(pool, contexts)
        trial = Trial(Choice(contexts.tests(), texts, tests), results, texts)
        try_all(pool, trial, mutants, reasons)
    verdicts = {mutant.name: known for mutant in mutants if (known := trial.known(mutant)) is not None}
    outdated = [name for name in stale(reasons, mutants, verdicts) if options.only in name]
    sys.exit(report(tallies(wanted, verdicts, reasons), outdated))


if __name__ == "__main__":
    main()
