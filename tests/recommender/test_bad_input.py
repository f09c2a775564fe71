"""What people give by mistake, through the command line: a sentence and status 1, or a known fallback."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import polars as pl
import pytest

from recommender.data.schema import MAX_TEXT_CHARACTERS
from recommender.evaluation.splits import SPLITS
from recommender.pipeline import open_snapshot
from recommender.registry.runs import RunInfo
from tests.recommender.build import event, item, tables
from tests.recommender.conftest import TOWER, Command

Change = Callable[[pl.DataFrame], pl.DataFrame]
FUTURE = datetime(2150, 1, 1, tzinfo=UTC)
SMALL_TOWER = [
    f"--set=twotower.{name}={value}"
    for name, value in (TOWER["twotower"] | {"training.epochs": 2, "training.batch_size": 256}).items()
]


def written(directory: Path, events: Sequence[Mapping[str, Any]], items: Sequence[Mapping[str, Any]]) -> Path:
    made = tables(events, items)
    directory.mkdir(parents=True, exist_ok=True)
    made.events.write_parquet(directory / "events.parquet")
    made.items.write_parquet(directory / "items.parquet")
    return directory


def changed(directory: Path, table: str, change: Change) -> Path:
    path = directory / f"{table}.parquet"
    change(pl.read_parquet(path)).write_parquet(path)
    return directory


def reading(data: Path) -> list[tuple[object, ...]]:
    """Every command that reads a data directory."""
    return [
        ("evaluate", "--data", data, "--split", "random", "--models", "pop"),
        ("tune", "ease", "--data", data, "--split", "random", "--trials", 1),
        ("compare", "--data", data, "--splits", "random", "--models", "pop"),
        ("train", "pop", "--data", data),
        ("embed", "--data", data),
    ]


@pytest.mark.parametrize(
    ("table", "change", "sentence"),
    [
        ("events", lambda f: f.drop("kind"), "events has no column kind: it needs user_id, item_id"),
        ("items", lambda f: f.drop("title"), "items has no column title"),
        ("items", lambda f: f.clear(), "items has no rows: there is nothing to recommend"),
        (
            "events",
            lambda f: f.with_columns(timestamp=pl.lit(None, dtype=pl.Datetime("us", "UTC"))),
            "events.timestamp is empty in",
        ),
        (
            "events",
            lambda f: f.with_columns(user_id=pl.lit(float("nan"))),
            "events.user_id holds Float64: write text",
        ),
        ("events", lambda f: f.with_columns(kind=pl.lit("steal")), "events.kind has ['steal']"),
        (
            "events",
            lambda f: f.with_columns(timestamp=pl.lit(1_700_000_000)),
            "events.timestamp holds Int32: write timestamps in UTC",
        ),
        ("items", lambda f: pl.concat([f, f]), "items has more than one row for"),
    ],
)  # fmt: skip
def test_every_command_refuses_tables_that_cannot_be_meant(
    run: Command, small_directory: Path, table: str, change: Change, sentence: str
) -> None:
    for arguments in reading(changed(small_directory, table, change)):
        status, printed, errors = run(*arguments)
        assert (status, sentence in errors) == (1, True), (arguments, errors)
        assert "Traceback" not in printed + errors


def test_an_empty_file_is_named(run: Command, small_directory: Path) -> None:
    (small_directory / "events.parquet").write_bytes(b"")
    for arguments in reading(small_directory):
        status, _, errors = run(*arguments)
        assert (status, "cannot be read as Parquet" in errors) == (1, True), errors


def test_numbers_that_are_none_are_taken_as_missing(
    run: Command, small_directory: Path, tmp_path: Path
) -> None:
    changed(
        small_directory,
        "events",
        lambda f: f.with_columns(
            minutes=pl.when(pl.int_range(pl.len()) % 3 == 0).then(float("nan")).otherwise(-1.0),
            amount=pl.lit(float("inf")),
        ),
    )
    out = tmp_path / "out.json"
    status, _, errors = run(
        "evaluate", "--data", small_directory, "--split", "last-out", "--models", "twotower,chainfund",
        "--json", out, *SMALL_TOWER, "--set", "chainfund.training.epochs=1",
    )  # fmt: skip
    assert status == 0, errors
    rows = orjson.loads(out.read_bytes())["rows"]
    assert all(row["mean"] is not None for row in rows)


def test_events_of_unknown_items_and_of_the_future_are_left_out_and_counted(
    run: Command, small_directory: Path
) -> None:
    strange = [("item_id", pl.lit("nowhere")), ("timestamp", pl.lit(FUTURE).cast(pl.Datetime("us", "UTC")))]
    clean = run("evaluate", "--data", small_directory, "--split", "last-out", "--models", "ease")[1]
    changed(
        small_directory,
        "events",
        lambda f: pl.concat([f, *(f.head(7).with_columns(value.alias(name)) for name, value in strange)]),
    )
    status, printed, errors = run(
        "evaluate", "--data", small_directory, "--split", "last-out", "--models", "ease"
    )
    assert status == 0, errors
    assert "'future': 7" in printed
    assert "'unknown_item': 7" in printed
    assert printed.splitlines()[1:] == clean.splitlines()[1:]
    status, printed, errors = run("train", "ease", "--data", small_directory)
    assert status == 0, errors
    manifest = open_snapshot(Path(printed.splitlines()[0].removeprefix("snapshot "))).manifest
    assert (manifest.excluded["future"], manifest.excluded["unknown_item"]) == (7, 7)
    assert manifest.provenance.behaviour_until < datetime.now(UTC)


def test_events_that_all_lie_in_the_future_are_no_events(run: Command, tmp_path: Path) -> None:
    rows = [event("a", "x", n) | {"timestamp": FUTURE + timedelta(hours=n)} for n in range(5)]
    data = written(tmp_path / "data", rows, [item("x")])
    status, _, errors = run("train", "pop", "--data", data)
    assert (status, "has no events up to now: there is nothing to learn from" in errors) == (1, True)
    status, _, errors = run("evaluate", "--data", data, "--split", "last-out", "--models", "pop")
    assert (status, "leaves nobody to measure" in errors) == (1, True)


def test_a_test_period_in_the_future_is_said(run: Command, small_directory: Path) -> None:
    cut = ("--test-from", "2150-01-01", "--test-to", "2151-01-01")
    status, _, errors = run(
        "evaluate", "--data", small_directory, "--split", "temporal", "--models", "pop", *cut
    )
    assert (status, "choose --test-from and --test-to inside the data" in errors) == (1, True)


@pytest.mark.parametrize("split", list(SPLITS))
@pytest.mark.parametrize("people", ["one user", "one item"])
def test_one_user_or_one_item_is_measured_or_said_to_be_too_few(
    run: Command, tmp_path: Path, people: str, split: str
) -> None:
    if people == "one user":
        rows, items = [event("a", f"i{n}", n) for n in range(30)], [item(f"i{n}") for n in range(30)]
    else:
        rows, items = [event(f"u{n}", "x", n) for n in range(30)], [item("x")]
    data = written(tmp_path / "data", rows, items)
    status, printed, errors = run(
        "evaluate", "--data", data, "--split", split, "--core", 1, "--models", "pop,ease,markov,tfidf"
    )
    assert "Traceback" not in printed + errors
    if status:
        assert errors.startswith("error: ")
        assert any(reason in errors for reason in ("leaves nobody to measure", "cold-items needs 5")), errors
    else:
        assert f"split: {split}" in printed


def test_with_one_user_of_one_item_what_is_popular_is_trained_unmeasured(
    run: Command, tmp_path: Path
) -> None:
    data = written(tmp_path / "data", [event("a", "x", 1)], [item("x")])
    status, printed, errors = run("train", "twotower", "--data", data)
    assert status == 0, errors
    assert "not measured" in printed
    assert "pop-" in printed
    assert "twotower-" not in printed


def test_a_text_of_100_kb_is_cut_and_read(run: Command, small_directory: Path) -> None:
    long = "honey bees 蜂蜜 " * 8_000
    assert len(long.encode()) > 100_000
    changed(small_directory, "items", lambda f: f.with_columns(title=pl.lit(long), description=pl.lit(long)))
    status, printed, errors = run("train", "tfidf", "--data", small_directory)
    assert status == 0, errors
    snapshot = Path(printed.splitlines()[0].removeprefix("snapshot "))
    kept = pl.read_parquet(snapshot / "items.parquet")
    assert set(kept["title"].str.len_chars()) == {MAX_TEXT_CHARACTERS}
    status, _, errors = run(
        "evaluate", "--data", small_directory, "--split", "cold-items", "--models", "twotower", *SMALL_TOWER
    )
    assert status == 0, errors


def test_unknown_ids_get_the_list_for_anybody_or_a_sentence(run: Command, runs: dict[str, RunInfo]) -> None:
    tower = runs["twotower"].id
    anybody = run("topk", "nobody", "-k", 3, "--run", tower)
    assert (anybody[0], len(anybody[1].splitlines())) == (0, 3)
    for arguments in (
        ("explain", "nobody", "item:00003"),
        ("explain", f"0x{5:040x}", "nothing"),
        ("audience", "nothing"),
    ):
        status, printed, errors = run(*arguments, "--run", tower)
        assert (status, errors.startswith("error: ")) == (1, True), (arguments, errors)
        assert "Traceback" not in printed + errors
    status, _, errors = run("topk", "nobody", "--run", "no-such-run")
    assert (status, "is not a run" in errors) == (1, True)
