"""Writes of the ledger that are more than rows going in: taking back, computing again, halting."""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass

from django.contrib.auth.base_user import AbstractBaseUser
from django.db import connection, transaction
from django.db.models import F, QuerySet
from django.db.models.functions import Coalesce, Now
from django.utils import timezone

from django_project.core import audit
from django_project.core.addresses import ZERO_ADDRESS, format_address
from django_project.ledger.errors import RollbackRefusedError, UnknownChainError, UnusableTokenError
from django_project.ledger.events import EVENT_MODELS
from django_project.ledger.models import (
    Block,
    CampaignLaunched,
    Chain,
    Contract,
    Cursor,
    FetchedRange,
    Outbox,
    RawLog,
    ReorgEvent,
    RpcEndpoint,
    SuspectRange,
    Token,
)
from django_project.ledger.selectors import lease_is_held
from django_project.ledger.symbols import MOST_DECIMALS, clean_symbol, marked, rival_key
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
    for model in EVENT_MODELS:
        model._default_manager.filter(**above).delete()
    logs_removed = RawLog.objects.filter(**above).delete()[0]
    Contract.objects.filter(chain_id=chain_id, created_block__gt=to_block).delete()
    Block.objects.filter(chain_id=chain_id, number__gt=to_block).delete()
    # They are asked again at once; what they told before holds until then.
    Token.objects.filter(chain_id=chain_id, read_block__gt=to_block).update(read_block=None)
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
    """Stop a chain until its cause is gone; what is indexed stays as it is. A retired one stays retired."""
    _halt(Chain.objects.filter(pk=chain_id), code, reason)


def halt_unless_followed(chain_id: int, code: Chain.Halt, reason: str) -> None:
    """As `halt`, but leaves a chain alone that a worker follows: that worker's nodes are the right ones."""
    followed = Cursor.objects.filter(lease_is_held()).values("chain_id")
    _halt(Chain.objects.filter(pk=chain_id).exclude(pk__in=followed), code, reason)


def _halt(chains: QuerySet[Chain], code: Chain.Halt, reason: str) -> None:
    chains.exclude(state=Chain.State.RETIRED).update(
        state=Chain.State.HALTED, halt_code=code, halt_reason=f"{reason} ({code.documentation})"
    )


def record_problem(chain_id: int, problem: str) -> None:
    """Say why a chain that nobody follows is not taken up; since when stays as it was."""
    Cursor.objects.filter(~lease_is_held(), chain_id=chain_id).update(
        problem=problem, problem_since=Coalesce(F("problem_since"), Now())
    )


def record_audit(chain_id: int) -> None:
    """All contracts were just asked how many events they have emitted."""
    Cursor.objects.filter(chain_id=chain_id).update(audited_at=Now())


def resume(chain_id: int) -> None:
    """End a halt."""
    Chain.objects.filter(pk=chain_id, state=Chain.State.HALTED).update(
        state=Chain.State.OK, halt_code="", halt_reason=""
    )


@transaction.atomic
def retire(chain_id: int, *, reason: str, actor: AbstractBaseUser | None = None) -> None:
    """Stop following a chain for good: what is indexed of it stays readable, and takes no more pledges.

    A worker that follows it is turned away with its next commit. Doing it again changes nothing.

    Raises:
        UnknownChainError: it is not indexed.
    """
    if _change_state(chain_id, Chain.State.RETIRED):
        turned_away = {"fence": F("fence") + 1, "lease_until": None, "lease_owner": ""}
        Cursor.objects.filter(chain_id=chain_id).update(**turned_away)
        audit.record("ledger.chain.retired", chain_id, actor=actor, reason=reason)


@transaction.atomic
def reinstate(chain_id: int, *, reason: str, actor: AbstractBaseUser | None = None) -> None:
    """Undo `retire`: the chain is followed again from where it was left.

    Raises:
        UnknownChainError: it is not indexed.
    """
    if _change_state(chain_id, Chain.State.OK, of=Chain.State.RETIRED):
        audit.record("ledger.chain.reinstated", chain_id, actor=actor, reason=reason)


def _change_state(chain_id: int, state: Chain.State, of: Chain.State | None = None) -> bool:
    """Whether the chain was in another state, and is in this one now; `of` is the only one that is left."""
    chain = Chain.objects.select_for_update().filter(pk=chain_id).first()
    if chain is None:
        raise UnknownChainError(chain_id)
    if chain.state == state or of not in (None, chain.state):
        return False
    chain.state, chain.halt_code, chain.halt_reason = state, "", ""
    chain.save(update_fields=["state", "halt_code", "halt_reason"])
    return True


def suspect(chain_id: int, from_block: int, to_block: int, reason: str) -> SuspectRange:
    """Note blocks that have to be read again, once while they are suspect for the same reason."""
    found, _ = SuspectRange.objects.get_or_create(
        chain_id=chain_id, from_block=from_block, to_block=to_block, reason=reason, resolved_at=None
    )
    return found


def create_tokens(chain_id: int, addresses: Collection[bytes]) -> None:
    """Make rows for tokens that were named; what they are is asked of their contracts later."""
    Token.objects.bulk_create(
        [
            Token(chain_id=chain_id, address=address)
            for address in sorted(addresses)
            if address != ZERO_ADDRESS
        ],
        ignore_conflicts=True,
    )


