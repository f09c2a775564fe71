"""What `python -m demo` is asked for."""

import argparse
import os
from dataclasses import dataclass
from pathlib import Path

from demo.simulation import Scale
from demo.simulation.scenario import DEFAULT_SEED
from devtools.servers import PROJECT_ROOT

USUAL_DIRECTORY = PROJECT_ROOT / ".demo"


@dataclass(frozen=True, slots=True)
class Options:
    directory: Path
    scale: Scale
    seed: int
    check: bool
    reset: bool
    reload: bool
    port: int | None


def directory() -> Path:
    """Where this demo keeps its data."""
    return Path(os.environ.get("CHAINFUND_DEMO_DIR", "").strip() or USUAL_DIRECTORY).resolve()


def read_options(arguments: list[str] | None = None) -> Options:
    """Read the command line and CHAINFUND_DEMO_DIR; ends the process with a sentence when they are wrong."""
    parser = argparse.ArgumentParser(
        prog="python -m demo",
        description="The whole system on this machine, with a simulated history and a demo wallet.",
    )
    parser.add_argument("--check", action="store_true", help="verify everything, print a table and stop")
    parser.add_argument("--reset", action="store_true", help="begin anew, without the last demo's data")
    parser.add_argument(
        "--reload", action="store_true", help="restart site and workers whenever their code changes"
    )
    parser.add_argument("--port", type=int, help="of the site; without it 8000 or the next free one")
    whole = Scale()
    parser.add_argument("--campaigns", type=int, default=whole.campaigns, help="how many of the catalogue's")
    parser.add_argument("--backers", type=int, default=whole.backers)
    parser.add_argument("--seed", type=int, default=DEFAULT_SEED, help="of the simulated history")
    given = parser.parse_args(arguments)
    try:
        scale = Scale(given.campaigns, given.backers)
    except ValueError as error:
        parser.error(str(error))
    return Options(directory(), scale, given.seed, given.check, given.reset, given.reload, given.port)
