"""What a process has cost: wall clock, processor time and memory, its children's included."""

import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from devtools.servers import PROJECT_ROOT
from tests.support.watching import wait_and_watch


@dataclass(frozen=True)
class Cost:
    """Seconds and, at its peak, megabytes (10^6 bytes) of resident memory of the largest process."""

    wall_s: float
    cpu_s: float
    rss_mb: float


def run(command: Sequence[str], env: Mapping[str, str]) -> Cost:
    """Run to the end, from the start of the interpreter.

    Raises:
        subprocess.CalledProcessError: it ended with another status than 0.
    """
    started = time.perf_counter()
    process = subprocess.Popen(command, env={**os.environ, **env}, cwd=PROJECT_ROOT)
    usage = wait_and_watch(process)
    wall = time.perf_counter() - started
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return Cost(wall, usage.cpu_seconds, usage.peak_rss / 1e6)


def indexer(
    database_url: str, rpc_url: str, registry: Path, *, until: int | None = None
) -> tuple[list[str], dict[str, str]]:
    """`manage.py indexer run` on a database that has its tables, and its environment, without a broker."""
    environment = {
        "DATABASE_URL": database_url,
        "CHAINFUND_MODE": "development",
        "REDIS_URL": "redis://127.0.0.1:1/0",
    }
    manage = [sys.executable, "manage.py"]
    subprocess.run(
        [*manage, "migrate", "-v0"], env={**os.environ, **environment}, cwd=PROJECT_ROOT, check=True
    )
    command = [*manage, "indexer", "run", "--rpc-url", rpc_url, "--deployments", str(registry)]
    return command + ([] if until is None else ["--until-block", str(until)]), environment


def typical(costs: Sequence[Cost]) -> Cost:
    """The median of each figure."""
    return Cost(
        median(cost.wall_s for cost in costs),
        median(cost.cpu_s for cost in costs),
        max(cost.rss_mb for cost in costs),
    )