@transaction.atomic
def keep_token(chain_id: int, address: bytes, symbol: str, decimals: int, block: int | None) -> None:
    """Write down what a token's contract told, unless an operator has told it.

    `block` is the indexed one at which it did, None at any other.

    Raises:
        UnusableTokenError: the symbol shows nothing, or amounts with so many decimals could not be read.
    """
    token = _of_its_contract(chain_id, address)
    if token is None:
        return
    _describe(token, symbol, decimals, Token.Source.CHAIN)
    token.read_block, token.asked_at, token.problem = block, timezone.now(), ""
    token.save()
    name_tokens_apart(chain_id)


@transaction.atomic
def doubt_token(chain_id: int, address: bytes, problem: str) -> None:
    """Write down that a token's contract does not tell what it is; from now on nothing is shown in it.

    An operator's word about the token stands.
    """
    token = _of_its_contract(chain_id, address)
    if token is None:
        return
    token.symbol = token.plain_symbol = token.source = ""
    token.needs_mark, token.decimals, token.read_block = False, None, None
    token.asked_at, token.problem = timezone.now(), problem
    token.save()
    name_tokens_apart(chain_id)


@transaction.atomic
def mend_token(token: Token, symbol: str, decimals: int, *, actor: AbstractBaseUser, reason: str) -> None:
    """Let an operator say what a token is, in place of its contract.

    Raises:
        UnusableTokenError: as `keep_token`.
        ValueError: no reason is given.
    """
    if not reason.strip():
        raise ValueError("Say why: the reason is kept with the change.")
    mended = Token.objects.select_for_update().get(pk=token.pk)
    before = {"symbol": mended.symbol, "decimals": mended.decimals, "source": mended.source}
    _describe(mended, symbol, decimals, Token.Source.OPERATOR)
    mended.read_block = None
    mended.save()
    name_tokens_apart(mended.chain_id)
    audit.record(
        "ledger.token_mended",
        f"{mended.chain_id}:{format_address(mended.address)}",
        actor=actor,
        reason=reason,
        symbol=symbol,
        decimals=decimals,
        before=before,
    )


@transaction.atomic
def ask_token_again(token: Token, *, actor: AbstractBaseUser, reason: str) -> None:
    """Take an operator's word back: nothing is known until the contract has told, which it is asked at once.

    Raises:
        ValueError: no reason is given.
    """
    if not reason.strip():
        raise ValueError("Say why: the reason is kept with the change.")
    Token.objects.filter(pk=token.pk).update(source="")
    doubt_token(token.chain_id, token.address, "asked again by an operator")
    Token.objects.filter(pk=token.pk).update(asked_at=None)
    audit.record(
        "ledger.token_asked_again",
        f"{token.chain_id}:{format_address(token.address)}",
        actor=actor,
        reason=reason,
    )


def _of_its_contract(chain_id: int, address: bytes) -> Token | None:
    """A token's row, held; None when an operator has told what it is."""
    token = Token.objects.select_for_update().get(chain_id=chain_id, address=address)
    return None if token.source == Token.Source.OPERATOR else token


def _describe(token: Token, symbol: str, decimals: int, source: Token.Source) -> None:
    cleaned = clean_symbol(symbol)
    if not cleaned.text:
        raise UnusableTokenError("its symbol shows nothing that can be read")
    if not 0 <= decimals <= MOST_DECIMALS:
        raise UnusableTokenError(f"it has {decimals} decimals: an amount could not be read")
    token.plain_symbol, token.needs_mark = cleaned
    token.symbol, token.decimals, token.source = cleaned.text, decimals, source


def name_tokens_apart(chain_id: int) -> None:
    """Mark the symbols that the chain's own currency or another of its tokens has too."""
    own = Chain.objects.values_list("currency_symbol", flat=True).get(pk=chain_id)
    tokens = list(
        Token.objects.select_for_update()
        .filter(chain_id=chain_id, decimals__isnull=False)
        .exclude(plain_symbol="")
        .order_by("pk")
    )
    counts = Counter(rival_key(symbol) for symbol in (own, *(token.plain_symbol for token in tokens)))
    for token in tokens:
        is_marked = token.needs_mark or counts[rival_key(token.plain_symbol)] > 1
        token.symbol = marked(token.plain_symbol, token.address) if is_marked else token.plain_symbol
    Token.objects.bulk_update(tokens, ["symbol"])


def forget_chain(chain_id: int) -> int:
    """Delete everything indexed from a chain; returns the number of logs deleted.

    The chain's own row stays with what operators set in it: name, explorer, finality, test network and
    retirement. Its genesis is pinned anew when it is indexed again, and a halt is over.

    Raises:
        UnknownChainError: there is nothing to forget.
    """
    with transaction.atomic():
        cursor = Cursor.objects.select_for_update().filter(chain_id=chain_id).first()
        if cursor is None:
            raise UnknownChainError(chain_id)
        removed = roll_back(cursor, -1, bytes(32)).logs_removed
        # Whoever held the lease is refused from now on, also when the chain is indexed anew at once.
        cursor.delete()
        for model in (Outbox, Contract, Token, SuspectRange, ReorgEvent, FetchedRange, RpcEndpoint):
            model._default_manager.filter(chain_id=chain_id).delete()
        Chain.objects.filter(pk=chain_id).update(genesis_hash=None)
        resume(chain_id)
    return removed
