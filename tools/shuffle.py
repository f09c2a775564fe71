"""Looks for flaky tests: `python -m tools.shuffle [--runs 10] [--seed N] [what pytest takes]`.

Runs Python's tests again and again, the files and the tests within them in another order each time, by
several processes beside a busy loop on each core. Ends with status 0 only when every run has passed. A run
follows from its seed; those of all runs follow from the first, which is random unless it is given.
"""

import argparse
import os
import random
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LOGS = ROOT / ".setup" / "log"
WORKERS = 3
SEED_BITS = 32
BUSY_LOOP = "import os\nparent = os.getppid()\nwhile os.getppid() == parent: pass"


@contextmanager
def busy_cores() -> Iterator[None]:
    """A busy loop on each core for as long as the block runs, and this process lives."""
    loop = [sys.executable, "-c", BUSY_LOOP]
    loops = [subprocess.Popen(loop) for _ in range(os.cpu_count() or 1)]
    try:
        yield
    finally:
        for each in loops:
            each.kill()
            each.wait()


def command(seed: int, words: Sequence[str]) -> list[str]:
    shuffled = ["-p", "randomly", f"--randomly-seed={seed}"]
    return [sys.executable, "-m", "pytest", "-q", "-n", str(WORKERS), *shuffled, *(words or ["tests"])]


def passes(seed: int, words: Sequence[str], log: Path) -> bool:
    with log.open("wb") as output:
        run = subprocess.run(
            command(seed, words), cwd=ROOT, stdout=output, stderr=subprocess.STDOUT, check=False
        )
    return run.returncode == 0


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=10, help="how many orders to try")
    parser.add_argument("--seed", type=int, help="of the first run")
    options, words = parser.parse_known_args()

    LOGS.mkdir(parents=True, exist_ok=True)
    first = random.getrandbits(SEED_BITS) if options.seed is None else options.seed
    seeds = [(first + number) % 2**SEED_BITS for number in range(options.runs)]
    failed = []
    with busy_cores():
        for number, seed in enumerate(seeds, 1):
            log, began = LOGS / f"shuffle-{seed}.log", time.monotonic()
            print(f"Run {number} of {options.runs}, seed {seed}: ", end="", flush=True)
            is_passed = passes(seed, words, log)
            closing = log.read_text(errors="replace").strip().rpartition("\n")[2]
            print(f"{closing.strip('= ')} ({time.monotonic() - began:.0f} s)", flush=True)
            if is_passed:
                log.unlink()
            else:
                failed.append(seed)
                print(f"  {log.relative_to(ROOT)} has it all; the same order again:")
                print(f"  .venv/bin/python {shlex.join(command(seed, words)[1:])}", flush=True)
    print(f"{options.runs - len(failed)} passed, {len(failed)} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
