"""A server that is to start is waited for as long as it gets on, on a machine however slow."""

import sys
from pathlib import Path

import pytest

from devtools import servers
from devtools.servers import Process, ServerError


def started(script: str, log: Path) -> Process:
    return Process("the oven", [sys.executable, "-uc", script], log)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "oven.log"


@pytest.fixture(autouse=True)
def _impatience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(servers, "WATCH_SECONDS", 0.02)
    monkeypatch.setattr(servers, "STALLED_SECONDS", 4)


def is_done(log: Path) -> bool:
    return "hot" in log.read_text()


def test_one_that_gets_on_may_take_longer_than_one_that_stands_still(log: Path) -> None:
    slow = "import time\nfor step in range(20): time.sleep(0.25); print(step)\nprint('hot'); time.sleep(60)"
    oven = started(slow, log)
    oven.wait_until(lambda: is_done(log))
    assert log.read_text().split() == [*map(str, range(20)), "hot"]
    oven.stop()


def test_one_that_only_computes_gets_on_too(log: Path) -> None:
    busy = (
        "import time\nend = time.monotonic() + 5\n"
        "while time.monotonic() < end: pass\nprint('hot'); time.sleep(60)"
    )
    oven = started(busy, log)
    oven.wait_until(lambda: is_done(log))
    oven.stop()


def test_one_that_stands_still_is_given_up_with_the_end_of_its_log(log: Path) -> None:
    oven = started("import time; print('no wood'); time.sleep(60)", log)
    with pytest.raises(ServerError) as refused:
        oven.wait_until(lambda: False)
    assert "the oven did not start: it has done nothing for 4 seconds" in str(refused.value)
    assert str(refused.value).endswith(f"The end of {log}:\nno wood")
    assert not oven.is_running()


def test_one_that_works_in_vain_is_given_up_too(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(servers, "START_CPU_SECONDS", 0.5)
    oven = started("while True: pass", log)
    with pytest.raises(ServerError, match="processor seconds and is not ready"):
        oven.wait_until(lambda: False)
    assert not oven.is_running()


def test_one_that_ended_says_how(log: Path) -> None:
    oven = started("print('burnt'); raise SystemExit(3)", log)
    with pytest.raises(ServerError, match=r"it ended with status 3[\s\S]*burnt"):
        oven.wait_until(lambda: False)
