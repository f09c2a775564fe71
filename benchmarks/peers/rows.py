"""One split's rows on the way to another implementation and its scores on the way back.

    write_rows(folder, train, test)         # train.parquet, test.parquet: row_id, user, item, time, label
    theirs = read_scores(folder / "peer.parquet", test)             # row_id, seed, score
    table(test, {"ours": ours, "peer": theirs}, metrics=("rmse", "mae"), reference="peer")

Users and items are numbers, the same on both sides; both sides' scores are measured here, on the same rows.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import polars as pl

from recommender.data.dataset import Floats
from recommender.errors import DataError
from recommender.evaluation.bootstrap import Interval
from recommender.evaluation.rows import LabelledRows, difference, measure


def write_rows(folder: Path, train: LabelledRows, test: LabelledRows) -> None:
    """Both parts as Parquet; a row's id is its place in its part."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, rows in (("train", train), ("test", test)):
        columns = {"row_id": np.arange(len(rows)), **vars(rows)}
        pl.DataFrame(columns).write_parquet(folder / f"{name}.parquet")


def write_scores(path: Path, scores: Sequence[Floats]) -> None:
    """Scores of the test's rows, (rows,) for each seed."""
    parts = [
        pl.DataFrame({"row_id": np.arange(len(each)), "seed": np.full(len(each), seed), "score": each})
        for seed, each in enumerate(scores)
    ]
    pl.concat(parts).write_parquet(path)


def read_scores(path: Path, test: LabelledRows) -> list[Floats]:
    """What a peer wrote, (rows,) for each seed, in the order of the rows.

    Raises:
        DataError: a row has no score, or more than one.
    """
    frame = pl.read_parquet(path)
    found = []
    for seed in frame["seed"].unique().sort():
        mine = frame.filter(pl.col("seed") == seed).sort("row_id")
        if not np.array_equal(mine["row_id"].to_numpy(), np.arange(len(test))):
            raise DataError(f"{path}, seed {seed}: each of the {len(test)} rows needs one score")
        found.append(mine["score"].cast(pl.Float64).to_numpy())
    return found


def table(
    test: LabelledRows, scores: Mapping[str, Sequence[Floats]], metrics: Sequence[str], reference: str
) -> Iterator[str]:
    """Markdown: each metric with its interval, and each less the reference on the same rows."""
    heads = [head for metric in metrics for head in (metric, f"{metric} less {reference}")]
    yield from (_row(["model", "seeds", *heads]), _row(["---"] * (len(heads) + 2)))
    for name, mine in scores.items():
        cells = [name, str(len(mine))]
        for metric in metrics:
            own = measure(test, mine, metric)
            cells.append(f"{own.mean:.4f} ({own.low:.4f}–{own.high:.4f})")
            is_reference = name == reference
            cells.append("" if is_reference else _gap(difference(test, mine, scores[reference], metric)))
        yield _row(cells)


def _gap(gap: Interval) -> str:
    return f"{gap.mean:+.4f} ({gap.low:+.4f} to {gap.high:+.4f})"


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
