"""The demo from the command line: all of it in small, crashed, taken up again, checked, stopped."""

import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from demo.codes import code
from demo.errors import DemoError
from demo.processes import MARK, Folders, Lock, Memory, Processes, end_leftovers, open_site_socket
from devtools.servers import PROJECT_ROOT, free_port

SMALL = ["--campaigns", "12", "--backers", "40"]
OPERATOR = re.compile(r"as (operator), password (\S+)\s+The second factor: key (\S+) for an app")
READY = re.compile(r"ChainFund is at (http://127\.0\.0\.1:\d+)")
# Against what hangs: on a busy machine the whole of it takes minutes.
PATIENCE_SECONDS = 900


class Demo:
    """`python -m demo` as a process of its own."""

    def __init__(self, directory: Path, log: Path, *arguments: str) -> None:
        self.directory, self._log = directory, log
        with log.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "demo", *arguments],
                env={**_outside_environment(), "CHAINFUND_DEMO_DIR": str(directory)},
                cwd=PROJECT_ROOT,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def said(self) -> str:
        return self._log.read_text(errors="replace")

    def wait_for(self, pattern: str | re.Pattern[str]) -> re.Match[str]:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            if found := re.search(pattern, self.said):
                return found
            if self.process.poll() is not None:
                break
            time.sleep(0.1)
        pytest.fail(f"the demo never said {pattern!r}; it said:\n{self.said}")

    def wait(self) -> int:
        return self.process.wait(PATIENCE_SECONDS)

    def children(self) -> list[psutil.Process]:
        found = []
        for process in psutil.process_iter():
            try:
                if process.environ().get(MARK) == str(self.directory):
                    found.append(process)
            except (psutil.Error, OSError):
                continue
        return found

    def child(self, word: str) -> psutil.Process:
        """The oldest of its processes with this word on the command line."""
        ours = [process for process in self.children() if any(word in part for part in process.cmdline())]
        return min(ours, key=lambda process: process.create_time())


def _outside_environment() -> dict[str, str]:
    """Without what the test run's own servers have set."""
    ours = ("CHAINFUND_", "DJANGO_", "DATABASE_URL", "REDIS_URL")
    return {name: value for name, value in os.environ.items() if not name.startswith(ours)}


@pytest.fixture
def directory() -> Iterator[Path]:
    """Not below pytest's own, which it shuts to other users whenever it starts: PostgreSQL runs as one."""
    with tempfile.TemporaryDirectory(prefix="chainfund-demo-") as name:
        Path(name).chmod(0o755)
        root = Path(name).resolve() / "demo"
        yield root
        end_leftovers(root)


def assert_nothing_runs(demo: Demo) -> None:
    assert demo.children() == []
    assert not (demo.directory / "postgres" / "postmaster.pid").exists()


def admin_page(site: str, name: str, password: str, key: str) -> str:
    """What the operator sees after signing in with password and second factor."""
    with httpx.Client(base_url=site, follow_redirects=True) as browser:
        page = browser.get("/admin/")
        for told in ({"login": name, "password": password}, {"code": code(key, time.time())}):
            form = {**told, "csrfmiddlewaretoken": browser.cookies["csrftoken"]}
            page = browser.post(page.url, data=form, headers={"Referer": site})
        return page.text


def test_a_demo_crashes_comes_back_and_agrees_with_its_chain(directory: Path, tmp_path: Path) -> None:
    first = Demo(directory, tmp_path / "first.log", *SMALL)
    site = first.wait_for(READY).group(1)
    with urllib.request.urlopen(site) as page:  # noqa: S310  its own address
        assert "ChainFund" in page.read().decode()
    assert "Recent actions" in admin_page(site, *first.wait_for(OPERATOR).groups())

    second = Demo(directory, tmp_path / "second.log", *SMALL)
    assert second.wait() == 1
    assert "a demo is already running" in second.said

    first.child("worker@demo").kill()
    first.wait_for("worker had ended and was started again")

    first.process.kill()
    first.process.wait()
    assert first.children()

    other_scale = Demo(directory, tmp_path / "scale.log", "--campaigns", "13", "--backers", "40")
    assert other_scale.wait() == 1
    assert "holds a demo of 12 campaigns and 40 backers" in other_scale.said

    checked = Demo(directory, tmp_path / "checked.log", "--check", *SMALL)
    assert checked.wait() == 0, checked.said
    assert "Play 120 days" not in checked.said
    assert "✗" not in checked.said
    assert_nothing_runs(checked)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_everything_in_the_middle_of_starting(
    directory: Path, tmp_path: Path, number: signal.Signals
) -> None:
    demo = Demo(directory, tmp_path / "demo.log", *SMALL)
    demo.wait_for("Create the tables")
    assert demo.children()
    demo.process.send_signal(number)
    assert demo.wait() == 130
    assert_nothing_runs(demo)


