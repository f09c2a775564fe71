"""The demo's servers and child processes: where their data lies, how they start, end and are found again."""

import fcntl
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any

import psutil

from demo.errors import DemoError
from demo.networks import NETWORKS, Network
from devtools.servers import (
    PROJECT_ROOT,
    STOP_TIMEOUT_SECONDS,
    Anvil,
    Postgres,
    Process,
    Redis,
    ServerError,
    free_port,
)

# Carried by every process the demo starts, so that a later run finds what a crash left behind.
MARK = "CHAINFUND_DEMO_PROCESS_OF"

DATABASE = "chainfund"
HOST = "127.0.0.1"
USUAL_SITE_PORT, SITE_PORTS_TRIED = 8000, 50
# Blocks whose state anvil keeps in memory: enough for reorganisations to play with.
STATES_KEPT = 128
SAVE_EVERY_SECONDS = 60

FORMAT = 2
OPERATOR_KEY = "operator-key"


@dataclass
class Memory:
    """What a demo directory knows about itself between two runs; nodes' ports by their chain id."""

    campaigns: int
    backers: int
    seed: int
    genesis: int
    anvil_ports: dict[str, int]
    is_complete: bool = False
    format: int = FORMAT


@dataclass
class Folders:
    """Where everything of one demo lies."""

    root: Path
    logs: Path = field(init=False)
    deployments: Path = field(init=False)
    postgres: Path = field(init=False)
    runs: Path = field(init=False)
    operator_key: Path = field(init=False)

    def __post_init__(self) -> None:
        self.logs = self.root / "logs"
        self.deployments = self.root / "deployments"
        self.postgres = self.root / "postgres"
        self.runs = self.root / "runs"
        self.operator_key = self.root / OPERATOR_KEY
        self._memory = self.root / "demo.json"

    def chain_state(self, chain_id: int) -> Path:
        """What the node of a chain saves."""
        return self.root / f"chain-{chain_id}.json"

    def make(self) -> None:
        for directory in (self.root, self.logs, self.deployments, self.runs):
            directory.mkdir(parents=True, exist_ok=True)

    def recall(self) -> Memory | None:
        """What the last complete run left; None when there is nothing to build on."""
        try:
            memory = Memory(**json.loads(self._memory.read_text()))
        except (OSError, ValueError, TypeError):
            return None
        has_chains = all(self.chain_state(network.chain_id).exists() for network in NETWORKS)
        return memory if memory.is_complete and memory.format == FORMAT and has_chains else None

    def remember(self, memory: Memory) -> None:
        partial = self._memory.with_suffix(".tmp")
        partial.write_text(json.dumps(asdict(memory)))
        partial.replace(self._memory)

    def clear(self) -> None:
        """Delete all data; the lock stays."""
        for file in (self._memory, self.operator_key):
            file.unlink(missing_ok=True)
        for network in NETWORKS:
            self.chain_state(network.chain_id).unlink(missing_ok=True)
        for directory in (self.postgres, self.deployments, self.runs, self.logs):
            shutil.rmtree(directory, ignore_errors=True)
        self.make()


class Lock:
    """Held while a demo runs in a directory; the system lets go of it whatever happens to the process."""

    def __init__(self, root: Path) -> None:
        root.mkdir(parents=True, exist_ok=True)
        self._file: IO[str] = (root / "lock").open("a+")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._file.close()
            raise DemoError(
                f"a demo is already running on {root}: stop it with Ctrl-C where it runs, or give this one a "
                "directory of its own with CHAINFUND_DEMO_DIR"
            ) from None

    def release(self) -> None:
        self._file.close()


