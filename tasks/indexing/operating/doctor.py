"""Looks into a set-up that does not work: each part in the order in which it has to work, cause and cure.

Nothing is written, and nothing is taken for granted: there may be no database, no table, no registry and no
node.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from django.conf import settings
from django.db import DatabaseError
from django.utils import timezone
from kombu import Connection
from kombu.exceptions import OperationalError

from django_project.campaigns.selectors import unlisted
from django_project.core.addresses import format_address, format_hash, parse_hash
from django_project.core.endpoints import endpoint_name, is_websocket
from django_project.core.schema import unapplied_migrations
from django_project.ledger.clocks import database_now, is_off
from django_project.ledger.models import Chain, Cursor, RpcEndpoint, SuspectRange
from django_project.ledger.selectors import HEARTBEAT, index_health, unknown_tokens
from tasks.indexing.errors import ConfigurationError, IndexerError, RpcError
from tasks.indexing.node.abilities import told_abilities
from tasks.indexing.node.chain_guard import Identity, identify, read_view
from tasks.indexing.node.endpoint import Endpoint
from tasks.indexing.node.rpc import Pool
from tasks.indexing.operating.database import no_database, old_schema
from tasks.indexing.operating.registry import Registry, read_registry
from tasks.indexing.pipeline.lease import is_held

LAGGING_BLOCKS = 5
BROKER_TIMEOUT_SECONDS = 2
START_A_WORKER = (
    "start a worker for queue `indexing`, and beat (docs/indexer.md), or run `manage.py indexer run`"
)


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at; `cure` is empty when it is in order."""

    subject: str
    observation: str
    cure: str = ""


def diagnose(chain_id: int, registry_file: Path, urls: list[str]) -> Iterator[Finding]:
    """Everything between a chain and its index."""
    schema = _diagnose_schema()
    yield schema
    registry: Registry | None = None
    try:
        registry = read_registry(registry_file)
        yield Finding("registry", f"{registry_file} names {len(registry.contracts)} contracts")
    except ConfigurationError as error:
        yield Finding("registry", "cannot be used", str(error))
    if registry is not None and registry.chain_id != chain_id:
        yield Finding(
            "registry",
            f"is of chain {registry.chain_id}, not of chain {chain_id}",
            "name another file with --deployments, or another chain with --chain",
        )
        registry = None
    heads: dict[str, int] = {}
    asked = [url for url in urls if not is_websocket(url)]
    if not asked:
        yield Finding(
            "endpoints", "none to ask", f"set CHAINFUND_RPC_URLS to `{chain_id}=http://…`, or pass --rpc-url"
        )
    chain = None if schema.cure else Chain.objects.filter(pk=chain_id).first()
    for url in asked:
        yield from _diagnose_endpoint(chain_id, registry, chain, url, heads)
    yield from _diagnose_lag(heads)
    if not schema.cure:
        yield from _diagnose_index(chain, max(heads.values(), default=-1))
    yield _diagnose_broker()


def _diagnose_schema() -> Finding:
    try:
        waiting = unapplied_migrations()
    except DatabaseError as error:
        return Finding("database", "cannot be used", no_database(error))
    if waiting:
        return Finding("database", "its tables are missing or old", old_schema(waiting))
    return Finding("database", "answers, all migrations are applied")


def _diagnose_endpoint(
    chain_id: int, registry: Registry | None, chain: Chain | None, url: str, heads: dict[str, int]
) -> Iterator[Finding]:
    subject = f"endpoint {endpoint_name(url)}"
    try:
        with Pool([url]) as pool:
            endpoint = pool.endpoints[0]
            identity = identify(pool, endpoint)
            wrong = _other_chain(subject, identity, chain_id, registry, chain)
            if wrong is not None:
                yield wrong
                return
            view = read_view(pool, _finality_depth(chain, identity))
    except RpcError as error:
        if "finality_depth" in str(error):
            yield Finding(subject, "does not tell which blocks are final", str(error))
            return
        yield Finding(
            subject,
            f"does not answer ({endpoint.reason or error})",
            "start the node, or correct the URL in CHAINFUND_RPC_URLS (or --rpc-url), or take it out",
        )
        return
    except IndexerError as error:
        yield Finding(subject, "cannot be used", str(error))
        return
    heads[endpoint.name] = view.latest.number
    yield Finding(subject, _described(identity, endpoint, view.latest.number, view.finalized))
    row = RpcEndpoint.objects.filter(chain=chain, url=url).first() if chain is not None else None
    for told in told_abilities(row.learnt) if row is not None else ():
        yield Finding(subject, f"as workers have learnt: {told}")


