"""Files are there wholly or not at all; progress is shown to people and machines."""

import os
import sys
from pathlib import Path

import pytest

from recommender import files
from recommender.progress import terminal_progress


def test_a_file_is_replaced_and_readable_by_others(tmp_path: Path) -> None:
    path = tmp_path / "new" / "live.json"
    files.write_atomic(path, b"one")
    files.write_atomic(path, b"two")
    assert path.read_bytes() == b"two"
    assert path.stat().st_mode & 0o777 == 0o644


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "live.json"
    files.write_atomic(path, b"one")

    def full(_: int) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="no space"):
        files.write_atomic(path, b"two")
    assert path.read_bytes() == b"one"
    assert list(tmp_path.iterdir()) == [path]


def half_written(parent: Path) -> None:
    with files.staging_directory(parent) as staging:
        (staging / "half").write_text("written")
        raise KeyError


def test_a_folder_that_was_not_published_is_removed(tmp_path: Path) -> None:
    with pytest.raises(KeyError):
        half_written(tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_published_folder_is_not_overwritten(tmp_path: Path) -> None:
    for content in ("first", "second"):
        with files.staging_directory(tmp_path) as staging:
            (staging / "file").write_text(content)
            files.publish(staging, tmp_path / "target")
    assert (tmp_path / "target" / "file").read_text() == "first"
    assert [path.name for path in tmp_path.iterdir()] == ["target"]


def test_progress_is_a_few_plain_lines_where_nobody_watches(capsys: pytest.CaptureFixture[str]) -> None:
    with terminal_progress() as progress:
        for stage in ("reading", "training"):
            for step in range(101):
                progress(stage, step / 100)
            progress(stage, 1.0)
    lines = capsys.readouterr().err.splitlines()
    assert lines == ["reading: 0%", "reading: 100%", "training: 0%", "training: 100%"]


def test_progress_is_a_bar_on_a_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    with terminal_progress() as progress:
        progress("reading", 0.5)
        progress("reading", 1.0)
    shown = capsys.readouterr().err
    assert "reading" in shown
    assert "100%" in shown
