"""The live pointer as a file, for where there is no database: which run is shown, and those before it."""

from dataclasses import dataclass
from pathlib import Path

import orjson

from recommender.errors import ConfigError, DamagedError
from recommender.files import to_json, write_atomic
from recommender.registry.runs import RunInfo, open_run

POINTER = "live.json"


@dataclass(frozen=True)
class Pointer:
    live: str
    previous: list[str]
    """Newest first."""


def read_pointer(root: Path) -> Pointer | None:
    """None if nothing was promoted yet; raises DamagedError if the file cannot be read."""
    try:
        content = orjson.loads((root / POINTER).read_bytes())
        return Pointer(content["live"], list(content["previous"]))
    except FileNotFoundError:
        return None
    except (orjson.JSONDecodeError, KeyError, TypeError):
        raise DamagedError(f"{root / POINTER} is damaged: promote a run to write it anew") from None


def live_run(root: Path) -> RunInfo | None:
    pointer = read_pointer(root)
    return open_run(root / pointer.live) if pointer else None


def promote(root: Path, run: RunInfo) -> Pointer:
    """Point to a run, which was verified when it was opened."""
    before = read_pointer(root)
    previous = [] if before is None else [before.live, *before.previous]
    pointer = Pointer(run.id, [name for name in previous if name != run.id][:20])
    write_atomic(root / POINTER, to_json({"live": pointer.live, "previous": pointer.previous}))
    return pointer


def rollback(root: Path) -> Pointer:
    """Point to the run that was live before.

    Raises:
        ConfigError: there is none. DamagedError: its files are not sound; the pointer stays.
    """
    before = read_pointer(root)
    if before is None or not before.previous:
        raise ConfigError("no run was live before this one: there is nothing to go back to")
    target = open_run(root / before.previous[0])
    pointer = Pointer(target.id, before.previous[1:])
    write_atomic(root / POINTER, to_json({"live": pointer.live, "previous": pointer.previous}))
    return pointer
