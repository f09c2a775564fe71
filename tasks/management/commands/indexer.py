"""`manage.py indexer`: run, watch, verify and repair the index of a chain."""

import json
import signal
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path
from threading import Event as Flag
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError, Error

from django_project.core import schema
from django_project.ledger.models import Chain, Cursor
from django_project.ledger.selectors import index_health
from tasks.indexing.errors import ConfigurationError, IndexerError, LeaseHeldError, LeaseLostError
from tasks.indexing.node.calls import chain_id_call
from tasks.indexing.node.chain_guard import require_identity
from tasks.indexing.node.rpc import Pool
from tasks.indexing.operating import manual, status
from tasks.indexing.operating.database import in_words, no_database, old_schema
from tasks.indexing.operating.progress import RunProgress
from tasks.indexing.operating.registry import (
    Registry,
    find_registry,
    known_chains,
    load_events,
    read_registry,
)
from tasks.indexing.operating.runner import Runner, has_reached
from tasks.indexing.repair.verify import Verifier

# Between two looks at a chain that another worker has.
WHILE_TAKEN_SECONDS = 0.2


class Command(BaseCommand):
    help = "Index the chain's events into the ledger, and look after that index."
    # The site's own checks would import all of its pages first.
    requires_system_checks = ()
    _has_told = False

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)

        def action(name: str, help_text: str) -> CommandParser:
            return actions.add_parser(name, help=help_text)

        run = action("run", "follow a chain; Ctrl-C ends cleanly")
        _chain_arguments(run)
        run.add_argument("--once", action="store_true", help="end when the node has nothing new")
        run.add_argument("--until-block", type=int, metavar="N", help="end when block N is indexed")
        run.add_argument(
            "--fan-out",
            type=int,
            default=settings.INDEXER_FAN_OUT,
            metavar="N",
            help="ranges of a long backfill that are asked of the backfill queue's workers at a time",
        )

        shown = action("status", "how far every chain is, and why not further")
        shown.add_argument("--json", action="store_true", help="one JSON list instead of lines")

        verify = action("verify", "compare the tables with the chain; exit status 1 when they differ")
        _chain_arguments(verify)
        verify.add_argument("--json", action="store_true", help="one JSON object instead of lines")

        rewind = action("rewind", "take back everything above a block, and let a halted chain go on")
        _chain_arguments(rewind)
        rewind.add_argument("--to-block", type=int, required=True, metavar="N", help="the last block to keep")

        backfill = action("backfill", "have indexed blocks read again, and what is missing put in")
        _chain_arguments(backfill)
        backfill.add_argument("--from", type=int, required=True, metavar="N", dest="from_block")
        backfill.add_argument("--to", type=int, required=True, metavar="N", dest="to_block")

        reindex = action("reindex", "take back everything from a block on, and index it anew")
        _chain_arguments(reindex)
        reindex.add_argument("--from", type=int, required=True, metavar="N", dest="from_block")

        reset = action("reset-chain", "forget what is indexed of a chain, to index it anew")
        reset.add_argument("--chain", type=int, required=True, metavar="ID")

        for name, help_text in (
            ("retire-chain", "stop following a chain for good: it stays readable and takes no pledges"),
            ("reinstate-chain", "follow a retired chain again"),
        ):
            of_state = action(name, help_text)
            of_state.add_argument("--chain", type=int, required=True, metavar="ID")
            of_state.add_argument("--reason", required=True, metavar="TEXT", help="kept in the audit trail")

        _chain_arguments(action("doctor", "look into a set-up that does not work, and say what to do"))

    def handle(self, *args: Any, **options: Any) -> None:
        actions: dict[str, Callable[[dict[str, Any]], None]] = {
            "run": self._run,
            "status": self._status,
            "verify": self._verify,
            "rewind": self._rewind,
            "backfill": self._backfill,
            "reindex": self._reindex,
            "reset-chain": self._reset,
            "retire-chain": self._retire,
            "reinstate-chain": self._reinstate,
            "doctor": self._doctor,
        }
        try:
            # The doctor looks at the tables itself: it has to work where nothing else does.
            if options["action"] != "doctor":
                _require_tables(may_create=options["action"] == "run")
            actions[options["action"]](options)
        except IndexerError as error:
            raise CommandError(str(error)) from error
        except Error as error:
            raise CommandError(in_words(error)) from error

    def _run(self, options: dict[str, Any]) -> None:
        flag = Flag()
        with (
            _stopping(flag),
            self._pool_and_registry(options) as (pool, registry),
            RunProgress(self.stdout) as progress,
        ):
            while not flag.is_set():
                runner = Runner(
                    registry,
                    pool,
                    until_block=options["until_block"],
                    once=options["once"],
                    fan_out=options["fan_out"],
                    stop=flag.is_set,
                    wait=flag.wait,
                    on_commit=progress,
                )
                if self._run_once(runner, registry, options, flag):
                    break
        self.stdout.write(progress.summary())

    def _run_once(self, runner: Runner, registry: Registry, options: dict[str, Any], flag: Flag) -> bool:
        """Run until it ends; False when another worker had the chain and it is to be tried again."""
        try:
            runner.run()
        except (LeaseHeldError, LeaseLostError):
            if self._others_did_it(registry.chain_id, options):
                return True
            self._tell_that_it_waits(registry.chain_id)
            flag.wait(WHILE_TAKEN_SECONDS)
            return False
        return True

    def _others_did_it(self, chain_id: int, options: dict[str, Any]) -> bool:
        if options["until_block"] is not None:
            return has_reached(chain_id, options["until_block"])
        health = next((each for each in index_health() if each.chain_id == chain_id), None)
        return bool(options["once"]) and health is not None and health.lag_blocks == health.lag_seconds == 0

    def _tell_that_it_waits(self, chain_id: int) -> None:
        if not self._has_told:
            self._has_told = True
            owner = Cursor.objects.filter(chain_id=chain_id).values_list("lease_owner", flat=True).first()
            self.stdout.write(
                f"chain {chain_id} is being indexed by {owner or 'another worker'}: waiting for it to end"
            )

    def _status(self, options: dict[str, Any]) -> None:
        entries = status.status()
        if options["json"]:
            self.stdout.write(json.dumps(entries))
            return
        for entry in entries:
            self.stdout.write("\n".join(status.status_lines(entry)))
        if not entries:
            self.stdout.write("nothing is indexed yet: deploy, then run `manage.py indexer run`")

    def _verify(self, options: dict[str, Any]) -> None:
        with self._pool_and_registry(options) as (pool, registry):
            chain = Chain.objects.filter(pk=registry.chain_id).first()
            if chain is None:
                raise ConfigurationError(
                    f"chain {registry.chain_id} is not indexed yet: run `manage.py indexer run` first"
                )
            require_identity(pool, chain.chain_id, chain.genesis_hash)
            tell = (lambda _: None) if options["json"] else self.stdout.write
            verdict = Verifier(chain, pool, load_events(registry), tell).verify()
        if options["json"]:
            self.stdout.write(json.dumps(verdict.as_dict()))
        else:
            for problem in verdict.problems:
                self.stdout.write(f"differs: {problem}")
        if not verdict.is_true:
            raise CommandError(
                f"{len(verdict.problems)} differences between chain {verdict.chain_id} and its index; the "
                "blocks are noted as suspect and read again by the next tick: run `manage.py indexer run "
                "--once`, verify again"
            )
        if not options["json"]:
            self.stdout.write(
                f"chain {verdict.chain_id} and its index agree at block {verdict.block:,}: "
                f"{verdict.campaigns:,} campaigns, {verdict.events:,} events"
            )

    def _rewind(self, options: dict[str, Any]) -> None:
        self._take_back(options, options["to_block"])

    def _reindex(self, options: dict[str, Any]) -> None:
        self._take_back(options, options["from_block"] - 1)
        self.stdout.write("the next run indexes from there; a worker that follows the chain begins by itself")

    def _take_back(self, options: dict[str, Any], to_block: int) -> None:
        with self._pool_and_registry(options) as (pool, registry):
            rollback = manual.rewind(registry.chain_id, to_block, pool)
        self.stdout.write(
            f"took back {rollback.depth:,} blocks with {rollback.logs_removed:,} events; the index ends at "
            f"block {to_block:,}"
        )

    def _backfill(self, options: dict[str, Any]) -> None:
        from_block, to_block = options["from_block"], options["to_block"]
        manual.reread(_choose_chain(options), from_block, to_block)
        self.stdout.write(
            f"blocks {from_block:,} to {to_block:,} are suspect now: whoever follows the chain reads them "
            "again within seconds, or else the next run does; `indexer status` shows when that is done"
        )

    def _reset(self, options: dict[str, Any]) -> None:
        removed = manual.reset_chain(options["chain"])
        self.stdout.write(
            f"chain {options['chain']} is forgotten ({removed:,} events); the next run indexes it anew"
        )

    def _retire(self, options: dict[str, Any]) -> None:
        manual.retire(options["chain"], options["reason"])
        self.stdout.write(
            f"chain {options['chain']} is retired: what is indexed stays readable, and nobody follows it"
        )

    def _reinstate(self, options: dict[str, Any]) -> None:
        manual.reinstate(options["chain"], options["reason"])
        self.stdout.write(f"chain {options['chain']} is followed again from where it was left")

    def _doctor(self, options: dict[str, Any]) -> None:
        # It looks into every part of the site, broker included: who runs the indexer does not load them.
        from tasks.indexing.operating import doctor

        chain_id = _choose_chain(options)
        urls = [options["rpc_url"]] if options["rpc_url"] else settings.RPC_URLS.get(chain_id, [])
        registry_file = options["deployments"] or find_registry(chain_id)
        findings = list(doctor.diagnose(chain_id, registry_file, urls))
        for finding in findings:
            self.stdout.write(f"{'!!' if finding.cure else 'ok'}  {finding.subject}: {finding.observation}")
            if finding.cure:
                self.stdout.write(f"    {finding.cure}")
        if any(finding.cure for finding in findings):
            raise CommandError("something is to be done: see the lines marked with !!")

    @contextmanager
    def _pool_and_registry(self, options: dict[str, Any]) -> Any:
        """The nodes to ask and the registry to go by, from the arguments or else from the settings."""
        chain_id = None if options["rpc_url"] and not options["chain"] else _choose_chain(options)
        urls = [options["rpc_url"]] if options["rpc_url"] else settings.RPC_URLS.get(chain_id or 0, [])
        if not urls:
            raise ConfigurationError(
                f"no RPC URL is set for chain {chain_id}: set CHAINFUND_RPC_URLS to `{chain_id}=http://…`, "
                "or pass --rpc-url"
            )
        with Pool(urls) as pool:
            if options["deployments"]:
                registry = read_registry(options["deployments"])
            else:
                registry = read_registry(find_registry(chain_id or _ask_chain(pool)))
            if chain_id is not None and registry.chain_id != chain_id:
                raise ConfigurationError(
                    f"{options['deployments'] or find_registry(chain_id)} is the registry of chain "
                    f"{registry.chain_id}, not of chain {chain_id}"
                )
            yield pool, registry