def _finality_depth(chain: Chain | None, identity: Identity) -> int | None:
    """As the chain's row has it; as the row will have it before there is one."""
    if chain is not None:
        return chain.finality_depth
    return settings.LOCAL_FINALITY_DEPTH if identity.is_local else None


def _other_chain(
    subject: str, identity: Identity, chain_id: int, registry: Registry | None, chain: Chain | None
) -> Finding | None:
    if identity.chain_id != chain_id:
        return Finding(
            subject,
            f"is on chain {identity.chain_id}, not on chain {chain_id}",
            "correct the URL in CHAINFUND_RPC_URLS (or --rpc-url)",
        )
    told = format_hash(identity.genesis_hash)
    if chain is not None and chain.genesis_hash is not None:
        pinned = bytes(chain.genesis_hash)
        if identity.genesis_hash != pinned:
            return Finding(
                subject,
                f"has genesis block {told}, but the chain was indexed from {format_hash(pinned)}",
                "point to the old chain again; if it was restarted on purpose, deploy and run "
                f"`manage.py indexer reset-chain --chain {chain_id}`",
            )
    if registry is not None and identity.genesis_hash != parse_hash(registry.genesis_hash):
        return Finding(
            subject,
            f"has genesis block {told}, but the registry was written for {registry.genesis_hash}",
            "point to the chain that the contracts were deployed on, or deploy again",
        )
    return None


def _described(identity: Identity, endpoint: Endpoint, head: int, finalized: int) -> str:
    return f"{identity.client}, block {head:,}, final {max(finalized, 0):,}, {endpoint.latency * 1000:.0f} ms"


def _diagnose_lag(heads: dict[str, int]) -> Iterator[Finding]:
    best = max(heads.values(), default=0)
    for name, head in heads.items():
        if best - head > LAGGING_BLOCKS:
            yield Finding(
                f"endpoint {name}",
                f"is {best - head:,} blocks behind the others",
                "wait until it has caught up, or take it out of CHAINFUND_RPC_URLS",
            )


def _diagnose_index(chain: Chain | None, node_head: int) -> Iterator[Finding]:
    cursor = Cursor.objects.filter(chain=chain).first() if chain is not None else None
    if chain is not None and chain.state == Chain.State.RETIRED:
        yield Finding("index", "is kept as it is: the chain is retired, and nobody follows it")
        return
    if chain is None or cursor is None:
        yield Finding("index", "is empty", START_A_WORKER)
        return
    if chain.state == Chain.State.HALTED:
        yield Finding(
            "index",
            f"is halted ({chain.halt_code})",
            chain.halt_reason,
        )
    yield from _diagnose_standstill(chain)
    indexed = cursor.next_block - 1
    if -1 < node_head < indexed:
        yield Finding(
            "index",
            f"ends at block {indexed:,}, above every node's head {node_head:,}",
            "wait while the node catches up; if the chain was restarted on purpose, run `manage.py indexer "
            f"reset-chain --chain {chain.chain_id}`",
        )
    else:
        yield _diagnose_progress(chain, cursor, max(0, node_head - indexed))
    yield from _diagnose_tokens(chain)
    yield _diagnose_clock(cursor)
    waiting = unlisted(chain.chain_id).count()
    if waiting:
        yield Finding(
            "listings",
            f"{waiting} campaigns whose text is known have no page",
            "start a worker for queue `default`, and beat: it lists them within seconds",
        )
    suspects = SuspectRange.objects.filter(chain=chain, resolved_at=None).count()
    if suspects:
        yield Finding(
            "index",
            f"{suspects} ranges of blocks do not add up",
            "the next tick reads them again; when they stay, add an endpoint of another provider",
        )


