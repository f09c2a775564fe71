"""Named steps with progress and seconds each: bars on a terminal, plain lines elsewhere."""

import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

# A plain log gets a line each time this share of a step is done.
PLAIN_SHARE = 0.25
PERCENTAGE = re.compile(r":?\s*\d+\s?%.*")


class Step:
    """One step under way; safe to use from its own thread."""

    def __init__(self, steps: "Steps", title: str, total: int | None) -> None:
        self._steps, self._title, self._total = steps, title, total
        self._reported, self._doing = 0.0, ""
        self._task: TaskID | None = None
        self.note = ""
        if steps.bars is not None:
            self._task = steps.bars.add_task(title, total=total, note="")

    def reach(self, done: int, total: int | None = None) -> None:
        """`done` of the total is behind us."""
        self._total = total or self._total
        if self._steps.bars is not None and self._task is not None:
            self._steps.bars.update(self._task, completed=done, total=self._total)
        elif self._total and done / self._total >= self._reported + PLAIN_SHARE:
            self._reported = done / self._total
            self._steps.say(f"  {self._title}: {done:,} of {self._total:,}")

    def tell(self, doing: str) -> None:
        """What the step is at; a plain log gets a line for each new thing, without its percentages."""
        if self._steps.bars is not None and self._task is not None:
            self._steps.bars.update(self._task, description=f"{self._title} [dim]{escape(doing)}[/]")
            return
        thing = PERCENTAGE.sub("", doing)
        if thing != self._doing:
            self._doing = thing
            self._steps.say(f"  {self._title}: {escape(thing)}")

    def finish(self, seconds: float) -> None:
        if self._steps.bars is not None and self._task is not None:
            self._steps.bars.remove_task(self._task)
        note = f" · {self.note}" if self.note else ""
        self._steps.say(f"[green]✓[/] {self._title}{note} [dim]({seconds:.1f} s)[/]")

    def fail(self) -> None:
        if self._steps.bars is not None and self._task is not None:
            self._steps.bars.remove_task(self._task)
        self._steps.say(f"[red]✗[/] {self._title}")


class Steps:
    """All steps of a run and how long each took, in the order they began."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.seconds: dict[str, float] = {}
        self._lock = threading.Lock()
        self._began = time.monotonic()
        self.bars = (
            Progress(
                SpinnerColumn(),
                TextColumn("{task.description}"),
                BarColumn(bar_width=30),
                TimeElapsedColumn(),
                console=console,
                transient=True,
            )
            if console.is_terminal
            else None
        )

    def __enter__(self) -> Self:
        if self.bars is not None:
            self.bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.bars is not None:
            self.bars.stop()

    @property
    def elapsed(self) -> float:
        return time.monotonic() - self._began

    @contextmanager
    def step(self, title: str, total: int | None = None) -> Iterator[Step]:
        """Show a step while its block runs; its seconds are kept under its title."""
        began = time.monotonic()
        with self._lock:
            self.seconds[title] = 0.0
        if self.bars is None:
            self.say(f"… {title}")
        step = Step(self, title, total)
        try:
            yield step
        except BaseException:
            step.fail()
            raise
        self.seconds[title] = time.monotonic() - began
        step.finish(self.seconds[title])

    def say(self, text: str) -> None:
        with self._lock:
            self.console.print(text, highlight=False, soft_wrap=True)
