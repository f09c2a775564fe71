"""Mutation testing of Python: which mistakes it makes, which tests it chooses, and what it makes of them."""

import ast
import sys
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from tools.mutation import choice
from tools.mutation.choice import Choice, Contexts, MeasuredTest, first, functions_run, kept_functions
from tools.mutation.copies import Worker
from tools.mutation.mutants import Mutant, explanations, named
from tools.mutation.operators import function_spans, mistakes_of
from tools.mutation.trial import Trial
from tools.mutation.verdicts import Results, Tally, Verdict, stale, tally, wilson_lower
from tools.mutation.worker import Answer, Request, changed, fork
from tools.mutation_python import COMPLETE, EXPLANATIONS, ROOT, SAMPLED, drawn, packages, report

PATH = "shop/orders.py"


def mutants_of(code: str) -> list[Mutant]:
    source = textwrap.dedent(code).encode()
    return list(named(PATH, source, mistakes_of(source)))


def changes(code: str) -> set[str]:
    """What each mistake makes of the code, as `before -> after`."""
    return {mutant.name.partition(": ")[2].partition(" #")[0] for mutant in mutants_of(code)}


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("x = a < b", {"< -> <="}),
        ("x = a >= b > c", {">= -> >", "> -> >="}),
        ("x = a is not b", {"is not -> is"}),
        ("x = a not  in b", {"not in -> in"}),
        ("x = a and b or c", {"and -> or", "or -> and"}),
        ("x = not a", {"not a -> a"}),
        ("x = a + b * c", {"+ -> -", "* -> /"}),
        ("x = a | b", {"| -> &"}),
        ("x = -a", {"-a -> a"}),
        ("x = a // b", {"// -> *"}),
        ("x = 10", {"10 -> 11"}),
        ("x = 0.5", {"0.5 -> 1.0"}),
        ("x = True", {"True -> False"}),
        ("x = a if b else c", {"b -> (not (b))"}),
        ("x = [a for a in b if c]", {"c -> (not (c))"}),
        ("x = min(a, b)", {"min -> max"}),
        ("x = any(a)", {"any -> all"}),
        ("x: int | None = 3", {"3 -> 4"}),
        ("a.b = c", {"a.b = c -> pass"}),
        ("x += a", {"+= -> -=", "x += a -> pass"}),
        ("save(a)", {"save(a) -> pass"}),
        ("raise Refused(a)", {"raise Refused(a) -> pass"}),
        ("x = (a  # less < than\n < b)", {"< -> <="}),
        ("@dataclass(frozen=True)\nclass A:\n    pass", set()),
        # Words are no decisions, nor is what is logged or only read by a type checker.
        ('x = "a" + b', set()),
        ('x = _("%d days" % 3)', set()),
        ('"""A docstring of 3 words."""', set()),
        ("logger.warning(a, 3)", set()),
        ("if TYPE_CHECKING:\n    x = 1", set()),
    ],
)
def test_each_mistake_is_made(code: str, expected: set[str]) -> None:
    assert changes(code) == expected


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("rows.filter(a=b)", {"filter -> exclude", "a=b -> nothing", "rows.filter(a=b) -> pass"}),
        (
            "x = rows.filter(a__lte=b, c=d)",
            {"filter -> exclude", "a__lte=b, -> nothing", "__lte -> __lt", ", c=d -> nothing"},
        ),
        ('x = {"a__gt": b}', {"__gt -> __gte"}),
        ('x = rows.order_by("-a").first()', {'"-a" -> "a"', "first -> last"}),
        ("x = rows.update(a=b)", {"a=b -> nothing"}),
    ],
)
def test_conditions_of_queries_are_turned_dropped_and_moved(code: str, expected: set[str]) -> None:
    assert changes(code) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "SELECT id FROM a WHERE b < 3 AND NOT EXISTS (SELECT 1 FROM c)",
            {"< -> <=", "AND -> OR", "3 -> 4", "1 -> 2", "NOT EXISTS -> EXISTS"},
        ),
        ("redis.call('HSET', key) local x = math.min(a, b)", {"math.min -> math.max"}),
        ("Select one of 3 < 4", set()),
    ],
)
def test_sql_and_lua_count_as_code_and_words_do_not(text: str, expected: set[str]) -> None:
    assert changes(f'x = """{text}"""') == expected
    # Of what is put into a text, only its own mistakes are made.
    assert changes(f'x = f"""{text} {{a + b}}"""') == expected


