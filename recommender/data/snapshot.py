"""A snapshot: the tables a model learns from, frozen as Parquet files beside a manifest with their hashes."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow.parquet
from pydantic import (
    BaseModel,
    ConfigDict,
    SerializerFunctionWrapHandler,
    ValidationError,
    model_serializer,
)

from recommender.data.reading import conform
from recommender.data.rules import exclude
from recommender.data.schema import EVENTS, FORMATS, SCHEMA_VERSION, TableFormat, Tables
from recommender.errors import DamagedError, DataError
from recommender.files import publish, sha256_file, sha256_hex, staging_directory, to_json

MANIFEST = "manifest.json"


class ChainHead(BaseModel):
    """The finalized block up to which a chain's rows were taken."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    number: int
    hash: str


class Provenance(BaseModel):
    """What decides a snapshot's contents: the same provenance gives the same bytes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    finalized: dict[str, ChainHead]
    """By chain id."""
    behaviour_until: datetime
    """Behaviour received later is not in it."""
    erasure_version: int = 0
    """Grows each time somebody asks to be forgotten."""
    unknown_currencies: tuple[str, ...] = ()
    """Those whose campaigns are left out, because nobody can say what an amount in them is."""
    source: str = "ledger"

    @model_serializer(mode="wrap")
    def _without_what_older_ones_lack(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Snapshots made before a currency could be unknown keep their hash."""
        told: dict[str, Any] = dump(self)
        if not self.unknown_currencies:
            told.pop("unknown_currencies", None)
        return told


class Manifest(BaseModel):
    """A snapshot's own account of itself. It holds no clock time, so that it can be made again."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: int
    provenance: Provenance
    rows: dict[str, int]
    files: dict[str, str]
    """SHA-256 by file name."""
    excluded: dict[str, int]
    """Rows each rule took out."""

    @property
    def snapshot_hash(self) -> str:
        return sha256_hex(to_json(self.model_dump(mode="json")))


@dataclass(frozen=True)
class SnapshotInfo:
    """Where a snapshot lies and what it says of itself."""

    path: Path
    manifest: Manifest

    @property
    def hash(self) -> str:
        return self.manifest.snapshot_hash


def build_snapshot(
    tables: Tables, provenance: Provenance, root: Path, left_out: Mapping[str, int] | None = None
) -> SnapshotInfo:
    """Check, clean, sort and freeze the tables under `root/<first 16 digits of its hash>`, atomically.

    `left_out` counts by rule what never came into the tables.

    Raises:
        DataError: the tables do not fit their formats, or the behaviour cut-off has no time zone.
    """
    if provenance.behaviour_until.tzinfo is None:
        raise DataError("provenance.behaviour_until has no time zone: give it in UTC")
    kept, excluded = exclude(conform(tables), until=provenance.behaviour_until)
    excluded = {**excluded, **(left_out or {})}
    files: dict[str, str] = {}
    rows: dict[str, int] = {}
    with staging_directory(root) as staging:
        for form, frame in kept.named():
            name = f"{form.name}.parquet"
            _write(_canonical(frame, form), staging / name)
            files[name], rows[form.name] = sha256_file(staging / name), len(frame)
        manifest = Manifest(
            schema_version=SCHEMA_VERSION, provenance=provenance, rows=rows, files=files, excluded=excluded
        )
        (staging / MANIFEST).write_bytes(to_json(manifest.model_dump(mode="json")))
        target = root / manifest.snapshot_hash[:16]
        publish(staging, target)
    return open_snapshot(target)


def open_snapshot(path: Path) -> SnapshotInfo:
    """Verify every file against the manifest.

    Raises:
        DamagedError: the manifest is missing or unreadable, or a file is not the one it names.
    """
    try:
        manifest = Manifest.model_validate_json((path / MANIFEST).read_bytes())
    except FileNotFoundError:
        raise DamagedError(f"{path} is not a snapshot: it has no {MANIFEST}; make a new snapshot") from None
    except ValidationError as error:
        raise DamagedError(
            f"{path / MANIFEST} is damaged ({error.error_count()} errors); make a new snapshot"
        ) from None
    for name, expected in manifest.files.items():
        if not (path / name).exists() or sha256_file(path / name) != expected:
            raise DamagedError(f"{path / name} is not the file its manifest names; make a new snapshot")
    return SnapshotInfo(path, manifest)


def load_snapshot(info: SnapshotInfo) -> Tables:
    """The snapshot's tables, as they were frozen; columns that came to their formats later are empty."""
    frames = {
        form.name: _with_all_columns(pl.read_parquet(info.path / f"{form.name}.parquet"), form)
        for form in FORMATS
        if f"{form.name}.parquet" in info.manifest.files
    }
    return Tables(**frames)


def _with_all_columns(frame: pl.DataFrame, form: TableFormat) -> pl.DataFrame:
    missing = (name for name in form.columns if name not in frame.columns)
    return frame.with_columns(pl.lit(None, dtype=form.columns[name]).alias(name) for name in missing)


def _canonical(frame: pl.DataFrame, form: TableFormat) -> pl.DataFrame:
    # Every column takes part, so that no tie is left to the order the rows came in.
    first = ["timestamp"] if form is EVENTS else list(form.keys)
    return frame.sort([*first, *(name for name in form.columns if name not in first)], nulls_last=True)


def _write(frame: pl.DataFrame, path: Path) -> None:
    pyarrow.parquet.write_table(
        frame.to_arrow(compat_level=pl.CompatLevel.oldest()),
        path,
        compression="zstd",
        row_group_size=1 << 17,
        version="2.6",
    )
