"""Starts the real servers that tests use, once per process and before Django reads its settings.

Loaded with `-p tests.plugin`: DATABASE_URL and REDIS_URL have to exist before pytest-django loads the
settings, which happens before any conftest is read. With `-n 4` each of pytest-xdist's workers has servers of
its own; the process that hands out the tests needs none.
"""

import gc
import os
import tempfile
from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest
from psycopg import sql

from demo.processes import MARK, end_leftovers
from devtools.servers import Postgres, Redis

if TYPE_CHECKING:
    from xdist.remote import Producer

    from tests.scheduling import FileScheduling

# Where the run keeps its servers' files, a folder for each of its processes.
DIRECTORY = "CHAINFUND_TESTS_DIRECTORY"

_directory = pytest.StashKey[tempfile.TemporaryDirectory[str]]()
_postgres = pytest.StashKey[Postgres]()
_redis = pytest.StashKey[Redis]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--all-looks",
        action="store_true",
        help="Read every page in each language, theme and width, instead of two of the twelve ways, and make "
        "every journey in each language, instead of one.",
    )
    parser.addoption(
        "--fault-seeds",
        type=int,
        default=3,
        help="Seeds of mixed faults for the indexer to survive.",
    )
    parser.addoption(
        "--campaigns",
        type=int,
        default=1_000,
        help="Campaigns that a chain has when the indexer is tried on many.",
    )


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> Generator[None, None, None]:
    """Point the settings at fresh servers."""
    # Several processes share the cores: threads that wait for each other in a loop cost the others theirs.
    os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")
    if worker := os.environ.get("PYTEST_XDIST_WORKER"):
        _start_servers(early_config, Path(os.environ[DIRECTORY]) / worker)
    else:
        directory = tempfile.TemporaryDirectory(prefix="chainfund-tests-")
        early_config.stash[_directory] = directory
        # PostgreSQL refuses to run as root and then runs as a user of its own, who has to reach its data.
        Path(directory.name).chmod(0o755)
        os.environ[DIRECTORY] = directory.name
        if getattr(early_config.known_args_namespace, "numprocesses", None):
            os.environ.update(CHAINFUND_MODE="test", DATABASE_URL="postgresql:///unused")
        else:
            _start_servers(early_config, Path(directory.name) / "alone")
    yield


def _start_servers(config: pytest.Config, root: Path) -> None:
    root.mkdir(mode=0o755)
    os.environ[MARK] = str(root)
    postgres, redis = Postgres(root / "postgres"), Redis(root)
    _do_without_durability(postgres)
    config.stash[_postgres] = postgres
    config.stash[_redis] = redis
    (root / "static").mkdir()
    os.environ.update(
        CHAINFUND_MODE="test",
        DATABASE_URL=postgres.ensure_database("chainfund"),
        REDIS_URL=redis.url,
        CHAINFUND_DEPLOYMENTS_DIR=str(root / "deployments"),
        CHAINFUND_RECOMMENDER_DIR=str(root / "runs"),
        CHAINFUND_STATIC_ROOT=str(root / "static"),
    )


def _do_without_durability(postgres: Postgres) -> None:
    """What is thrown away after the run need not survive a power cut: this halves the tests' time."""
    with psycopg.connect(postgres.url("postgres"), autocommit=True) as connection:
        for setting in ("fsync", "full_page_writes", "synchronous_commit"):
            connection.execute(sql.SQL("ALTER SYSTEM SET {} = off").format(sql.Identifier(setting)))
        connection.execute("SELECT pg_reload_conf()")


@pytest.hookimpl(trylast=True)
def pytest_collection_finish() -> None:
    """Spare the garbage collector what stays until the end: looking at it took a fifth of the tests' time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: "Producer") -> "FileScheduling":
    """Called with `-n` alone: nothing else needs pytest-xdist."""
    from tests.scheduling import FileScheduling

    return FileScheduling(config, log)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Before a worker says that it is done: after that it may be ended at any moment."""
    _stop_servers(session.config)


def pytest_unconfigure(config: pytest.Config) -> None:
    """End what workers leave that were interrupted and given no time."""
    _stop_servers(config)
    if _directory in config.stash:
        for root in Path(config.stash[_directory].name).iterdir():
            end_leftovers(root)
        config.stash[_directory].cleanup()


def _stop_servers(config: pytest.Config) -> None:
    if _redis in config.stash:
        config.stash[_redis].stop()
        config.stash[_postgres].stop()
        del config.stash[_redis]