def test_decorated_functions_their_decorators_and_defaults_count() -> None:
    code = """
        @transaction.atomic
        def pay(amount=1, *, is_final=False):
            return amount

        class Order:
            least = 2

            @property
            def total(self) -> bool:
                return self.a

            def inner(self):
                def deeper():
                    return 3
    """
    names = {mutant.name.removeprefix(f"{PATH}:") for mutant in mutants_of(code)}
    assert names == {
        "pay: @transaction.atomic -> nothing",
        "pay: 1 -> 2",
        "pay: False -> True",
        "pay: amount -> None",
        "Order.least: 2 -> 3",
        "Order.total: self.a -> (not (self.a))",
        "Order.inner: 3 -> None",
        "Order.inner: 3 -> 4",
    }


def test_the_same_mistake_twice_has_two_names_that_other_changes_keep() -> None:
    before, after = (
        [mutant.name for mutant in mutants_of(code)]
        for code in ("def f():\n    g(1, 1)\n", "import h\n\n\ndef f():\n    g(1, 1)\n")
    )
    assert before == after
    assert before[1:] == [f"{PATH}:f: 1 -> 2", f"{PATH}:f: 1 -> 2 #2"]


def test_every_mistake_in_the_project_is_python() -> None:
    for path in ("django_project/pledges/services.py", "django_project/ledger/invariants.py"):
        source = (ROOT / path).read_bytes()
        mutants = list(named(path, source, mistakes_of(source)))
        assert len(mutants) > 50
        assert len({mutant.name for mutant in mutants}) == len(mutants)
        for mutant in mutants:
            changed = mutant.apply(source)
            ast.parse(changed)
            assert changed != source


# --- which tests are chosen

SOURCE = b"""
LEAST = 3


def cheap():
    return LEAST


class Order:
    def pay(self):
        return cheap()
"""


def sample(test: str, seconds: float, *functions: str) -> MeasuredTest:
    return MeasuredTest(test, seconds, frozenset(f"{PATH}:{name}" for name in functions))


def mutant(owner: str) -> Mutant:
    return Mutant(f"{PATH}:{owner}: 1 -> 2", PATH, 1, 0, 1, b"2")


def chosen(owner: str, *tests: MeasuredTest) -> list[str]:
    texts = {test.file: b"from shop.orders import x" if "near" in test.id else b"" for test in tests}
    found = Choice(tests, {PATH: SOURCE}, texts).tests_of(mutant(owner))
    return [test.id for test in found]


def test_the_nearest_tests_that_ran_the_function_come_first() -> None:
    tests = [
        sample("tests/far.py::quick", 0.1, "Order.pay"),
        sample("tests/near.py::slow", 3, "Order.pay"),
        sample("tests/near.py::quick", 1, "Order.pay", "cheap"),
        sample("tests/near.py::other", 1, "cheap"),
    ]
    assert chosen("Order.pay", *tests) == [
        "tests/near.py::quick",
        "tests/near.py::slow",
        "tests/far.py::quick",
    ]


def test_a_constant_is_tried_on_all_that_names_its_module_then_on_what_mentions_it() -> None:
    tests = [
        sample("tests/far.py::c", 1, "Order.pay"),
        sample("tests/far.py::b", 2, "cheap"),
        sample("tests/near.py::a", 3),
    ]
    texts = {"tests/near.py": b"from shop import orders", "tests/far.py": b""}
    found = Choice(tests, {PATH: SOURCE}, texts)
    assert [test.id[-1] for test in found.tests_of(mutant("LEAST"))] == ["a", "b", "c"]
    assert [test.id[-1] for test in found.tests_of(mutant("UNKNOWN"))] == ["a", "c", "b"]
    assert [test.id[-1] for test in found.tests_of(mutant("cheap"))] == ["b"]


