"""How far the work is: a bar on a terminal, plain lines elsewhere, a callback for workers."""

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeAlias

Progress: TypeAlias = Callable[[str, float], None]
"""Called with the stage's name and how much of it is done, 0 to 1."""

SECONDS_BETWEEN_LINES = 5.0


def silent(stage: str, fraction: float) -> None:
    """For callers who do not want to know."""


class _Lines:
    """One line when a stage begins, one when it ends and one every few seconds between."""

    def __init__(self) -> None:
        self._shown = ("", -1.0)
        self._last = 0.0

    def __call__(self, stage: str, fraction: float) -> None:
        now = time.monotonic()
        is_new = stage != self._shown[0]
        is_end = fraction >= 1.0 > self._shown[1]
        if is_new or is_end or now - self._last >= SECONDS_BETWEEN_LINES:
            print(f"{stage}: {fraction:.0%}", file=sys.stderr, flush=True)
            self._shown, self._last = (stage, fraction), now


@contextmanager
def terminal_progress() -> Iterator[Progress]:
    """A callback that shows itself on standard error; of several processes the first one's does."""
    if int(os.environ.get("RANK", "0")):
        yield silent
        return
    if not sys.stderr.isatty():
        yield _Lines()
        return
    from rich.console import Console
    from rich.progress import Progress as Bars
    from rich.progress import TaskID

    with Bars(console=Console(stderr=True), transient=False) as bars:
        tasks: dict[str, TaskID] = {}

        def show(stage: str, fraction: float) -> None:
            if stage not in tasks:
                tasks[stage] = bars.add_task(stage, total=1.0)
            bars.update(tasks[stage], completed=fraction)

        yield show