class Processes:
    """Everything that one run has started, to be ended in the opposite order."""

    def __init__(self, folders: Folders) -> None:
        self.folders = folders
        self.environment: dict[str, str] = {MARK: str(folders.root)}
        self.servers: dict[str, Process] = {}
        self._stops: list[tuple[str, Callable[[], None]]] = []
        self._children: set[Process] = set()
        self._starts: dict[str, Callable[[], Process]] = {}
        self._pool = ThreadPoolExecutor()
        self._lock = threading.Lock()
        self._is_closing = False
        self.postgres: Postgres
        self.anvils: dict[int, Anvil] = {}

    def start_postgres(self) -> None:
        forget_dead_postmaster(self.folders.postgres)
        self.postgres = Postgres(self.folders.postgres)
        self._keep("PostgreSQL", self.postgres.stop)
        self.environment["DATABASE_URL"] = self.postgres.ensure_database(DATABASE)
        self.postgres.relax_durability(DATABASE)

    def start_redis(self) -> None:
        redis = Redis(self.folders.logs, env=self.environment)
        self._keep("Redis", redis.stop)
        self.servers["Redis"] = redis.process
        self.environment["REDIS_URL"] = redis.url

    def start_anvil(self, network: Network, port: int, arguments: list[str]) -> None:
        """Start a chain, from its saved state when there is one."""
        state = self.folders.chain_state(network.chain_id)
        anvil = Anvil(
            self.folders.logs,
            chain_id=network.chain_id,
            port=port if is_free(port) else free_port(),
            arguments=[
                *("--state", str(state), "--state-interval", str(SAVE_EVERY_SECONDS)),
                *("--prune-history", str(STATES_KEPT), "--order", "fifo"),
                *arguments,
            ],
            env=self.environment,
        )
        self._keep(network.title, anvil.stop)
        self.anvils[network.chain_id], self.servers[network.title] = anvil, anvil.process

    def start(
        self,
        name: str,
        module: str,
        *arguments: str,
        stop_signal: int = signal.SIGTERM,
        listens_on: socket.socket | None = None,
    ) -> Process:
        """Start a Python module as a server that runs until the demo ends."""
        environment = dict(self.environment)

        def start() -> Process:
            return Process(
                name,
                [sys.executable, "-m", module, *arguments],
                self.folders.logs / f"{name}.log",
                environment,
                stop_signal=stop_signal,
                listens_on=listens_on,
            )

        self._starts[name], self.servers[name] = start, start()
        self._keep(name, lambda: self.servers[name].stop())
        return self.servers[name]

    def together(self, *work: Callable[[], object]) -> None:
        """Do several things side by side; the first failure is raised at once, `close` ends the others."""
        for done in as_completed([self._pool.submit(task) for task in work]):
            done.result()

    def run(
        self,
        name: str,
        command: list[str],
        *,
        text: str = "",
        env: Mapping[str, str] | None = None,
        watch: Callable[[str], None] | None = None,
    ) -> str:
        """Run a command to its end and return what it printed; `watch` is told the newest line meanwhile.

        Raises:
            DemoError: it failed, with the end of its log.
        """
        log = self.folders.logs / f"{name}.log"
        log.unlink(missing_ok=True)
        child = Process(name, command, log, {**self.environment, **(env or {})}, text=text)
        with self._lock:
            self._children.add(child)
        if self._is_closing:
            child.stop()
        try:
            status = child.wait(watch)
        finally:
            with self._lock:
                self._children.discard(child)
        if status != 0:
            raise DemoError(f"{name} ended with status {status}; the end of {log}:\n{child.tail()}")
        return log.read_text(errors="replace")

    def require_alive(self) -> None:
        """Raises DemoError when a server has ended by itself."""
        for name, process in self.servers.items():
            if not process.is_running():
                raise DemoError(f"{name} ended unexpectedly; the end of {process.log}:\n{process.tail()}")

    def revive(self) -> list[str]:
        """Start again those of our own processes that have ended; say which.

        Raises:
            DemoError: what ended is not one that can be started again.
        """
        ended = [name for name, process in self.servers.items() if not process.is_running()]
        if any(name not in self._starts for name in ended):
            self.require_alive()
        for name in ended:
            self.servers[name].kill()
            self.servers[name] = self._starts[name]()
        return ended

    def restart(self) -> None:
        """End our own processes side by side and start them again, with the code as it is now."""
        for name in self._starts:
            self.servers[name].ask_to_end()
        for name, start in self._starts.items():
            self.servers[name].stop()
            self.servers[name] = start()

    def _keep(self, name: str, stop: Callable[[], None]) -> None:
        with self._lock:
            self._stops.append((name, stop))

    def close(self, say: Callable[[str], None]) -> None:
        """End children and servers, the last one started first."""
        self._is_closing = True
        with self._lock:
            children = list(self._children)
        for child in children:
            child.stop()
        self._end_servers(say)
        # A thread may have been starting something meanwhile.
        self._pool.shutdown(cancel_futures=True)
        self._end_servers(say)

    def _end_servers(self, say: Callable[[str], None]) -> None:
        # Site and workers end side by side, before the chain, Redis and the database that they use.
        for name in self._starts:
            self.servers[name].ask_to_end()
        while self._stops:
            name, stop = self._stops.pop()
            try:
                stop()
            except (ServerError, OSError, subprocess.SubprocessError) as error:
                say(f"{name} did not end properly: {error}")