def test_those_that_name_a_module_leave_time_for_those_that_run_it() -> None:
    naming = [sample(f"tests/near.py::{number:03}", 1) for number in range(100)]
    running = [sample(f"tests/far.py::{number:03}", 1, "cheap") for number in range(100)]
    texts = {"tests/near.py": b"from shop import orders", "tests/far.py": b""}
    found = Choice([*naming, *running], {PATH: SOURCE}, texts).tests_of(mutant("LEAST"))
    assert [test.file for test in found] == ["tests/near.py"] * 20 + ["tests/far.py"] * 40


def test_what_runs_once_and_is_kept_is_tried_on_more_than_the_first_test_of_it() -> None:
    kept = b"@lru_cache(maxsize=1)\ndef cheap():\n    return 3\n"
    assert kept_functions(kept) == {"cheap"}
    assert kept_functions(SOURCE) == set()
    tests = [sample("tests/near.py::a", 1, "cheap"), sample("tests/near.py::b", 1)]
    found = Choice(tests, {PATH: kept}, {"tests/near.py": b"from shop import orders"})
    assert [test.id[-1] for test in found.tests_of(mutant("cheap"))] == ["a", "b"]


def test_a_decorator_is_tried_on_tests_that_it_keeps_from_the_function() -> None:
    tests = [sample("tests/near.py::a", 1, "cheap"), sample("tests/near.py::b", 1)]
    found = Choice(tests, {PATH: SOURCE}, {"tests/near.py": b"from shop import orders"})
    name = f"{PATH}:cheap: @allowed -> nothing"
    assert [test.id[-1] for test in found.tests_of(replace(mutant("cheap"), name=name))] == ["a", "b"]
    assert [test.id[-1] for test in found.tests_of(mutant("cheap"))] == ["a"]


def test_tests_are_chosen_while_there_is_time(monkeypatch: pytest.MonkeyPatch) -> None:
    tests = [sample(f"tests/near.py::{number:03}", 4, "cheap") for number in range(30)]
    assert len(chosen("cheap", *tests)) == len(chosen("LEAST", *tests)) == choice.MOST_SECONDS / 4
    assert len(first(tests)) == 1
    monkeypatch.setattr(choice, "FIRST_SECONDS", 8.0)
    assert len(first(tests)) == 2
    assert [len(first(tests[:count])) for count in (0, 1)] == [0, 1]


def test_lines_that_ran_become_functions() -> None:
    spans = function_spans(SOURCE)
    assert spans == {"cheap": (6, 6), "Order.pay": (11, 11)}
    assert functions_run({2: ["", "a"], 6: ["", "a", "b"]}, spans) == {
        "cheap": {"a", "b"},
        "Order.pay": set(),
    }


def test_contexts_are_written_anew_when_a_test_or_what_it_runs_has_moved(tmp_path: Path) -> None:
    file = "tests/near.py"

    def contexts(text: bytes = b"one", source: bytes = SOURCE) -> Contexts:
        return Contexts({file: text}, {PATH: source}, tmp_path)

    assert contexts().missing() == [file]
    contexts().keep(file, [{"id": "a", "seconds": 1.5, "functions": [f"{PATH}:cheap"]}])
    assert contexts().missing() == []
    assert contexts().tests() == [MeasuredTest("a", 1.5, frozenset({f"{PATH}:cheap"}))]
    assert contexts(text=b"two").missing() == [file]
    assert contexts(source=SOURCE.replace(b"cheap", b"dear")).missing() == [file]


# --- trying, and going on


class FakeWorker(Worker):
    """Answers with the first of the tests that fail with the mistake, or without."""

    def __init__(self, noticing: Sequence[str], leaning: Sequence[str] = ()) -> None:
        self.noticing, self.leaning = noticing, leaning
        self.requests: list[Request] = []

    def answer(self, request: Request) -> Answer:
        self.requests.append(request)
        failing = [*self.leaning, *(self.noticing if request.path else ())]
        return Answer(next((test for test in request.tests if test in failing), ""), [])


def trial(results: Results, *, text: bytes = b"", count: int = 30) -> Trial:
    tests = [sample(f"tests/near.py::{number:03}", 0.1, "cheap") for number in range(count)]
    return Trial(Choice(tests, {PATH: SOURCE}, {"tests/near.py": text}), results, {PATH: SOURCE})


