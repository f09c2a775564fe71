"""`python -m demo`: everything on this machine, until Ctrl-C. `make demo` runs it after the set-up."""

import signal
import sys
import threading
import time

from rich.console import Console

from demo.accounts import OPERATOR
from demo.catalogue import CatalogueError
from demo.checks import show
from demo.codes import code
from demo.contracts import DeploymentMissingError
from demo.errors import DemoError
from demo.options import Options, read_options
from demo.orchestrator import Orchestrator
from demo.processes import Folders, Lock, Processes, end_leftovers, open_site_socket
from demo.reloading import Sources
from demo.rpc import RpcError
from demo.seeding import SeedingError
from demo.steps import Steps
from demo.visiting import VisitError
from devtools.servers import PROJECT_ROOT, ServerError

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
    processes = Processes(Folders(options.directory))
    try:
        return _perform(options, processes, console)
    except KeyboardInterrupt:
        console.print("Stopping…")
        return STOPPED_BY_USER
    except EXPECTED as error:
        return _complain(str(error))
    finally:
        # A second Ctrl-C must not leave half of it running.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        processes.close(console.print)
        lock.release()


def _perform(options: Options, processes: Processes, console: Console) -> int:
    if leftovers := end_leftovers(options.directory):
        console.print(f"Ended {leftovers} processes that an earlier demo left here.")
    processes.folders.make()
    with open_site_socket(options.port) as site_socket:
        with Steps(console) as steps:
            orchestrator = Orchestrator(options, processes, steps, site_socket)
            orchestrator.run()
            if options.check:
                return _check(orchestrator)
        _announce(orchestrator, console)
        return _stay(processes, console, Sources(PROJECT_ROOT) if options.reload else None)


def _check(orchestrator: Orchestrator) -> int:
    with orchestrator.steps.step("Compare chain, database and pages"):
        findings = orchestrator.check()
    holds = show(findings, orchestrator.steps.seconds, orchestrator.steps.elapsed, orchestrator.steps.console)
    return 0 if holds else 1


def _announce(orchestrator: Orchestrator, console: Console) -> None:
    ready = f"(ready after {orchestrator.steps.elapsed:.0f} s)"
    console.print(f"\n[bold]ChainFund is at {orchestrator.site_url}[/]  {ready}")
    password, key = orchestrator.create_operator()
    console.print(f"Its admin pages: {orchestrator.site_url}/admin/ as {OPERATOR}, password {password}")
    console.print(f"The second factor: key {key} for an app, code {code(key, time.time())} right now,")
    console.print("and at any other time what make demo-code says.")
    console.print("Choose “ChainFund demo wallet” when you sign in. Stop everything with Ctrl-C.")


def _stay(processes: Processes, console: Console, sources: Sources | None) -> int:
    """Watch over the servers, and their code if asked to, until somebody stops the demo."""
    pause = threading.Event()
    try:
        while not pause.wait(WATCH_SECONDS):
            if sources and (changes := sources.changes()):
                console.print(f"{changes[0].relative_to(PROJECT_ROOT)} has changed: restarting.")
                processes.restart()
            for name in processes.revive():
                console.print(f"{name} had ended and was started again.")
    except KeyboardInterrupt:
        console.print("Stopping… The next start goes on from here; with --reset it begins anew.")
    return 0


def _complain(sentence: str) -> int:
    Console(stderr=True, soft_wrap=True).print(f"[red]error:[/] {sentence}", highlight=False)
    return 1


if __name__ == "__main__":
    sys.exit(main())
