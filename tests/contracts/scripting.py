"""Brownie's scripts as an operator runs them, without Brownie's start of three seconds for each.

One process has imported Brownie. For every run it forks, and the child takes the environment and the words
of the command line, and calls what the command `brownie` calls.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chain import ROOT, environment

TIMEOUT_SECONDS = 120


@dataclass(frozen=True)
class Result:
    returncode: int
    stdout: str
    stderr: str


@dataclass(frozen=True)
class Scripts:
    """Runs scripts with some variables of their own, one after the other."""

    server: Any
    files: Path

    def run(
        self,
        script: str,
        *arguments: str,
        url: str,
        folder: Path,
        network: str = "anvil",
        stdin: str = "",
        **variables: str,
    ) -> Result:
        """`brownie run script arguments…`: url is the node's, folder that of the deployments files."""
        paths = {name: str(self.files / name) for name in ("stdin", "stdout", "stderr")}
        Path(paths["stdin"]).write_text(stdin)
        request = {
            "argv": ["brownie", "run", script, *arguments, "--network", network],
            "environment": environment(
                CHAINFUND_RPC_URL=url, CHAINFUND_DEPLOYMENTS_DIR=str(folder), **variables
            ),
            **paths,
        }
        self.server.stdin.write(json.dumps(request) + "\n")
        self.server.stdin.flush()
        returncode = json.loads(self.server.stdout.readline())
        return Result(returncode, Path(paths["stdout"]).read_text(), Path(paths["stderr"]).read_text())


@contextmanager
def script_runner() -> Iterator[Scripts]:
    with (
        tempfile.TemporaryDirectory() as files,
        subprocess.Popen(
            [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT,
            env=environment(PYTHONPATH=f"{Path(__file__).parent}:{ROOT}"),
            start_new_session=True,  # without a terminal a password is read from standard input
        ) as server,
    ):  # fmt: skip
        yield Scripts(server, Path(files))
        server.stdin.close()


def _serve() -> None:
    import brownie._cli.run  # noqa: F401  only the server needs it, and only it may pay for it

    assert threading.active_count() == 1, "a process with threads must not fork"
    for line in sys.stdin:
        request = json.loads(line)
        child = os.fork()
        if child == 0:
            _run(request)
        print(json.dumps(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])), flush=True)


def _run(request: dict[str, Any]) -> None:
    """Becomes the script and ends with its exit status."""
    from brownie._cli.__main__ import main

    signal.alarm(TIMEOUT_SECONDS)
    os.environ.clear()
    os.environ.update(request["environment"])
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        flags = os.O_RDONLY if name == "stdin" else os.O_WRONLY | os.O_CREAT | os.O_TRUNC
        os.dup2(os.open(request[name], flags), number)
    sys.stdin = os.fdopen(0, closefd=False)
    sys.argv = request["argv"]
    status = 1
    try:
        main()
        status = 0
    except SystemExit as end:
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
        else:
            status = end.code or 0
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


if __name__ == "__main__":
    _serve()
