"""Commands that bring other people's data into the recommender's format."""

from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    app.command()(movielens)


def movielens(
    source: Annotated[
        Path,
        typer.Argument(help="A folder, zip file or wheel with MovieLens 100K or RecBole's ml-100k files."),
    ],
    out: Annotated[Path, typer.Argument(help="Directory to write events.parquet and items.parquet into.")],
) -> None:
    """Write MovieLens 100K as events and items, to compare with published results."""
    from recommender.data.movielens import read_movielens
    from recommender.data.writing import write_directory

    tables = read_movielens(source)
    write_directory(tables, out)
    typer.echo(f"{out}: {len(tables.events):,} ratings of {len(tables.items):,} films")
