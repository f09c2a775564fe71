"""How a run tells how far it is: a bar on a terminal, a line now and then elsewhere."""

import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, TextIO

from tasks.indexing.operating.follow import Commit

if TYPE_CHECKING:
    from rich.progress import Progress

LINE_EVERY_SECONDS = 2.0


class Output(Protocol):
    def write(self, text: str) -> object: ...


class RunProgress:
    """Told of every commit; usable as `on_commit` and as a context."""

    def __init__(self, output: Output, terminal: TextIO = sys.stderr) -> None:
        self._output = output
        self.events = 0
        self.block = -1
        self._started = time.monotonic()
        self._next_line = 0.0
        self._bar = _bar(terminal) if terminal.isatty() else None
        self._task = None if self._bar is None else self._bar.add_task("blocks", total=None, rate="")

    def __enter__(self) -> "RunProgress":
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._started

    def __call__(self, commit: Commit) -> None:
        self.events += commit.events
        self.block = commit.block
        rate = f"{self.events:,} events, {self.events / max(self.seconds, 0.001):,.0f}/s"
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, completed=commit.block, total=commit.target, rate=rate)
        elif time.monotonic() >= self._next_line:
            self._next_line = time.monotonic() + LINE_EVERY_SECONDS
            self._output.write(f"block {commit.block:,} of {commit.target:,}: {rate}")

    def summary(self) -> str:
        if self.block < 0:
            return "nothing new to index"
        return f"indexed to block {self.block:,}: {self.events:,} events in {self.seconds:.1f} s"


def _bar(terminal: TextIO) -> "Progress":
    # Where there is no terminal, as under a service manager, none of its drawing is loaded.
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
        console=Console(file=terminal),
    )
