"""Tells when the code that the demo runs has changed: what `make dev` restarts site and workers for."""

from pathlib import Path

# By folder, the endings of files that a process reads when it starts; of the front end what was built of it.
WATCHED = {
    "django_project": (".py", ".html", ".txt", ".svg", ".mo", "/dist/manifest.json"),
    "tasks": (".py",),
    "recommender": (".py",),
}


class Sources:
    """The watched files as they were when last asked about."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._seen = self._look()

    def changes(self) -> list[Path]:
        """Files written, added or removed since the last question, in order."""
        before, self._seen = self._seen, self._look()
        return sorted({path for path, _ in before.items() ^ self._seen.items()})

    def _look(self) -> dict[Path, int]:
        found = {}
        for folder, endings in WATCHED.items():
            for path in (self._root / folder).rglob("*"):
                if path.as_posix().endswith(endings):
                    try:
                        found[path] = path.stat().st_mtime_ns
                    except FileNotFoundError:
                        # An editor replaces a file by another one: the next look finds it.
                        continue
        return found
