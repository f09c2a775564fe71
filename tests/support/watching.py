"""What a process takes while it runs."""

import os
import re
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

_PEAK = re.compile(r"VmHWM:\s+(\d+) kB")


class Usage(NamedTuple):
    """What a process that has ended took: processor seconds and, at its peak, bytes of memory."""

    cpu_seconds: float
    peak_rss: int


def wait_and_watch(process: subprocess.Popen[bytes]) -> Usage:
    """Wait for the end of a process; its status is in `returncode` then.

    The peak is the kernel's for the program (`VmHWM`), seen every few milliseconds: `ru_maxrss` would begin
    with the memory of whoever has started it.
    """
    peak = 0
    while True:
        pid, status, usage = os.wait4(process.pid, os.WNOHANG)
        if pid:
            process.returncode = os.waitstatus_to_exitcode(status)
            return Usage(usage.ru_utime + usage.ru_stime, peak)
        with suppress(OSError):
            told = Path(f"/proc/{process.pid}/status").read_text()
            peak = max([peak, *(int(kilobytes) * 1024 for kilobytes in _PEAK.findall(told))])
        time.sleep(0.02)
