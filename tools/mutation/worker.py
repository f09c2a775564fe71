"""Runs tests in forks of itself: `python -m tools.mutation.worker`, in a copy of the project.

PostgreSQL, Redis and the libraries start once. The project's own modules do not: every fork imports them
anew, so that a changed one is what all others see, in functions, defaults, decorators and constants alike.
Reads one request a line and answers with a line: see `Request` and `Answer`.
"""

import contextlib
import gc
import importlib
import json
import os
import resource
import select
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import psycopg
import redis
from psycopg import sql

from demo.processes import MARK, end_leftovers
from devtools.servers import Postgres, Redis

# What takes long to import and knows nothing of the project or its settings.
LIBRARIES = (
    *("pytest", "pytest_django.plugin", "pytest_cov.plugin", "hypothesis", "coverage", "httpx", "psutil"),
    *("django.core.management", "django.test", "django.db.backends.postgresql.base", "psycopg", "redis"),
    *("django.contrib.postgres.fields", "django.template.loader", "django.forms", "django.urls"),
    *("web3", "eth_account", "eth_abi", "celery", "kombu", "PIL.Image", "pydantic", "regex", "babel"),
    *("numpy", "scipy.stats", "pandas", "pyarrow.parquet", "torch", "tqdm", "jsonschema", "cryptography"),
    *("markdown_it", "nh3", "pypdf", "jieba", "zoneinfo", "fontTools.ttLib", "yaml", "qrcode"),
)
PROJECT = ("django_project", "tasks", "recommender")
DATABASE, TEST_DATABASE, TEMPLATE = "chainfund", "test_chainfund", "chainfund_template"
# Beyond the tests' usual time: a start, and a machine that does other things too.
START_SECONDS, PATIENCE, WALL_PATIENCE = 40, 4.0, 12.0
OPTIONS = (
    *("-o", "addopts=-q --strict-markers --strict-config -p no:cacheprovider"),
    # The libraries are there before it.
    *("-W", "ignore::pytest.PytestAssertRewriteWarning"),
)


@dataclass(frozen=True)
class Request:
    """Try `tests`, usually done in `seconds`, with the file at `path` being `source`; or as it is.

    `with_schema` asks as well whether models and migrations agree, `to_collect` what the tests run.
    """

    tests: list[str]
    seconds: float = 600.0
    path: str = ""
    source: str = ""
    with_schema: bool = False
    to_collect: bool = False


@dataclass(frozen=True)
class Answer:
    """`by` is the first test that failed, or what else went wrong; empty when nothing did."""

    by: str
    tests: list[dict[str, Any]]


def main() -> None:
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    with tempfile.TemporaryDirectory(prefix="chainfund-mutants-") as name:
        root = Path(name)
        # PostgreSQL refuses to run as root and then runs as a user of its own.
        root.chmod(0o755)
        with _Servers(root) as servers:
            for line in sys.stdin:
                answer = servers.answer(Request(**json.loads(line)))
                print(json.dumps(asdict(answer)), file=answers, flush=True)


class _Servers:
    def __init__(self, root: Path) -> None:
        self._root, self._folder = root, root / "fork"
        self._log = root / "log"
        os.environ[MARK] = str(root)
        os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")
        self._postgres, self._redis = Postgres(root / "postgres"), Redis(root)
        self._mtime = int(time.time())

    def __enter__(self) -> "_Servers":
        with self._admin() as connection:
            for setting in ("fsync", "full_page_writes", "synchronous_commit"):
                connection.execute(sql.SQL("ALTER SYSTEM SET {} = off").format(sql.Identifier(setting)))
            connection.execute("SELECT pg_reload_conf()")
        os.environ.update(
            CHAINFUND_MODE="test",
            DATABASE_URL=self._postgres.ensure_database(DATABASE),
            REDIS_URL=self._redis.url,
            CHAINFUND_DEPLOYMENTS_DIR=str(self._folder / "deployments"),
            CHAINFUND_RECOMMENDER_DIR=str(self._folder / "runs"),
            CHAINFUND_STATIC_ROOT=str(self._folder / "static"),
        )
        for library in LIBRARIES:
            with contextlib.suppress(ImportError):
                importlib.import_module(library)
        # Forks then leave this alone whenever pytest has all rubbish collected.
        gc.collect()
        gc.freeze()
        if problem := self._fork(_create_database, 600, 3600):
            raise RuntimeError(f"the tests' database cannot be made: {problem}\n{self._log.read_text()}")
        with self._admin() as connection:
            names = sql.Identifier(TEST_DATABASE), sql.Identifier(TEMPLATE)
            connection.execute(sql.SQL("ALTER DATABASE {} RENAME TO {}").format(*names))
        return self

    def __exit__(self, *_: object) -> None:
        self._redis.stop()
        self._postgres.stop()
        end_leftovers(self._root)

    def _admin(self) -> psycopg.Connection:
        return psycopg.connect(self._postgres.url("postgres"), autocommit=True)

    def answer(self, request: Request) -> Answer:
        self._mtime += 1
        with (
            changed(Path(request.path), request.source, self._mtime)
            if request.path
            else contextlib.nullcontext()
        ):
            if request.with_schema and (problem := self._fork(_check_schema, START_SECONDS, 600)):
                return Answer(f"the schema: {problem}", [])
            return self._try_tests(request) if request.tests else Answer("", [])

    def _fork(self, work: Callable[[], int], cpu: float, wall: float) -> str:
        problem = fork(work, cpu, wall, self._log, str(self._folder))
        if problem:
            end_leftovers(self._folder)
        return problem

    def _try_tests(self, request: Request) -> Answer:
        self._refresh()
        report = self._folder / "report.json"
        cpu = START_SECONDS + PATIENCE * request.seconds
        wall = START_SECONDS * 3 + WALL_PATIENCE * request.seconds
        problem = self._fork(lambda: _run_tests(request, report), cpu, wall)
        if problem and not request.path:
            print(self._log.read_text(errors="replace"), file=sys.stderr, flush=True)
        told: dict[str, Any] = json.loads(report.read_text()) if report.exists() else {}
        return Answer(told.get("failed") or problem, told.get("tests", []))

    def _refresh(self) -> None:
        """Put everything back to what it was before the first test."""
        shutil.rmtree(self._folder, ignore_errors=True)
        (self._folder / "static").mkdir(parents=True)
        with redis.Redis.from_url(self._redis.url) as client:
            client.flushall()
        with self._admin() as connection:
            names = sql.Identifier(TEST_DATABASE), sql.Identifier(TEMPLATE)
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(names[0]))
            connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(*names))


