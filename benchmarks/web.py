"""The pages' speed with 10,000 campaigns and 1,000,000 contributions, and the bytes a first visit fetches.

`python -m benchmarks.web [--campaigns 10000] [--contributions 1000000]` fills its own PostgreSQL, serves the
site by gunicorn on loopback, prints the figures and writes them to benchmarks/results/web.json. Latencies are
those of one worker asked by one reader, each request another URL; requests per second those of three workers
asked by eight readers at once for a mix of the four pages: the median of three windows.
"""

import argparse
import http.client
import itertools
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from benchmarks import page_weight
from benchmarks.words import CATEGORIES, CHINESE, ENGLISH
from devtools.servers import PROJECT_ROOT, Postgres, Process, Redis, free_port

GUNICORN = PROJECT_ROOT / "deploy" / "gunicorn.conf.py"
RESULTS = PROJECT_ROOT / "benchmarks" / "results" / "web.json"
WARM_UP = 20
READERS = 8
# A worker's first pages compile templates, load the Chinese dictionary and fill its share of the caches.
WARM_UP_SECONDS = 15.0
# Of full load; the machine has other guests, and the median of a few windows passes over their bursts.
WINDOWS = 3
# One more than the two cores, with few threads each: they take turns with the interpreter.
WORKERS, THREADS = 3, 2


def paths(page: str, campaigns: int, dice: random.Random) -> str:
    """One of the page's URLs, another each time."""
    match page:
        case "home":
            return "/"
        case "explore":
            facets = (
                f"category={dice.choice(CATEGORIES)}&status={dice.choice(('open', 'succeeded', 'failed'))}"
            )
            order = dice.choice(("best", "newest", "ending", "backed", "funded", "random"))
            return f"/explore/?{facets}&funded={dice.choice((0, 25, 50, 100))}&sort={order}"
        case "campaign":
            return f"/campaigns/campaign-{dice.randrange(campaigns)}/"
        case _:
            return f"/explore/?q={quote(dice.choice(dice.choice((CHINESE, ENGLISH))))}"


def get(connection: http.client.HTTPConnection, path: str) -> float:
    """Seconds until the whole answer is here; anything but 200 ends the run."""
    started = time.perf_counter()
    connection.request("GET", path)
    response = connection.getresponse()
    response.read()
    if response.status != 200:
        raise RuntimeError(f"{path} answered {response.status}")
    return time.perf_counter() - started


@contextmanager
def serving(directory: Path, env: dict[str, str], workers: int) -> Iterator[int]:
    """The site on a free port, as production runs it, on synchronous workers with threads."""
    port = free_port()
    site = Process(
        "site",
        [
            *(sys.executable, "-m", "gunicorn", "--config", str(GUNICORN)),
            *("--bind", f"127.0.0.1:{port}", "--workers", str(workers), "--threads", str(THREADS)),
        ],
        directory / f"site-{workers}.log",
        env,
    )
    try:
        site.wait_until(lambda: _answers(port))
        yield port
    finally:
        site.stop()


def _answers(port: int) -> bool:
    try:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        # In production mode, plain requests are sent on to https, which a proxy ends.
        connection.request("GET", "/livez", headers={"X-Forwarded-Proto": "https"})
        return connection.getresponse().status == 200
    except OSError:
        return False


def p95_ms(port: int, page: str, campaigns: int, requests: int) -> float:
    dice = random.Random(page)
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    for _ in range(WARM_UP):
        get(connection, paths(page, campaigns, dice))
    taken = sorted(get(connection, paths(page, campaigns, dice)) for _ in range(requests))
    return round(1000 * taken[int(0.95 * (len(taken) - 1))], 1)


def requests_per_s(port: int, campaigns: int, seconds: float) -> float:
    answered = [0] * READERS
    failures: list[Exception] = []
    end = time.perf_counter() + seconds

    def read(reader: int) -> None:
        dice = random.Random(reader)
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        pages = itertools.cycle(("home", "explore", "campaign", "search"))
        try:
            while time.perf_counter() < end:
                get(connection, paths(next(pages), campaigns, dice))
                answered[reader] += 1
        except (OSError, RuntimeError, http.client.HTTPException) as error:
            failures.append(error)

    readers = [threading.Thread(target=read, args=(number,)) for number in range(READERS)]
    started = time.perf_counter()
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join()
    if failures:
        raise failures[0]
    return round(sum(answered) / (time.perf_counter() - started), 1)


def fill(env: dict[str, str], campaigns: int, contributions: int) -> None:
    started = time.monotonic()
    manage = [sys.executable, "manage.py"]
    subprocess.run([*manage, "migrate", "-v0"], env=env, cwd=PROJECT_ROOT, check=True)
    code = (
        "import django; django.setup(); from benchmarks.crowd import fill;"
        f"fill({int(campaigns)}, {int(contributions)})"
    )
    subprocess.run([sys.executable, "-c", code], env=env, cwd=PROJECT_ROOT, check=True)
    print(f"filled the database in {time.monotonic() - started:.0f} s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--campaigns", type=int, default=10_000)
    parser.add_argument("--contributions", type=int, default=1_000_000)
    parser.add_argument("--requests", type=int, default=300, help="Per page, for the latencies.")
    parser.add_argument("--seconds", type=float, default=10.0, help="Of each window of full load.")
    options = parser.parse_args()
    figures: dict[str, float] = {}
    with tempfile.TemporaryDirectory(prefix="chainfund-bench-") as name:
        directory = Path(name)
        directory.chmod(0o755)
        postgres, redis = Postgres(directory / "postgres"), Redis(directory)
        env = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "django_project.settings",
            "DATABASE_URL": postgres.ensure_database("web"),
            "REDIS_URL": redis.url,
            "CHAINFUND_MODE": "test",
            "CHAINFUND_LOG_LEVEL": "WARNING",
            "CHAINFUND_RATE_LIMIT_SCALE": "1000000",
        }
        try:
            fill(env, options.campaigns, options.contributions)
            with serving(directory, env, 1) as port:
                for page in ("home", "explore", "campaign", "search"):
                    figures[f"{page}_p95_ms"] = p95_ms(port, page, options.campaigns, options.requests)
            with serving(directory, env, WORKERS) as port:
                requests_per_s(port, options.campaigns, WARM_UP_SECONDS)
                rates = [requests_per_s(port, options.campaigns, options.seconds) for _ in range(WINDOWS)]
                print("requests per second in each window:", *rates)
                figures["requests_per_s"] = statistics.median(rates)
        finally:
            redis.stop()
            postgres.stop()
    figures |= page_weight.kilobytes()
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    RESULTS.write_text(json.dumps(figures, indent=2) + "\n")
    for figure, value in figures.items():
        print(f"{figure:>16}  {value:,}")


if __name__ == "__main__":
    main()