def _diagnose_standstill(chain: Chain) -> Iterator[Finding]:
    """Why a chain that is followed does not get on, as its worker tells it."""
    health = next(each for each in index_health() if each.chain_id == chain.chain_id)
    if health.is_stalled:
        since = timedelta(seconds=health.problem_seconds)
        yield Finding("index", f"is stalled for {since}", f"{health.problem}; docs/indexer.md, `stalled`")


def _diagnose_clock(cursor: Cursor) -> Finding:
    """The chain's clock and this machine's against the database's, by which everything here goes."""
    offset, apart = cursor.clock_offset, timezone.now() - database_now()
    if is_off(offset):
        return Finding(
            "clock",
            f"the chain's is {_ahead(offset)} the database's",
            "set the clock of the database's machine (chronyd, ntpd); if it is right, the nodes are far "
            "behind or the chain's own clock is wrong: dates on pages follow the chain",
        )
    if is_off(apart):
        return Finding(
            "clock",
            f"this machine's is {_ahead(apart)} the database's",
            "set this machine's clock (chronyd, ntpd): sign-ins and e-mails go by it",
        )
    return Finding("clock", "those of chain, database and this machine agree")


def _ahead(offset: timedelta | None) -> str:
    seconds = int(offset.total_seconds()) if offset else 0
    return f"{abs(seconds):,} s {'ahead of' if seconds > 0 else 'behind'}"


def _diagnose_tokens(chain: Chain) -> Iterator[Finding]:
    if not chain.currency_symbol:
        yield Finding(
            "currency",
            f"what chain {chain.chain_id} is paid in is not known: campaigns in it show no amounts and take "
            "no pledges",
            f"set CHAINFUND_CHAIN_CURRENCIES to `{chain.chain_id}=SYMBOL/DECIMALS` and start the worker anew",
        )
    for token in unknown_tokens().filter(chain=chain):
        yield Finding(
            f"token {format_address(token.address)}",
            f"is not known ({token.problem or 'its contract was not asked yet'}): its campaigns show no "
            "amounts and take no pledges",
            "it is asked again every ten minutes; if its contract cannot tell, an operator can in the admin "
            "(Ledger, Tokens)",
        )


def _diagnose_progress(chain: Chain, cursor: Cursor, behind: int) -> Finding:
    where = f"block {cursor.next_block - 1:,}, {behind:,} behind"
    if is_held(chain.chain_id):
        return Finding("index", f"{where}, indexed by {cursor.lease_owner}")
    if cursor.lease_owner:
        return Finding(
            "index", f"{where}; its worker {cursor.lease_owner} died without a word", START_A_WORKER
        )
    silence = timezone.now() - cursor.updated_at
    if behind or silence > HEARTBEAT:
        seconds = timedelta(seconds=int(silence.total_seconds()))
        return Finding("index", f"{where}, indexed by nobody for {seconds}", START_A_WORKER)
    return Finding("index", f"{where}, indexed by nobody at the moment")


def _diagnose_broker() -> Finding:
    with Connection(settings.CELERY_BROKER_URL, connect_timeout=BROKER_TIMEOUT_SECONDS) as broker:
        subject = f"broker {broker.as_uri()}"
        try:
            broker.ensure_connection(max_retries=1, interval_start=0, timeout=BROKER_TIMEOUT_SECONDS)
        except OperationalError as error:
            return Finding(
                subject,
                f"does not answer ({error})",
                "start Redis, or correct REDIS_URL (CELERY_BROKER_URL): workers get no tasks without it, and "
                "listings and pledges wait in the outbox",
            )
    return Finding(subject, "answers")
