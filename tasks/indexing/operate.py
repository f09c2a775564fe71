"""What an operator does by hand: take back, forget, look into a set-up that does not work."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.db import transaction

from django_project.core.addresses import format_hash, parse_hash
from django_project.ledger import services
from django_project.ledger.models import Block, Chain, Cursor
from django_project.ledger.services import Rollback
from tasks.indexing.chain_guard import identify, look
from tasks.indexing.errors import ConfigurationError, IndexerError, RpcError
from tasks.indexing.events import to_time
from tasks.indexing.fetch import linked_header
from tasks.indexing.lease import Lease
from tasks.indexing.registry import Registry, read_registry
from tasks.indexing.rpc import Pool
from tasks.indexing.wire import Header

LAGGING_BLOCKS = 5


def rewind(chain_id: int, to_block: int, pool: Pool) -> Rollback:
    """Take everything above a block back, below finality too, and let a halted chain go on from there.

    A worker that is indexing the chain is turned away; the next one goes on from the block.

    Raises:
        ConfigurationError: the chain is not indexed, or the block is outside of the index.
        BadReplyError: the node does not have the block.
    """
    cursor = Cursor.objects.filter(chain_id=chain_id).first()
    if cursor is None:
        raise ConfigurationError(f"chain {chain_id} is not indexed: there is nothing to rewind")
    if not 0 <= to_block < cursor.next_block:
        raise ConfigurationError(
            f"block {to_block} is outside of the index of chain {chain_id}, which ends at "
            f"{cursor.next_block - 1}"
        )
    header = linked_header(pool, to_block)
    lease = Lease(chain_id)
    lease.seize()
    try:
        with transaction.atomic():
            rollback = services.roll_back(lease.lock_cursor(), to_block, header.hash)
            _anchor(chain_id, header)
            services.resume(chain_id)
    finally:
        lease.release()
    return rollback


def _anchor(chain_id: int, header: Header) -> None:
    """The block on which the next one has to stand, whether or not it held events."""
    Block.objects.update_or_create(
        chain_id=chain_id,
        number=header.number,
        defaults={
            "hash": header.hash,
            "parent_hash": header.parent_hash,
            "timestamp": to_time(header.timestamp),
        },
    )


def reset_chain(chain_id: int) -> int:
    """Forget a chain; the next run indexes it anew. Returns the number of events deleted."""
    if not Chain.objects.filter(pk=chain_id).exists():
        raise ConfigurationError(f"chain {chain_id} is not indexed: there is nothing to reset")
    return services.forget_chain(chain_id)


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at; `cure` is empty when it is in order."""

    subject: str
    observation: str
    cure: str = ""


def diagnose(chain_id: int, registry_file: Path, urls: list[str]) -> Iterator[Finding]:
    """Look at everything between a chain and its index, in the order in which it has to work."""
    registry: Registry | None = None
    try:
        registry = read_registry(registry_file)
        yield Finding("registry", f"{registry_file} names {len(registry.contracts)} contracts")
    except ConfigurationError as error:
        yield Finding("registry", "cannot be used", str(error))
    if not urls:
        yield Finding(
            "endpoints", "none", f"set CHAINFUND_RPC_URLS to `{chain_id}=http://…`, or pass --rpc-url"
        )
        return
    heads: dict[str, int] = {}
    for url in urls:
        yield from _diagnose_endpoint(chain_id, registry, url, heads)
    yield from _diagnose_lag(heads)
    yield from _diagnose_index(chain_id, max(heads.values(), default=-1))


def _diagnose_endpoint(
    chain_id: int, registry: Registry | None, url: str, heads: dict[str, int]
) -> Iterator[Finding]:
    with Pool([url]) as pool:
        endpoint = pool.endpoints[0]
        subject = f"endpoint {endpoint.name}"
        try:
            identity = identify(pool, endpoint)
            if identity.chain_id != chain_id:
                yield Finding(
                    subject,
                    f"is on chain {identity.chain_id}, not {chain_id}",
                    "correct the URL in CHAINFUND_RPC_URLS",
                )
                return
            if registry is not None and identity.genesis_hash != parse_hash(registry.genesis_hash):
                yield Finding(
                    subject,
                    f"has genesis block {format_hash(identity.genesis_hash)}, the registry another",
                    "point to the chain that the contracts were deployed on, or deploy again and run "
                    f"`manage.py indexer reset-chain --chain {chain_id}`",
                )
                return
            depth = settings.LOCAL_FINALITY_DEPTH if identity.is_local else None
            view = look(pool, depth)
        except RpcError as error:
            yield Finding(subject, "does not answer", str(error))
            return
        except IndexerError as error:
            yield Finding(subject, "cannot be used", str(error))
            return
        heads[endpoint.name] = view.latest.number
        yield Finding(
            subject,
            f"{identity.client}, block {view.latest.number:,}, final {max(view.finalized, 0):,}, "
            f"{endpoint.latency * 1000:.0f} ms",
        )


def _diagnose_lag(heads: dict[str, int]) -> Iterator[Finding]:
    best = max(heads.values(), default=0)
    for name, head in heads.items():
        if best - head > LAGGING_BLOCKS:
            yield Finding(
                f"endpoint {name}",
                f"is {best - head:,} blocks behind the others",
                "wait until it has caught up, or take it out of CHAINFUND_RPC_URLS",
            )


def _diagnose_index(chain_id: int, node_head: int) -> Iterator[Finding]:
    chain = Chain.objects.filter(pk=chain_id).first()
    cursor = Cursor.objects.filter(chain_id=chain_id).first()
    if chain is None or cursor is None:
        yield Finding("index", "is empty", "run `manage.py indexer run`, or start a worker and beat")
        return
    if chain.state == Chain.State.HALTED:
        yield Finding("index", "is halted", chain.halt_reason)
    if node_head >= 0 and node_head < cursor.next_block - 1:
        yield Finding(
            "index",
            f"ends at block {cursor.next_block - 1:,}, above every node's head {node_head:,}",
            "wait while the node catches up; if the chain was restarted on purpose, run `manage.py indexer "
            f"reset-chain --chain {chain_id}`",
        )
        return
    behind = max(0, node_head - cursor.next_block + 1)
    worker = cursor.lease_owner or "nobody"
    cure = (
        "" if cursor.lease_owner or not behind else "start a worker and beat, or run `manage.py indexer run`"
    )
    yield Finding("index", f"block {cursor.next_block - 1:,}, {behind:,} behind, indexed by {worker}", cure)
