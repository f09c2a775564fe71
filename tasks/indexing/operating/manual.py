"""What an operator does by hand: take back, read again, forget."""

from django.db import transaction

from django_project.ledger import services
from django_project.ledger.models import Block, Chain, Cursor
from django_project.ledger.services import Rollback
from tasks.indexing.errors import ConfigurationError
from tasks.indexing.node.codec import Header
from tasks.indexing.node.rpc import Pool
from tasks.indexing.pipeline.events import to_time
from tasks.indexing.pipeline.fetch import linked_header
from tasks.indexing.pipeline.lease import Lease


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
    header = linked_header(pool, chain_id, to_block)
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


def reread(chain_id: int, from_block: int, to_block: int) -> None:
    """Have indexed blocks read again and what is missing of them put in; the next tick does it.

    Raises:
        ConfigurationError: the chain is not indexed, or the blocks are not all in the index.
    """
    cursor = Cursor.objects.filter(chain_id=chain_id).first()
    if cursor is None:
        raise ConfigurationError(f"chain {chain_id} is not indexed: there is nothing to read again")
    if not 0 <= from_block <= to_block < cursor.next_block:
        raise ConfigurationError(
            f"blocks {from_block} to {to_block} are not all in the index of chain {chain_id}, which ends at "
            f"{cursor.next_block - 1}"
        )
    services.suspect(chain_id, from_block, to_block, "an operator asked for them to be read again")


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
    """Forget what is indexed of a chain; the next run indexes it anew. Says how many events were deleted."""
    if not Cursor.objects.filter(chain_id=chain_id).exists():
        raise ConfigurationError(f"chain {chain_id} is not indexed: there is nothing to reset")
    return services.forget_chain(chain_id)


def retire(chain_id: int, reason: str) -> None:
    """Stop following a chain for good, and keep what is indexed of it."""
    _require_known(chain_id, "retire")
    services.retire(chain_id, reason=reason)


def reinstate(chain_id: int, reason: str) -> None:
    """Follow a retired chain again."""
    _require_known(chain_id, "reinstate")
    services.reinstate(chain_id, reason=reason)


def _require_known(chain_id: int, act: str) -> None:
    if not Chain.objects.filter(pk=chain_id).exists():
        raise ConfigurationError(f"chain {chain_id} is not indexed: there is nothing to {act}")
