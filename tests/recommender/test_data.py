"""Tables in, snapshots out: what is refused, what is repaired, what is left out, and that bytes repeat."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from recommender.data.dataset import build_dataset
from recommender.data.reading import conform, read_directory
from recommender.data.rules import exclude
from recommender.data.schema import IMPRESSIONS, MAX_TEXT_CHARACTERS, Tables
from recommender.data.snapshot import ChainHead, Provenance, build_snapshot, load_snapshot, open_snapshot
from recommender.data.synthetic import SyntheticConfig, synthesize
from recommender.errors import DamagedError, DataError
from tests.recommender.build import START, dataset, event, frame, item, tables

LATER = START + timedelta(days=30)
KEY = Provenance(finalized={"31337": ChainHead(number=9, hash="0xab")}, behaviour_until=LATER)


class TestReading:
    def test_a_directory_without_the_files_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(DataError, match=r"events\.parquet is missing"):
            read_directory(tmp_path)
        with pytest.raises(DataError, match="is not a directory"):
            read_directory(tmp_path / "nowhere")

    def test_a_file_that_is_not_parquet_is_named(self, small_directory: Path) -> None:
        (small_directory / "events.parquet").write_bytes(b"PAR1 not really")
        with pytest.raises(DataError, match="cannot be read as Parquet"):
            read_directory(small_directory)

    @pytest.mark.parametrize("column", ["user_id", "item_id", "timestamp", "kind"])
    def test_a_missing_column_is_named(self, column: str) -> None:
        broken = tables([event("a", "x", 1)], [item("x")])
        with pytest.raises(DataError, match=f"events has no column {column}"):
            conform(Tables(broken.events.drop(column), broken.items))

    def test_an_empty_key_is_counted(self) -> None:
        with pytest.raises(DataError, match=r"events\.user_id is empty in 2 rows"):
            conform(tables([event("", "x", 1), event("", "x", 2), event("a", "x", 3)], [item("x")]))

    def test_an_unknown_kind_is_named(self) -> None:
        with pytest.raises(DataError, match=r"events\.kind has \['steal'\]"):
            conform(tables([event("a", "x", 1, "steal")], [item("x")]))

    def test_an_item_listed_twice_is_named(self) -> None:
        with pytest.raises(DataError, match="more than one row for 1 ids, such as 'x'"):
            conform(tables([], [item("x"), item("x")]))

    def test_no_items_are_refused_and_no_events_are_not(self) -> None:
        assert conform(tables([], [item("x")])).events.is_empty()
        with pytest.raises(DataError, match="nothing to recommend"):
            conform(tables([], []))

    @pytest.mark.parametrize(
        ("column", "values", "message"),
        [
            ("timestamp", ["yesterday"], "write timestamps"),
            ("amount", ["ten"], "write numbers"),
            ("user_id", [7], "write text"),
            ("success", ["perhaps"], "write Boolean"),
        ],
    )
    def test_a_column_of_another_type_is_named(self, column: str, values: list[Any], message: str) -> None:
        broken = tables([event("a", "x", 1)], [item("x")])
        events = broken.events.with_columns(pl.Series(column, values))
        with pytest.raises(DataError, match=message):
            conform(Tables(events, broken.items))

    def test_numbers_that_are_none_become_empty_and_long_text_is_cut(self) -> None:
        rows = [event("a", "x", n, minutes=m) for n, m in enumerate([float("nan"), float("inf"), -1.0, 2.0])]
        read = conform(tables(rows, [item("x", description="bees " * 20_000)]))
        assert read.events["minutes"].to_list() == [None, None, None, 2.0]
        assert len(read.items["description"][0]) == MAX_TEXT_CHARACTERS

    def test_naive_times_are_utc_and_other_columns_are_ignored(self) -> None:
        given = tables([event("a", "x", 1)], [item("x")])
        events = given.events.with_columns(
            pl.col("timestamp").dt.replace_time_zone(None).cast(pl.Datetime("ms")), colour=pl.lit("red")
        )
        read = conform(Tables(events, given.items))
        assert read.events["timestamp"].to_list() == [START + timedelta(hours=1)]
        assert "colour" not in read.events.columns


class TestRules:
    def test_each_rule_takes_its_rows_and_says_how_many(self) -> None:
        rows = [
            event("a", "x", 1),
            event("b", "x", 1, success=False),
            event("c", "x", 1, is_platform_tip=True),
            event("d", "x", 1, is_flagged=True),
            event("e", "x", 24 * 365),
            event("f", "elsewhere", 1),
            event("0xAB", "x", 1),
            event("g", "x", 1),
            event("g", "x", 2, "refund"),
            event("g", "x", 3),
            event("0xab", "x", 1, "view"),
        ]
        kept, counts = exclude(conform(tables(rows, [item("x", publisher_id="0xab")])), until=LATER)
        assert counts == {
            "failed": 1,
            "platform_tip": 1,
            "flagged": 1,
            "future": 1,
            "unknown_item": 1,
            "self_funded": 1,
            "refunded": 1,
        }
        # A contribution after the refund counts again; a publisher's own view is a view.
        found = kept.events.select("user_id", "kind").rows()
        assert sorted(found) == [("0xab", "view"), ("a", "contribute"), ("g", "contribute"), ("g", "refund")]


class TestSnapshots:
    def test_the_same_key_and_rows_give_the_same_bytes_in_any_order(
        self, small_tables: Tables, tmp_path: Path
    ) -> None:
        first = build_snapshot(small_tables, KEY, tmp_path / "a")
        shuffled = Tables(
            small_tables.events.sample(fraction=1.0, shuffle=True, seed=1),
            small_tables.items.sample(fraction=1.0, shuffle=True, seed=2),
        )
        second = build_snapshot(shuffled, KEY, tmp_path / "b")
        assert first.path.name == second.path.name
        for file in first.path.iterdir():
            assert file.read_bytes() == (second.path / file.name).read_bytes()

    def test_making_it_again_leaves_the_first_one(self, small_tables: Tables, tmp_path: Path) -> None:
        first = build_snapshot(small_tables, KEY, tmp_path)
        before = first.path.stat().st_mtime_ns
        assert build_snapshot(small_tables, KEY, tmp_path).path.stat().st_mtime_ns == before
        assert [path.name for path in tmp_path.iterdir()] == [first.path.name]

    def test_other_rows_or_another_key_give_another_hash(self, small_tables: Tables, tmp_path: Path) -> None:
        first = build_snapshot(small_tables, KEY, tmp_path)
        fewer = build_snapshot(Tables(small_tables.events.head(100), small_tables.items), KEY, tmp_path)
        erased = build_snapshot(small_tables, KEY.model_copy(update={"erasure_version": 1}), tmp_path)
        assert len({first.hash, fewer.hash, erased.hash}) == 3

    def test_the_manifest_tells_blocks_rows_and_exclusions(self, tmp_path: Path) -> None:
        rows = [event("a", "x", 1), event("b", "x", 24 * 365)]
        manifest = build_snapshot(tables(rows, [item("x")]), KEY, tmp_path).manifest
        assert manifest.provenance.finalized["31337"].number == 9
        assert manifest.rows == {"events": 1, "items": 1}
        assert manifest.excluded["future"] == 1

    def test_reading_it_back_gives_the_kept_rows(self, small_tables: Tables, tmp_path: Path) -> None:
        read = load_snapshot(build_snapshot(small_tables, KEY, tmp_path))
        assert read.events.sort(pl.all()).equals(small_tables.events.sort(pl.all()))

    def test_one_from_before_a_column_was_thought_of_is_read_as_if_it_were_empty(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        card = {"user_id": "a", "item_id": "x", "timestamp": START, "slot": 2}
        shown = replace(tables([event("a", "x", 1)], [item("x")]), impressions=frame(IMPRESSIONS, [card]))
        with monkeypatch.context() as patch:
            patch.delitem(IMPRESSIONS.columns, "stopped")
            patch.delitem(IMPRESSIONS.columns, "dwell")
            snapshot = build_snapshot(shown, KEY, tmp_path)
        assert "dwell" not in pl.read_parquet(snapshot.path / "impressions.parquet").columns
        impressions = build_dataset(load_snapshot(snapshot)).impressions
        assert impressions.slot.tolist() == [2]
        assert np.isnan(impressions.dwell).all()

    @pytest.mark.parametrize("name", ["events.parquet", "items.parquet", "manifest.json"])
    def test_a_damaged_file_is_named(self, name: str, small_tables: Tables, tmp_path: Path) -> None:
        path = build_snapshot(small_tables, KEY, tmp_path).path
        content = (path / name).read_bytes()
        (path / name).write_bytes(content[:-8])
        with pytest.raises(DamagedError, match="make a new snapshot"):
            open_snapshot(path)

    def test_a_cut_off_without_a_zone_is_refused(self, small_tables: Tables, tmp_path: Path) -> None:
        naive = KEY.model_copy(update={"behaviour_until": datetime(2026, 1, 1)})  # noqa: DTZ001 the very point
        with pytest.raises(DataError, match="no time zone"):
            build_snapshot(small_tables, naive, tmp_path)


class TestDataset:
    def test_pairs_gather_a_users_events_with_an_item(self) -> None:
        data = dataset(
            [
                event("a", "y", 1, "view", minutes=2.0),
                event("a", "x", 2, "view", minutes=1.0),
                event("a", "x", 3, amount=5.0),
                event("a", "x", 4, "view", minutes=0.5),
                event("a", "x", 5, amount=1.0),
                event("b", "y", 6, "save"),
                event("b", "x", 7, "refund"),
            ],
            [item("x"), item("y"), item("z")],
        )
        pairs = data.pairs
        assert [data.users.names[u] for u in pairs.user] == ["a", "a", "b"]
        assert [data.item_ids.names[i] for i in pairs.item] == ["y", "x", "y"]
        assert pairs.contributed.tolist() == [False, True, False]
        np.testing.assert_array_equal(pairs.minutes, [2.0, 1.5, np.nan])
        assert pairs.amount.tolist() == [0.0, 6.0, 0.0]
        assert (pairs.last_time - pairs.first_time).tolist() == [0.0, 3 * 3600.0, 0.0]

    def test_ties_in_time_keep_the_order_of_rows(self) -> None:
        data = dataset([event("a", name, 1) for name in "zyx"], [item(name) for name in "xyz"])
        assert [data.item_ids.names[i] for i in data.pairs.item] == ["z", "y", "x"]

    def test_openness_is_declared_or_follows_the_deadline(self) -> None:
        data = dataset(
            [event("a", "a", 10)],
            [
                item("a", deadline=START),
                item("b", deadline=LATER),
                item("c"),
                item("d", deadline=LATER, is_open=False),
                item("e", deadline=START, is_open=True),
            ],
        )
        assert data.items.is_open.tolist() == [False, True, True, False, True]

    def test_an_item_is_as_old_as_it_says_or_as_its_first_event(self) -> None:
        data = dataset(
            [event("a", "x", 5), event("a", "x", 9)], [item("x"), item("y", created_at=START), item("z")]
        )
        created = data.items.created - START.timestamp()
        np.testing.assert_array_equal(created, [5 * 3600.0, 0.0, np.nan])


def test_the_synthetic_platform_is_the_same_each_time_and_has_tastes() -> None:
    config = SyntheticConfig(users=50, items=30, views=500, contributions=800, seed=3)
    first, second = synthesize(config), synthesize(config)
    assert first.events.equals(second.events)
    assert first.items.equals(second.items)
    joined = first.events.filter(kind="contribute").join(first.items, on="item_id")
    counts = joined.group_by("user_id", "category").len()
    favourite = counts.group_by("user_id").agg(pl.col("len").max())["len"].to_list()
    assert sum(favourite) / len(joined) > 0.5
    assert {"en", "zh-hans"} == set(first.items["language"])
    assert build_dataset(conform(first)).now <= datetime(2026, 1, 1, tzinfo=UTC).timestamp()
