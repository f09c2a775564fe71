"""Whether the site can do its work, part by part."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import redis
from django.conf import settings
from django.db import DatabaseError, connection

from django_project.core.schema import unapplied_migrations
from django_project.ledger.models import Chain
from django_project.ledger.selectors import ChainHealth, index_health

REDIS_TIMEOUT_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Check:
    """One part; `problem` is empty when it is well. Without what is `needed` no page can be served."""

    name: str
    problem: str
    is_needed: bool = True

    @property
    def is_well(self) -> bool:
        return not self.problem


def checks() -> list[Check]:
    """Database, migrations, Redis, and of each chain the index, and the clock where it is another one."""
    database = Check("database", _problem_of(_ask_database, DatabaseError))
    if not database.is_well:
        return [database]
    cache = Check("redis", _problem_of(_ask_redis, redis.RedisError))
    migrations = Check("migrations", _unapplied())
    if not migrations.is_well:
        return [database, migrations, cache]
    return [database, migrations, cache, *_index_checks()]


def _problem_of(ask: Callable[[], None], failure: type[Exception]) -> str:
    try:
        ask()
    except failure as error:
        return f"does not answer: {type(error).__name__}"
    return ""


def _ask_database() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


def _ask_redis() -> None:
    with redis.Redis.from_url(
        settings.REDIS_URL,
        socket_timeout=REDIS_TIMEOUT_SECONDS,
        socket_connect_timeout=REDIS_TIMEOUT_SECONDS,
    ) as client:
        client.ping()


class _UnappliedError(Exception):
    """Migrations wait to be applied."""


@lru_cache(maxsize=1)
def _require_migrated() -> None:
    """Looked up until it is so, then never again: it lists folders and reads a table."""
    waiting = unapplied_migrations()
    if waiting:
        raise _UnappliedError(f"{len(waiting)} to apply: run `manage.py migrate`")


def _unapplied() -> str:
    try:
        _require_migrated()
    except _UnappliedError as error:
        return str(error)
    return ""


def _index_checks() -> list[Check]:
    """A chain that is late or halted is its own pages' matter; it is needed only when no other is well."""
    followed = [chain for chain in index_health() if not chain.is_retired]
    none_is_well = all(_problem_of_index(chain) for chain in followed if chain.is_started)
    found = []
    for chain in followed:
        is_needed = chain.is_started and none_is_well
        found.append(Check(f"index of chain {chain.chain_id}", _problem_of_index(chain), is_needed))
        if chain.is_clock_off:
            found.append(Check(f"clock of chain {chain.chain_id}", _clock_difference(chain), is_needed=False))
    return found


def _problem_of_index(chain: ChainHealth) -> str:
    limit = int(settings.INDEXER_LAG_LIMIT.total_seconds())
    if not chain.is_started:
        return "never started: see `manage.py indexer doctor`"
    if chain.state == Chain.State.HALTED:
        return f"halted: {chain.halt_reason}"
    if chain.is_stalled:
        return f"stalled for {chain.problem_seconds} s: {chain.problem}"
    return f"{chain.lag_seconds} s late, {limit} s are allowed" if chain.lag_seconds > limit else ""


def _clock_difference(chain: ChainHealth) -> str:
    side = "ahead of" if chain.clock_offset_seconds > 0 else "behind"
    return f"{abs(chain.clock_offset_seconds)} s {side} the database's"
