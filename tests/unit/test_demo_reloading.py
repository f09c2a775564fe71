"""Which changes of the code make the demo restart its processes."""

from pathlib import Path

import pytest

from demo.reloading import Sources


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in ("django_project/web/views.py", "django_project/templates/home.html", "tasks/celery.py"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("before")
    (tmp_path / "django_project/frontend/dist").mkdir(parents=True)
    return tmp_path


def test_what_is_written_added_or_removed_is_told_once(root: Path) -> None:
    sources = Sources(root)
    assert sources.changes() == []
    (root / "tasks/celery.py").unlink()
    (root / "tasks/new.py").write_text("new")
    (root / "django_project/frontend/dist/manifest.json").write_text("{}")
    told = [path.relative_to(root).as_posix() for path in sources.changes()]
    assert told == ["django_project/frontend/dist/manifest.json", "tasks/celery.py", "tasks/new.py"]
    assert sources.changes() == []


def test_the_same_file_counts_when_it_is_written_again(root: Path) -> None:
    page = root / "django_project/templates/home.html"
    sources = Sources(root)
    page.write_text("after")
    page.touch()
    assert sources.changes() == [page]


def test_what_no_process_reads_at_its_start_is_no_change(root: Path) -> None:
    sources = Sources(root)
    (root / "django_project/frontend/site.ts").write_text("")
    (root / "tasks/celery.pyc").write_text("")
    (root / "README.md").write_text("")
    assert sources.changes() == []