def test_a_taken_port_is_named(directory: Path, tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        demo = Demo(directory, tmp_path / "demo.log", "--port", str(port), *SMALL)
        assert demo.wait() == 1
    assert f"port {port} is taken: name another one with --port" in demo.said
    assert_nothing_runs(demo)


def test_without_a_wish_the_next_free_port_is_taken() -> None:
    with open_site_socket(None) as first, open_site_socket(None) as second:
        assert second.getsockname()[1] > first.getsockname()[1] >= 8000


def test_a_child_that_fails_is_quoted(directory: Path) -> None:
    processes = Processes(Folders(directory))
    processes.folders.make()
    with pytest.raises(DemoError, match=r"(?s)texts ended with status 3; the end of .*no such story"):
        processes.run("texts", [sys.executable, "-c", "import sys; print('no such story'); sys.exit(3)"])
    processes.close(print)


def test_closing_ends_children_that_still_work(directory: Path) -> None:
    processes = Processes(Folders(directory))
    processes.folders.make()
    processes.start("sleeper", "http.server", str(free_port()), "--bind", "127.0.0.1")
    process = psutil.Process(processes.servers["sleeper"].pid)
    processes.close(print)
    assert not process.is_running() or process.status() == psutil.STATUS_ZOMBIE


def test_a_restart_puts_new_processes_in_the_old_ones_places(directory: Path) -> None:
    processes = Processes(Folders(directory))
    processes.folders.make()
    for name in ("one", "two"):
        processes.start(name, "http.server", str(free_port()), "--bind", "127.0.0.1")
    before = {name: server.pid for name, server in processes.servers.items()}
    try:
        processes.restart()
        processes.require_alive()
        assert processes.servers.keys() == before.keys()
        assert not {server.pid for server in processes.servers.values()} & set(before.values())
        assert not any(psutil.pid_exists(pid) for pid in before.values())
    finally:
        processes.close(print)


def test_only_marked_processes_of_this_directory_are_leftovers(directory: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-c", "import signal; signal.pause()"]
    ours = subprocess.Popen(command, env={**os.environ, MARK: str(directory)})
    others = subprocess.Popen(command, env={**os.environ, MARK: str(tmp_path / "other")})
    try:
        assert end_leftovers(directory) == 1
        assert ours.poll() is not None
        assert others.poll() is None
    finally:
        ours.kill()
        others.kill()
        others.wait()


def test_one_directory_has_one_demo(directory: Path) -> None:
    lock = Lock(directory)
    with pytest.raises(DemoError, match="already running"):
        Lock(directory)
    lock.release()
    Lock(directory).release()


def test_only_a_complete_demo_with_its_chain_is_taken_up_again(directory: Path) -> None:
    folders = Folders(directory)
    folders.make()
    assert folders.recall() is None
    memory = Memory(
        campaigns=6, backers=12, seed=1, genesis=1_700_000_000, anvil_ports={"31337": 8545, "31338": 8546}
    )
    folders.remember(memory)
    for chain_id in (31337, 31338):
        folders.chain_state(chain_id).write_text("{}")
    assert folders.recall() is None
    memory.is_complete = True
    folders.remember(memory)
    assert folders.recall() == memory
    folders.chain_state(31338).unlink()
    assert folders.recall() is None