def test_what_noticed_most_nearby_is_tried_first(tmp_path: Path) -> None:
    """In the same function, then in the same file; a run that begins anew remembers."""
    results = Results(tmp_path / "r")
    for number, (name, by) in enumerate(
        [("cheap: a", "029"), ("cheap: b", "029"), ("cheap: c", "007"), ("dear: a", "012"), ("cheap: d", "")]
    ):
        by = by and f"tests/near.py::{by}"
        results.add(Verdict(f"{number}", f"{PATH}:{name}", not by, by, ""))
    worker = FakeWorker([])
    trial(Results(tmp_path / "r")).run(mutant("cheap"), worker)
    numbers = [test.rpartition("::")[2] for request in worker.requests for test in request.tests]
    assert numbers[:5] == ["029", "007", "012", "000", "001"]
    assert sorted(numbers) == [f"{number:03}" for number in range(30)]


def test_the_first_test_that_fails_ends_a_trial(tmp_path: Path) -> None:
    worker = FakeWorker(["tests/near.py::001"])
    verdict = trial(Results(tmp_path / "r")).run(mutant("cheap"), worker)
    assert (verdict.lives, verdict.by) == (False, "tests/near.py::001")
    # The nearest with the mistake, and the one that failed without it.
    assert [(len(request.tests), bool(request.path)) for request in worker.requests] == [
        (choice.FIRST_TESTS, True),
        (1, False),
    ]


def test_who_leans_on_others_notices_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    worker = FakeWorker([], leaning=["tests/near.py::001"])
    verdict = trial(Results(tmp_path / "r")).run(mutant("cheap"), worker)
    assert verdict.lives
    assert "fails without a mistake, and is left out: tests/near.py::001" in capsys.readouterr().out
    tried = [test for request in worker.requests[2:] for test in request.tests]
    assert len(tried) == 29
    assert "tests/near.py::001" not in tried


def test_the_next_run_goes_on_where_the_last_one_ended(tmp_path: Path) -> None:
    file = tmp_path / "r"
    killed, alive = mutant("cheap"), mutant("Order.pay")
    assert trial(Results(file)).known(killed) is None
    trial(Results(file)).run(killed, FakeWorker(["tests/near.py::029"]))
    with file.open("a") as torn:
        torn.write('{"key": "half')
    trial(Results(file)).run(alive, FakeWorker([]))
    assert trial(Results(file)).known(killed) is not None
    assert trial(Results(file)).known(alive) is not None
    # Other tests may notice what lived, and need not be asked about what was noticed.
    assert trial(Results(file), text=b"more").known(killed) is not None
    assert trial(Results(file), text=b"more").known(alive) is None


# --- what it is worth


def test_the_bound_is_wilsons() -> None:
    assert wilson_lower(0, 0) == 0
    assert wilson_lower(0, 200) == pytest.approx(0, abs=1e-12)
    assert wilson_lower(200, 200) == pytest.approx(200 / (200 + 1.96**2))
    # Newcombe 1998, table I: 81 of 263 and 15 of 148.
    assert wilson_lower(81, 263) == pytest.approx(0.2553, abs=5e-5)
    assert wilson_lower(15, 148) == pytest.approx(0.0624, abs=5e-5)


def verdict(name: str, *, lives: bool) -> Verdict:
    return Verdict(name, name, lives, "" if lives else "test", "")


def counted(killed: int, explained: int, alive: int, *, left: int = 0, is_complete: bool = False) -> Tally:
    states = [False] * killed + [True] * (explained + alive)
    verdicts = {f"m{number}": verdict(f"m{number}", lives=lives) for number, lives in enumerate(states)}
    mutants = [Mutant(f"m{number}", PATH, 1, 0, 1, b"") for number in range(len(states) + left)]
    reasons = {f"m{number}": "" for number in range(killed, killed + explained)}
    return tally("shop", mutants, verdicts, reasons, is_complete=is_complete)