def _chain_arguments(parser: CommandParser) -> None:
    parser.add_argument("--chain", type=int, metavar="ID", help="needed when several chains are configured")
    parser.add_argument("--rpc-url", metavar="URL", help="ask this node instead of CHAINFUND_RPC_URLS")
    parser.add_argument(
        "--deployments",
        type=Path,
        metavar="FILE",
        help="go by this registry instead of deployments/<id>.json",
    )


def _require_tables(*, may_create: bool) -> None:
    """Fill a database that has no tables at all; anything in between is for `migrate` and its reader.

    Raises:
        ConfigurationError: the database does not answer, or its schema is not this program's.
    """
    try:
        waiting = schema.create_if_empty() if may_create else schema.unapplied_migrations()
    except DatabaseError as error:
        raise ConfigurationError(no_database(error)) from error
    if waiting:
        raise ConfigurationError(old_schema(waiting))


def _choose_chain(options: dict[str, Any]) -> int:
    if options["chain"]:
        return int(options["chain"])
    if options["deployments"]:
        return read_registry(options["deployments"]).chain_id
    chains = known_chains() or sorted(settings.RPC_URLS) or _indexed_chains()
    if len(chains) == 1:
        return chains[0]
    if not chains:
        raise ConfigurationError(
            "no chain is configured: set CHAINFUND_RPC_URLS to `31337=http://127.0.0.1:8545`, or pass "
            "--rpc-url"
        )
    raise ConfigurationError(
        f"several chains are configured: add --chain with one of {', '.join(map(str, chains))}"
    )


def _indexed_chains() -> list[int]:
    try:
        return list(Chain.objects.values_list("chain_id", flat=True))
    except DatabaseError:
        # Only the doctor gets here without tables, and is about to tell.
        return []


def _ask_chain(pool: Pool) -> int:
    return int(pool.batch([chain_id_call()]).results[0])


@contextmanager
def _stopping(flag: Flag) -> Any:
    """End cleanly on Ctrl-C and SIGTERM: the current commit is finished and the lease given back."""
    previous = {
        number: signal.signal(number, lambda *_: flag.set()) for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
