"""`python -m tasks.demo`: everything on this machine, until Ctrl-C. `make demo` runs it after the set-up."""

import signal
import sys
import threading
import time

from rich.console import Console

from tasks.demo.cast import OPERATOR
from tasks.demo.catalogue import CatalogueError
from tasks.demo.checks import show
from tasks.demo.codes import code
from tasks.demo.contracts import DeploymentMissingError
from tasks.demo.errors import DemoError
from tasks.demo.options import Options, read_options
from tasks.demo.play import Play
from tasks.demo.reloading import Sources
from tasks.demo.rpc import RpcError
from tasks.demo.seeding import SeedingError
from tasks.demo.servers import PROJECT_ROOT, ServerError
from tasks.demo.stage import Folders, Lock, Stage, end_leftovers, open_site_socket
from tasks.demo.steps import Steps
from tasks.demo.visiting import VisitError

STOPPED_BY_USER = 130
WATCH_SECONDS = 0.5
# Of tables that go to a file.
PLAIN_WIDTH = 120

EXPECTED = (
    CatalogueError,
    DemoError,
    DeploymentMissingError,
    RpcError,
    SeedingError,
    ServerError,
    ValueError,
    VisitError,
)


def main(arguments: list[str] | None = None) -> int:
    options = read_options(arguments)
    console = Console(width=None if sys.stdout.isatty() else PLAIN_WIDTH)
    for number in (signal.SIGINT, signal.SIGTERM):
        # Also for SIGINT: a shell's background job inherits it ignored.
        signal.signal(number, signal.default_int_handler)
    try:
        lock = Lock(options.directory)
    except DemoError as error:
        return _complain(str(error))
    stage = Stage(Folders(options.directory))
    try:
        return _perform(options, stage, console)
    except KeyboardInterrupt:
        console.print("Stopping…")
        return STOPPED_BY_USER
    except EXPECTED as error:
        return _complain(str(error))
    finally:
        # A second Ctrl-C must not leave half of it running.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        stage.close(console.print)
        lock.release()


def _perform(options: Options, stage: Stage, console: Console) -> int:
    if leftovers := end_leftovers(options.directory):
        console.print(f"Ended {leftovers} processes that an earlier demo left here.")
    stage.folders.make()
    with open_site_socket(options.port) as site_socket:
        with Steps(console) as steps:
            play = Play(options, stage, steps, site_socket)
            play.run()
            if options.check:
                return _check(play)
        _announce(play, console)
        return _stay(stage, console, Sources(PROJECT_ROOT) if options.reload else None)


def _check(play: Play) -> int:
    with play.steps.step("Compare chain, database and pages"):
        findings = play.check()
    holds = show(findings, play.steps.seconds, play.steps.elapsed, play.steps.console)
    return 0 if holds else 1


def _announce(play: Play, console: Console) -> None:
    console.print(f"\n[bold]ChainFund is at {play.site_url}[/]  (ready after {play.steps.elapsed:.0f} s)")
    password, key = play.create_operator()
    console.print(f"Its admin pages: {play.site_url}/admin/ as {OPERATOR}, password {password}")
    console.print(f"The second factor: key {key} for an app, code {code(key, time.time())} right now,")
    console.print("and at any other time what make demo-code says.")
    console.print("Choose “ChainFund demo wallet” when you sign in. Stop everything with Ctrl-C.")


def _stay(stage: Stage, console: Console, sources: Sources | None) -> int:
    """Watch over the servers, and their code if asked to, until somebody stops the demo."""
    pause = threading.Event()
    try:
        while not pause.wait(WATCH_SECONDS):
            if sources and (changes := sources.changes()):
                console.print(f"{changes[0].relative_to(PROJECT_ROOT)} has changed: restarting.")
                stage.restart()
            for name in stage.revive():
                console.print(f"{name} had ended and was started again.")
    except KeyboardInterrupt:
        console.print("Stopping… The next start goes on from here; with --reset it begins anew.")
    return 0


def _complain(sentence: str) -> int:
    Console(stderr=True, soft_wrap=True).print(f"[red]error:[/] {sentence}", highlight=False)
    return 1


if __name__ == "__main__":
    sys.exit(main())