def _bind(port: int) -> socket.socket | None:
    bound = socket.socket()
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((HOST, port))
        # From here on the port is taken for everybody else.
        bound.listen()
    except OSError:
        bound.close()
        return None
    return bound


def is_free(port: int) -> bool:
    bound = _bind(port)
    if bound is not None:
        bound.close()
    return bound is not None


def open_site_socket(wanted: int | None) -> socket.socket:
    """A socket bound to the port asked for, or to the first free one from 8000 on.

    Bound here and handed to the site's server, so that nobody takes the port in between.

    Raises:
        DemoError: the port asked for is taken.
    """
    if wanted is not None:
        bound = _bind(wanted)
        if bound is None:
            raise DemoError(f"port {wanted} is taken: name another one with --port, or leave the option out")
        return bound
    for port in range(USUAL_SITE_PORT, USUAL_SITE_PORT + SITE_PORTS_TRIED):
        bound = _bind(port)
        if bound is not None:
            return bound
    raise DemoError(
        f"ports {USUAL_SITE_PORT} to {USUAL_SITE_PORT + SITE_PORTS_TRIED} are all taken: name one with --port"
    )


def end_leftovers(root: Path) -> int:
    """End what an earlier run in this directory left when it crashed; say how many processes that were."""
    leftovers = [process for process in psutil.process_iter() if _is_ours(process, root)]
    for process in leftovers:
        _signal(process, signal.SIGTERM)
    if postmaster := _postmaster(root / "postgres"):
        # Its fast shutdown: clients are cut off, what they committed stays.
        _signal(postmaster, signal.SIGINT)
        leftovers.append(postmaster)
    _, stubborn = psutil.wait_procs(leftovers, timeout=STOP_TIMEOUT_SECONDS)
    for process in stubborn:
        _signal(process, signal.SIGKILL)
    psutil.wait_procs(stubborn, timeout=STOP_TIMEOUT_SECONDS)
    return len(leftovers)


def _is_ours(process: psutil.Process, root: Path) -> bool:
    if process.pid == os.getpid():
        return False
    try:
        environment: dict[str, Any] = process.environ()
    except (psutil.Error, OSError):
        return False
    return environment.get(MARK) == str(root)


def _signal(process: psutil.Process, number: int) -> None:
    try:
        process.send_signal(number)
    except psutil.NoSuchProcess:
        return


def forget_dead_postmaster(directory: Path) -> None:
    """Remove a crashed server's pid file: its number may belong to another process by now."""
    if _postmaster(directory) is None:
        (directory / "postmaster.pid").unlink(missing_ok=True)


def _postmaster(directory: Path) -> psutil.Process | None:
    """The running server of a data directory, as its pid file names it."""
    try:
        process = psutil.Process(int((directory / "postmaster.pid").read_text().splitlines()[0]))
        return process if "postgres" in process.name() else None
    except (OSError, ValueError, IndexError, psutil.Error):
        return None


def project_command(*words: str) -> list[str]:
    """A command of the repository, by its path from the root."""
    return [str(PROJECT_ROOT / words[0]), *words[1:]]
