"""The project's processes, run on the test's own database: management commands, workers, forked indexers."""

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from multiprocessing.process import BaseProcess
from pathlib import Path
from urllib.parse import quote

import pytest
from django.db import connection, connections
from django.utils import timezone

from devtools.servers import PROJECT_ROOT
from django_project.core import jobs
from django_project.ledger.models import Cursor
from tests.support.contracts import Suite

DEADLINE_SECONDS = 300
WORKER = ("-m", "celery", "-A", "tasks.celery", "worker", "-Q", "indexing,default", "-l", "INFO")


def environment(*suites: Suite, **more: str) -> dict[str, str]:
    """The environment of a process that works on this test's database and on the chains of the suites."""
    database = connection.settings_dict
    socket_directory = database["HOST"] or database["OPTIONS"]["host"]
    url = f"postgresql://{database['USER']}@/{database['NAME']}?host={quote(socket_directory, safe='')}"
    configured = {"DATABASE_URL": url, "CHAINFUND_MODE": "test"}
    if suites:
        configured["CHAINFUND_RPC_URLS"] = ";".join(f"{suite.chain_id}={suite.url}" for suite in suites)
        configured["CHAINFUND_DEPLOYMENTS_DIR"] = str(suites[0].registry.parent)
    return {**os.environ, **configured, **more}


def manage(*arguments: str, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        env=env,
        cwd=PROJECT_ROOT,
        capture_output=True,
        text=True,
        timeout=DEADLINE_SECONDS,
        check=False,
    )


def start(*command: str, env: dict[str, str], log: Path) -> subprocess.Popen[bytes]:
    with log.open("ab") as output:
        return subprocess.Popen(
            [sys.executable, *command],
            env=env,
            cwd=PROJECT_ROOT,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def beat(directory: Path) -> tuple[str, ...]:
    """The command line of Celery's beat, which keeps its schedule in `directory`."""
    return ("-m", "celery", "-A", "tasks.celery", "beat", "-s", str(directory / "beat"), "-l", "WARNING")


def kill(process: subprocess.Popen[bytes]) -> None:
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def wait_until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            pytest.fail(f"waited {DEADLINE_SECONDS} s for {what}")
        time.sleep(0.02)


def fork(work: Callable[..., None], *arguments: object) -> BaseProcess:
    """A process that has everything imported already, with a connection to the database of its own."""
    connections.close_all()
    # As a new process would: the connection to the broker is not shared either.
    jobs._producer.cache_clear()
    child = multiprocessing.get_context("fork").Process(target=work, args=arguments, daemon=True)
    child.start()
    return child


def wait_for_backends_to_end() -> None:
    """Return once PostgreSQL has noticed that the processes which worked on this database are dead."""

    def is_alone() -> bool:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
                "AND backend_type = 'client backend' AND pid <> pg_backend_pid()"
            )
            return bool(cursor.fetchone()[0] == 0)

    wait_until(is_alone, "the dead process's transaction to be undone")


def let_lease_run_out() -> None:
    """What the passing of a few seconds does."""
    Cursor.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
