"""Copies of the project with a worker in each, so that one may go on editing while mutants are tried."""

import json
import shutil
import subprocess
from dataclasses import asdict
from pathlib import Path

from tools.mutation.worker import Answer, Request

# What the copies need that git does not keep, and what is too large to be copied.
BUILT = ("build", "django_project/frontend/dist")
LINKED = (".venv", "node_modules")


def prepare(root: Path, folder: Path) -> None:
    """A copy of the project, fresh."""
    shutil.rmtree(folder, ignore_errors=True)
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=root,
        capture_output=True,
        text=True,
        check=True,
    )
    built = [path for name in BUILT for path in (root / name).rglob("*") if path.is_file()]
    catalogues = (root / "django_project" / "locale").rglob("*.mo")
    for path in [*map(root.joinpath, filter(None, listed.stdout.split("\0"))), *built, *catalogues]:
        if path.is_file():
            target = folder / path.relative_to(root)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, target)
    for name in LINKED:
        (folder / name).symlink_to(root / name)


class Worker:
    """A process with servers of its own, in a copy of the project."""

    def __init__(self, root: Path, folder: Path) -> None:
        prepare(root, folder)
        self._log = folder.parent / f"{folder.name}.log"
        with self._log.open("w") as log:
            self._process = subprocess.Popen(
                [str(folder / ".venv/bin/python"), "-m", "tools.mutation.worker"],
                cwd=folder,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                start_new_session=True,
            )

    def answer(self, request: Request) -> Answer:
        assert self._process.stdin is not None and self._process.stdout is not None  # noqa: S101, PT018
        self._process.stdin.write(json.dumps(asdict(request)) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"a worker ended with status {self._process.wait()}: see {self._log}")
        return Answer(**json.loads(line))

    def stop(self) -> None:
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._process.wait()
