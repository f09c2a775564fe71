"""Starts the real servers that tests use, once per run and before Django reads its settings.

Loaded with `-p tests.plugin`: DATABASE_URL and REDIS_URL have to exist before pytest-django loads the
settings, which happens before any conftest is read.
"""

import os
import tempfile
from collections.abc import Generator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from tasks.demo.servers import Postgres, Redis

_directory = pytest.StashKey[tempfile.TemporaryDirectory[str]]()
_postgres = pytest.StashKey[Postgres]()
_redis = pytest.StashKey[Redis]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--all-looks",
        action="store_true",
        help="Read every page in each language, theme and width, instead of two of the twelve ways.",
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
    directory = tempfile.TemporaryDirectory(prefix="chainfund-tests-")
    # PostgreSQL refuses to run as root and then runs as a user of its own, who has to reach its data.
    Path(directory.name).chmod(0o755)
    root = Path(directory.name)
    postgres, redis = Postgres(root / "postgres"), Redis(root)
    _do_without_durability(postgres)
    early_config.stash[_directory] = directory
    early_config.stash[_postgres] = postgres
    early_config.stash[_redis] = redis
    (root / "static").mkdir()
    os.environ.update(
        CHAINFUND_MODE="test",
        DATABASE_URL=postgres.ensure_database("chainfund"),
        REDIS_URL=redis.url,
        CHAINFUND_DEPLOYMENTS_DIR=str(root / "deployments"),
        CHAINFUND_RECOMMENDER_DIR=str(root / "runs"),
        CHAINFUND_STATIC_ROOT=str(root / "static"),
    )
    yield


def _do_without_durability(postgres: Postgres) -> None:
    """What is thrown away after the run need not survive a power cut: this halves the tests' time."""
    with psycopg.connect(postgres.url("postgres"), autocommit=True) as connection:
        for setting in ("fsync", "full_page_writes", "synchronous_commit"):
            connection.execute(sql.SQL("ALTER SYSTEM SET {} = off").format(sql.Identifier(setting)))
        connection.execute("SELECT pg_reload_conf()")


def pytest_unconfigure(config: pytest.Config) -> None:
    if _directory in config.stash:
        config.stash[_redis].stop()
        config.stash[_postgres].stop()
        config.stash[_directory].cleanup()
