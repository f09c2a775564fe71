"""Writes tables as a data directory."""

import io
from pathlib import Path

from recommender.data.schema import Tables
from recommender.files import write_atomic


def write_directory(tables: Tables, directory: Path) -> None:
    """Write each table that is there as `<name>.parquet`; every file is wholly there or not at all."""
    for form, frame in tables.named():
        content = io.BytesIO()
        frame.write_parquet(content)
        write_atomic(directory / f"{form.name}.parquet", content.getvalue())