@pytest.mark.parametrize(
    ("count", "is_good"),
    [
        (counted(9, 1, 0, is_complete=True), True),
        (counted(99, 0, 1, is_complete=True), False),
        # A sample tells with a bound, all there are tell by themselves.
        (counted(180, 0, 20, left=1), True),
        (counted(179, 0, 21, left=1), False),
        (counted(85, 0, 15), True),
        (counted(84, 0, 16), False),
        (counted(84, 2, 14), True),
        (counted(0, 0, 0), True),
    ],
)
def test_enough_has_to_be_noticed(count: Tally, *, is_good: bool) -> None:
    assert count.is_good is is_good


@pytest.mark.parametrize(
    ("count", "outdated", "status"),
    [
        (counted(9, 1, 0, is_complete=True), [], 0),
        (counted(9, 1, 0, left=1, is_complete=True), [], 2),
        (counted(9, 0, 1, left=1, is_complete=True), [], 1),
        (counted(9, 1, 0, is_complete=True), ["m9"], 1),
    ],
)
def test_the_status_says_what_is_left_to_do(count: Tally, outdated: list[str], status: int) -> None:
    assert report([count], outdated) == status


def test_explanations_that_hold_no_more_are_told() -> None:
    verdicts = {"killed": verdict("killed", lives=False), "alive": verdict("alive", lives=True)}
    mutants = [Mutant(name, PATH, 1, 0, 1, b"") for name in ("killed", "alive", "untried")]
    assert stale(["killed", "alive", "untried", "gone"], mutants, verdicts) == ["killed", "gone"]


def test_samples_hardly_change_with_the_code() -> None:
    mutants = [Mutant(f"m{number}", PATH, 1, 0, 1, b"") for number in range(1_000)]
    names = {each.name for each in drawn(mutants, 17)}
    assert len(names) == 200
    assert {each.name for each in drawn(mutants[::-1], 17)} == names
    assert len(names & {each.name for each in drawn(mutants[:-1], 17)}) >= 199
    assert {each.name for each in drawn(mutants, 18)} != names


def test_every_package_has_mutants_and_every_explanation_a_reason() -> None:
    targets = [target for package in (*COMPLETE.values(), *SAMPLED.values()) for target in package]
    assert [target for target in targets if not (ROOT / target).exists()] == []
    small = {PATH: SOURCE, "recommender/losses/x.py": SOURCE, "django_project/privacy/x.py": b"x = 1\n"}
    assert {each.name: len(each.mutants) for each in packages(small, 17, "") if each.mutants} == {
        "privacy": 1,
        "losses": 3,
    }
    assert all(explanations(EXPLANATIONS).values())


# --- in a fork


def test_a_fork_tells_how_its_work_has_ended(tmp_path: Path) -> None:
    def end(work: Callable[[], int]) -> str:
        # With the modules of the project that this process has, and of the tests in it.
        return fork(work, 1, 30, tmp_path / "log", str(tmp_path))

    def endless() -> int:
        while True:
            pass

    modules = dict(sys.modules)
    try:
        assert end(lambda: 0) == ""
        assert end(lambda: 1) == "a test that failed"
        assert end(lambda: 4) == "status 4"
        assert end(lambda: int("no number")) == "status 3"
        assert end(endless) == "time"
    finally:
        sys.modules.update(modules)


def test_a_fork_reads_the_project_anew(tmp_path: Path) -> None:
    told = tmp_path / "told"

    def look() -> int:
        told.write_text(" ".join(sorted({name.partition(".")[0] for name in sys.modules})))
        return 0

    modules = dict(sys.modules)
    try:
        assert fork(look, 5, 30, tmp_path / "log", str(tmp_path)) == ""
    finally:
        sys.modules.update(modules)
    assert not {"django_project", "tasks", "recommender", "demo", "tests"} & set(told.read_text().split())
    assert {"django", "pytest", "django_project"} <= {name.partition(".")[0] for name in sys.modules}


def test_a_changed_file_has_a_time_of_its_own_and_is_put_back(tmp_path: Path) -> None:
    file = tmp_path / "orders.py"
    file.write_bytes(SOURCE)
    before = file.stat().st_mtime_ns

    def look() -> None:
        with changed(file, "x = 1\n", 12_345):
            assert (file.read_text(), file.stat().st_mtime) == ("x = 1\n", 12_345)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        look()
    assert (file.read_bytes(), file.stat().st_mtime_ns) == (SOURCE, before)