@contextlib.contextmanager
def changed(path: Path, source: str, mtime: float) -> Iterator[None]:
    """Write a changed file, under a time of its own: by that Python knows its compiled form."""
    original, times = path.read_bytes(), path.stat()
    try:
        path.write_text(source)
        os.utime(path, (mtime, mtime))
        yield
    finally:
        path.write_bytes(original)
        os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


def fork(work: Callable[[], int], cpu: float, wall: float, log: Path, mark: str) -> str:
    """Do it in a fork, that reads the project anew; says what went wrong."""
    for name in [name for name in sys.modules if name.partition(".")[0] in (*PROJECT, "demo", "tests")]:
        # Whatever we have loaded ourselves.
        del sys.modules[name]
    with log.open("wb") as output:
        pid = os.fork()
        if pid == 0:
            _be_the_fork(work, output.fileno(), int(cpu), mark)
    ended = select.select([handle := os.pidfd_open(pid)], [], [], wall)[0]
    os.close(handle)
    if not ended:
        os.kill(pid, signal.SIGKILL)
    _, status = os.waitpid(pid, 0)
    code = os.waitstatus_to_exitcode(status)
    if code in (0, 1):
        return "" if code == 0 else "a test that failed"
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)
    return "time" if code in (-signal.SIGKILL, -signal.SIGXCPU) else f"status {code}"


def _be_the_fork(work: Callable[[], int], log: int, cpu: int, mark: str) -> None:
    code = 3
    try:
        os.setsid()
        os.dup2(log, 1)
        os.dup2(log, 2)
        resource.setrlimit(resource.RLIMIT_CPU, (cpu, cpu + 5))
        os.environ[MARK] = mark
        code = work()
    except BaseException:  # noqa: BLE001  # whatever it is, only the fork may end of it
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _create_database() -> int:
    import django

    os.environ["DJANGO_SETTINGS_MODULE"] = "django_project.settings"
    django.setup()
    from django.db import connection

    connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
    connection.close()
    return 0


def _check_schema() -> int:
    import django

    os.environ["DJANGO_SETTINGS_MODULE"] = "django_project.settings"
    django.setup()
    from django.core.management import call_command

    call_command("makemigrations", check_changes=True, dry_run=True, verbosity=0)
    return 0


def _run_tests(request: Request, report: Path) -> int:
    import pytest
    from django.db.backends.base.creation import BaseDatabaseCreation

    from tools.mutation.recording import Coverage, Recorder

    coverage = Coverage(PROJECT) if request.to_collect else None
    recorder = Recorder(report, coverage)
    stop = [] if request.to_collect else ["-x"]
    with (
        mock.patch.object(BaseDatabaseCreation, "create_test_db", _use_ready_database),
        mock.patch.object(BaseDatabaseCreation, "destroy_test_db"),
        # What is left open after the last test is no test's failure: pytest would end of it.
        contextlib.suppress(pytest.PytestUnraisableExceptionWarning),
    ):
        pytest.main([*OPTIONS, *stop, *request.tests], plugins=[recorder])
    recorder.finish()
    return recorder.status


def _use_ready_database(creation: Any, *_: object, **__: object) -> str:
    connection = creation.connection
    connection.close()
    connection.settings_dict["NAME"] = TEST_DATABASE
    return TEST_DATABASE


if __name__ == "__main__":
    main()
