"""Which process of a test run gets which files."""

from types import SimpleNamespace
from typing import Any

import pytest

from tests.scheduling import FileScheduling

BROWSER = ["tests/e2e/test_a.py::test_1", "tests/e2e/test_b.py::test_1", "tests/e2e/test_b.py::test_2"]
COLLECTED = [
    *(f"tests/web/test_a.py::test_{number}" for number in range(4)),
    *(f"tests/web/test_b.py::test_{number}" for number in range(4)),
    *BROWSER,
    *(f"tests/recommender/test_c.py::test_{number}" for number in range(4)),
    *(f"tests/integration/test_demo.py::test_{number}" for number in range(4)),
]


class Process:
    """Takes what it is sent, and does it at once when it is told to."""

    def __init__(self) -> None:
        self.waiting: list[int] = []
        self.done: list[str] = []
        self.shutting_down = False
        self.gateway = SimpleNamespace(id="a process")

    def send_runtest_some(self, indices: list[int]) -> None:
        assert not self.shutting_down
        self.waiting += indices

    def shutdown(self) -> None:
        self.shutting_down = True


def run(count: int, *, is_shuffled: bool = False) -> list[Process]:
    """The processes of a run, which take turns in doing one test each."""
    option = SimpleNamespace(tx=["popen"] * count, loadscopereorder=True)
    plugins = SimpleNamespace(hasplugin=lambda name: is_shuffled and name == "randomly")
    config: Any = SimpleNamespace(option=option, pluginmanager=plugins, getvalue=vars(option).get)
    scheduling = FileScheduling(config)
    processes = [Process() for _ in range(count)]
    for process in processes:
        scheduling.add_node(process)
        scheduling.add_node_collection(process, COLLECTED)
    scheduling.schedule()
    while any(process.waiting for process in processes):
        for process in processes:
            if process.waiting:
                index = process.waiting.pop(0)
                process.done.append(COLLECTED[index])
                scheduling.mark_test_complete(process, index)
    assert all(process.shutting_down for process in processes)
    assert sorted(test for process in processes for test in process.done) == sorted(COLLECTED)
    return processes


def files(process: Process) -> list[str]:
    return list(dict.fromkeys(test.partition("::")[0] for test in process.done))


@pytest.mark.parametrize("count", [2, 3])
@pytest.mark.parametrize("is_shuffled", [False, True])
def test_one_of_several_has_the_browser_from_the_start_and_nothing_else(
    count: int, *, is_shuffled: bool
) -> None:
    first, *others = run(count, is_shuffled=is_shuffled)
    assert first.done == BROWSER
    assert not any(test in process.done for test in BROWSER for process in others)


def test_one_alone_leaves_the_browser_for_the_end() -> None:
    [alone] = run(1)
    assert alone.done[-3:] == BROWSER


def test_files_of_minutes_come_first_and_the_others_as_they_were_collected() -> None:
    _, other = run(2)
    assert files(other) == [
        "tests/integration/test_demo.py",
        "tests/recommender/test_c.py",
        "tests/web/test_a.py",
        "tests/web/test_b.py",
    ]


def test_in_random_order_the_order_is_the_collections() -> None:
    _, other = run(2, is_shuffled=True)
    assert files(other) == [
        "tests/web/test_a.py",
        "tests/web/test_b.py",
        "tests/recommender/test_c.py",
        "tests/integration/test_demo.py",
    ]
