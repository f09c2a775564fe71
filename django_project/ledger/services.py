"""Writes of the ledger that are more than rows going in: taking back, computing again, halting."""

from dataclasses import dataclass

from django.db import connection, transaction
from django.db.models.functions import Now
from django.utils import timezone

from django_project.core.addresses import format_address
from django_project.ledger.errors import RollbackRefusedError, UnknownChainError
from django_project.ledger.events import EVENT_MODELS
from django_project.ledger.models import (
    Block,
    CampaignLaunched,
    CampaignTotals,
    Chain,
    Contract,
    Cursor,
    Outbox,
    RawLog,
    ReorgEvent,
    SuspectRange,
)
from django_project.ledger.totals import recompute_totals


@dataclass(frozen=True)
class Rollback:
    """What a rollback took back."""

    depth: int
    logs_removed: int
    campaigns: list[str]


def roll_back(cursor: Cursor, to_block: int, head_hash: bytes) -> Rollback:
    """Delete everything above `to_block` and compute the touched campaigns' totals again.

    The caller holds the transaction and the cursor's row; the cursor is saved here.

    Raises:
        RollbackRefusedError: `to_block` is above the index.
        TransactionManagementError: called outside of a transaction.
    """
    if not connection.in_atomic_block:
        raise transaction.TransactionManagementError(
            "a rollback is one transaction with what follows from it"
        )
    head = cursor.next_block - 1
    if to_block > head:
        raise RollbackRefusedError(f"block {to_block} is above the index, which ends at {head}")
    chain_id = cursor.chain_id
    above = {"chain_id": chain_id, "block_number__gt": to_block}
    touched = {
        bytes(address)
        for address in RawLog.objects.filter(**above).values_list("address", flat=True).distinct()
    }
    gone = CampaignLaunched.objects.filter(**above).values_list("id", flat=True)
    CampaignTotals.objects.filter(campaign_id__in=list(gone)).delete()
    for model in EVENT_MODELS:
        model._default_manager.filter(**above).delete()
    logs_removed = RawLog.objects.filter(**above).delete()[0]
    Contract.objects.filter(chain_id=chain_id, created_block__gt=to_block).delete()
    Block.objects.filter(chain_id=chain_id, number__gt=to_block).delete()
    SuspectRange.objects.filter(chain_id=chain_id, resolved_at=None, from_block__gt=to_block).update(
        resolved_at=timezone.now()
    )
    cursor.next_block, cursor.head_hash = to_block + 1, head_hash
    cursor.finalized_block = min(cursor.finalized_block, to_block)
    cursor.save(update_fields=["next_block", "head_hash", "finalized_block", "updated_at"])
    recompute_totals(
        CampaignLaunched.objects.filter(chain_id=chain_id, address__in=touched).values_list("id", flat=True)
    )
    return Rollback(head - to_block, logs_removed, sorted(format_address(address) for address in touched))


def record_reorg(cursor: Cursor, to_block: int, head_hash: bytes) -> ReorgEvent:
    """Roll back to the common ancestor, record it and tell the others; the caller holds the transaction."""
    old_head = cursor.head_hash or bytes(32)
    rollback = roll_back(cursor, to_block, head_hash)
    Outbox.objects.create(
        chain_id=cursor.chain_id,
        topic="chain_reorganised",
        payload={"ancestor_block": to_block, "campaigns": rollback.campaigns},
    )
    return ReorgEvent.objects.create(
        chain_id=cursor.chain_id,
        ancestor_block=to_block,
        depth=rollback.depth,
        old_head_hash=old_head,
        logs_removed=rollback.logs_removed,
    )


def halt(chain_id: int, code: Chain.Halt, reason: str) -> None:
    """Stop a chain until its cause is gone; what is indexed stays as it is."""
    Chain.objects.filter(pk=chain_id).update(state=Chain.State.HALTED, halt_code=code, halt_reason=reason)


def halt_unless_followed(chain_id: int, code: Chain.Halt, reason: str) -> None:
    """As `halt`, but leaves a chain alone that a worker follows: that worker's nodes are the right ones."""
    Chain.objects.filter(pk=chain_id).exclude(cursor__lease_until__gt=Now()).update(
        state=Chain.State.HALTED, halt_code=code, halt_reason=reason
    )


def resume(chain_id: int) -> None:
    Chain.objects.filter(pk=chain_id).update(state=Chain.State.OK, halt_code="", halt_reason="")


def suspect(chain_id: int, from_block: int, to_block: int, reason: str) -> SuspectRange:
    """Note blocks that have to be read again, once while they are suspect for the same reason."""
    found, _ = SuspectRange.objects.get_or_create(
        chain_id=chain_id, from_block=from_block, to_block=to_block, reason=reason, resolved_at=None
    )
    return found


def forget_chain(chain_id: int) -> int:
    """Delete a chain with everything indexed from it; returns the number of logs deleted.

    Raises:
        UnknownChainError: there is nothing to forget.
    """
    with transaction.atomic():
        cursor = Cursor.objects.select_for_update().filter(chain_id=chain_id).first()
        chain = Chain.objects.filter(pk=chain_id).first()
        if chain is None:
            raise UnknownChainError(chain_id)
        removed = 0
        if cursor is not None:
            removed = roll_back(cursor, -1, bytes(32)).logs_removed
            # Whoever held the lease is refused from now on, also when the chain is indexed anew at once.
            cursor.delete()
        Outbox.objects.filter(chain_id=chain_id).delete()
        chain.delete()
    return removed
