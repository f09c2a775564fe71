"""Files that are either wholly there or not there, and their hashes."""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson

_JSON_OPTIONS = orjson.OPT_SORT_KEYS | orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE


def to_json(value: Any) -> bytes:
    """Readable JSON with sorted keys: the same value always gives the same bytes."""
    return orjson.dumps(value, option=_JSON_OPTIONS)


def sha256_hex(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def sha256_file(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def write_atomic(path: Path, content: bytes) -> None:
    """Replace a file so that a reader sees the old bytes or the new ones, also after a power cut."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as stream:
            # Temporary files are for their owner alone; what is published is for all to read.
            os.fchmod(handle, 0o644)
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


@contextmanager
def staging_directory(parent: Path) -> Iterator[Path]:
    """A temporary directory beside its future place; whatever is not published is removed."""
    parent.mkdir(parents=True, exist_ok=True)
    staging = Path(tempfile.mkdtemp(dir=parent, prefix=".staging-"))
    try:
        yield staging
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def publish(staging: Path, target: Path) -> None:
    """Make a staged directory appear under its name at once.

    If `target` exists it stays as it is: directories made this way are named by their contents.
    """
    for path in staging.iterdir():
        with path.open("rb") as stream:
            os.fsync(stream.fileno())
    staging.chmod(0o755)
    if not target.exists():
        staging.rename(target)
