"""MovieLens 100K as events and items: the public data on which recommenders are compared with each other.

Two layouts are read: GroupLens' own (`u.data`, `u.item`) and RecBole's atomic files (`ml-100k.inter`,
`ml-100k.item`), which come inside RecBole's wheel. Every rating counts as a contribution, as in RecBole's
published results, and its stars are the amount. What the ratings say is Harper and Konstan 2015.
"""

import io
import zipfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

import polars as pl

from recommender.data.reading import conform
from recommender.data.schema import Tables
from recommender.errors import DataError

LAYOUTS = (("u.data", "u.item"), ("ml-100k.inter", "ml-100k.item"))
GENRES = (
    "unknown", "Action", "Adventure", "Animation", "Children's", "Comedy", "Crime", "Documentary", "Drama",
    "Fantasy", "Film-Noir", "Horror", "Musical", "Mystery", "Romance", "Sci-Fi", "Thriller", "War", "Western",
)  # fmt: skip
"""In the order of the flags in u.item."""


def read_movielens(source: Path) -> Tables:
    """The tables in a folder, or in a zip file or wheel, at whatever depth the files lie.

    Raises:
        DataError: neither layout is there, or a file is not written as its layout says.
    """
    for ratings_name, movies_name in LAYOUTS:
        ratings, movies = _find(source, ratings_name), _find(source, movies_name)
        if ratings is None or movies is None:
            continue
        is_own = ratings_name == LAYOUTS[0][0]
        try:
            items = _own_items(movies) if is_own else _atomic_items(movies)
            return conform(Tables(_events(ratings, has_header=not is_own), items))
        except (pl.exceptions.PolarsError, UnicodeDecodeError, ValueError, IndexError) as error:
            raise DataError(f"{source}: {ratings_name} and {movies_name} cannot be read: {error}") from error
    wanted = " nor ".join(" with ".join(names) for names in LAYOUTS)
    raise DataError(f"{source} holds neither {wanted}: give MovieLens 100K or RecBole's wheel")


def _find(source: Path, name: str) -> bytes | None:
    """The contents of the first file of that name."""
    if source.is_dir():
        path = next(iter(sorted(source.rglob(name))), None)
        return path.read_bytes() if path else None
    try:
        with zipfile.ZipFile(source) as archive:
            inside = sorted(n for n in archive.namelist() if PurePosixPath(n).name == name)
            return archive.read(inside[0]) if inside else None
    except FileNotFoundError:
        raise DataError(f"{source} does not exist: give a folder, a zip file or a wheel") from None
    except zipfile.BadZipFile:
        raise DataError(f"{source} is no folder, zip file or wheel") from None


def _events(content: bytes, *, has_header: bool) -> pl.DataFrame:
    columns = ("user_id", "item_id", "amount", "seconds")
    kinds = {"user_id": pl.String, "item_id": pl.String, "amount": pl.Float64, "seconds": pl.Float64}
    frame = pl.read_csv(
        io.BytesIO(content), separator="\t", has_header=False, skip_rows=int(has_header), new_columns=columns,
        schema_overrides=list(kinds.values()), quote_char=None,
    )  # fmt: skip
    timestamp = pl.from_epoch((pl.col("seconds") * 1e6).cast(pl.Int64), "us").dt.replace_time_zone("UTC")
    return frame.select(
        "user_id", "item_id", timestamp.alias("timestamp"), pl.lit("contribute").alias("kind"), "amount"
    )


def _own_items(content: bytes) -> pl.DataFrame:
    """id|title (year)|release date|video release|address|one flag for each genre, in ISO 8859-1."""
    rows = [line.split("|") for line in content.decode("iso-8859-1").splitlines() if line]
    flags = [[genre for genre, flag in zip(GENRES, row[5:], strict=True) if flag == "1"] for row in rows]
    released = [_released(row[2]) for row in rows]
    return _items([row[0] for row in rows], [row[1] for row in rows], flags, released)


def _released(date: str) -> str:
    """The year of a date as 01-Jan-1995; empty for an empty one."""
    return str(datetime.strptime(date, "%d-%b-%Y").replace(tzinfo=UTC).year) if date else ""


def _atomic_items(content: bytes) -> pl.DataFrame:
    """item_id, movie_title, release_year, class; genres with spaces between them."""
    rows = [line.split("\t") for line in content.decode("utf-8").splitlines()[1:] if line]
    return _items(
        [row[0] for row in rows], [row[1] for row in rows], [row[3].split() for row in rows],
        [row[2] for row in rows],
    )  # fmt: skip


def _items(
    names: Sequence[str], titles: Sequence[str], genres: Sequence[Sequence[str]], years: Sequence[str]
) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "item_id": names,
            "title": titles,
            "description": [", ".join([*each, year]) for each, year in zip(genres, years, strict=True)],
            "category": [each[0] if each else None for each in genres],
            "language": ["en"] * len(names),
        },
        schema_overrides={"category": pl.String},
    )
